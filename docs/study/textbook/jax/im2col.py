"""im2col in JAX, and col2im as its transpose: x is (N, C, height, width), a filter (FN, C, FH, FW)."""

import jax
import jax.numpy as jnp


def output_size(length, size, stride, pad):
    return (length + 2 * pad - size) // stride + 1


def im2col(x, FH, FW, stride=1, pad=0):
    N, C, height, width = x.shape
    OH = output_size(height, FH, stride, pad)
    OW = output_size(width, FW, stride, pad)
    img = jnp.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    col = jnp.zeros((N, C, FH, FW, OH, OW))
    for i in range(FH):
        for j in range(FW):
            part = img[:, :, i : i + stride * OH : stride, j : j + stride * OW : stride]
            col = col.at[:, :, i, j].set(part)
    return col.transpose(0, 4, 5, 1, 2, 3).reshape(N * OH * OW, C * FH * FW)


def col2im(col, shape, FH, FW, stride=1, pad=0):
    _, backward = jax.vjp(lambda x: im2col(x, FH, FW, stride, pad), jnp.zeros(shape))
    (img,) = backward(col)
    return img


def conv(x, W, b, stride=1, pad=0):
    FN, _, FH, FW = W.shape
    OH = output_size(x.shape[2], FH, stride, pad)
    OW = output_size(x.shape[3], FW, stride, pad)
    col = im2col(x, FH, FW, stride, pad)
    out = col @ W.reshape(FN, -1).T + b
    return out.reshape(len(x), OH, OW, FN).transpose(0, 3, 1, 2)


def conv_backward(x, W, b, dout, stride=1, pad=0):
    _, backward = jax.vjp(lambda x, W, b: conv(x, W, b, stride, pad), x, W, b)
    dx, dW, db = backward(dout)
    return dx, dW, db
