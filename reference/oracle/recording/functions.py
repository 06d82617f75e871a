"""NumPy's functions on recorded arrays: each is one step, or is made of others that are."""

from collections.abc import Callable
from typing import Any

import numpy as np

from reference.oracle.recording.recorded import (
    FUNCTIONS,
    Recorded,
    array_of,
    bare,
    live,
    plain,
    record,
    remembering,
    step_of,
    tape_of,
)
from reference.oracle.recording.subscripts import LETTERS, count, spelled
from reference.oracle.recording.tape import Step

# One step each, whose entries are entries of the arguments in other places.
MOVES = (
    "reshape", "transpose", "permute_dims", "matrix_transpose", "swapaxes", "moveaxis", "rollaxis", "expand_dims",
    "squeeze", "ravel", "broadcast_to", "flip", "fliplr", "flipud", "rot90", "roll", "repeat", "tile", "concatenate",
    "stack", "vstack", "hstack", "column_stack", "dstack", "take", "diagonal", "diag", "sliding_window_view",
    "delete", "append", "atleast_1d", "atleast_2d", "tril", "triu", "insert", "compress", "pad",
)  # fmt: skip
# Moves whose result is a list of arrays.
SPLITS = ("split", "array_split", "hsplit", "vsplit", "dsplit", "unstack")
# What is computed of a recorded array without a derivative: masks and positions.
# Modes of np.pad that move entries.
MOVED_BY_PAD = ("constant", "edge", "reflect", "symmetric", "wrap")
LOOKS = (
    "argmax", "argmin", "argsort", "sign", "round", "isclose", "zeros_like", "ones_like", "count_nonzero",
)  # fmt: skip


def _step(name: str) -> Callable[..., Any]:
    """NumPy's function of this name as one step."""
    function = getattr(np, name, None) or getattr(np.lib.stride_tricks, name)
    return lambda *args, **how: record(function, name, args, how)


def _split(name: str) -> Callable[..., Any]:
    function = getattr(np, name)

    def split(*args: Any, **how: Any) -> Any:
        pieces = function(*bare(args), **bare(how))
        return [_piece(function, number, name, args, how) for number in range(len(pieces))]

    return split


def _piece(function: Callable[..., Any], number: int, name: str, args: tuple, how: dict[str, Any]) -> Any:
    """One of several arrays that a function returns, as a step of its own."""
    tape = tape_of((args, how))
    tape.slot = number
    piece = record(lambda *args, **how: function(*args, **how)[number], name, args, how)
    tape.slot = None
    return piece


def _whole(array: Any) -> Any:
    """An array, also of a list of arrays."""
    return np.stack(array) if isinstance(array, list | tuple) else array


def _sum(array: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, **how: Any) -> Any:
    return record(np.sum, "sum", (_whole(array),), {"axis": axis, "keepdims": bool(keepdims)})


def _extreme(name: str) -> Callable[..., Any]:
    def extreme(array: Any, axis: Any = None, out: Any = None, keepdims: Any = False, **how: Any) -> Any:
        return record(getattr(np, name), name, (_whole(array),), {"axis": axis, "keepdims": bool(keepdims)})

    return extreme


def mean(array: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, **how: Any) -> Any:
    """np.mean."""
    return record(np.mean, "mean", (_whole(array),), {"axis": axis, "keepdims": bool(keepdims)})


def variance(
    array: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: int = 0, keepdims: Any = False, **how: Any
) -> Any:
    """np.var."""
    centered = array - mean(array, axis, keepdims=True)
    if ddof == 0:
        return mean(centered**2, axis, keepdims=keepdims)
    return _sum(centered**2, axis, keepdims=keepdims) / (count(array, axis) - ddof)


def norm(array: Any, ord: Any = None, axis: Any = None, keepdims: Any = False) -> Any:
    """The Euclidean norm; any other is not recorded."""
    if ord not in (None, 2, "fro"):
        return np.linalg.norm(bare(array), ord, axis, keepdims)
    return np.sqrt(_sum(array * array, axis, keepdims=keepdims))


