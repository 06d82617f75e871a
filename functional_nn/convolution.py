"""Convolution and its transpose, over any number of spatial dimensions."""

import jax
import jax.numpy as jnp

from functional_nn._bilinear import correlate, spread
from functional_nn._checks import require, require_floating
from functional_nn._geometry import Padding, PerDimension, lines, require_groups, spatial_axes, transposed_lines
from functional_nn._jit import jit_op


@jit_op("strides", "padding", "dilation", "groups", "layout")
def conv(
    x: jax.Array,
    kernel: jax.Array,
    bias: jax.Array | None = None,
    *,
    strides: PerDimension = 1,
    padding: Padding = "VALID",
    dilation: PerDimension = 1,
    groups: int = 1,
    layout: str = "channels_last",
) -> jax.Array:
    """Slides a kernel over the spatial dimensions of x and sums the products at every position (cross-correlation).

    out[n, p, o] = bias[o] + sum of x[n, p * strides + k * dilation - low, c] kernel[k, c, o] over all offsets k in the
    window and channels c, where p and k are positions in all spatial dimensions, and x is 0 in the padding.
    A group of output channels reads its own group of input channels. There are
    (size + low + high - (window - 1) * dilation - 1) // strides + 1 positions along a spatial dimension.

    Stable because 16-bit products are summed in 32 bits and rounded once, at the end.

    Args:
        x: (batch, *spatial, in_channels), or (batch, in_channels, *spatial) if channels_first; a floating dtype.
        kernel: (*window, in_channels // groups, out_channels), or (out_channels, in_channels // groups, *window).
        bias: (out_channels,), or None for none.
        strides: how far the window moves, an int or one a spatial dimension.
        padding: "VALID" (none), "SAME" (ceil(size / strides) positions, an odd element of padding at the high end),
            "SAME_LOWER" (at the low end), an int, one int or (low, high) pair a spatial dimension.
        dilation: the distance between neighbours inside the window, an int or one a spatial dimension.
        groups: divides in_channels and out_channels; in_channels makes the convolution depthwise.
        layout: "channels_last" or "channels_first".

    Returns:
        (batch, *positions, out_channels), or (batch, out_channels, *positions); the promoted dtype of the arguments.

    Raises:
        TypeError: an argument is not a floating array, or a static is not made of ints.
        ValueError: ranks, channels, groups or bias do not match, a static is out of range, or the window does not fit.

    References:
        Dumoulin and Visin, A guide to convolution arithmetic for deep learning; Saito, Deep Learning from Scratch,
        section 7.2; docs/derivations/convolution.md.

    >>> print(conv(jnp.array([[[1.0], [2.0], [4.0]]]), jnp.array([[[1.0]], [[-1.0]]])).ravel())
    [-1. -2.]
    >>> print(conv(jnp.ones((1, 8, 8, 3)), jnp.ones((3, 3, 3, 16)), strides=2, padding="SAME").shape)
    (1, 4, 4, 16)
    """
    x, kernel, bias = _operands("conv", x, kernel, bias)
    axes = spatial_axes("conv", x, layout)
    window, inputs, outputs = _kernel_sizes("conv", x, kernel, groups, layout)
    _require_channels("conv", x, bias, inputs, outputs, layout)
    sizes = tuple(x.shape[axis] for axis in axes)
    geometry = lines("conv", sizes, window, strides, padding, dilation)
    return _plus_bias(correlate(x, kernel, geometry, groups, layout), bias, layout)


