"""Forms of a convolution and its gradients that run faster on a CPU than XLA's own. Arrays are channels last.

They are sums of products like any convolution, written so that the work is matrix products, or sums over images, on
pieces that stay in the cache. `_lowerings` says where each is used; docs/speed.md has the measurements.
"""

from itertools import product
from math import prod

import jax
import jax.numpy as jnp
from jax import lax

from functional_nn._geometry import Line, Spec

# A tile's patches stay in the cache: of 0.1 to 4 MB this was the fastest where a core has 2 MB of it.
TILE_BYTES = 320 * 1024
# Patches of this many numbers make a matrix product fast; longer ones only copy more.
LONG = 48
# From here on a matrix product whose left side lies in order saves more time than putting it in order takes.
WORTH_TRANSPOSING = 64


def gather_by_tiles(x: jax.Array, out: jax.Array, *, spec: Spec) -> jax.Array:
    """The kernel's gradient, without groups: out times the patches of x that it saw, a few images at a time."""
    split = _first_patched(spec, x.shape[-1])
    count, rest = divmod(len(x), _images_a_tile(x, spec, split))
    whole = len(x) - rest
    tiles = tuple(a[:whole].reshape(count, -1, *a.shape[1:]) for a in (x, out))
    of_one = jax.eval_shape(lambda x, out: _products(x, out, spec, split), x, out)
    start = jnp.zeros(of_one.shape, of_one.dtype)
    total, _ = lax.scan(lambda total, tile: (total + _products(tile[0], tile[1], spec, split), None), start, tiles)
    if rest:
        total = total + _products(x[whole:], out[whole:], spec, split)
    window = [line.window for line in spec.lines]
    # (offsets, outputs, patch) as (*window, inputs, outputs).
    return jnp.moveaxis(total.reshape(*window[:split], out.shape[-1], *window[split:], x.shape[-1]), split, -1)


def _first_patched(spec: Spec, channels: int) -> int:
    """Patches run along this spatial dimension and all later ones, enough of them to be long."""
    first = len(spec.lines) - 1
    while first and channels * prod(line.window for line in spec.lines[first:]) < LONG:
        first -= 1
    return first


def _images_a_tile(x: jax.Array, spec: Spec, split: int) -> int:
    patch = x.shape[-1] * prod(line.window for line in spec.lines[split:]) * x.dtype.itemsize
    return min(max(TILE_BYTES // (patch * prod(line.count for line in spec.lines)), 1), len(x))


def _products(x: jax.Array, out: jax.Array, spec: Spec, split: int) -> jax.Array:
    """(offsets, outputs, patch): for each offset before dimension `split`, out times patches along the others."""
    before, along = spec.lines[:split], spec.lines[split:]
    padded = _pad(x, spec.lines)
    patches = jnp.concatenate([_window(padded, at, along, split + 1) for at in _offsets(along)], -1)
    columns = out.reshape(-1, out.shape[-1]).T
    if len(columns) >= WORTH_TRANSPOSING:
        # Without a barrier XLA would undo the transposition and read the columns with strides.
        columns = lax.optimization_barrier(columns)
    seen = (_window(patches, at, before, 1).reshape(columns.shape[1], -1) for at in _offsets(before))
    return jnp.stack([jnp.dot(columns, rows, precision=spec.precision) for rows in seen])


def spread_by_planes(out: jax.Array, kernel: jax.Array, *, spec: Spec) -> jax.Array:
    """The gradient with respect to an x of few channels: one matrix product makes every offset's share of each channel.

    The shares are images of one channel, which are shifted back, spread out by the strides and added in one loop.
    """
    pixels, weights = out.reshape(-1, out.shape[-1]), kernel.reshape(-1, kernel.shape[-1])
    shares = jnp.dot(weights, pixels.T, precision=spec.precision).reshape(*kernel.shape[:-1], *out.shape[:-1])
    planes = [_place(shares[at], at, spec.lines, 2) for at in _offsets(spec.lines)]
    return jnp.moveaxis(_sum(planes), 0, -1)


def depthwise_correlate(x: jax.Array, kernel: jax.Array, *, spec: Spec) -> jax.Array:
    """Every channel's convolution by itself: a sum of shifted images, each weighted."""
    padded = _pad(x, spec.lines)
    return _sum([_window(padded, at, spec.lines, 1) * kernel[at] for at in _offsets(spec.lines)])


def depthwise_spread(out: jax.Array, kernel: jax.Array, *, spec: Spec) -> jax.Array:
    """Its gradient with respect to x: the weighted images shifted back and spread out by the strides."""
    return _sum([_place(out * kernel[at], at, spec.lines, 1) for at in _offsets(spec.lines)])


def depthwise_gather(x: jax.Array, out: jax.Array, *, spec: Spec) -> jax.Array:
    """Its gradient with respect to the kernel: for every offset the sum over all positions, an image at a time."""

    def of_image(total: jax.Array, image: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
        padded, out = _pad(image[0][None], spec.lines), image[1][None]
        products = (_window(padded, at, spec.lines, 1) * out for at in _offsets(spec.lines))
        return total + jnp.stack([jnp.sum(each, range(out.ndim - 1)) for each in products]), None

    window = [line.window for line in spec.lines]
    total, _ = lax.scan(of_image, jnp.zeros((prod(window), x.shape[-1]), x.dtype), (x, out))
    return total.reshape(*window, 1, -1)


def _place(out: jax.Array, at: tuple[int, ...], lines: tuple[Line, ...], first: int) -> jax.Array:
    """The inverse of `_window`: what belongs to one offset of every window lies where x has it, among zeros."""
    edges = [(0, 0, 0)] * out.ndim
    for axis, (offset, line) in enumerate(zip(at, lines, strict=True), start=first):
        low = offset * line.dilation - line.low
        edges[axis] = (low, line.size - low - (line.count - 1) * line.stride - 1, line.stride - 1)
    return lax.pad(out, jnp.zeros((), out.dtype), edges)


def _pad(x: jax.Array, lines: tuple[Line, ...]) -> jax.Array:
    edges = [(0, 0, 0), *((line.low, line.high, 0) for line in lines), (0, 0, 0)]
    return lax.pad(x, jnp.zeros((), x.dtype), edges)


def _offsets(lines: tuple[Line, ...]) -> product:
    return product(*(range(line.window) for line in lines))


def _window(padded: jax.Array, at: tuple[int, ...], lines: tuple[Line, ...], first: int) -> jax.Array:
    """What lies at one offset of every window, along the axes from `first` on that have lines; others stay whole."""
    for axis, (offset, line) in enumerate(zip(at, lines, strict=True), start=first):
        start = offset * line.dilation
        padded = lax.slice_in_dim(padded, start, start + (line.count - 1) * line.stride + 1, line.stride, axis)
    return padded


def _sum(arrays: list[jax.Array]) -> jax.Array:
    total, *rest = arrays
    for array in rest:
        total = total + array
    return total
