"""JAX's primitives in NumPy's functions, by name: from operands and parameters to the value."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from reference.oracle.recording.frameworks import parts
from reference.oracle.recording.frameworks.as_written import entry_by_entry, mean_of, with_axes_kept
from reference.oracle.recording.frameworks.elementwise import COMMON, cast, remainder
from reference.oracle.recording.frameworks.indexing import (
    dynamic_slice,
    dynamic_update_slice,
    gather,
    scatter,
    sort,
    squeezed,
    top_k,
    without_whole_ends,
)
from reference.oracle.recording.frameworks.parts import LETTERS, Unknown
from reference.oracle.recording.recorded import plain

Primitive = Callable[..., Any]


def alone(function: Callable[..., Any]) -> Primitive:
    """A function of the operands, whatever the parameters."""
    return lambda *operands, **params: function(*operands)


def same(x: Any, **params: Any) -> Any:
    """The operand itself."""
    return x


def divide(a: Any, b: Any, **params: Any) -> Any:
    """a / b; of integers the quotient towards zero."""
    if plain(a).dtype.kind in "iu":
        return np.trunc(plain(a) / plain(b)).astype(plain(a).dtype)
    mean = mean_of(a, b)
    return entry_by_entry(np.divide)(a, b) if mean is None else mean


def integer_power(x: Any, *, y: int, **params: Any) -> Any:
    """x to a fixed power."""
    return x**y if y >= 0 else 1 / x ** (-y)


def clamp(low: Any, x: Any, high: Any, **params: Any) -> Any:
    """x between two bounds."""
    return np.minimum(np.maximum(x, low), high)


def select(which: Any, *cases: Any, **params: Any) -> Any:
    """Of several values the one of this number, entry by entry."""
    if plain(which).dtype == bool:
        return entry_by_entry(np.where)(which, cases[1], cases[0])
    chosen = cases[0]
    for number, case in enumerate(cases[1:], 1):
        chosen = np.where(plain(which) >= number, case, chosen)
    return chosen


def convert(x: Any, *, new_dtype: Any, **params: Any) -> Any:
    """Another type, of a number."""
    if np.dtype(new_dtype).kind not in "fiub":
        raise Unknown(f"conversion to {new_dtype}")
    return cast(x, np.dtype(new_dtype))


def rounded(x: Any, *, rounding_method: Any, **params: Any) -> Any:
    """To the nearest integer: of two, the even one, or the one away from zero."""
    return np.rint(x) if int(rounding_method) == 1 else np.trunc(x + np.copysign(0.5, plain(x)))


def precision(x: Any, *, exponent_bits: int, mantissa_bits: int, **params: Any) -> Any:
    """The value itself where nothing is cut off."""
    if exponent_bits < 11 or mantissa_bits < 52:
        raise Unknown("reduce_precision")
    return x


def broadcast(x: Any, *, shape: tuple[int, ...], broadcast_dimensions: tuple[int, ...], **params: Any) -> Any:
    """The operand's axes at these places, the others new."""
    placed = [1] * len(shape)
    for axis, size in zip(broadcast_dimensions, np.shape(x), strict=True):
        placed[axis] = size
    kept = with_axes_kept(x, placed)
    x = kept if kept is not None else x if np.shape(x) == tuple(placed) else np.reshape(x, placed)
    return x if tuple(placed) == tuple(shape) else np.broadcast_to(x, shape)


def reshape(x: Any, *, new_sizes: tuple[int, ...], dimensions: Any, **params: Any) -> Any:
    """Other axes for the same entries."""
    if dimensions is not None:
        raise Unknown("reshape in another order")
    kept = with_axes_kept(x, new_sizes)
    return np.reshape(x, new_sizes) if kept is None else kept


