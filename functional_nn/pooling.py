"""Pooling: the largest element, or the mean, of every window."""

from collections.abc import Callable, Iterator
from functools import partial, reduce
from operator import add
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from functional_nn._by_library import ByLibrary, merge_examples
from functional_nn._checks import require_flag, require_floating
from functional_nn._geometry import Line, Padding, PerDimension, pool_lines, spatial_axes
from functional_nn._jit import jit_op
from functional_nn._numerics import in_float32
from functional_nn.cpu import blocks, pooling
from functional_nn.cpu.pooling import PLANE

# Windows up to this size along an axis are written out, which runs fast; longer ones would compile slowly.
UNROLLED = 8


@jit_op("window", "strides", "padding", "dilation", "ceil_mode", "layout")
def max_pool(
    x: jax.Array,
    *,
    window: PerDimension | str,
    strides: PerDimension | None = None,
    padding: Padding = "VALID",
    dilation: PerDimension = 1,
    ceil_mode: bool = False,
    layout: str = "channels_last",
) -> jax.Array:
    """The largest element of every window.

    out[n, p, c] = max over offsets k of x[n, p * strides + k * dilation - low, c], over the elements inside x: padding
    never wins. A NaN in a window is its maximum.

    At a tie the whole gradient goes to the window's first largest element in row-major order, as in PyTorch: one
    subgradient, the same on every machine, and as sparse as without a tie.

    Args:
        x: (batch, *spatial, channels), or (batch, channels, *spatial) if channels_first; a floating dtype.
        window: the size of the window, an int or one a spatial dimension; "all" is one window over all of space, which
            is global pooling, and leaves every spatial dimension a size of 1.
        strides: how far the window moves, an int or one a spatial dimension; None means the window, without overlap.
        padding: "VALID" (none), "SAME" (ceil(size / strides) windows, an odd element of padding at the high end),
            "SAME_LOWER" (at the low end), an int, one int or (low, high) pair a dimension.
        dilation: the distance between neighbours inside the window, an int or one a spatial dimension.
        ceil_mode: whether what is left over at the high end gets a window too, if that starts before the padding there.
        layout: "channels_last" or "channels_first".

    Returns:
        (batch, *windows, channels), or (batch, channels, *windows); the dtype of x.

    Raises:
        TypeError: x is not a floating array, or a static is not made of ints.
        ValueError: a static is out of range, the window does not fit, or some window lies in the padding alone.

    References:
        Saito, Deep Learning from Scratch, section 7.3; docs/derivations/pooling.md.

    >>> print(max_pool(jnp.arange(16.0).reshape(1, 4, 4, 1), window=2)[0, :, :, 0])
    [[ 5.  7.]
     [13. 15.]]
    """
    require_floating("max_pool", x=x)
    out = jnp.asarray(x)
    axes = spatial_axes("max_pool", out, layout)
    sizes = tuple(out.shape[a] for a in axes)
    geometry = pool_lines("max_pool", sizes, window, strides, padding, dilation, ceil_mode)
    if pooling.MAX_POOL.takes(readable := _readable(out), axes, geometry):
        return _MAX_POOL(readable, geometry=geometry)[0].astype(out.dtype)
    return _max_pool(out, geometry=geometry, axes=axes)[0]


@jit_op("window", "strides", "padding", "count_include_pad", "ceil_mode", "layout")
def avg_pool(
    x: jax.Array,
    *,
    window: PerDimension | str,
    strides: PerDimension | None = None,
    padding: Padding = "VALID",
    count_include_pad: bool = True,
    ceil_mode: bool = False,
    layout: str = "channels_last",
) -> jax.Array:
    """The mean of every window.

    out[n, p, c] = (sum over offsets k of x[n, p * strides + k - low, c]) / count, where x is 0 in the padding and
    count is the number of elements of the window: those inside x or the padding, or only those inside x if
    count_include_pad is False.

    Stable because 16-bit elements are summed in 32 bits and rounded once, at the end.

    Args:
        x: (batch, *spatial, channels), or (batch, channels, *spatial) if channels_first; a floating dtype.
        window: the size of the window, an int or one a spatial dimension; "all" is one window over all of space, which
            is global pooling, and leaves every spatial dimension a size of 1.
        strides: how far the window moves, an int or one a spatial dimension; None means the window, without overlap.
        padding: "VALID" (none), "SAME" (ceil(size / strides) windows, an odd element of padding at the high end),
            "SAME_LOWER" (at the low end), an int, one int or (low, high) pair a dimension.
        count_include_pad: whether padding counts as elements that are 0.
        ceil_mode: whether what is left over at the high end gets a window too, if that starts before the padding there;
            what of that window lies beyond the padding does not count, as in PyTorch, and in ONNX from opset 19 on.
        layout: "channels_last" or "channels_first".

    Returns:
        (batch, *windows, channels), or (batch, channels, *windows); the dtype of x.

    Raises:
        TypeError: x is not a floating array, or a static is not made of ints.
        ValueError: a static is out of range, the window does not fit, or some window lies in the padding alone.

    References:
        Saito, Deep Learning from Scratch, section 7.3; docs/derivations/pooling.md.

    >>> print(avg_pool(jnp.arange(16.0).reshape(1, 4, 4, 1), window=2)[0, :, :, 0])
    [[ 2.5  4.5]
     [10.5 12.5]]
    """
    require_floating("avg_pool", x=x)
    require_flag("avg_pool", "count_include_pad", count_include_pad)
    out = jnp.asarray(x)
    axes = spatial_axes("avg_pool", out, layout)
    sizes = tuple(out.shape[a] for a in axes)
    geometry = pool_lines("avg_pool", sizes, window, strides, padding, 1, ceil_mode)
    statics = {"geometry": geometry, "count_include_pad": count_include_pad}
    if pooling.AVG_POOL.takes(readable := _readable(out), axes, geometry):
        return _AVG_POOL(readable, **statics)[0].astype(out.dtype)
    return _avg_pool(out, **statics, axes=axes)[0]


