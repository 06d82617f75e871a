"""PyTorch's operations entry by entry, over axes and of places, in NumPy's functions, under the names of aten."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from reference.oracle.recording.frameworks import parts
from reference.oracle.recording.frameworks.elementwise import COMMON, cast, remainder
from reference.oracle.recording.frameworks.layers import LAYERS
from reference.oracle.recording.recorded import plain

Axes = int | Sequence[int] | None


def axes_of(x: Any, dim: Axes) -> tuple[int, ...]:
    """The axes that an argument names; all where it names none."""
    if dim is None or (not isinstance(dim, int) and len(dim) == 0):
        return tuple(range(np.ndim(x)))
    return (dim,) if isinstance(dim, int) else tuple(dim)


def over(function: Callable[..., Any]) -> Callable[..., Any]:
    """A reduction over axes."""

    def reduced(x: Any, dim: Axes = None, keepdim: bool = False, dtype: Any = None) -> Any:
        if np.ndim(x) == 0:
            return x
        x = cast(x, np.dtype(float)) if plain(x).dtype.kind in "biu" and function is np.mean else x
        return function(x, axis=axes_of(x, dim), keepdims=keepdim)

    return reduced


def extreme(name: str) -> Callable[..., Any]:
    """max or min: of all entries; along an axis with positions; or of two tensors."""
    function, position, larger = getattr(np, name), getattr(np, f"arg{name}"), getattr(np, f"{name}imum")

    def found(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
        if dim is None:
            return function(x)
        if not isinstance(dim, int):
            return larger(x, dim)
        return function(x, axis=dim, keepdims=keepdim), position(plain(x), axis=dim, keepdims=keepdim)

    return found


def positioned(function: Callable[..., Any]) -> Callable[..., Any]:
    """argmax or argmin."""
    return lambda x, dim=None, keepdim=False: np.asarray(function(plain(x), axis=dim, keepdims=keepdim))


def variance(x: Any, dim: Axes = None, correction: Any = 1, keepdim: bool = False) -> Any:
    """The variance over axes, divided by the count less a correction."""
    axes = axes_of(x, dim)
    count = int(np.prod([np.shape(x)[axis] for axis in axes]))
    correction = 1 if correction is None else correction
    centered = x - np.mean(x, axis=axes, keepdims=True)
    if correction == 0:
        return np.mean(centered**2, axis=axes, keepdims=keepdim)
    return np.sum(centered**2, axis=axes, keepdims=keepdim) / (count - correction)


def variance_and_mean(x: Any, dim: Axes = None, correction: Any = 1, keepdim: bool = False) -> tuple[Any, Any]:
    """Both over the same axes."""
    return variance(x, dim, correction, keepdim), np.mean(x, axis=axes_of(x, dim), keepdims=keepdim)


def vector_norm(x: Any, ord: float = 2, dim: Axes = None, keepdim: bool = False, dtype: Any = None) -> Any:
    """The norm of this order."""
    axes = axes_of(x, dim)
    if ord == 2:
        return np.sqrt(np.sum(x * x, axis=axes, keepdims=keepdim))
    if ord == 1:
        return np.sum(np.abs(x), axis=axes, keepdims=keepdim)
    if ord == np.inf:
        return np.max(np.abs(x), axis=axes, keepdims=keepdim)
    return np.sum(np.abs(x) ** ord, axis=axes, keepdims=keepdim) ** (1 / ord)


def clamp(x: Any, low: Any = None, high: Any = None, min: Any = None, max: Any = None) -> Any:
    """x between bounds."""
    low, high = low if low is not None else min, high if high is not None else max
    x = x if low is None else np.maximum(x, low)
    return x if high is None else np.minimum(x, high)


def view(x: Any, size: Any) -> Any:
    """Other axes for the same entries."""
    return np.reshape(x, tuple(size))


def expand(x: Any, size: Sequence[int], implicit: bool = False) -> Any:
    """Axes of size one as long as these; -1 leaves an axis as it is."""
    own = (1,) * (len(size) - np.ndim(x)) + np.shape(x)
    shape = tuple(mine if wanted == -1 else wanted for mine, wanted in zip(own, size, strict=True))
    return x if shape == np.shape(x) else np.broadcast_to(x, shape)


def squeeze(x: Any, dim: Axes = None) -> Any:
    """Without axes of size one."""
    axes = tuple(axis for axis in axes_of(x, dim) if np.shape(x)[axis] == 1) if np.ndim(x) else ()
    return np.squeeze(x, axis=axes) if axes else x


def key_at(x: Any, dim: int, one: Any) -> tuple[Any, ...]:
    """The key that picks along one axis."""
    return (*(slice(None),) * (dim % max(np.ndim(x), 1)), one)


def select(x: Any, dim: int, index: int) -> Any:
    """One entry of an axis."""
    return x[key_at(x, dim, index)]


def part(x: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Any:
    """A slice of an axis."""
    size = np.shape(x)[dim]
    chosen = slice(start, None if end is None or end >= size else end, step if step != 1 else None)
    return x if range(size)[chosen] == range(size) else x[key_at(x, dim, chosen)]


def split(x: Any, size: Any, dim: int = 0) -> list[Any]:
    """Consecutive parts of one size, or of these sizes."""
    whole = np.shape(x)[dim]
    sizes = [min(size, whole - at) for at in range(0, whole, size)] if isinstance(size, int) else list(size)
    ends = [int(end) for end in np.cumsum(sizes)]
    return [x[key_at(x, dim, slice(end - one, end))] for one, end in zip(sizes, ends, strict=True)]


def unfold(x: Any, dim: int, size: int, step: int) -> Any:
    """Windows along one axis."""
    seen = np.lib.stride_tricks.sliding_window_view(x, size, axis=dim)
    return seen if step == 1 else seen[key_at(x, dim, slice(None, None, step))]


def index(x: Any, indices: Sequence[Any]) -> Any:
    """Entries at arrays of indices; None takes an axis whole."""
    return x[_key(indices)]


def index_put(x: Any, indices: Sequence[Any], values: Any, accumulate: bool = False, unsafe: bool = False) -> Any:
    """Other values at such indices, or values added there."""
    return (parts.added_at if accumulate else parts.assigned)(x, _key(indices), values)


def _key(indices: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(slice(None) if one is None else plain(one) for one in indices)


def _grid(indices: Any, dim: int) -> tuple[np.ndarray, ...]:
    grid = np.indices(np.shape(indices), sparse=True)
    axis = dim % len(grid)
    return (*grid[:axis], plain(indices), *grid[axis + 1 :])


def scatter(x: Any, dim: int, indices: Any, src: Any = None, value: Any = None, reduce: Any = None) -> Any:
    """Values put at indices along an axis."""
    source = value if src is None else src
    if np.ndim(source):
        source = source[tuple(slice(size) for size in np.shape(indices))]
    return (parts.added_at if reduce in ("add", "sum") else parts.assigned)(x, _grid(indices, dim), source)


def index_add(x: Any, dim: int, indices: Any, source: Any, alpha: float = 1) -> Any:
    """Slices added at indices of an axis."""
    return parts.added_at(x, key_at(x, dim, plain(indices)), source if alpha == 1 else alpha * source)


def sort(x: Any, dim: int = -1, descending: bool = False, stable: Any = None) -> list[Any]:
    """All entries in order, and where they stood."""
    order = parts.ordered(x, dim, descending)
    return [np.take_along_axis(x, order, axis=dim), order]


def top(x: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> list[Any]:
    """The largest entries of every row, and where they stood."""
    order = np.take(parts.ordered(x, dim, largest), np.arange(k), axis=dim)
    return [np.take_along_axis(x, order, axis=dim), order]


def scaled(function: Callable[..., Any]) -> Callable[..., Any]:
    """a + alpha b, or a - alpha b."""
    return lambda a, b, alpha=1: function(a, b if alpha == 1 else alpha * b)


def divide(a: Any, b: Any, rounding_mode: str | None = None) -> Any:
    """a / b, which may be rounded."""
    if rounding_mode is None:
        return a / b
    return (np.floor if rounding_mode == "floor" else np.trunc)(a / b)


def affine(c: Any, product: Any, beta: float, alpha: float) -> Any:
    """beta c + alpha product."""
    return (c if beta == 1 else beta * c) + (product if alpha == 1 else alpha * product)


ELEMENTWISE: Mapping[str, Callable[..., Any]] = {
    **COMMON,
    "log2": np.log2, "log10": np.log10, "sgn": np.sign, "round": np.rint, "trunc": np.trunc, "maximum": np.maximum,
    "minimum": np.minimum, "reciprocal": lambda x: 1 / x, "logaddexp": np.logaddexp, "isfinite": np.isfinite,
    "isnan": np.isnan, "isinf": np.isinf, "remainder": remainder(np.floor), "fmod": remainder(np.trunc),
    "logical_not": np.logical_not, "logical_and": np.logical_and, "logical_or": np.logical_or,
    "bitwise_not": np.invert, "bitwise_and": np.bitwise_and, "bitwise_or": np.bitwise_or,
    "bitwise_xor": np.bitwise_xor, "xlogy": lambda a, b: a * np.log(np.where(plain(a) == 0, 1.0, b)),
}  # fmt: skip

OPERATIONS: Mapping[str, Callable[..., Any]] = {
    **ELEMENTWISE,
    **LAYERS,
    **dict.fromkeys(("detach", "alias", "clone", "lift_fresh", "contiguous", "lift"), lambda x: x),
    "add": scaled(np.add),
    "sub": scaled(np.subtract),
    "rsub": lambda a, b, alpha=1: b - (a if alpha == 1 else alpha * a),
    "div": divide,
    "where": np.where,
    "masked_fill": lambda x, mask, value: np.where(mask, value, x),
    "clamp": clamp,
    "clamp_min": np.maximum,
    "clamp_max": np.minimum,
    "addcmul": lambda x, a, b, value=1: x + (a * b if value == 1 else value * a * b),
    "addcdiv": lambda x, a, b, value=1: x + (a / b if value == 1 else value * a / b),
    "lerp": lambda a, b, weight: a + weight * (b - a),
    "_to_copy": lambda x, dtype=None: x if dtype is None else cast(x, dtype),
    "copy": lambda x, source, non_blocking=False: source,
    "fill": lambda x, value: np.full(np.shape(x), plain(value), plain(x).dtype),
    "zero": lambda x: np.zeros(np.shape(x), plain(x).dtype),
    "zeros_like": lambda x, dtype=None: np.zeros(np.shape(x), dtype or plain(x).dtype),
    "ones_like": lambda x, dtype=None: np.ones(np.shape(x), dtype or plain(x).dtype),
    "full_like": lambda x, value, dtype=None: np.full(np.shape(x), value, dtype or plain(x).dtype),
    "empty_like": lambda x, dtype=None: np.zeros(np.shape(x), dtype or plain(x).dtype),
    "new_empty": lambda x, size, dtype=None: np.zeros(size, dtype or plain(x).dtype),
    "new_full": lambda x, size, value, dtype=None: np.full(size, value, dtype or plain(x).dtype),
    "new_zeros": lambda x, size, dtype=None: np.zeros(size, dtype or plain(x).dtype),
    "new_ones": lambda x, size, dtype=None: np.ones(size, dtype or plain(x).dtype),
    "sum": over(np.sum),
    "mean": over(np.mean),
    "amax": over(np.max),
    "amin": over(np.min),
    "prod": over(np.prod),
    "any": over(lambda x, **how: np.any(plain(x), **how)),
    "all": over(lambda x, **how: np.all(plain(x), **how)),
    "max": extreme("max"),
    "min": extreme("min"),
    "aminmax": lambda x, dim=None, keepdim=False: (np.min(x, axis=dim), np.max(x, axis=dim)),
    "argmax": positioned(np.argmax),
    "argmin": positioned(np.argmin),
    "var": variance,
    "std": lambda *args, **how: np.sqrt(variance(*args, **how)),
    "var_mean": variance_and_mean,
    "linalg_vector_norm": vector_norm,
    "norm": lambda x, p=2, dim=None, keepdim=False: vector_norm(x, 2 if p is None else p, dim, keepdim),
    "logsumexp": lambda x, dim, keepdim=False: parts.logsumexp(x, axes_of(x, dim), keepdim),
    "cumsum": lambda x, dim, dtype=None: np.cumsum(x, dim),
    "cumprod": lambda x, dim, dtype=None: parts.along(np.multiply, x, dim),
    "logcumsumexp": lambda x, dim: parts.along(np.logaddexp, x, dim),
    "sort": sort,
    "topk": top,
    **dict.fromkeys(("view", "_unsafe_view", "reshape"), view),
    "expand": expand,
    "squeeze": squeeze,
    "unsqueeze": lambda x, dim: np.expand_dims(x, dim),
    "permute": lambda x, dims: np.transpose(x, tuple(dims)),
    "transpose": lambda x, a, b: np.swapaxes(x, a, b),
    "t": np.transpose,
    "select": select,
    "slice": part,
    **dict.fromkeys(("split", "unsafe_split", "split_with_sizes", "unsafe_split_with_sizes"), split),
    "unbind": lambda x, dim=0: [select(x, dim, number) for number in range(np.shape(x)[dim])],
    "cat": lambda xs, dim=0: np.concatenate(list(xs), axis=dim),
    "stack": lambda xs, dim=0: np.stack(list(xs), axis=dim),
    "repeat": lambda x, repeats: np.tile(x, tuple(repeats)),
    "flip": lambda x, dims: np.flip(x, tuple(dims)),
    "roll": lambda x, shifts, dims=(): np.roll(x, tuple(shifts), tuple(dims) or None),
    "unfold": unfold,
    "tril": np.tril,
    "triu": np.triu,
    "diagonal": np.diagonal,
    "index": index,
    "index_put": index_put,
    "_unsafe_index": index,
    "masked_select": lambda x, mask: x[plain(mask)],
    "nonzero": lambda x: np.argwhere(plain(x)),
    "index_select": lambda x, dim, indices: np.take(x, plain(indices), axis=dim),
    "gather": lambda x, dim, indices, sparse_grad=False: np.take_along_axis(x, plain(indices), axis=dim),
    "scatter": scatter,
    "scatter_add": lambda x, dim, indices, src: scatter(x, dim, indices, src, reduce="add"),
    "index_add": index_add,
    **dict.fromkeys(("mm", "bmm", "mv", "dot", "matmul"), np.matmul),
    "addmm": lambda c, a, b, beta=1, alpha=1: affine(c, np.matmul(a, b), beta, alpha),
    "addmv": lambda c, a, b, beta=1, alpha=1: affine(c, np.matmul(a, b), beta, alpha),
    "baddbmm": lambda c, a, b, beta=1, alpha=1: affine(c, np.matmul(a, b), beta, alpha),
}
