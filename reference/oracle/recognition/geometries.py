"""The windows of an op as a backward may place them by mistake: with the numbers of another axis, side or default."""

from collections.abc import Iterator, Mapping
from itertools import permutations
from typing import Any

from reference._geometry import Geometry, span
from reference.oracle.recognition.recognize import Known
from reference.oracle.specs import SPECS

Pairs = tuple[tuple[int, int], ...]


def geometry_of(known: Known) -> Geometry | None:
    """Where the op's windows lie; None for an op without windows."""
    return next((item for item in known.saved[1] if isinstance(item, Geometry)), None)


def geometries(known: Known, names: tuple[str, ...]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """(what is said, statics) of every other place of the windows that changes only statics of these names."""
    own = geometry_of(known)
    if own is None:
        return
    changes: list[dict[str, Any]] = [{"strides": strides} for strides in _steps(own.strides, own.window)]
    changes += [{"dilation": dilation} for dilation in _steps(own.dilation, ())]
    if own.strides != own.dilation:
        changes.append({"strides": own.dilation, "dilation": own.strides})
    changes += [{"padding": pairs} for pairs in _paddings(own.padding)]
    for change in changes:
        if set(change) <= set(names):
            yield change, change | _room(known, own, change)


def _steps(own: tuple[int, ...], window: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """One and two everywhere or along one axis, the window's size, and the numbers of other axes."""
    usual = [(number,) * len(own) for number in (1, 2)]
    alone = [(*own[:axis], number, *own[axis + 1 :]) for axis in range(len(own)) for number in (1, 2, *own)]
    others = [*usual, *([window] if window else []), *permutations(own), *alone]
    yield from (other for other in dict.fromkeys(others) if other != own)


def _paddings(own: Pairs) -> Iterator[Pairs]:
    """None, all of it on one side, the sides exchanged, everywhere or along one axis; that of other axes."""
    if not any(map(sum, own)):
        return
    moves = (
        lambda low, high: (0, 0),
        lambda low, high: (low + high, 0),
        lambda low, high: (0, low + high),
        lambda low, high: (high, low),
    )
    everywhere = [tuple(move(*pair) for pair in own) for move in moves]
    alone = [(*own[:axis], move(*own[axis]), *own[axis + 1 :]) for axis in range(len(own)) for move in moves]
    others = [*everywhere, *permutations(own), *alone]
    yield from (other for other in dict.fromkeys(others) if other != own)


def _room(known: Known, own: Geometry, change: Mapping[str, Any]) -> dict[str, Any]:
    """Padding behind the end of a convolution's input where its windows would not fit: loops cut them off there."""
    pairs = change.get("padding", own.padding)
    if not SPECS[known.op].padded_with_zeros:
        return {}
    strides, gaps = change.get("strides", own.strides), change.get("dilation", own.dilation)
    padded = known.saved[1][0].shape[1:-1]
    found = []
    for axis, (low, high) in enumerate(pairs):
        size = padded[axis] - sum(own.padding[axis]) + low + high
        needed = (own.counts[axis] - 1) * strides[axis] + span(own.window[axis], gaps[axis])
        found.append((low, high + max(0, needed - size)))
    return {"padding": tuple(found)} if tuple(found) != own.padding else {}