@jit_op("strides", "padding", "output_padding", "dilation", "groups", "layout")
def conv_transpose(
    x: jax.Array,
    kernel: jax.Array,
    bias: jax.Array | None = None,
    *,
    strides: PerDimension = 1,
    padding: Padding = "VALID",
    output_padding: PerDimension = 0,
    dilation: PerDimension = 1,
    groups: int = 1,
    layout: str = "channels_last",
) -> jax.Array:
    """Spreads every element of x over a window of the output, scaled by the kernel: the gradient of conv by its input.

    out[n, p * strides + k * dilation - low, c] gathers x[n, p, o] kernel[k, c, o] over all positions p of x, offsets k
    and channels o; what falls outside of the output is dropped. The kernel is that conv's kernel, so x has the
    kernel's out_channels, and the output its in_channels. The output's size is
    (size - 1) * strides + (window - 1) * dilation + 1 - low - high + output_padding.

    Stable because 16-bit products are summed in 32 bits and rounded once, at the end.

    Args:
        x: (batch, *spatial, out_channels), or (batch, out_channels, *spatial) if channels_first; a floating dtype.
        kernel: (*window, in_channels // groups, out_channels), or (out_channels, in_channels // groups, *window).
        bias: (in_channels,), or None for none.
        strides: the distance between the windows of neighbouring elements of x, an int or one a spatial dimension.
        padding: what conv would add to the output: "VALID" (none), "SAME" (the output's size is size * strides: the
            gradient of conv with "SAME" by an input of that size), "SAME_LOWER" likewise, an int, one int or
            (low, high) pair a dimension.
        output_padding: how many elements more the output has at the high end, an int or one a spatial dimension, less
            than the larger of stride and dilation: several input sizes of a strided conv lead to the same output size.
        dilation: the distance between neighbours inside the window, an int or one a spatial dimension.
        groups: divides in_channels and out_channels.
        layout: "channels_last" or "channels_first".

    Returns:
        (batch, *output sizes, in_channels), or (batch, in_channels, *output sizes); the promoted dtype.

    Raises:
        TypeError: an argument is not a floating array, or a static is not made of ints.
        ValueError: ranks, channels, groups or bias do not match, a static is out of range, or no output is left.

    References:
        Dumoulin and Visin, A guide to convolution arithmetic for deep learning, chapter 4;
        docs/derivations/convolution.md.

    >>> print(conv_transpose(jnp.array([[[1.0], [2.0]]]), jnp.array([[[1.0]], [[-1.0]]]), strides=2).ravel())
    [ 1. -1.  2. -2.]
    >>> print(conv_transpose(jnp.ones((1, 4, 4, 16)), jnp.ones((2, 2, 3, 16)), strides=2).shape)
    (1, 8, 8, 3)
    """
    x, kernel, bias = _operands("conv_transpose", x, kernel, bias)
    axes = spatial_axes("conv_transpose", x, layout)
    window, inputs, outputs = _kernel_sizes("conv_transpose", x, kernel, groups, layout)
    _require_channels("conv_transpose", x, bias, outputs, inputs, layout)
    sizes = tuple(x.shape[axis] for axis in axes)
    geometry = transposed_lines("conv_transpose", sizes, window, strides, padding, output_padding, dilation)
    return _plus_bias(spread(x, kernel, geometry, groups, layout), bias, layout)


def _plus_bias(out: jax.Array, bias: jax.Array | None, layout: str) -> jax.Array:
    if bias is None:
        return out
    along_channels = bias if layout == "channels_last" else bias.reshape(-1, *(1,) * (out.ndim - 2))
    # The bias's gradient is a long sum: in 16 bits it would stop growing.
    wide = jnp.promote_types(out.dtype, jnp.float32)
    return (out.astype(wide) + along_channels.astype(wide)).astype(out.dtype)


def _operands(
    op: str, x: jax.Array, kernel: jax.Array, bias: jax.Array | None
) -> tuple[jax.Array, jax.Array, jax.Array | None]:
    """The arrays in their promoted dtype."""
    named = {"x": x, "kernel": kernel} | ({} if bias is None else {"bias": bias})
    require_floating(op, **named)
    dtype = jnp.result_type(*named.values())
    bias = None if bias is None else jnp.asarray(bias, dtype)
    return jnp.asarray(x, dtype), jnp.asarray(kernel, dtype), bias


def _kernel_sizes(
    op: str, x: jax.Array, kernel: jax.Array, groups: int, layout: str
) -> tuple[tuple[int, ...], int, int]:
    """The kernel's window, its input channels (all groups together) and its output channels."""
    got = f"x.shape={x.shape}, kernel.shape={kernel.shape}, groups={groups}"
    require(kernel.ndim == x.ndim, op, "kernel must have as many axes as x", got)
    *window, inputs, outputs = kernel.shape if layout == "channels_last" else (*kernel.shape[2:], *kernel.shape[1::-1])
    require_groups(op, groups, outputs, got)
    return tuple(window), inputs * groups, outputs


def _require_channels(op: str, x: jax.Array, bias: jax.Array | None, inputs: int, outputs: int, layout: str) -> None:
    channels = x.shape[-1 if layout == "channels_last" else 1]
    rule = f"x must have {inputs} channels to fit the kernel and the groups"
    require(channels == inputs, op, rule, f"{channels} channels")
    if bias is not None:
        require(bias.shape == (outputs,), op, f"bias must have shape ({outputs},)", f"bias.shape={bias.shape}")
