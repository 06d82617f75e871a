"""Convolution, as a textbook prints it, in JAX: one operation for any number of dimensions."""

import jax


def conv1d(x, W, b, stride=1, dilation=1, pad=(0, 0)):
    axes = ("NWC", "WIO", "NWC")
    y = jax.lax.conv_general_dilated(x, W, (stride,), [pad], rhs_dilation=(dilation,), dimension_numbers=axes)
    return y + b


def conv1d_backward(x, W, dout, stride=1, dilation=1, pad=(0, 0)):
    _, backward = jax.vjp(lambda x, W: conv1d(x, W, 0, stride, dilation, pad), x, W)
    dx, dW = backward(dout)
    return dx, dW


def conv2d(x, W):
    axes = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(x, W, (1, 1), "VALID", dimension_numbers=axes)
