"""Pooling: the largest element, or the mean, of every window."""

from collections.abc import Iterator
from functools import partial, reduce
from itertools import product
from math import prod
from operator import add

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from functional_nn._barrier import barrier
from functional_nn._checks import require_flag, require_floating
from functional_nn._geometry import Line, Padding, PerDimension, pool_lines, spatial_axes
from functional_nn._jit import jit_op

# Windows up to this size along an axis are written out, which runs fast; longer ones would compile slowly.
UNROLLED = 8
# The same for windows that do not overlap, whose elements are written out over all axes.
LARGEST_BLOCK = 64
# Loops over this many channels, and over multiples of 8 beyond, leave nothing over after their last whole vector.
WHOLE_VECTORS = 16


@jit_op("window", "strides", "padding", "dilation", "layout")
def max_pool(
    x: jax.Array,
    *,
    window: PerDimension,
    strides: PerDimension | None = None,
    padding: Padding = "VALID",
    dilation: PerDimension = 1,
    layout: str = "channels_last",
) -> jax.Array:
    """The largest element of every window.

    out[n, p, c] = max over offsets k of x[n, p * strides + k * dilation - low, c], over the elements inside x: padding
    never wins. A NaN in a window is its maximum.

    At a tie the whole gradient goes to the window's first largest element in row-major order, as in PyTorch: one
    subgradient, the same on every machine, and as sparse as without a tie.

    Args:
        x: (batch, *spatial, channels), or (batch, channels, *spatial) if channels_first; a floating dtype.
        window: the size of the window, an int or one a spatial dimension.
        strides: how far the window moves, an int or one a spatial dimension; None means the window, without overlap.
        padding: "VALID" (none), "SAME" (ceil(size / strides) windows), an int, one int or (low, high) pair a dimension.
        dilation: the distance between neighbours inside the window, an int or one a spatial dimension.
        layout: "channels_last" or "channels_first".

    Returns:
        (batch, *windows, channels), or (batch, channels, *windows); the dtype of x.

    Raises:
        TypeError: x is not a floating array, or a static is not made of ints.
        ValueError: a static is out of range, the window does not fit, or some window lies in the padding alone.

    References:
        Saito, Deep Learning from Scratch, section 7.3; docs/derivations/pooling.md.
    """
    require_floating("max_pool", x=x)
    out = jnp.asarray(x)
    axes = spatial_axes("max_pool", out, layout)
    geometry = pool_lines("max_pool", tuple(out.shape[a] for a in axes), window, strides, padding, dilation)
    wide = out.astype(jnp.promote_types(out.dtype, jnp.float32))
    if _apart(geometry):
        return _max_of_blocks(*_blocks(wide, axes, geometry)).astype(out.dtype)
    # From the last axis to the first: the first row that holds the maximum, and in it the first column.
    for axis, line in reversed(list(zip(axes, geometry, strict=True))):
        wide = _max_along(wide, axis, line)
    return wide.astype(out.dtype)


@jit_op("window", "strides", "padding", "count_include_pad", "layout")
def avg_pool(
    x: jax.Array,
    *,
    window: PerDimension,
    strides: PerDimension | None = None,
    padding: Padding = "VALID",
    count_include_pad: bool = True,
    layout: str = "channels_last",
) -> jax.Array:
    """The mean of every window.

    out[n, p, c] = (sum over offsets k of x[n, p * strides + k - low, c]) / count, where x is 0 in the padding and
    count is the number of elements of the window: all of them, or only those inside x if count_include_pad is False.

    Stable because 16-bit elements are summed in 32 bits and rounded once, at the end.

    Args:
        x: (batch, *spatial, channels), or (batch, channels, *spatial) if channels_first; a floating dtype.
        window: the size of the window, an int or one a spatial dimension.
        strides: how far the window moves, an int or one a spatial dimension; None means the window, without overlap.
        padding: "VALID" (none), "SAME" (ceil(size / strides) windows), an int, one int or (low, high) pair a dimension.
        count_include_pad: whether padding counts as elements that are 0.
        layout: "channels_last" or "channels_first".

    Returns:
        (batch, *windows, channels), or (batch, channels, *windows); the dtype of x.

    Raises:
        TypeError: x is not a floating array, or a static is not made of ints.
        ValueError: a static is out of range, the window does not fit, or some window lies in the padding alone.

    References:
        Saito, Deep Learning from Scratch, section 7.3; docs/derivations/pooling.md.
    """
    require_floating("avg_pool", x=x)
    require_flag("avg_pool", "count_include_pad", count_include_pad)
    out = jnp.asarray(x)
    axes = spatial_axes("avg_pool", out, layout)
    geometry = pool_lines("avg_pool", tuple(out.shape[a] for a in axes), window, strides, padding)
    wide = out.astype(jnp.promote_types(out.dtype, jnp.float32))
    if _apart(geometry):
        total = _sum_of_blocks(*_blocks(wide, axes, geometry))
        return (total / prod(line.window for line in geometry)).astype(out.dtype)
    count = np.ones(1)
    for axis, line in zip(axes, geometry, strict=True):
        wide = _sum_along(wide, axis, line)
        inside = line.inside().sum(0)
        count = count * (line.window if count_include_pad else _along(axis, wide.ndim, inside))
    return (wide / count.astype(wide.dtype)).astype(out.dtype)


