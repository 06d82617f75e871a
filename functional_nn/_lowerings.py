"""What a convolution and its gradients lower to: one form in lax for every platform, and faster ones for the CPU."""

import os
from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from functional_nn import _fast
from functional_nn._geometry import Spec

# FUNCTIONAL_NN_FAST=0, read once at import, leaves every form to lax.
FAST = os.environ.get("FUNCTIONAL_NN_FAST", "1") != "0"

# Where tiles were measured to win over XLA's gradient with respect to the kernel (docs/speed.md).
# Fewer multiplications are over before a loop pays.
LEAST_MULTIPLICATIONS = 4_000_000
# Nor do tiles pay that multiply each number they copied with fewer than this.
LEAST_A_COPY = 11
# A larger kernel is added to itself for every tile, and XLA's form is as good.
LARGEST_KERNEL_BYTES = 1 << 20
# An image is a tile at least; above this its copies do not stay in the cache.
LARGEST_IMAGE_BYTES = 4 << 20
# Since jax 0.12 XLA leaves most of these convolutions to a library that uses every core, and has nothing to copy.
BY_LIBRARY = jax.__version_info__ >= (0, 12)
# The library is as fast or faster where more than this is multiplied with each copied number.
MOST_A_COPY = 20
# A depthwise window is written out, offset by offset; a larger one would compile slowly.
LARGEST_DEPTHWISE_WINDOW = 49
# Planes are x's channels times the window's elements; with more of them lax's own form is as fast.
MOST_PLANE_CHANNELS = 4
MOST_PLANES = 48


def correlate(x: jax.Array, kernel: jax.Array, *, spec: Spec) -> jax.Array:
    """out[p] = sum over offsets k of x[p * strides + k * dilation - low] kernel[k]."""
    return lax.conv_general_dilated(
        x,
        kernel,
        window_strides=[line.stride for line in spec.lines],
        padding=[(line.low, line.high) for line in spec.lines],
        rhs_dilation=[line.dilation for line in spec.lines],
        dimension_numbers=_dimension_numbers(len(spec.lines), spec.layout),
        feature_group_count=spec.groups,
        precision=spec.precision,
    )


def spread(out: jax.Array, kernel: jax.Array, *, spec: Spec) -> jax.Array:
    """The transpose of `correlate` as a linear function of x."""
    inputs = spec.groups * kernel.shape[-2 if spec.layout == "channels_last" else 1]
    sizes = tuple(line.size for line in spec.lines)
    shape = (out.shape[0], *sizes, inputs) if spec.layout == "channels_last" else (out.shape[0], inputs, *sizes)
    (x,) = jax.linear_transpose(lambda x: correlate(x, kernel, spec=spec), jax.ShapeDtypeStruct(shape, out.dtype))(out)
    return x


def gather(x: jax.Array, out: jax.Array, *, spec: Spec) -> jax.Array:
    """The transpose of `correlate` as a linear function of the kernel."""
    channel = -1 if spec.layout == "channels_last" else 1
    inputs, outputs = x.shape[channel] // spec.groups, out.shape[channel]
    window = tuple(line.window for line in spec.lines)
    shape = (*window, inputs, outputs) if spec.layout == "channels_last" else (outputs, inputs, *window)
    shaped = jax.ShapeDtypeStruct(shape, x.dtype)
    (kernel,) = jax.linear_transpose(lambda kernel: correlate(x, kernel, spec=spec), shaped)(out)
    return kernel


def _dimension_numbers(rank: int, layout: str) -> lax.ConvDimensionNumbers:
    """Where batch (or output channels), channels (or input channels) and space lie in x, kernel and output."""
    if layout == "channels_last":
        image, window = (0, rank + 1, *range(1, rank + 1)), (rank + 1, rank, *range(rank))
        return lax.ConvDimensionNumbers(image, window, image)
    return lax.ConvDimensionNumbers(*(tuple(range(rank + 2)),) * 3)


