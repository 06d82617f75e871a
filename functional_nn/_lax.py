"""Convolution and its two gradients in lax: a form for every platform, and for whatever no faster one is known."""

from dataclasses import replace

import jax
import jax.numpy as jnp
from jax import lax

from functional_nn._geometry import Spec


def correlate(x: jax.Array, kernel: jax.Array, *, spec: Spec) -> jax.Array:
    """out[p] = sum over offsets k of x[p * strides + k * dilation - low] kernel[k]."""
    # Cut here, not by padding below 0: XLA for the CPU reads beside x then, until 0.12 (docs/xla_cpu_convolution.md).
    inside = [(max(-line.low, 0), line.size - max(-line.high, 0)) for line in spec.lines]
    return lax.conv_general_dilated(
        _slice(x, inside, spec.layout),
        kernel,
        window_strides=[line.stride for line in spec.lines],
        padding=[(max(line.low, 0), max(line.high, 0)) for line in spec.lines],
        rhs_dilation=[line.dilation for line in spec.lines],
        dimension_numbers=_dimension_numbers(len(spec.lines), spec.layout),
        feature_group_count=spec.groups,
        precision=spec.precision,
    )


def spread(out: jax.Array, kernel: jax.Array, *, spec: Spec) -> jax.Array:
    """The transpose of `correlate` as a linear function of x.

    Windows in the padding alone are left out: the convolution that this is would cut them off by padding below 0.
    """
    inputs = spec.groups * kernel.shape[-2 if spec.layout == "channels_last" else 1]
    sizes = tuple(line.size for line in spec.lines)
    shape = (out.shape[0], *sizes, inputs) if spec.layout == "channels_last" else (out.shape[0], inputs, *sizes)
    spans = [line.span() for line in spec.lines]
    if any(first == last for first, last in spans):
        return jnp.zeros(shape, out.dtype)
    seen = replace(spec, lines=tuple(line.part(*span) for line, span in zip(spec.lines, spans, strict=True)))
    shaped = jax.ShapeDtypeStruct(shape, out.dtype)
    (x,) = jax.linear_transpose(lambda x: correlate(x, kernel, spec=seen), shaped)(_slice(out, spans, spec.layout))
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


def _slice(array: jax.Array, spans: list[tuple[int, int]], layout: str) -> jax.Array:
    """What lies between the two ends along every spatial dimension."""
    for axis, (first, last) in enumerate(spans, start=1 if layout == "channels_last" else 2):
        array = array if last - first == array.shape[axis] else lax.slice_in_dim(array, first, last, axis=axis)
    return array


def _dimension_numbers(rank: int, layout: str) -> lax.ConvDimensionNumbers:
    """Where batch (or output channels), channels (or input channels) and space lie in x, kernel and output."""
    if layout == "channels_last":
        image, window = (0, rank + 1, *range(1, rank + 1)), (rank + 1, rank, *range(rank))
        return lax.ConvDimensionNumbers(image, window, image)
    return lax.ConvDimensionNumbers(*(tuple(range(rank + 2)),) * 3)


LAX = {"correlate": correlate, "spread": spread, "gather": gather}