def pad(x: Any, value: Any, *, padding_config: Sequence[tuple[int, int, int]], **params: Any) -> Any:
    """A border of one value, and as much between the entries."""
    number = float(plain(value))
    inside = [between + 1 for _, _, between in padding_config]
    if number and any(factor > 1 for factor in inside):
        raise Unknown("pad between entries")
    return parts.padded(parts.stretched(x, inside), [(low, high) for low, high, _ in padding_config], number)


def part(x: Any, *, start_indices: Sequence[int], limit_indices: Sequence[int], strides: Any, **params: Any) -> Any:
    """A slice of every axis."""
    steps = strides or [1] * len(start_indices)
    bounds = zip(start_indices, limit_indices, steps, np.shape(x), strict=True)
    key = [slice(None) if (a, b, s) == (0, n, 1) else slice(a, b, s if s > 1 else None) for a, b, s, n in bounds]
    return x if all(one == slice(None) for one in key) else x[without_whole_ends(key)]


def iota(*, dtype: Any, shape: tuple[int, ...], dimension: int, **params: Any) -> np.ndarray:
    """The positions along one axis."""
    sizes = [-1 if axis == dimension else 1 for axis in range(len(shape))]
    return np.array(np.broadcast_to(np.arange(shape[dimension], dtype=np.dtype(dtype)).reshape(sizes), shape))


def on_cpu(platforms: Sequence[Any]) -> int:
    """Which of the ways that are written for several platforms is meant for this one."""
    return next(number for number, names in enumerate(platforms) if names is None or "cpu" in names)


def over_axes(function: Callable[..., Any]) -> Primitive:
    """A reduction over given axes."""
    return lambda x, *, axes, **params: function(x, axis=tuple(axes)) if axes else x


def position(function: Callable[..., Any]) -> Primitive:
    """Where the largest or smallest entry stands."""

    def found(x: Any, *, axes: Sequence[int], index_dtype: Any, **params: Any) -> Any:
        return function(plain(x), axis=axes[0]).astype(np.dtype(index_dtype))

    return found


def running(function: Callable[..., Any]) -> Primitive:
    """What an operation makes of each entry and all before it."""

    def run(x: Any, *, axis: int, reverse: bool, **params: Any) -> Any:
        x = np.flip(x, axis) if reverse else x
        made = np.cumsum(x, axis) if function is np.add else parts.along(function, x, axis)
        return np.flip(made, axis) if reverse else made

    return run


def product(a: Any, b: Any, *, dimension_numbers: Any, **params: Any) -> Any:
    """Sums of products over pairs of axes, for each of other pairs."""
    (mine, others), (batch, batch_other) = dimension_numbers
    if not batch and np.ndim(b) <= 2 and tuple(mine) == (np.ndim(a) - 1,) and tuple(others) == (0,) and np.ndim(a):
        return np.matmul(a, b)
    first = list(LETTERS[: np.ndim(a)])
    second = list(LETTERS[np.ndim(a) : np.ndim(a) + np.ndim(b)])
    for x, y in zip((*mine, *batch), (*others, *batch_other), strict=True):
        second[y] = first[x]
    shared = [first[axis] for axis in batch]
    rest = [first[i] for i in range(np.ndim(a)) if i not in (*mine, *batch)]
    rest += [second[i] for i in range(np.ndim(b)) if i not in (*others, *batch_other)]
    return np.einsum(f"{''.join(first)},{''.join(second)}->{''.join((*shared, *rest))}", a, b)


def convolution(x: Any, kernel: Any, *, dimension_numbers: Any, **params: Any) -> Any:
    """conv_general_dilated, with batch and channels brought to the front and back."""
    if params["batch_group_count"] != 1:
        raise Unknown("convolution in groups of the batch")
    mine, others, out = dimension_numbers
    x, kernel = np.transpose(x, mine), np.transpose(kernel, others)
    x = parts.stretched(x, (1, 1, *params["lhs_dilation"]))
    made = parts.convolution(
        x, kernel, params["window_strides"], params["padding"], params["rhs_dilation"], params["feature_group_count"]
    )
    return np.transpose(made, [int(axis) for axis in np.argsort(out)])


