"""Convolution and its transpose, over any number of spatial dimensions.

What each takes, returns and refuses stands with its twin in functional_nn/convolution.py.
"""

import numpy as np

from reference._checks import as_floating, quiet, require, require_hashable, require_ints
from reference._geometry import (
    channels_last,
    conv_geometry,
    from_channels_last,
    image,
    kernel_channels_last,
    kernel_from_channels_last,
    pad,
    transposed_geometry,
    under,
    unpad,
)


def conv(x, kernel, bias=None, *, strides=1, padding="VALID", dilation=1, groups=1, layout="channels_last"):
    """Slides a kernel over the spatial dimensions of x and sums the products at every position (cross-correlation).

    At every offset k of the window this is a dense layer on the patch that the windows meet there, and its backward is
    that layer's: patch_ct += out_ct kernel[k]^T, as patches overlap and add up, and kernel_ct[k] = patch^T out_ct.
    Residuals: padded x, kernel and bias; windows, groups, layout. Derivation: docs/derivations/convolution.md.
    """
    statics = {"strides": strides, "padding": padding, "dilation": dilation, "groups": groups, "layout": layout}
    return conv_fwd(x, kernel, bias, **statics)[0]


@quiet
def conv_fwd(x, kernel, bias=None, *, strides=1, padding="VALID", dilation=1, groups=1, layout="channels_last"):
    x, weights, bias, groups = _operands("conv", x, kernel, bias, groups, layout)
    _check_channels("conv", x, bias, weights.shape[-2] * groups, weights.shape[-1])
    geometry = conv_geometry("conv", x.shape[1:-1], weights.shape[:-2], strides, padding, dilation)
    padded = pad(x, geometry.padding)
    out = np.zeros((len(x), *geometry.counts, weights.shape[-1]), np.result_type(x, weights))
    for offset in np.ndindex(geometry.window):
        patch = padded[under(geometry, offset)]
        for inputs, outputs in _groups(weights, groups):
            out[..., outputs] += patch[..., inputs] @ weights[offset][:, outputs]
    out = out if bias is None else out + bias
    return from_channels_last(out, layout), (padded, weights, bias, geometry, groups, layout)


@quiet
def conv_bwd(residuals, cotangent):
    padded, weights, bias, geometry, groups, layout = residuals
    out_ct = channels_last(cotangent, layout)
    padded_ct, weights_ct = np.zeros_like(padded), np.zeros_like(weights)
    for offset in np.ndindex(geometry.window):
        patch, patch_ct = padded[under(geometry, offset)], padded_ct[under(geometry, offset)]
        for inputs, outputs in _groups(weights, groups):
            patch_ct[..., inputs] += out_ct[..., outputs] @ weights[offset][:, outputs].T
            weights_ct[offset][:, outputs] += _sum_of_products(patch[..., inputs], out_ct[..., outputs])
    x_ct = from_channels_last(unpad(padded_ct, geometry.padding), layout)
    return x_ct, kernel_from_channels_last(weights_ct, layout), _bias_ct(bias, out_ct)


def conv_transpose(
    x, kernel, bias=None, *, strides=1, padding="VALID", output_padding=0, dilation=1, groups=1, layout="channels_last"
):
    """Spreads every element of x over a window of the output, scaled by the kernel: the gradient of conv by its input.

    The forward is the line of x_ct in conv's backward; being linear in x and in the kernel, it has conv for its own
    backward: x_ct gathers out_ct under every window, and kernel_ct[k] = patch_ct^T x.
    Residuals: x, kernel and bias; windows, groups, layout. Derivation: docs/derivations/convolution.md.
    """
    statics = {"strides": strides, "padding": padding, "output_padding": output_padding, "dilation": dilation}
    return conv_transpose_fwd(x, kernel, bias, groups=groups, layout=layout, **statics)[0]