def clip(array: Any, low: Any = None, high: Any = None, **how: Any) -> Any:
    """np.clip, as a maximum and a minimum."""
    low, high = low if low is not None else how.get("a_min"), high if high is not None else how.get("a_max")
    array = array if low is None else np.maximum(array, low)
    return array if high is None else np.minimum(array, high)


def average(array: Any, axis: Any = None, weights: Any = None, **how: Any) -> Any:
    """np.average."""
    return (
        mean(array, axis, keepdims=how.get("keepdims", False))
        if weights is None
        else np.average(bare(array), axis, bare(weights))
    )


def difference(array: Any, n: int = 1, axis: int = -1) -> Any:
    """np.diff: each entry less the one before."""
    before = (slice(None),) * (axis % np.ndim(array))
    for _ in range(n):
        array = array[(*before, slice(1, None))] - array[(*before, slice(None, -1))]
    return array


def copy(array: Any, *order: Any, **how: Any) -> Any:
    """Another array with the same past."""
    if (step := step_of(array)) is None:
        return array_of(array.tape, plain(array).copy())
    return remembering(array.tape, step)


def astype(array: Any, dtype: Any) -> Any:
    """The same values; only a narrower type is a step."""
    kind = np.dtype(dtype).kind
    if kind == "f" and np.dtype(dtype).itemsize >= 8 and plain(array).dtype.kind == "f":
        return copy(array)
    return record(cast, "astype", (array, np.dtype(dtype)))


def cast(array: np.ndarray, dtype: Any) -> np.ndarray:
    return np.asarray(array).astype(dtype)


def where(condition: Any, *values: Any) -> Any:
    """One of two values, entry by entry."""
    return record(np.where, "where", (condition, *values)) if values else np.where(bare(condition))


def taken(array: np.ndarray, key: Any) -> np.ndarray:
    """The part of an array that a key names."""
    return array[key]


def getitem(array: Recorded, key: Any) -> Any:
    """A part of an array; a part of one without a past may be written into as well."""
    tape_of(array).count()
    if live((array, key)):
        return record(taken, "getitem", (array, key))
    part = plain(array)[bare(key)]
    return array_of(array.tape, part) if isinstance(part, np.ndarray) and part.dtype.kind == "f" else part


def put(array: np.ndarray, key: Any, value: Any) -> np.ndarray:
    """A copy of an array in which a part is assigned."""
    array = np.array(array)
    array[key] = value
    return array


def put_added(array: np.ndarray, key: Any, value: Any) -> np.ndarray:
    """A copy of an array in which values are added at a key, as often as it repeats an index."""
    array = np.array(array)
    fitting = np.broadcast_to(value, array[key].shape)  # NumPy 2.4's add.at reads outside memory where it does not fit
    np.add.at(array, key, fitting)
    return array


def _writing(function: Callable[..., np.ndarray], name: str) -> Callable[..., Step | None]:
    def write(array: Recorded, before: Any, key: Any, value: Any) -> Step | None:
        if not isinstance(before, Step) and not live((key, value)):
            return None
        past = remembering(array.tape, before) if isinstance(before, Step) else before
        return record(function, name, (past, key, value)).step

    return write


def einsum(subscripts: str, *operands: Any, **how: Any) -> Any:
    """np.einsum in letters."""
    inputs, output = spelled(subscripts, operands)
    if any(len(set(letters)) < len(letters) for letters in inputs):
        return np.einsum(subscripts, *bare(operands))
    return contracted(inputs, output, operands)


def contracted(inputs: list[str], output: str, operands: tuple, name: str = "einsum") -> Any:
    """A sum of products over named axes."""
    return record(multiplied, name, (tuple(inputs), output, *operands))


def multiplied(inputs: tuple[str, ...], output: str, *operands: np.ndarray) -> np.ndarray:
    return np.einsum(",".join(inputs) + "->" + output, *operands, optimize=len(operands) > 2)


