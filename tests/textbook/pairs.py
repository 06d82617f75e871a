"""Other ways to write backpropagation: pairs of functions, with a cache, with residuals, as a vjp."""

import numpy as np


def affine_forward(x, w, b):
    out = x.reshape(x.shape[0], -1).dot(w) + b
    return out, (x, w, b)


def affine_backward(dout, cache):
    x, w, _ = cache
    dx = dout.dot(w.T).reshape(x.shape)
    dw = x.reshape(x.shape[0], -1).T.dot(dout)
    return dx, dw, dout.sum(axis=0)


def tanh_fwd(x):
    out = np.tanh(x)
    return out, out


def tanh_bwd(residuals, cotangent):
    return (cotangent * (1 - residuals**2),)


def scale_forward(x, w):
    return x * w


def scale_backward(dout, x, w):
    return dout * w, dout * x


def square_vjp(x):
    return x**2, lambda dout: 2 * x * dout


def conv_forward_naive(x, w, b, conv_param):
    stride, pad = conv_param["stride"], conv_param["pad"]
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    n, _, height, width = padded.shape
    filters, _, high, wide = w.shape
    out = np.zeros((n, filters, 1 + (height - high) // stride, 1 + (width - wide) // stride))
    for i, j in np.ndindex(*out.shape[2:]):
        window = padded[:, :, i * stride : i * stride + high, j * stride : j * stride + wide]
        out[:, :, i, j] = np.einsum("nchw,fchw->nf", window, w) + b
    return out, (x, w, b, conv_param)


def conv_backward_naive(dout, cache):
    x, w, _, conv_param = cache
    stride, pad = conv_param["stride"], conv_param["pad"]
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    high, wide = w.shape[2:]
    for i, j in np.ndindex(*dout.shape[2:]):
        place = np.s_[:, :, i * stride : i * stride + high, j * stride : j * stride + wide]
        dw += np.einsum("nf,nchw->fchw", dout[:, :, i, j], padded[place])
        dpadded[place] += np.einsum("nf,fchw->nchw", dout[:, :, i, j], w)
    height, width = x.shape[2:]
    return dpadded[:, :, pad : pad + height, pad : pad + width], dw, dout.sum(axis=(0, 2, 3))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sigmoid_derivative(y):
    return y * (1 - y)


def softmax_loss(x, y):
    shifted = np.exp(x - x.max(axis=1, keepdims=True))
    p = shifted / shifted.sum(axis=1, keepdims=True)
    dx = p.copy()
    dx[np.arange(len(x)), y] -= 1
    return -np.log(p[np.arange(len(x)), y]).mean(), dx / len(x)


def svm_loss_naive(W, X, y, reg):
    scores = X @ W
    right = scores[np.arange(len(X)), y][:, None]
    margins = np.maximum(0, scores - right + 1)
    margins[np.arange(len(X)), y] = 0
    counts = (margins > 0).astype(float)
    counts[np.arange(len(X)), y] = -counts.sum(axis=1)
    return margins.sum() / len(X) + reg * np.sum(W * W), X.T @ counts / len(X) + 2 * reg * W


def dropout_forward(x, dropout_param):
    mask = (np.random.rand(*x.shape) < dropout_param["p"]) / dropout_param["p"]  # noqa: NPY002 - as courses write it
    return x * mask, mask


def dropout_backward(dout, cache):
    return dout * cache


def affine_relu_forward(x, w, b):
    out = x @ w + b
    return np.maximum(out, 0), (x, w, out)


def affine_relu_backward(dout, cache):
    x, w, out = cache
    dout = dout * (out > 0)
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
