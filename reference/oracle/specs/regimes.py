"""Parts of an op's domain in which released code was wrong, and passed its tests elsewhere; how an input gets there."""

from collections.abc import Callable

import numpy as np

from reference.oracle.opspec import Named, Regime

# One index so often: sums of that many terms show a low precision, and a store that overwrites.
OFTEN = 1000


def _named(name: str, change: Callable[[np.ndarray, np.random.Generator], np.ndarray]):
    """A change of the argument of this name alone, where an input has it and is changed by it."""

    def changed(named: Named, rng: np.random.Generator) -> Named:
        if name not in named or not named[name].size:
            return {}
        return {name: np.asarray(change(named[name].copy(), rng)).astype(named[name].dtype)}

    return changed


def _first_blind(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    mask[..., 0, :] = False
    return mask


def _has_blind(named: Named) -> bool:
    return "mask" in named and bool((~named["mask"]).all(-1).any())


SEES_NOTHING = Regime("wholly masked rows", _named("mask", _first_blind), _has_blind, "query that sees nothing")


def _more_queries(times: int) -> Callable[[Named, np.random.Generator], Named]:
    """So many times as many query heads, and the key heads as they are."""

    def changed(named: Named, rng: np.random.Generator) -> Named:
        query = named["query"]
        copies = [query, *(rng.permuted(query, axis=1) for _ in range(times - 1))]
        return {"query": np.concatenate(copies, axis=-2)} if query.ndim > 2 else {}

    return changed


def _one_key_head(named: Named, rng: np.random.Generator) -> Named:
    heads = named["key"].shape[-2] if named["key"].ndim > 2 else 1
    return {name: named[name][..., :1, :] for name in ("key", "value")} if heads > 1 else {}


def _grouped(named: Named) -> bool:
    return named["query"].ndim > 2 and 1 < named["key"].shape[-2] < named["query"].shape[-2]


GROUPED_HEADS = (
    Regime("two query heads a key head", _more_queries(2), _grouped, "query heads in groups"),
    Regime("three query heads a key head", _more_queries(3)),
    Regime("one key head for all", _one_key_head),
)


def _uneven(name: str) -> Regime:
    """Rows of soft targets with sums other than 1."""

    def change(targets: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return targets * rng.uniform(0.4, 1.6, (*targets.shape[:-1], 1)) if targets.dtype.kind == "f" else targets

    def sums_to_one(named: Named) -> bool:
        soft = named.get(name)
        return soft is not None and soft.dtype.kind == "f" and soft.ndim > 0 and bool(np.allclose(soft.sum(-1), 1))

    def changed(named: Named, rng: np.random.Generator) -> Named:
        return _named(name, change)(named, rng) if sums_to_one(named) else {}

    words = "targets that do not sum to 1"
    return Regime(words, changed, lambda named: not sums_to_one(named), words)


UNEVEN_TARGETS = _uneven("targets")


def _one_class(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.full_like(labels, labels.flat[0]) if labels.dtype.kind in "iu" else labels


ONE_CLASS = Regime("one class for all", _named("targets", _one_class))


def impossible(name: str) -> Regime:
    """Scores of minus infinity, which is how a class or a place is forbidden; never the whole of a row."""

    def change(scores: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        if scores.ndim and scores.shape[-1] > 2:
            scores[..., -1] = -np.inf
        return scores

    def changed(named: Named, rng: np.random.Generator) -> Named:
        other = _named(name, change)(named, rng)
        last = named[name].shape[-1] - 1 if name in other and named[name].ndim else 0
        aimed = named.get("targets")
        if aimed is None:
            return other
        if aimed.dtype.kind in "iu":  # a class that is aimed at has a finite loss only where it is possible
            return {**other, "targets": np.where(aimed == last, 0, aimed)} if last > 1 else {}
        return {}

    return Regime("-inf among the scores", changed)


def _mostly_one(indices: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    repeated = np.resize(indices, (OFTEN, *indices.shape[1:])) if indices.ndim else indices
    repeated[: OFTEN - 1] = indices.flat[0] if indices.size else 0
    return repeated


ONE_INDEX_OFTEN = Regime("one index a thousand times", _named("indices", _mostly_one))


def _nearly_one(decay: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return 1 - 1e-3 * rng.random(decay.shape)


def _has_near_one(named: Named) -> bool:
    return bool((np.abs(1 - named["decay"]) < 0.01).any())


DECAY_NEAR_ONE = Regime("decay near 1", _named("decay", _nearly_one), _has_near_one, "decay near 1")


def _constant_first(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    x[:1] = x.flat[0]
    return x


CONSTANT_EXAMPLE = Regime("an example without variance", _named("x", _constant_first))
OFF_CENTRE = Regime("a mean of 100 deviations", _named("x", lambda x, rng: x + 100.0))
FAR_POSITIONS = Regime("positions of thousands", _named("positions", lambda positions, rng: positions + 4000))
REPEATED_LABELS = Regime("a label twice in a row", _named("labels", _one_class))
NO_LABELS = Regime(
    "an example without labels",
    _named("label_lengths", lambda lengths, rng: np.where(np.arange(lengths.size) == 0, 0, lengths)),
)