def matmul(a: Any, b: Any, **how: Any) -> Any:
    """a @ b of any number of axes."""
    batch = max(np.ndim(a), np.ndim(b), 2) - 2
    letters = LETTERS[:batch]
    first = letters[batch - (np.ndim(a) - 2) :] + "ij" if np.ndim(a) > 1 else "j"
    second = letters[batch - (np.ndim(b) - 2) :] + "jk" if np.ndim(b) > 1 else "j"
    output = letters + first[-2:-1] * (np.ndim(a) > 1) + second[-1:] * (np.ndim(b) > 1)
    stretched = [_stretched(s, o, (first, a), (second, b)) for s, o in ((first, a), (second, b))]
    return contracted([first, second], output, tuple(stretched), "matmul")


def _stretched(letters: str, operand: Any, *both: tuple[str, Any]) -> Any:
    """A batch axis of size one as long as the other operand's."""
    sizes: dict[str, int] = {}
    for names, array in both:
        for axis, size in zip(names, np.shape(array), strict=True):
            sizes[axis] = max(size, sizes.get(axis, 1))
    shape = tuple(sizes[axis] for axis in letters)
    return operand if np.shape(operand) == shape else np.broadcast_to(operand, shape)


def dot(a: Any, b: Any, **how: Any) -> Any:
    """np.dot."""
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return a * b
    return matmul(a, b) if np.ndim(b) <= 2 else tensordot(a, b, ((np.ndim(a) - 1,), (np.ndim(b) - 2,)))


def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """np.tensordot."""
    if isinstance(axes, int):
        axes = (tuple(range(np.ndim(a) - axes, np.ndim(a))), tuple(range(axes)))
    mine, others = ((x,) if isinstance(x, int) else tuple(x) for x in axes)
    first, second = LETTERS[: np.ndim(a)], list("abcdefghijklmnop"[: np.ndim(b)])
    mine, others = tuple(x % np.ndim(a) for x in mine), tuple(x % np.ndim(b) for x in others)
    for x, y in zip(mine, others, strict=True):
        second[y] = first[x]
    output = [c for i, c in enumerate(first) if i not in mine] + [c for i, c in enumerate(second) if i not in others]
    return contracted([first, "".join(second)], "".join(output), (a, b), "matmul")


def outer(a: Any, b: Any, **how: Any) -> Any:
    """np.outer."""
    return contracted(["i", "j"], "ij", (np.ravel(a), np.ravel(b)), "matmul")


def inner(a: Any, b: Any) -> Any:
    """np.inner."""
    return a * b if not np.ndim(a) or not np.ndim(b) else tensordot(a, b, ((np.ndim(a) - 1,), (np.ndim(b) - 1,)))


def pad(array: Any, pad_width: Any, mode: Any = "constant", **how: Any) -> Any:
    """np.pad, its mode always said, where what is put beside the array are its own entries or constants."""
    if mode not in MOVED_BY_PAD or how.get("reflect_type", "even") != "even":
        return np.pad(bare(array), bare(pad_width), mode, **bare(how))
    return record(np.pad, "pad", (array, pad_width, mode), how)


FUNCTIONS.update({name: _step(name) for name in (*MOVES, *LOOKS) if hasattr(np, name)})
FUNCTIONS["sliding_window_view"] = _step("sliding_window_view")
FUNCTIONS.update({name: _split(name) for name in SPLITS if hasattr(np, name)})
FUNCTIONS.update({alias: _extreme(name) for name in ("max", "min") for alias in (name, f"a{name}")})
FUNCTIONS.update(
    sum=_sum, cumsum=_step("cumsum"), prod=_step("prod"), mean=mean, average=average, var=variance, norm=norm,
    std=lambda *args, **how: np.sqrt(variance(*args, **how)), clip=clip, diff=difference, copy=copy, astype=astype,
    where=where, getitem=getitem, setitem=_writing(put, "setitem"), added_at=_writing(put_added, "added_at"),
    einsum=einsum, matmul=matmul, dot=dot, tensordot=tensordot, outer=outer, inner=inner, vdot=inner, pad=pad,
    solve=lambda a, b: record(np.linalg.solve, "solve", (a, b)),
)  # fmt: skip