def _apart(geometry: tuple[Line, ...]) -> bool:
    """Whether the windows tile x, up to what is left over at the high ends, and are small enough to be written out."""
    tiles = all(
        (line.stride, line.dilation, line.low) == (line.window, 1, 0) and line.count * line.window <= line.size
        for line in geometry
    )
    return tiles and prod(line.window for line in geometry) <= LARGEST_BLOCK


def _blocks(x: jax.Array, axes: range, geometry: tuple[Line, ...]) -> tuple[jax.Array, tuple[int, ...]]:
    """x with every spatial axis made two, (windows, window), and which axes are the windows' own."""
    for axis, line in zip(axes, geometry, strict=True):
        x = lax.slice_in_dim(x, 0, line.count * line.window, 1, axis)
    split = [(line.count, line.window) for line in geometry]
    shape = (*x.shape[: axes.start], *sum(split, ()), *x.shape[axes.stop :])
    return x.reshape(shape), tuple(range(axes.start + 1, axes.start + 2 * len(geometry), 2))


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _max_of_blocks(blocks: jax.Array, own: tuple[int, ...]) -> jax.Array:
    """The largest element over the windows' own axes.

    Its derivative is written as one choice among the elements of x, which runs as one loop; that of a maximum of
    slices would spread each slice out and add them up.
    """
    return _in_its_shape(reduce(lax.max, _elements(blocks, own)))


@_max_of_blocks.defjvp
def _max_of_blocks_jvp(own, primals, tangents):
    (blocks,), (tangent,) = primals, tangents
    best = _max_of_blocks(blocks, own)
    window = [blocks.shape[axis] if axis in own else 1 for axis in range(blocks.ndim)]
    places = np.arange(prod(window), dtype=np.int8).reshape(window)
    winner = lax.expand_dims(_winner(blocks, best, own), own)
    return best, jnp.sum(jnp.where(winner == places, tangent, 0), own)


def _winner(blocks: jax.Array, best: jax.Array, own: tuple[int, ...]) -> jax.Array:
    """The place in each window of its first largest element.

    XLA repeats what it takes for cheap inside of every loop that uses it: the winner for every element of the window.
    That is as fast where the loop is all whole vectors. Elsewhere the winner is the root of its square: a root XLA
    takes for dear, and computes once, in a loop of its own.
    """
    *earlier, _ = _elements(blocks, own)
    once = blocks.shape[-1] < WHOLE_VECTORS or blocks.shape[-1] % 8
    code = [place**2 if once else place for place in range(len(earlier) + 1)]
    winner = jnp.full(best.shape, code[-1], jnp.int16)
    for place, element in reversed(list(enumerate(earlier))):
        # If the maximum is NaN, so is every element that it could be.
        winner = jnp.where((element == best) | jnp.isnan(element), jnp.int16(code[place]), winner)
    return (lax.round(lax.sqrt(winner.astype(jnp.float32))) if once else winner).astype(jnp.int8)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _sum_of_blocks(blocks: jax.Array, own: tuple[int, ...]) -> jax.Array:
    """The sum over the windows' own axes, written as a sum of slices, which runs faster than one over short axes.

    Its derivative is written as one over axes, whose transpose fills every window in one loop.
    """
    return _in_its_shape(reduce(add, _elements(blocks, own)))


@_sum_of_blocks.defjvp
def _sum_of_blocks_jvp(own, primals, tangents):
    (blocks,), (tangent,) = primals, tangents
    return _sum_of_blocks(blocks, own), jnp.sum(tangent, own)


def _in_its_shape(out: jax.Array) -> jax.Array:
    """The output of a pooling, not computed as part of what follows.

    As part of a flattening, XLA's loop over a flat index would look up every element's place.
    """
    return barrier(out)


def _elements(blocks: jax.Array, own: tuple[int, ...]) -> Iterator[jax.Array]:
    """For each place in the window, in row-major order, its element of every window."""
    for at in product(*(range(blocks.shape[axis]) for axis in own)):
        element = blocks
        for axis, index in zip(own, at, strict=True):
            element = lax.slice_in_dim(element, index, index + 1, 1, axis)
        yield lax.squeeze(element, own)


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
