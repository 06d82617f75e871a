"""The derivative of every step: what a cotangent of its value is for each of its arguments, in NumPy's functions.

A rule runs on recorded arrays, so the backward of a recorded forward is a program like any other.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from reference.oracle.recording.functions import MOVES, SPLITS, contracted, put, put_added, taken
from reference.oracle.recording.pointwise import PARTIALS
from reference.oracle.recording.recorded import record
from reference.oracle.recording.tape import Step, steps_in

# Of these the derivative is said in NumPy's own functions, below; of all others by its value at each entry.
SPELLED_OUT = ("add", "subtract", "multiply", "divide", "negative", "positive")
# name -> the slope to each argument, a function of (output, *arguments).
SLOPES = {name: partials for name, partials in PARTIALS.items() if name not in SPELLED_OUT}
Parts = list[Any]


def parts(step: Step, ct: Any, out: Any, args: tuple, how: Mapping[str, Any]) -> Iterator[tuple[Step, Any]]:
    """(parent, its part of the cotangent) for every parent of a step that has a derivative."""
    values: Parts
    if step.name in ct.tape.choices:
        values = ct.tape.choices[step.name](step, ct, out, *args, **how)
    elif step.name in SLOPES:
        values = [
            ct * record(slope, f"slope of {step.name}", (out, *args)) if isinstance(step.args[i], Step) else None
            for i, slope in enumerate(SLOPES[step.name])
        ]
    elif step.name in RULES:
        values = RULES[step.name](ct, out, *args, **how)
    elif step.name in (*MOVES, *SPLITS):
        yield from _moved(step, ct)
        return
    else:
        return
    for argument, value in zip(step.args, values, strict=False):
        if isinstance(argument, Step) and value is not None:
            yield argument, value


def _moved(step: Step, ct: Any) -> Iterator[tuple[Step, Any]]:
    """Of a move: run once more on entry numbers, it tells where every entry came from."""
    start = 1
    entries = [parent for parent in steps_in((step.args, step.how)) if parent.value.dtype.kind == "f"]
    for parent in entries:
        size = parent.value.size
        numbers = {other: np.zeros(other.value.shape, np.int64) for other in entries}
        numbers[parent] = np.arange(start, start + size).reshape(parent.value.shape)
        source = _numbered(step, numbers)
        mine = (source >= start) & (source < start + size)
        yield parent, record(returned, "returned", (ct, mine, source[mine] - start, parent.value.shape))


def _numbered(step: Step, numbers: Mapping[Step, np.ndarray]) -> np.ndarray:
    if step.name == "pad":
        return _padded(numbers[step.parents[0]], step)
    constants = _without_constants(step.args, numbers) if step.name in JOINING else step.args
    return Step(step.name, step.value, step.function, constants, step.how).run(numbers)


def _padded(numbers: np.ndarray, step: Step) -> np.ndarray:
    _, width, mode = step.args
    how: dict[str, Any] = {"constant_values": 0} if mode == "constant" else dict(step.how)
    return np.pad(numbers, width, mode, **how)


JOINING = ("concatenate", "stack", "vstack", "hstack", "column_stack", "dstack", "append")


def _without_constants(tree: Any, numbers: Mapping[Step, np.ndarray]) -> Any:
    if isinstance(tree, np.ndarray | float):
        return np.zeros(np.shape(tree), np.int64)
    return type(tree)(_without_constants(item, numbers) for item in tree) if isinstance(tree, tuple | list) else tree


def returned(ct: np.ndarray, mine: np.ndarray, source: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Those entries of a cotangent that came from here, at the places that they came from, added up."""
    weights = (ct if np.shape(ct) == mine.shape else np.broadcast_to(ct, mine.shape))[mine]
    return np.bincount(source, weights=weights, minlength=math.prod(shape)).reshape(shape)


def returned_from(step: Step, ct: np.ndarray) -> np.ndarray:
    """What a cotangent of a move of one array is for this array."""
    (parent,) = step.parents
    numbers = np.arange(1, parent.value.size + 1).reshape(parent.value.shape)
    moved = _numbered(step, {parent: numbers})
    return returned(ct, moved > 0, moved[moved > 0] - 1, parent.value.shape)


