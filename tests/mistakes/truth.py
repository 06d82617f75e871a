"""What is true of a case, found without the oracle: by differences of its own forward, and by calling it twice."""

from collections.abc import Generator, Iterator
from typing import Any

import numpy as np

from .case import Mistake
from .run import Vjp, copies, cotangent_for, is_differentiable, like, parts, vjp_of

STEP = {"float64": 1e-3, "float32": 2.0**-5}
TOLERANCE = {"float64": 1e-6, "float32": 2e-2}
# At most so many entries of an argument are differenced, spread over it.
ENTRIES = 24


@np.errstate(all="ignore")
def gradient_errors(case: Mistake, seed: int = 0) -> list[str]:
    """What is wrong with the gradient on the small input, one sentence each; empty where it is right."""
    return [f"{name}: {error}" for name, errors in _errors_by_argument(case, seed) for error in errors]


@np.errstate(all="ignore")
def wrong_arguments(case: Mistake, seed: int = 0) -> set[str]:
    """The arguments whose gradient is wrong on the small input: one error of each is looked for, no more."""
    return {name for name, errors in _errors_by_argument(case, seed) if next(errors, None)}


def _errors_by_argument(case: Mistake, seed: int) -> Iterator[tuple[str, Iterator[str]]]:
    vjp, primals = vjp_of(case), case.inputs("small", seed)
    if case.kind == "wrong forward" and not np.isfinite(_flattened(vjp(*copies(primals))[0])).all():
        primals = tuple(_moderate(p) if p.dtype.kind == "f" else p for p in primals)
    out, pullback = vjp(*copies(primals))
    cotangent = cotangent_for(case, out, seed)
    got = pullback(_copied(cotangent))
    if len(got) != len(primals):
        yield "the cotangents", iter([f"{len(got)} for {len(primals)} arguments"])
        return
    fresh = vjp_of(case) if case.kind == "impure" else vjp
    for i, primal in enumerate(primals):
        if is_differentiable(case, i, primal):
            yield case.names[i], _argument_errors(case, fresh, primals, cotangent, i, got[i])


def _moderate(primal: np.ndarray) -> np.ndarray:
    """Where a forward that overflows is differenced instead: away from zero, and not far."""
    return np.clip(np.where(primal == 0, 0.1, primal), -20, 20)


def _argument_errors(case: Mistake, vjp: Vjp, primals: tuple, cotangent: Any, index: int, got: Any) -> Iterator[str]:
    primal = primals[index]
    if got is None or np.shape(got) != primal.shape:
        yield f"the cotangent is {'None' if got is None else np.shape(got)}"
        return
    if np.asarray(got).dtype != primal.dtype:
        yield f"its dtype is {np.asarray(got).dtype}"
    if not np.isfinite(got).all():
        yield "it is not finite"
        return
    here = _flattened(vjp(*copies(primals))[0])
    for direction in _directions(primal):
        slopes = _slopes(case, vjp, primals, cotangent, index, direction, here)
        tolerance = TOLERANCE[case.precision] * (1 + np.abs(slopes).sum(axis=1).max() * np.sqrt(primal.size))
        bends = np.ptp(slopes, axis=0) > tolerance
        claimed = float(np.sum(direction * got))
        if bends.any():
            if np.sum(direction) > 1:
                continue  # every kink on the way has a choice of its own
            claimed -= yield from _kink_errors(case, vjp, primals, cotangent, index, direction, slopes, tolerance)
        centered = float(slopes[2][~bends].sum())
        if abs(claimed - centered) > tolerance:
            yield f"along {np.flatnonzero(direction)[:3]} it claims {claimed:.6g}, the slope is {centered:.6g}"


def _kink_errors(case, vjp, primals, cotangent, index, direction, slopes, tolerance) -> Generator[str, None, float]:
    """Each output that bends may have any slope between its one-sided ones; returns what they claim together."""
    _, pullback = vjp(*copies(primals))
    claimed_together = 0.0
    for k in np.flatnonzero(np.ptp(slopes, axis=0) > tolerance):
        alone = np.zeros(slopes.shape[1])
        alone[k] = _flattened(cotangent)[k]
        claimed = float(np.sum(direction * pullback(_shaped(alone, cotangent))[index]))
        claimed_together += claimed
        if not slopes[:, k].min() - tolerance <= claimed <= slopes[:, k].max() + tolerance:
            yield f"at {np.flatnonzero(direction)} output {k} claims {claimed:.6g} outside its one-sided slopes"
    return claimed_together