def _readable(x: jax.Array) -> jax.Array:
    """x in a dtype that a C file may read."""
    return x if x.dtype in pooling.DTYPES else x.astype(jnp.promote_types(x.dtype, jnp.float32))


def _max_pool(x: jax.Array, **statics: Any) -> tuple[jax.Array]:
    return (in_float32(partial(_maxima, **statics), x),)


def _avg_pool(x: jax.Array, **statics: Any) -> tuple[jax.Array]:
    return (in_float32(partial(_means, **statics), x),)


def _maxima(x: jax.Array, *, geometry: tuple[Line, ...], axes: range = PLANE) -> jax.Array:
    if blocks.are_small(geometry):
        return blocks.maxima(x, axes, geometry)
    # From the last axis to the first: the first row that holds the maximum, and in it the first column.
    for axis, line in reversed(list(zip(axes, geometry, strict=True))):
        x = _max_along(x, axis, line)
    return x


def _means(x: jax.Array, *, geometry: tuple[Line, ...], count_include_pad: bool, axes: range = PLANE) -> jax.Array:
    if blocks.are_small(geometry):
        return blocks.means(x, axes, geometry)
    count = np.ones(1)
    for axis, line in zip(axes, geometry, strict=True):
        x = _sum_along(x, axis, line)
        held = line.inside_padding() if count_include_pad else line.inside()
        count = count * (line.window if held.all() else _along(axis, x.ndim, held.sum(0)))
    return x / count.astype(x.dtype)


def _max_along(x: jax.Array, axis: int, line: Line) -> jax.Array:
    """The windows' maxima along one axis."""
    return (_max_of_slices if line.window <= UNROLLED else _max_by_position)(x, axis, line)


def _max_of_slices(x: jax.Array, axis: int, line: Line) -> jax.Array:
    """Element after element; a later one wins only if it is larger, or the first to be NaN."""
    inside = line.inside()
    best, *later = _slices(x, axis, line, -jnp.inf)
    met = inside[0]
    for element, is_inside in zip(later, inside[1:], strict=True):
        wins = ~(element <= best) & ~jnp.isnan(best)
        if not met.all():
            # Not even an element that is -inf loses to padding.
            wins |= _along(axis, x.ndim, is_inside & ~met)
        best, met = lax.select(wins, element, best), met | is_inside
    return best


def _max_by_position(x: jax.Array, axis: int, line: Line) -> jax.Array:
    """Each window's maximum looked up at its position, and the first element of x in place of the padding."""
    numbers = np.arange(line.count)
    positions = np.where(line.inside(), line.positions(), line.positions()[line.inside().argmax(0), numbers])
    winner = jnp.argmax(jnp.take(x, positions, axis, mode="clip"), axis)
    return jnp.take_along_axis(x, jnp.asarray(positions)[winner, _along(axis, x.ndim, numbers)], axis, mode="clip")


def _sum_along(x: jax.Array, axis: int, line: Line) -> jax.Array:
    """The windows' sums along one axis."""
    if line.is_whole:
        return jnp.sum(x, axis, keepdims=True)
    if line.window <= UNROLLED:
        return reduce(add, _slices(x, axis, line, 0.0))
    window, strides = ([n if a == axis else 1 for a in range(x.ndim)] for n in (line.window, line.stride))
    edges = [(line.low, line.high) if a == axis else (0, 0) for a in range(x.ndim)]
    return lax.reduce_window(x, np.zeros((), x.dtype), lax.add, window, strides, edges)


def _slices(x: jax.Array, axis: int, line: Line, padding: float) -> Iterator[jax.Array]:
    """The windows' elements along one axis: for each offset, that of every window, as one strided slice."""
    edges = [(line.low, line.high, 0) if a == axis else (0, 0, 0) for a in range(x.ndim)]
    padded = lax.pad(x, jnp.asarray(padding, x.dtype), edges)
    span = (line.count - 1) * line.stride + 1
    for start in range(0, line.window * line.dilation, line.dilation):
        yield lax.slice_in_dim(padded, start, start + span, line.stride, axis)


def _along(axis: int, rank: int, values: np.ndarray) -> np.ndarray:
    """A constant that varies along one axis only."""
    return values.reshape([-1 if a == axis else 1 for a in range(rank)])


def _by_library(library: pooling.Pooling, meaning: Callable[..., tuple[jax.Array]], *statics: str) -> ByLibrary:
    return ByLibrary(
        library.name,
        meaning,
        inputs=1,
        differentiable=1,
        statics=("geometry", *statics),
        kept=library.kept,
        first_read=1,
        libraries={"cpu": library},
        batch=merge_examples,
    )


_MAX_POOL = _by_library(pooling.MAX_POOL, _max_pool)
_AVG_POOL = _by_library(pooling.AVG_POOL, _avg_pool, "count_include_pad")
