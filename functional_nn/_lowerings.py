"""What a convolution and its gradients lower to on a CPU: which form, from the shapes alone."""

import os
from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any

import jax
import jax.numpy as jnp

from functional_nn import _fast, _lax
from functional_nn._geometry import Spec

# FUNCTIONAL_NN_FAST=0, read once at import, leaves every form to lax.
FAST = os.environ.get("FUNCTIONAL_NN_FAST", "1") != "0"

# XLA leaves most planar convolutions to a library, which uses all cores since jax 0.12 and one before.
LIBRARY_USES_ALL_CORES = jax.__version_info__ >= (0, 12)
# A library on one core is passed by where there is this much to do for all of them, with this many channels.
LEAST_MULTIPLICATIONS_FOR_ALL = 64_000_000
LEAST_CHANNELS_FOR_ALL = 16
# Where tiles were measured to win over XLA's gradient with respect to the kernel (docs/speed.md).
# Fewer multiplications are over before a loop pays.
LEAST_MULTIPLICATIONS = 4_000_000
# Nor do tiles pay that multiply each number they copied with fewer than this.
LEAST_A_COPY = 11
# A larger kernel is added to itself for every tile, and XLA's form is as good.
LARGEST_KERNEL_BYTES = 4 << 20
# An image is a tile at least; above this its copies do not stay in the cache.
LARGEST_IMAGE_BYTES = 20 << 20
# A library on all cores is faster than tiles where it multiplies each copied number with more than this, in arrays that
# it has to transpose first but that stay in the cache.
MOST_A_COPY = 20
LIBRARY_BYTES = 3_500_000
# A depthwise window is written out, offset by offset; a larger one would compile slowly.
LARGEST_DEPTHWISE_WINDOW = 49
# Planes are x's channels times the window's elements; with more of them lax's own form is as fast.
MOST_PLANE_CHANNELS = 4
MOST_PLANES = 48


def choose(name: str, left: Any, right: Any, spec: Spec) -> Callable[..., jax.Array]:
    """The form that was measured to be fastest on a CPU, from the shapes, dtypes and statics alone.

    XLA's own forms are kept where they are good. Not good is its gradient with respect to the kernel: it lays out the
    sum over all positions as one convolution with a kernel as large as the image. Nor is anything that its library
    computes on one core where all could help, nor anything depthwise, for which it runs plain loops.
    """
    sizes = (*left.shape, *right.shape)
    static = all(isinstance(size, int) for size in sizes)
    # 16-bit arrays: lax adds up in 32 bits, which these forms would have to spell out.
    if not FAST or not static or 0 in sizes or left.dtype not in (jnp.float32, jnp.float64):
        return LAX[name]
    if _is_depthwise(name, left, right, spec):
        return partial(_channels_last, name, DEPTHWISE[name])
    if spec.groups > 1:
        return LAX[name]
    if name == "gather":
        worth = _worth_tiles(left, right, spec)
        return partial(_channels_last, name, _fast.gather_by_tiles) if worth else LAX[name]
    if name == "spread" and _worth_planes(right, spec):
        return partial(_channels_last, name, _fast.spread_by_planes)
    return ON_ALL_CORES[name] if _worth_all_cores(name, left, right, spec) else LAX[name]


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


def _worth_all_cores(name: str, left: Any, kernel: Any, spec: Spec) -> bool:
    """Whether there is much to do in a convolution that the library would compute on one core.

    It takes those in a plane, of single precision, without strides, whose output is no larger than what slides.
    """
    if LIBRARY_USES_ALL_CORES or left.dtype != jnp.float32 or any(line.stride > 1 for line in spec.lines):
        return False
    lines = spec.lines if name == "correlate" else _fast.mirrored(spec.lines)
    channels = kernel.shape[-2:] if spec.layout == "channels_last" else kernel.shape[:2]
    return (
        len(lines) == 2
        and all(line.count <= line.size and line.window <= line.size for line in lines)
        and min(channels) >= LEAST_CHANNELS_FOR_ALL
        and left.shape[0] * prod(line.count for line in lines) * kernel.size >= LEAST_MULTIPLICATIONS_FOR_ALL
    )


def _worth_tiles(x: Any, out: Any, spec: Spec) -> bool:
    if spec.layout != "channels_last":
        x, out = (jax.ShapeDtypeStruct((a.shape[0], *a.shape[2:], a.shape[1]), a.dtype) for a in (x, out))
    kernel = prod(line.window for line in spec.lines) * x.shape[-1] * out.shape[-1]
    copied, _ = _fast.copies(x.shape[-1], out.shape[-1], spec.lines)
    most = MOST_A_COPY if _better_by_library(x, out, spec) else kernel
    return (
        LEAST_A_COPY * copied <= kernel <= most * copied
        and x.shape[0] * prod(line.count for line in spec.lines) * kernel >= LEAST_MULTIPLICATIONS
        and kernel * x.dtype.itemsize <= LARGEST_KERNEL_BYTES
        and _fast.image_bytes(x, out, spec.lines) <= LARGEST_IMAGE_BYTES
    )


def _better_by_library(x: Any, out: Any, spec: Spec) -> bool:
    """Whether XLA leaves a kernel's gradient to its library, slow at strides and 1x1 windows, on all cores and in the
    cache."""
    planar = len(spec.lines) == 2 and all(line.stride == 1 < line.window for line in spec.lines)
    fits = all(line.count <= line.size and line.window <= line.size for line in spec.lines)
    small = (prod(x.shape) + prod(out.shape)) * x.dtype.itemsize <= LIBRARY_BYTES
    return LIBRARY_USES_ALL_CORES and planar and fits and small and max(x.shape[0], out.shape[-1]) > 16


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
ON_ALL_CORES = {"correlate": _fast.correlate_on_all_cores, "spread": _fast.spread_on_all_cores}
LAX = {"correlate": _lax.correlate, "spread": _lax.spread, "gather": _lax.gather}