def _directions(primal: np.ndarray) -> Iterator[np.ndarray]:
    """All entries together, which settles ties, then one entry at a time."""
    yield np.ones(primal.shape)
    for flat in np.unique(np.linspace(0, primal.size - 1, min(primal.size, ENTRIES)).astype(int)):
        direction = np.zeros(primal.shape)
        direction.flat[flat] = 1.0
        yield direction


def _slopes(case, vjp, primals, cotangent, index, direction, here) -> np.ndarray:
    """Derivatives of every output times its cotangent along a direction: from below, from above, and centered."""
    primal, weights = primals[index], _flattened(cotangent).astype(np.float64)
    size = float(np.min(np.abs(primal[direction > 0]))) if case.near_an_edge else float(np.std(primal))
    h = STEP[case.precision] * min(1.0, size or 1.0)

    def values(steps: int) -> np.ndarray:
        moved = copies(primals)
        moved[index][...] = (primal + steps * h * direction).astype(primal.dtype)
        return weights * _flattened(vjp(*moved)[0])

    here, below2, below, above, above2 = weights * here, *(values(steps) for steps in (-2, -1, 1, 2))
    left, right = (3 * here - 4 * below + below2) / (2 * h), (4 * above - 3 * here - above2) / (2 * h)
    return np.stack([left, right, (8 * (above - below) - (above2 - below2)) / (12 * h)])


def _flattened(out: Any) -> np.ndarray:
    return np.concatenate([part.ravel() for part in parts(out)])


def _shaped(flat: np.ndarray, example: Any) -> Any:
    """The flat values in the structure of an output."""
    pieces, at = [], 0
    for part in parts(example):
        pieces.append(flat[at : at + part.size].reshape(part.shape).astype(part.dtype))
        at += part.size
    return like(example, iter(pieces))


@np.errstate(all="ignore")
def impurities(case: Mistake, seed: int = 0) -> list[str]:
    """What a call changes that is not its own: arguments, cotangent, an earlier result, the next call."""
    return [f"{what} differs" for what, same in _repeated(case, seed) if not same]


def _repeated(case: Mistake, seed: int) -> Iterator[tuple[str, bool]]:
    vjp, primals = vjp_of(case), case.inputs("small", seed)
    given = copies(primals)
    out, pullback = vjp(*given)
    first_out, cotangent = _copied(out), cotangent_for(case, out, seed)
    passed = _copied(cotangent)
    first = pullback(passed)
    kept = _copied(first)
    yield "the cotangent", _equal(passed, cotangent)
    yield "an argument", _equal(given, primals)
    yield "a second backward", _equal(pullback(_copied(cotangent)), kept)
    pullback(_shaped(2 * _flattened(cotangent), out))
    yield "the first result", _equal(first, kept)
    again, _ = vjp(*copies(primals))
    yield "a second forward", _equal(again, first_out)
    vjp(*(p + np.ones_like(p) if p.dtype.kind == "f" else p for p in copies(primals)))
    yield "the first output", _equal(out, first_out)
    yield "the next backward", _equal(vjp(*copies(primals))[1](_copied(cotangent)), kept)
    turned = tuple(-p if p.dtype.kind == "f" else p for p in primals)
    alone = vjp_of(case)(*copies(turned))[1](_copied(cotangent))
    yield "the backward of other arguments", _equal(vjp(*copies(turned))[1](_copied(cotangent)), alone)


def _copied(tree: Any) -> Any:
    if isinstance(tree, tuple | list):
        return tuple(_copied(item) for item in tree)
    if isinstance(tree, dict):
        return {key: _copied(item) for key, item in tree.items()}
    return None if tree is None else np.array(tree)


def _equal(now: Any, before: Any) -> bool:
    pairs = list(zip(_flat(now), _flat(before), strict=False))
    return all((a is None) == (b is None) and (a is None or np.array_equal(a, b, equal_nan=True)) for a, b in pairs)


def _flat(tree: Any) -> list[Any]:
    if isinstance(tree, dict):
        return [leaf for key in sorted(tree) for leaf in _flat(tree[key])]
    return [leaf for item in tree for leaf in _flat(item)] if isinstance(tree, tuple | list) else [tree]