def _reshape(ct: Any, out: Any, array: Any, *args: Any, **how: Any) -> Parts:
    return [np.reshape(ct, np.shape(array))]


def _transpose(ct: Any, out: Any, array: Any, axes: Any = None) -> Parts:
    return [np.transpose(ct, None if axes is None else tuple(int(a) for a in np.argsort(np.mod(axes, np.ndim(array)))))]


def _swapaxes(ct: Any, out: Any, array: Any, a: int, b: int) -> Parts:
    return [np.swapaxes(ct, a, b)]


def _moveaxis(ct: Any, out: Any, array: Any, source: Any, destination: Any) -> Parts:
    return [np.moveaxis(ct, destination, source)]


def _flip(ct: Any, out: Any, array: Any, axis: Any = None) -> Parts:
    return [np.flip(ct, axis)]


def _broadcast_to(ct: Any, out: Any, array: Any, shape: Any = None, **how: Any) -> Parts:
    return [ct]  # summed to the shape of the array as any cotangent is


def kept(shape: tuple[int, ...], axis: Any) -> tuple[int, ...]:
    """A shape after a reduction that keeps its axes."""
    axes = normalize_axis_tuple(range(len(shape)) if axis is None else axis, len(shape))
    return tuple(1 if number in axes else size for number, size in enumerate(shape))


def _sum(ct: Any, out: Any, array: Any, axis: Any = None, keepdims: bool = False) -> Parts:
    return [record(spread, "spread", (ct,), {"shape": np.shape(array), "axis": axis})]


def _mean(ct: Any, out: Any, array: Any, axis: Any = None, keepdims: bool = False) -> Parts:
    return [record(shared, "shared", (ct,), {"shape": np.shape(array), "axis": axis})]


def spread(ct: np.ndarray, shape: tuple[int, ...], axis: Any) -> np.ndarray:
    """The cotangent of a sum for every entry that it adds."""
    whole = kept(shape, axis)
    return np.broadcast_to(np.reshape(ct, whole) if np.size(ct) == math.prod(whole) else ct, shape)


def shared(ct: np.ndarray, shape: tuple[int, ...], axis: Any) -> np.ndarray:
    """The cotangent of a mean for every entry: its share."""
    return spread(ct, shape, axis) / (math.prod(shape) / max(math.prod(kept(shape, axis)), 1))


def _extreme(name: str) -> Callable[..., Parts]:
    def rule(ct: Any, out: Any, array: Any, axis: Any = None, keepdims: bool = False) -> Parts:
        whole = kept(np.shape(array), axis)
        ct = ct if np.shape(ct) == whole else np.reshape(ct, whole)
        return [ct * record(first_of, f"winner of {name}", (array, axis, name))]

    return rule


