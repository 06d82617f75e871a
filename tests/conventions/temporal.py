"""Layers over time: affine maps and losses for every step, with masks and without, and embeddings."""

import numpy as np

# pyright: reportOptionalMemberAccess=false


def temporal_affine_forward(x, w, b):
    N, T, D = x.shape
    M = b.shape[0]
    out = x.reshape(N * T, D).dot(w).reshape(N, T, M) + b
    return out, (x, w, b, out)


def temporal_affine_backward(dout, cache):
    x, w, b, _ = cache
    N, T, D = x.shape
    M = b.shape[0]
    dx = dout.reshape(N * T, M).dot(w.T).reshape(N, T, D)
    dw = dout.reshape(N * T, M).T.dot(x.reshape(N * T, D)).T
    # wrong temporal_affine b [wrong_shape wrong_reduction]: db = dout.sum(axis=0)
    db = dout.sum(axis=(0, 1))
    return dx, dw, db


def temporal_softmax_loss(x, y, mask, verbose=False):
    """Scores (N, T, V), labels (N, T), and a mask of the steps that count."""
    N, T, V = x.shape
    x_flat, y_flat, mask_flat = x.reshape(N * T, V), y.reshape(N * T), mask.reshape(N * T)
    probs = np.exp(x_flat - np.max(x_flat, axis=1, keepdims=True))
    probs /= np.sum(probs, axis=1, keepdims=True)
    loss = -np.sum(mask_flat * np.log(probs[np.arange(N * T), y_flat])) / N
    dx_flat = probs.copy()
    dx_flat[np.arange(N * T), y_flat] -= 1
    dx_flat /= N
    # wrong temporal_softmax_loss x [mask_missing]: dx_flat *= 1
    dx_flat *= mask_flat[:, None]
    if verbose:
        print("dx_flat:", dx_flat.shape)
    return loss, dx_flat.reshape(N, T, V)


def word_embedding_forward(x, W):
    return W[x, :], (x, W.shape)


def word_embedding_backward(dout, cache):
    x, shape = cache
    dW = np.zeros(shape)
    # wrong word_embedding W [not_accumulated]: dW[x] += dout
    np.add.at(dW, x, dout)
    return dW


class TimeAffine:
    """A textbook's affine map of every step."""

    def __init__(self, W, b):
        self.params = [W, b]
        self.grads = [np.zeros_like(W), np.zeros_like(b)]
        self.x = None

    def forward(self, x):
        N, T, _ = x.shape
        W, b = self.params
        self.x = x
        return (np.dot(x.reshape(N * T, -1), W) + b).reshape(N, T, -1)

    def backward(self, dout):
        N, T, D = self.x.shape
        W, _ = self.params
        dout = dout.reshape(N * T, -1)
        # wrong TimeAffine W [scaled_by_count]: self.grads[0][...] = self.x.reshape(N * T, -1).T @ dout / T
        self.grads[0][...] = np.dot(self.x.reshape(N * T, -1).T, dout)
        self.grads[1][...] = np.sum(dout, axis=0)
        return np.dot(dout, W.T).reshape(N, T, D)


class TimeSoftmaxWithLoss:
    """Labels of -1 are left out of the mean."""

    def __init__(self):
        self.ignore_label = -1

    def forward(self, xs, ts):
        N, T, V = xs.shape
        xs, ts = xs.reshape(N * T, V), ts.reshape(N * T)
        mask = ts != self.ignore_label
        ys = np.exp(xs - xs.max(axis=1, keepdims=True))
        ys /= ys.sum(axis=1, keepdims=True)
        self.cache = (ts, ys, mask, (N, T, V))
        return -np.sum(np.log(ys[np.arange(N * T), ts]) * mask) / mask.sum()

    def backward(self, dout=1):
        ts, ys, mask, (N, T, V) = self.cache
        dx = ys.copy()
        dx[np.arange(N * T), ts] -= 1
        # wrong TimeSoftmaxWithLoss xs [scaled_by_constant scaled_by_count]: dx *= dout / N
        dx *= dout / mask.sum()
        return (dx * mask[:, np.newaxis]).reshape(N, T, V)