@quiet
def conv_transpose_fwd(
    x, kernel, bias=None, *, strides=1, padding="VALID", output_padding=0, dilation=1, groups=1, layout="channels_last"
):
    x, weights, bias, groups = _operands("conv_transpose", x, kernel, bias, groups, layout)
    channels = weights.shape[-2] * groups
    _check_channels("conv_transpose", x, bias, weights.shape[-1], channels)
    statics = (weights.shape[:-2], strides, padding, output_padding, dilation)
    geometry, padded_sizes = transposed_geometry("conv_transpose", x.shape[1:-1], *statics)
    padded_out = np.zeros((len(x), *padded_sizes, channels), np.result_type(x, weights))
    for offset in np.ndindex(geometry.window):
        patch = padded_out[under(geometry, offset)]
        for inputs, outputs in _groups(weights, groups):
            patch[..., inputs] += x[..., outputs] @ weights[offset][:, outputs].T
    out = unpad(padded_out, geometry.padding)
    out = out if bias is None else out + bias
    return from_channels_last(out, layout), (x, weights, bias, geometry, groups, layout)


@quiet
def conv_transpose_bwd(residuals, cotangent):
    x, weights, bias, geometry, groups, layout = residuals
    out_ct = channels_last(cotangent, layout)
    padded_ct = pad(out_ct, geometry.padding)
    x_ct, weights_ct = np.zeros_like(x), np.zeros_like(weights)
    for offset in np.ndindex(geometry.window):
        patch_ct = padded_ct[under(geometry, offset)]
        for inputs, outputs in _groups(weights, groups):
            x_ct[..., outputs] += patch_ct[..., inputs] @ weights[offset][:, outputs]
            weights_ct[offset][:, outputs] += _sum_of_products(patch_ct[..., inputs], x[..., outputs])
    x_ct, kernel_ct = from_channels_last(x_ct, layout), kernel_from_channels_last(weights_ct, layout)
    return x_ct, kernel_ct, _bias_ct(bias, out_ct)


def _groups(weights, groups):
    """Each group's input channels and output channels, as slices."""
    inputs, outputs = weights.shape[-2], weights.shape[-1] // groups
    for group in range(groups):
        yield slice(group * inputs, (group + 1) * inputs), slice(group * outputs, (group + 1) * outputs)


def _sum_of_products(left, right):
    """The matrix of sum of left[..., i] right[..., o] over batch and positions."""
    axes = tuple(range(left.ndim - 1))
    return np.tensordot(left, right, axes=(axes, axes))


def _bias_ct(bias, out_ct):
    """The bias is added at every position, so its cotangent is the sum over all of them."""
    return None if bias is None else out_ct.sum(axis=tuple(range(out_ct.ndim - 1))).astype(bias.dtype)


def _operands(op, x, kernel, bias, groups, layout):
    """The arrays as channels_last views, and groups, once what needs no geometry is checked."""
    x, kernel = as_floating(op, "x", x), as_floating(op, "kernel", kernel)
    bias = None if bias is None else as_floating(op, "bias", bias)
    x_view = image(op, x, layout)
    got = f"x.shape={x.shape}, kernel.shape={kernel.shape}, groups={groups}"
    require(kernel.ndim == x.ndim, op, "kernel must have as many axes as x", got)
    weights = kernel_channels_last(kernel, layout)
    require_hashable(op, "groups", groups)
    require_ints(op, "groups must be an int", f"groups={groups!r}", [groups])
    require(groups >= 1, op, "groups must be at least 1", f"groups={groups!r}")
    require(weights.shape[-1] % groups == 0, op, "groups must divide the kernel's out_channels", got)
    return x_view, weights, bias, int(groups)


def _check_channels(op, x, bias, inputs, outputs):
    rule = f"x must have {inputs} channels to fit the kernel and the groups"
    require(x.shape[-1] == inputs, op, rule, f"{x.shape[-1]} channels")
    if bias is not None:
        require(bias.shape == (outputs,), op, f"bias must have shape ({outputs},)", f"bias.shape={bias.shape}")
