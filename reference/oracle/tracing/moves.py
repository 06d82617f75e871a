"""Functions that only move entries: run once more on entry numbers, they tell where every entry came from."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from reference.oracle.tracing.alterations import condition_at, count_at
from reference.oracle.tracing.graph import Node
from reference.oracle.tracing.recorded import (
    FUNCTIONS,
    Recorded,
    array_of,
    bare,
    graph_of,
    node_of,
    plain,
    remembering,
    step,
    user_line,
)

MOVERS = (
    "reshape", "transpose", "permute_dims", "matrix_transpose", "swapaxes", "moveaxis", "rollaxis", "expand_dims",
    "squeeze", "ravel", "broadcast_to", "flip", "fliplr", "flipud", "rot90", "roll", "repeat", "tile", "concatenate",
    "stack", "vstack", "hstack", "column_stack", "dstack", "split", "array_split", "hsplit", "vsplit", "take",
    "diagonal", "diag", "sliding_window_view", "take_along_axis", "delete", "append", "atleast_1d", "atleast_2d",
    "tril", "triu", "unstack", "insert", "compress",
)  # fmt: skip
# Of these every array holds entries.
JOINERS = ("concatenate", "stack", "vstack", "hstack", "column_stack", "dstack", "append")


class _Numbers:
    """The entries of recorded arrays numbered from 1, one array after the other; 0 stands for a constant."""

    def __init__(self) -> None:
        self.parents: list[Node] = []
        self.count = 0

    def of(self, value: Any) -> np.ndarray:
        """The numbers of a value's entries."""
        if (node := node_of(value)) is None:
            return np.zeros(np.shape(value), np.int64)
        self.parents.append(node)
        first, self.count = self.count, self.count + node.value.size
        return np.arange(first + 1, self.count + 1).reshape(node.value.shape)

    def within(self, tree: Any, kinds: str) -> Any:
        """Arguments with numbers in the place of recorded arrays and of others of these kinds."""
        if isinstance(tree, Recorded | float) or (isinstance(tree, np.ndarray) and tree.dtype.kind in kinds):
            return self.of(tree)
        return type(tree)(self.within(item, kinds) for item in tree) if isinstance(tree, tuple | list) else tree


def move(function: Callable[..., Any], name: str, args: tuple, how: dict[str, Any]) -> Any:
    """The function's result, and where its entries came from; whole numbers may be indices, but for what is joined."""
    numbers, kinds = _Numbers(), "fiub" if name in JOINERS else "f"
    where = function(*numbers.within(args, kinds), **{key: numbers.within(item, kinds) for key, item in how.items()})
    value = function(*bare(args), **bare(how))
    if not numbers.parents:
        return value
    graph = graph_of(*leaves_of((args, tuple(how.values()))))
    if isinstance(value, tuple | list):
        return [moved(graph, name, v, w, numbers.parents) for v, w in zip(value, where, strict=True)]
    return moved(graph, name, value, where, numbers.parents)


def mover(name: str) -> Callable[..., Any]:
    """NumPy's function of this name on recorded arrays."""
    function = getattr(np, name, None) or getattr(np.lib.stride_tricks, name)
    return lambda *args, **how: move(function, name, args, how)


def leaves_of(tree: Any) -> list[Any]:
    """The items of nested tuples and lists."""
    return [leaf for item in tree for leaf in leaves_of(item)] if isinstance(tree, tuple | list) else [tree]


def moved(graph: Any, name: str, value: Any, where: np.ndarray, parents: list[Node], **more: Any) -> Recorded:
    """The step whose entry i is entry where[i] of its parents, one behind the other."""
    where = np.asarray(where)
    starts = np.cumsum([0, *(parent.value.size for parent in parents)])
    shape = np.shape(value)
    inplace = np.arange(1, where.size + 1).reshape(shape)
    chosen = [(where > start) & (where <= end) for start, end in pairwise(starts)]
    if name in MASKING and all(
        parent.value.shape == shape and np.array_equal((where - start)[mine], inplace[mine])
        for parent, start, mine in zip(parents, starts[:-1], chosen, strict=True)
    ):
        partials = tuple(mine * 1.0 for mine in chosen)
        pulls = [lambda ct, partial=partial: ct * partial for partial in partials]
        return step(graph, "pointwise", name, value, parents, pulls, partials=partials)
    pulls = [
        _back(parent.value.shape, where[mine] - start - 1, mine)
        for parent, start, mine in zip(parents, starts[:-1], chosen, strict=True)
    ]
    more["again"] = _again(where, value)
    if len(parents) == 1:
        more["source"] = where - 1
    return step(graph, "moved", name, value, parents, pulls, **more)


# What may leave entries where they are and make others constant.
MASKING = ("where", "setitem", "tril", "triu")


