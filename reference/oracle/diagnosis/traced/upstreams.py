"""The cotangent of the output read in another order: dealt out in turn, moved on, or reshaped where it is turned."""

from collections.abc import Iterator
from itertools import permutations

import numpy as np

from reference.oracle.diagnosis.traced.sites import Sites, Slip
from reference.oracle.tracing.graph import Detour, Node

# Axes of the output beyond which only single axes are tried.
MOST_AXES = 4


def upstreams(sites: Sites) -> Iterator[Slip]:
    """Every usual order in which the entries of the upstream cotangent may be taken for others."""
    out = sites.graph.out
    if out is None or out.value.ndim < 1 or out.value.size < 4:
        return
    numbers = np.arange(out.value.size).reshape(out.value.shape)
    tried: set[bytes] = {numbers.tobytes()}
    for cause, words, order in _orders(numbers, _parted(out), "row_permuted" if sites.only_moves else "wrong_operand"):
        if order.tobytes() not in tried:
            tried.add(order.tobytes())
            yield Slip(cause, f"takes the cotangent of the output {words}", {out: _reordered(out, order)})


def _orders(numbers: np.ndarray, parted: int | None, other: str) -> Iterator[tuple[str, str, np.ndarray]]:
    """(cause, words, the number of the entry that each entry is taken for).

    parted: the axis along which groups lie; other: the cause of a move along any other axis.
    """
    for axis, size in enumerate(numbers.shape):
        mixed = "groups_mixed" if axis == parted else other
        for many in (many for many in range(2, size) if size % many == 0):
            yield mixed, f"dealt out in turn to {many} parts along axis {axis}", _dealt(numbers, axis, many)
            for step, whose in ((1, "before"), (-1, "behind")):
                moved = np.roll(numbers, step * (size // many), axis)
                yield mixed, f"of the part {whose}, of {many} along axis {axis}", moved
        for step, whose in ((1, "before"), (-1, "behind")):
            moved = np.roll(numbers, step, axis)
            yield other, f"of the position {whose} along axis {axis}", moved
            yield other, f"of the position {whose} along axis {axis}", _held(numbers, axis, step)
        yield "flipped", f"reversed along axis {axis}", np.flip(numbers, axis)
    for order in permutations(range(numbers.ndim)) if numbers.ndim <= MOST_AXES else ():
        words = f"with its entries in the order of the axes {order}"
        turned = numbers.transpose(order)
        square = turned.shape == numbers.shape and numbers.ndim == 2
        yield "not_transposed" if square else "reordered", words, turned.reshape(numbers.shape)
        words = f"reshaped where its axes belong in the order {order}"
        yield "reordered", words, numbers.reshape(turned.shape).transpose(np.argsort(order))


def _dealt(numbers: np.ndarray, axis: int, many: int) -> np.ndarray:
    """Entry after entry to one part after the other."""
    size = numbers.shape[axis]
    return np.take(numbers, np.arange(size).reshape(-1, many).T.ravel(), axis)


def _held(numbers: np.ndarray, axis: int, step: int) -> np.ndarray:
    """Moved by one, the outermost position once more at the end."""
    size = numbers.shape[axis]
    return np.take(numbers, np.clip(np.arange(size) - step, 0, size - 1), axis)


def _reordered(out: Node, order: np.ndarray) -> Detour:
    return lambda ct: out.sent(ct.ravel()[order])


def _parted(node: Node) -> int | None:
    """The axis along which the output joins parts of one shape, or that groups of a product share."""
    for _ in range(3):
        if node.name in ("concatenate", "hstack") and len({parent.value.shape for parent in node.parents}) == 1:
            inner = node.parents[0].value.shape
            axes = [axis for axis, (a, b) in enumerate(zip(inner, node.value.shape, strict=False)) if a != b]
            return axes[0] if len(node.parents) > 1 and len(axes) == 1 else None
        if not node.parents or node.parents[0].value.shape != node.value.shape:
            return None
        node = node.parents[0]
    return None