def first_of(array: np.ndarray, axis: Any, name: str) -> np.ndarray:
    """1 at the first entry of each row that is its maximum (or minimum), 0 elsewhere."""
    ties = all_of(array, axis, name)
    axes = range(ties.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = tuple(a % ties.ndim for a in axes)
    last = tuple(range(ties.ndim - len(axes), ties.ndim))
    rows = np.moveaxis(ties, axes, last)
    flat = rows.reshape(*rows.shape[: ties.ndim - len(axes)], -1)
    first = flat * (np.cumsum(flat, -1) == 1)
    return np.moveaxis(first.reshape(rows.shape), last, axes)


def all_of(array: np.ndarray, axis: Any, name: str) -> np.ndarray:
    """1 at every entry that is the maximum (or minimum) of its row."""
    return (array == getattr(np, name)(array, axis=axis, keepdims=True)) * 1.0


def _cumsum(ct: Any, out: Any, array: Any, axis: Any = None, **how: Any) -> Parts:
    along = 0 if axis is None else axis
    return [np.reshape(record(from_the_end, "from the end", (ct, along)), np.shape(array))]


def from_the_end(ct: np.ndarray, axis: int) -> np.ndarray:
    """Sums of all entries from each one to the last."""
    return np.flip(np.cumsum(np.flip(ct, axis), axis), axis)


def _prod(ct: Any, out: Any, array: Any, axis: Any = None, keepdims: bool = False, **how: Any) -> Parts:
    whole = kept(np.shape(array), axis)
    return [np.reshape(ct, whole) * np.reshape(out, whole) / array]


def _contracted(ct: Any, out: Any, inputs: tuple[str, ...], output: str, *operands: Any) -> Parts:
    found: Parts = [None, None]
    for position in range(len(operands)):
        ct.tape.slot = position
        found.append(_of_operand(ct, inputs, output, operands, position))
        ct.tape.slot = None
    return found


def _of_operand(ct: Any, inputs: tuple[str, ...], output: str, operands: tuple, position: int) -> Any:
    rest = [i for i in range(len(operands)) if i != position]
    known = set(output).union(*(inputs[i] for i in rest))
    alone = "".join(letter for letter in inputs[position] if letter not in known)
    sizes = [np.shape(operands[position])[inputs[position].index(letter)] for letter in alone]
    ones = [np.ones(sizes)] if alone else []
    letters = [output, *(inputs[i] for i in rest), *([alone] if alone else [])]
    return contracted(letters, inputs[position], (ct, *(operands[i] for i in rest), *ones), "matmul")


def _getitem(ct: Any, out: Any, array: Any, key: Any) -> Parts:
    return [record(scattered, "scattered", (ct, key, np.shape(array)))]


def scattered(ct: np.ndarray, key: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Zeros to which a cotangent is added at a key, as often as it repeats an index."""
    return put_added(np.zeros(shape), key, ct)


def _setitem(ct: Any, out: Any, array: Any, key: Any, value: Any) -> Parts:
    return [record(put, "blanked", (ct, key, 0.0)), None, record(taken, "getitem", (ct, key))]


def _added_at(ct: Any, out: Any, array: Any, key: Any, value: Any) -> Parts:
    return [ct, None, record(taken, "getitem", (ct, key))]


def _solve(ct: Any, out: Any, matrix: Any, right: Any) -> Parts:
    part = np.linalg.solve(np.swapaxes(matrix, -1, -2), ct)
    column, row = (part[..., None], out[..., None]) if np.ndim(out) == 1 else (part, out)
    return [-(column @ np.swapaxes(row, -1, -2)), part]


def _where(ct: Any, out: Any, condition: Any, a: Any, b: Any) -> Parts:
    return [
        None,
        ct * record(chosen, "mask", (condition, True)),
        ct * record(chosen, "mask", (condition, False)),
    ]


def chosen(condition: np.ndarray, which: bool) -> np.ndarray:
    """1 where a condition is true (or false), 0 elsewhere."""
    return (np.asarray(condition, bool) == which) * 1.0


RULES: Mapping[str, Callable[..., Parts]] = {
    "add": lambda ct, y, a, b: [ct, ct],
    "subtract": lambda ct, y, a, b: [ct, -ct],
    "negative": lambda ct, y, a: [-ct],
    "positive": lambda ct, y, a: [ct],
    "multiply": lambda ct, y, a, b: [ct * b, ct * a],
    "divide": lambda ct, y, a, b: [ct / b, -(ct * y) / b],
    "where": _where,
    "reshape": _reshape,
    "expand_dims": _reshape,
    "squeeze": _reshape,
    "ravel": _reshape,
    "atleast_1d": _reshape,
    "atleast_2d": _reshape,
    "transpose": _transpose,
    "permute_dims": _transpose,
    "swapaxes": _swapaxes,
    "moveaxis": _moveaxis,
    "flip": _flip,
    "broadcast_to": _broadcast_to,
    "astype": lambda ct, y, a, dtype: [ct if np.dtype(dtype).kind == "f" else None],
    "sum": _sum,
    "mean": _mean,
    "max": _extreme("max"),
    "min": _extreme("min"),
    "cumsum": _cumsum,
    "solve": _solve,
    "prod": _prod,
    "einsum": _contracted,
    "matmul": _contracted,
    "getitem": _getitem,
    "setitem": _setitem,
    "added_at": _added_at,
}