def _again(where: np.ndarray, value: Any) -> Callable[..., np.ndarray]:
    """The same move of other entries; constants stay."""
    kept = np.array(value, np.float64)

    def again(*others: np.ndarray) -> np.ndarray:
        entries = np.concatenate([other.ravel() for other in others])
        return np.where(where > 0, entries[np.maximum(where, 1) - 1], kept)

    return again


def _back(shape: tuple[int, ...], targets: np.ndarray, mine: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    size = int(np.prod(shape))
    return lambda ct: np.bincount(targets.ravel(), weights=ct[mine].ravel(), minlength=size).reshape(shape)


def getitem(array: Recorded, key: Any) -> Any:
    """A part of an array; a part of one without a past may be written into as well."""
    part = move(lambda values: values[key], "getitem", (array,), {})
    if isinstance(part, np.ndarray) and not isinstance(part, Recorded) and part.dtype.kind == "f":
        return array_of(array.graph, part)
    return part


def setitem(array: Recorded, key: Any, value: Any) -> Node | None:
    """The array after an assignment to a part of it; what was there before is overwritten."""
    numbers = _Numbers()
    where = np.array(numbers.of(array))
    where[key] = numbers.of(value)
    if not numbers.parents:
        return None
    return moved(array.graph, "setitem", plain(array), where, numbers.parents).node


def copy(array: Any, *order: Any, **how: Any) -> Any:
    """Another array with the same past."""
    return remembering(array.graph, plain(array), array.node)


def repeat(array: Any, repeats: Any, axis: Any = None) -> Any:
    """Every entry several times."""
    return move(np.repeat, "repeat", (array, count_at(repeats)), {"axis": axis})


def where(condition: Any, a: Any, b: Any) -> Any:
    """One of two values, entry by entry."""
    whole = (not node_of(item) and np.asarray(item).dtype.kind in "iub" for item in (a, b))
    values = tuple(np.asarray(item, float)[()] if yes else item for item, yes in zip((a, b), whole, strict=True))
    chosen = condition_at(user_line(), bare(condition), masks_second=node_of(b) is None)
    return move(np.where, "where", (chosen, *values), {})


# Modes of np.pad that put entries of the array, or constants, around it.
PADDING = ("constant", "edge", "reflect", "symmetric", "wrap", "empty")


def pad(array: Any, width: Any, mode: Any = "constant", **how: Any) -> Any:
    """Padding with entries of the array; constants are constants, and what is computed of the entries is no move."""
    value, numbers = np.pad(bare(array), width, mode, **bare(how)), _Numbers()
    fill: dict[str, Any] = {"constant_values": 0} if mode == "constant" else how
    moves = str(mode) in PADDING and how.get("reflect_type", "even") == "even"
    place = np.pad(numbers.of(array), width, mode, **fill) if moves else None
    if place is None or not numbers.parents:
        return value
    return moved(graph_of(array), "pad", value, place, numbers.parents)


def difference(array: Any, n: int = 1, axis: int = -1) -> Any:
    """np.diff: each entry less the one before."""
    before = (slice(None),) * (axis % np.ndim(array))
    for _ in range(n):
        array = array[(*before, slice(1, None))] - array[(*before, slice(None, -1))]
    return array


def _extreme(name: str, best: Callable[..., np.ndarray], reduce: Callable[..., Any]) -> Callable[..., Any]:
    """max and min: the entry that wins."""

    def chosen(array: Any, axis: Any = None, out: Any = None, keepdims: bool = False, **how: Any) -> Any:
        value = reduce(bare(array), axis=axis, keepdims=keepdims, **bare(how))
        if node_of(array) is None:
            return value
        axes = range(array.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        axes = tuple(a % array.ndim for a in axes)
        numbers = _Numbers()
        last = range(array.ndim - len(axes), array.ndim)
        rows = [np.moveaxis(a, axes, tuple(last)) for a in (plain(array), numbers.of(array))]
        rows = [row.reshape(*row.shape[: array.ndim - len(axes)], -1) for row in rows]
        winners = np.take_along_axis(rows[1], best(rows[0], axis=-1)[..., None], -1)
        return moved(array.graph, name, value, winners.reshape(np.shape(value)), numbers.parents, axes=axes)

    return chosen


FUNCTIONS.update({name: mover(name) for name in MOVERS if hasattr(np, name) or hasattr(np.lib.stride_tricks, name)})
FUNCTIONS.update(copy=copy, getitem=getitem, setitem=setitem, repeat=repeat, where=where, pad=pad, diff=difference)
for _names, _best, _reduce in ((("max", "amax"), np.argmax, np.max), (("min", "amin"), np.argmin, np.min)):
    FUNCTIONS.update({name: _extreme(_names[0], _best, _reduce) for name in _names})