def over_windows(function: Callable[..., Any], border: float) -> Primitive:
    """A reduction of every window."""

    def reduced(x: Any, *, window_dimensions: Any, window_strides: Any, padding: Any, **params: Any) -> Any:
        x = parts.padded(parts.stretched(x, params["base_dilation"]), padding, border)
        if border and any(factor > 1 for factor in params["base_dilation"]):
            raise Unknown("windows over stretched entries")
        seen = parts.windows(x, window_dimensions, window_strides, params["window_dilation"])
        return function(seen, axis=tuple(range(len(window_dimensions), 2 * len(window_dimensions))))

    return reduced


def split(x: Any, *, sizes: Sequence[int], axis: int, **params: Any) -> list[Any]:
    """Consecutive parts of these sizes."""
    ends = np.cumsum(sizes)
    before = (slice(None),) * axis
    return [x[(*before, slice(int(end) - size, int(end)))] for size, end in zip(sizes, ends, strict=True)]


ELEMENTWISE: Mapping[str, Callable[..., Any]] = {
    **COMMON,
    "add": np.add, "add_any": np.add, "sub": np.subtract, "cbrt": np.cbrt, "max": np.maximum, "min": np.minimum,
    "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor, "not": np.invert, "is_finite": np.isfinite,
    "logistic": parts.sigmoid, "rem": remainder(np.trunc), "optimization_barrier": lambda *xs: list(xs),
}  # fmt: skip

PRIMITIVES: Mapping[str, Primitive] = {
    **{name: alone(entry_by_entry(function)) for name, function in ELEMENTWISE.items()},
    **dict.fromkeys(("copy", "copy_p", "stop_gradient", "turn"), same),
    "div": divide,
    "integer_pow": integer_power,
    "clamp": clamp,
    "select_n": select,
    "convert_element_type": convert,
    "reduce_precision": precision,
    "round": rounded,
    "broadcast_in_dim": broadcast,
    "reshape": reshape,
    "squeeze": squeezed,
    "expand_dims": lambda x, *, dimensions, **_: np.expand_dims(x, tuple(dimensions)),
    "transpose": lambda x, *, permutation, **_: np.transpose(x, tuple(permutation)),
    "rev": lambda x, *, dimensions, **_: np.flip(x, tuple(dimensions)),
    "concatenate": lambda *xs, dimension, **_: np.concatenate(list(xs), axis=dimension),
    "stack": lambda *xs, axis=0, **_: np.stack(list(xs), axis=axis),
    "pad": pad,
    "slice": part,
    "split": split,
    "iota": iota,
    "platform_index": lambda *, platforms, **_: np.int32(on_cpu(platforms)),
    "reduce_sum": over_axes(np.sum),
    "reduce_max": over_axes(np.max),
    "reduce_min": over_axes(np.min),
    "reduce_prod": over_axes(np.prod),
    "reduce_and": over_axes(lambda x, axis: np.all(plain(x), axis=axis)),
    "reduce_or": over_axes(lambda x, axis: np.any(plain(x), axis=axis)),
    "argmax": position(np.argmax),
    "argmin": position(np.argmin),
    "cumsum": running(np.add),
    "cumprod": running(np.multiply),
    "cummax": running(np.maximum),
    "cummin": running(np.minimum),
    "cumlogsumexp": running(np.logaddexp),
    "dot_general": product,
    "conv_general_dilated": convolution,
    "reduce_window_sum": over_windows(np.sum, 0.0),
    "reduce_window_max": over_windows(np.max, -np.inf),
    "reduce_window_min": over_windows(np.min, np.inf),
    "gather": gather,
    "scatter": scatter(parts.assigned),
    "scatter-add": scatter(parts.added_at),
    "scatter_add": scatter(parts.added_at),
    "dynamic_slice": dynamic_slice,
    "dynamic_update_slice": dynamic_update_slice,
    "sort": sort,
    "top_k": top_k,
}
