"""Forms of a convolution and its gradients that run faster on a CPU than XLA's own.

Arrays are channels last, but in the two forms for all cores, whose layout is the spec's.

They are sums of products like any convolution, written so that the work is matrix products, or sums over images, on
pieces that stay in the cache. `lowerings` says where each is used; docs/speed.md has the measurements.
"""

from dataclasses import replace
from itertools import product
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from functional_nn import _lax
from functional_nn._geometry import Line, Spec

# What a tile copies: enough for every core to have its share of each step, little enough to stay in the outer cache.
TILE_BYTES = 4 << 20


def correlate_on_all_cores(x: jax.Array, kernel: jax.Array, *, spec: Spec) -> jax.Array:
    """The convolution with some windows more along one dimension, which are dropped again.

    XLA leaves no convolution to its library whose output is larger than x: that one Eigen computes, on all cores.
    """
    number, more = fewest_more(spec.lines)
    line = spec.lines[number]
    longer = replace(line, high=line.high + more, count=line.count + more)
    lines = (*spec.lines[:number], longer, *spec.lines[number + 1 :])
    out = _lax.correlate(x, kernel, spec=replace(spec, lines=lines))
    axis = number + (1 if spec.layout == "channels_last" else 2)
    return lax.slice_in_dim(out, 0, line.count, axis=axis)


def spread_on_all_cores(out: jax.Array, kernel: jax.Array, *, spec: Spec) -> jax.Array:
    """The gradient with respect to x, without strides: the same of out and the kernel turned round."""
    outer = (-2, -1) if spec.layout == "channels_last" else (0, 1)
    window = range(len(spec.lines)) if spec.layout == "channels_last" else range(2, kernel.ndim)
    turned = jnp.swapaxes(jnp.flip(kernel, tuple(window)), *outer)
    return correlate_on_all_cores(out, turned, spec=replace(spec, lines=mirrored(spec.lines)))


