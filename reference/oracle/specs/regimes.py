"""Parts of an op's domain in which released code was wrong, and passed its tests elsewhere.

What such an input looks like, how another is taken there, and in which words a check says that it was not.
"""

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


SEES_NOTHING = Regime(
    "wholly masked rows", "a query that sees nothing", _named("mask", _first_blind), lambda named: _has_blind(named)
)


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


def _all_share(named: Named) -> bool:
    return named["query"].ndim > 2 and named["key"].shape[-2] == 1 < named["query"].shape[-2]


GROUPED_HEADS = (
    Regime("two query heads a key head", "several query heads a key head", _more_queries(2), _grouped),
    Regime("three query heads a key head", "several query heads a key head", _more_queries(3), _grouped),
    Regime("one key head for all", "one key head for all query heads", _one_key_head, _all_share),
)


def _uneven(name: str) -> Regime:
    """Rows of soft targets with sums other than 1."""

    def change(targets: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return targets * rng.uniform(0.4, 1.6, (*targets.shape[:-1], 1)) if targets.dtype.kind == "f" else targets

    def sums_to_one(named: Named) -> bool:
        soft = named.get(name)
        return soft is not None and soft.dtype.kind == "f" and soft.ndim > 0 and bool(np.allclose(soft.sum(-1), 1))

    words = "targets that do not sum to 1"
    return Regime(words, words, lambda named, rng: _named(name, change)(named, rng) if sums_to_one(named) else {},
                  lambda named: not sums_to_one(named))  # fmt: skip


UNEVEN_TARGETS = _uneven("targets")


def _one_class(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.full_like(labels, labels.flat[0]) if labels.dtype.kind in "iu" else labels


def _one_value(name: str) -> Callable[[Named], bool]:
    return lambda named: name not in named or named[name].dtype.kind not in "iu" or np.ptp(named[name]) == 0


ONE_CLASS = Regime("one class for all", "one class for all examples", _named("targets", _one_class),
                   _one_value("targets"))  # fmt: skip


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

    return Regime(
        "-inf among the scores", "scores of -inf", changed, lambda named: bool(np.isneginf(named[name]).any())
    )


def _mostly_one(indices: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    repeated = np.resize(indices, (OFTEN, *indices.shape[1:])) if indices.ndim else indices
    repeated[: OFTEN - 1] = indices.flat[0] if indices.size else 0
    return repeated


def _often(named: Named) -> bool:
    indices = named.get("indices")
    return indices is None or not indices.size or bool(np.unique(indices, return_counts=True)[1].max() >= OFTEN // 2)


ONE_INDEX_OFTEN = Regime("one index a thousand times", "an index that repeats a thousand times",
                         _named("indices", _mostly_one), _often)  # fmt: skip


def _nearly_one(decay: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return 1 - 1e-3 * rng.random(decay.shape)


DECAY_NEAR_ONE = Regime(
    "decay near 1",
    "a decay near 1",
    _named("decay", _nearly_one),
    lambda named: bool((np.abs(1 - named["decay"]) < 0.01).any()),
)


def _constant_first(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    x[:1] = x.flat[0]
    return x


def _has_constant(named: Named) -> bool:
    x = named["x"]
    return x.ndim < 2 or bool((np.ptp(x.reshape(len(x), -1), axis=-1) == 0).any())


CONSTANT_EXAMPLE = Regime(
    "an example without variance", "an example of equal entries", _named("x", _constant_first), _has_constant
)
OFF_CENTRE = Regime(
    "a mean of 100 deviations",
    "a mean far from 0",
    _named("x", lambda x, rng: x + 100.0),
    lambda named: bool(abs(named["x"].mean()) > 10 * named["x"].std()),
)
FAR_POSITIONS = Regime(
    "positions of thousands",
    "positions beyond 1,000",
    _named("positions", lambda positions, rng: positions + 4000),
    lambda named: "positions" not in named or bool(named["positions"].max(initial=0) > 1000),
)


def _equal_labels(named: Named) -> bool:
    labels = named["labels"]
    return labels.ndim < 2 or labels.shape[1] < 2 or bool((labels[:, 1:] == labels[:, :-1]).any())


REPEATED_LABELS = Regime(
    "a label twice in a row", "a label twice in a row", _named("labels", _one_class), _equal_labels
)
NO_LABELS = Regime(
    "an example without labels",
    "an example without labels",
    _named("label_lengths", lambda lengths, rng: np.where(np.arange(lengths.size) == 0, 0, lengths)),
    lambda named: "label_lengths" not in named or bool((named["label_lengths"] == 0).any()),
)
