"""Pooling over windows that do not overlap, as loops that XLA for the CPU runs fast; other platforms take them as well.

docs/speed.md has the measurements.
"""

from collections.abc import Iterator
from functools import partial, reduce
from itertools import product
from math import prod
from operator import add

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from functional_nn._geometry import Line
from functional_nn.cpu.xla import barrier

# Windows of up to so many elements are written out over all axes; larger ones would compile slowly.
LARGEST_BLOCK = 64
# Loops over this many channels, and over multiples of 8 beyond, leave nothing over after their last whole vector.
WHOLE_VECTORS = 16


def are_small(geometry: tuple[Line, ...]) -> bool:
    """Whether the windows tile x, up to what is left over at the high ends, and are small enough to be written out."""
    tiles = all(
        (line.stride, line.dilation, line.low) == (line.window, 1, 0) and line.count * line.window <= line.size
        for line in geometry
    )
    return tiles and prod(line.window for line in geometry) <= LARGEST_BLOCK


def maxima(x: jax.Array, axes: range, geometry: tuple[Line, ...]) -> jax.Array:
    """Every block's largest element, NaN where one is; its gradient goes to the first of several."""
    return _max_of_blocks(*_blocks(x, axes, geometry))


def means(x: jax.Array, axes: range, geometry: tuple[Line, ...]) -> jax.Array:
    """Every block's mean."""
    return _sum_of_blocks(*_blocks(x, axes, geometry)) / prod(line.window for line in geometry)


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