def mirrored(lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """How the turned kernel slides along out, without strides, to give x."""
    reaches = [(line.window - 1) * line.dilation for line in lines]
    return tuple(
        replace(n, size=n.count, count=n.size, low=reach - n.low, high=reach - n.high)
        for n, reach in zip(lines, reaches, strict=True)
    )


def fewest_more(lines: tuple[Line, ...]) -> tuple[int, int]:
    """The dimension along which the smallest share of windows more makes the output larger than x, and how many."""
    more = [max(line.size + 1 - line.count, 0) for line in lines]
    number = min(range(len(lines)), key=lambda n: more[n] / lines[n].count)
    return number, more[number]


def gather_by_tiles(x: jax.Array, out: jax.Array, *, spec: Spec) -> jax.Array:
    """The kernel's gradient, without groups: out times the x that it saw, a few images at a time.

    The offsets of the window are parted between the two. x is copied once for every offset along the later dimensions,
    and out once for every offset along the earlier ones, so that a single matrix product finds every pair of offsets
    while less is copied than if one of them bore them all.
    """
    _, split = copies(x.shape[-1], out.shape[-1], spec.lines)
    images = _images_a_tile(x, out, spec.lines)
    count, rest = divmod(len(x), images)

    def of_images(start: jax.Array | int, images: int) -> jax.Array:
        some_x, some_out = (lax.dynamic_slice_in_dim(a, start, images) for a in (x, out))
        return _products(some_x, some_out, spec, split)

    # Slices of x, not x cut into tiles: XLA would make x a second time in the shape of the tiles.
    of_one = jax.eval_shape(lambda: of_images(0, images))
    start = jnp.zeros(of_one.shape, of_one.dtype)
    total, _ = lax.scan(lambda total, tile: (total + of_images(tile * images, images), None), start, jnp.arange(count))
    if rest:
        total = total + of_images(len(x) - rest, rest)
    early, late = ([line.window for line in lines] for lines in (spec.lines[:split], spec.lines[split:]))
    parted = total.reshape(*late, x.shape[-1], *early, out.shape[-1])
    # (*late, inputs, *early, outputs) as (*window, inputs, outputs).
    return jnp.moveaxis(parted, range(len(late) + 1, len(late) + 1 + split), range(split))


def copies(inputs: int, outputs: int, lines: tuple[Line, ...]) -> tuple[int, int]:
    """How many numbers a tile copies for every position, and how many dimensions out bears the offsets of.

    Those are the first dimensions, as many of them as lead to the fewest copies, and none that has strides.
    """
    free = next((d for d, line in enumerate(lines) if line.stride > 1), len(lines))
    size = [prod(line.window for line in lines[:d]) for d in range(len(lines) + 1)]
    return min((inputs * (size[-1] // size[d]) + outputs * size[d], d) for d in range(free + 1))


def image_bytes(x: Any, out: Any, lines: tuple[Line, ...]) -> int:
    """What a tile of one image copies."""
    copied, split = copies(x.shape[-1], out.shape[-1], lines)
    positions = prod(line.size for line in lines[:split]) * prod(line.count for line in lines[split:])
    return positions * copied * x.dtype.itemsize


def _images_a_tile(x: jax.Array, out: jax.Array, lines: tuple[Line, ...]) -> int:
    """As many as fit, or somewhat fewer if that divides the batch."""
    fit = min(max(TILE_BYTES // image_bytes(x, out, lines), 1), len(x))
    divisor = max(n for n in range(1, fit + 1) if len(x) % n == 0)
    return divisor if 2 * divisor >= fit else fit


def _products(x: jax.Array, out: jax.Array, spec: Spec, split: int) -> jax.Array:
    """(late offsets and inputs, early offsets and outputs): the sum over images, x's rows and out's columns."""
    early, late = spec.lines[:split], spec.lines[split:]
    padded = _pad(x, _paddings(spec)[split:], split + 1)
    seen = jnp.stack([_window(padded, at, late, split + 1) for at in _offsets(late)], -2)
    left, right = (a.reshape(-1, prod(a.shape[-2:])) for a in (seen, _by_rows_of_x(out, early)))
    return lax.dot_general(left, right, (((0,), (0,)), ((), ())), precision=spec.precision)


def _by_rows_of_x(out: jax.Array, lines: tuple[Line, ...]) -> jax.Array:
    """For each row of x and each offset, next to the channels, the row of out that saw it there; zeros where none did.

    That is row h + low - k * dilation for row h and offset k, along every dimension that has lines.
    """
    reaches = [(line.window - 1) * line.dilation for line in lines]
    padded = _pad(out, [(reach - line.low, reach - line.high) for reach, line in zip(reaches, lines, strict=True)], 1)
    rows = tuple(replace(line, count=line.size) for line in lines)
    mirrored = (tuple(n.window - 1 - k for n, k in zip(lines, at, strict=True)) for at in _offsets(lines))
    return jnp.stack([_window(padded, at, rows, 1) for at in mirrored], -2)


def gather_by_patches(x: jax.Array, out: jax.Array, *, spec: Spec) -> jax.Array:
    """The kernel's gradient, for an x of few channels: all that the windows see at once, and one product with out."""
    # Not before out is there: XLA would make the patches while x is at hand, and keep them all the while.
    x, out = lax.optimization_barrier((x, out))
    patches = _pad(x, _paddings(spec), 1)
    for number, line in reversed(list(enumerate(spec.lines))):
        # The later windows and the channels lie behind.
        patches = _stack(patches, number + 1, line, len(spec.lines) + 1)
    window = patches.shape[len(spec.lines) + 1 :]
    rows, columns = patches.reshape(-1, prod(window)), out.reshape(-1, out.shape[-1])
    product = lax.dot_general(rows, columns, (((0,), (0,)), ((), ())), precision=spec.precision)
    return product.reshape(*window, out.shape[-1])


def correlate_by_planes(x: jax.Array, kernel: jax.Array, *, spec: Spec) -> jax.Array:
    """The convolution of an x of few channels: its image shifted to every offset, and one matrix product."""
    planes = jnp.moveaxis(_pad(x, _paddings(spec), 1), -1, 0)
    for number, line in reversed(list(enumerate(spec.lines))):
        planes = _stack(planes, planes.ndim - len(spec.lines) + number, line, 0)
    weights = kernel.reshape(-1, kernel.shape[-1])
    left = planes.reshape(len(weights), -1)
    out = lax.dot_general(left, weights, (((0,), (0,)), ((), ())), precision=spec.precision)
    return out.reshape(len(x), *(line.count for line in spec.lines), -1)


def _stack(padded: jax.Array, axis: int, line: Line, new: int) -> jax.Array:
    """What every offset along one axis sees, side by side along a new axis.

    One axis after the other copies less, and in longer runs, than every offset of the window from padded itself.
    """
    return jnp.stack([_window(padded, (offset,), (line,), axis) for offset in range(line.window)], new)


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
    padded = _pad(x, _paddings(spec), 1)
    return _sum([_window(padded, at, spec.lines, 1) * kernel[at] for at in _offsets(spec.lines)])


def depthwise_spread(out: jax.Array, kernel: jax.Array, *, spec: Spec) -> jax.Array:
    """Its gradient with respect to x: the weighted images shifted back and spread out by the strides."""
    return _sum([_place(out * kernel[at], at, spec.lines, 1) for at in _offsets(spec.lines)])


def depthwise_gather(x: jax.Array, out: jax.Array, *, spec: Spec) -> jax.Array:
    """Its gradient with respect to the kernel: for every offset the sum over all positions, an image at a time."""

    def of_image(total: jax.Array, image: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
        padded, out = _pad(image[0][None], _paddings(spec), 1), image[1][None]
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


def _pad(x: jax.Array, edges: list[tuple[int, int]], first: int) -> jax.Array:
    """x with zeros around it, or less of it where an edge is negative, along the axes from `first` on."""
    all_edges = [(0, 0, 0)] * x.ndim
    all_edges[first : first + len(edges)] = [(*edge, 0) for edge in edges]
    return lax.pad(x, jnp.zeros((), x.dtype), all_edges)


def _paddings(spec: Spec) -> list[tuple[int, int]]:
    return [(line.low, line.high) for line in spec.lines]


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