def choose(name: str, left: Any, right: Any, spec: Spec) -> Callable[..., jax.Array]:
    """The form that was measured to be fastest on a CPU, from the shapes, dtypes and statics alone.

    XLA's own forms are kept where they are good: the convolution itself, and its gradient with respect to x, reach what
    a matrix product reaches. Not good is its gradient with respect to the kernel wherever a library does not take it
    over: it lays out the sum over all positions as one convolution with a kernel as large as the image. Nor is anything
    depthwise, for which it runs plain loops.
    """
    sizes = (*left.shape, *right.shape)
    static = all(isinstance(size, int) for size in sizes)
    # 16-bit arrays: lax adds up in 32 bits, which these forms would have to spell out.
    if not FAST or not static or 0 in sizes or left.dtype not in (jnp.float32, jnp.float64):
        return LAX[name]
    if _is_depthwise(name, left, right, spec):
        return partial(_channels_last, name, DEPTHWISE[name])
    if name == "gather" and spec.groups == 1 and _worth_tiles(left, right, spec):
        return partial(_channels_last, name, _fast.gather_by_tiles)
    if name == "spread" and spec.groups == 1 and _worth_planes(right, spec):
        return partial(_channels_last, name, _fast.spread_by_planes)
    return LAX[name]


def _is_depthwise(name: str, left: Any, right: Any, spec: Spec) -> bool:
    """Whether every channel has a group of its own."""
    channel = -1 if spec.layout == "channels_last" else 1
    inputs, outputs = (-2, -1) if spec.layout == "channels_last" else (1, 0)
    small = prod(line.window for line in spec.lines) <= LARGEST_DEPTHWISE_WINDOW
    if name == "gather":
        alone = left.shape[channel] == right.shape[channel] == spec.groups
    else:
        alone = right.shape[inputs] == 1 and right.shape[outputs] == spec.groups
    return alone and small and spec.groups > 1


def _worth_planes(kernel: Any, spec: Spec) -> bool:
    channels = kernel.shape[-2 if spec.layout == "channels_last" else 1]
    return channels <= MOST_PLANE_CHANNELS and channels * prod(line.window for line in spec.lines) <= MOST_PLANES


def _worth_tiles(x: Any, out: Any, spec: Spec) -> bool:
    if spec.layout != "channels_last":
        x, out = (jax.ShapeDtypeStruct((a.shape[0], *a.shape[2:], a.shape[1]), a.dtype) for a in (x, out))
    kernel = prod(line.window for line in spec.lines) * x.shape[-1] * out.shape[-1]
    copied, _ = _fast.copies(x.shape[-1], out.shape[-1], spec.lines)
    most = MOST_A_COPY if BY_LIBRARY and _is_for_library(x, out, spec) else kernel
    return (
        LEAST_A_COPY * copied <= kernel <= most * copied
        and x.shape[0] * prod(line.count for line in spec.lines) * kernel >= LEAST_MULTIPLICATIONS
        and kernel * x.dtype.itemsize <= LARGEST_KERNEL_BYTES
        and _fast.image_bytes(x, out, spec.lines) <= LARGEST_IMAGE_BYTES
    )


def _is_for_library(x: Any, out: Any, spec: Spec) -> bool:
    """Whether XLA leaves the gradient with respect to the kernel to its library, slow at strides and 1x1 windows."""
    planar = len(spec.lines) == 2 and all(line.stride == 1 < line.window for line in spec.lines)
    fits = all(line.count <= line.size and line.window <= line.size for line in spec.lines)
    return planar and fits and max(x.shape[0], out.shape[-1]) > 16


def _channels_last(name: str, form: Callable[..., jax.Array], left: jax.Array, right: jax.Array, *, spec: Spec):
    """A form for arrays with channels last, whatever their layout."""
    if spec.layout == "channels_last":
        return form(left, right, spec=spec)
    image = partial(jnp.moveaxis, source=1, destination=-1)
    if name == "gather":
        return jnp.moveaxis(form(image(left), image(right), spec=spec), (-1, -2), (0, 1))
    return jnp.moveaxis(form(image(left), jnp.moveaxis(right, (0, 1), (-1, -2)), spec=spec), -1, 1)


def on_cpu(name: str) -> Callable[..., jax.Array]:
    """The primitive's form on a CPU, as a function of its arrays."""
    return lambda left, right, *, spec: choose(name, left, right, spec)(left, right, spec=spec)


DEPTHWISE = {
    "correlate": _fast.depthwise_correlate,
    "spread": _fast.depthwise_spread,
    "gather": _fast.depthwise_gather,
}
LAX = {"correlate": correlate, "spread": spread, "gather": gather}
