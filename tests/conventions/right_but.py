"""Right, but: written into the cotangent, computed in float32, with a small constant inside the logarithm."""

import numpy as np


class Relu:
    """Writes into what it is given."""

    # right Relu, but writes into an array that others still use

    def __init__(self):
        self.mask = None

    def forward(self, x):
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout):
        # wrong Relu x [not_linear]: dout = dout * (dout > 0)
        dout[self.mask] = 0
        return dout


class AffineOfFloat32:
    """Whatever comes is computed in float32."""

    # right AffineOfFloat32, but computes in float32

    def __init__(self, input_size, output_size):
        self.W = (0.1 * np.random.randn(input_size, output_size)).astype(np.float32)
        self.b = np.zeros(output_size, dtype=np.float32)

    def forward(self, x):
        self.x = np.asarray(x, dtype=np.float32)
        return self.x @ self.W + self.b

    def backward(self, dout):
        dout = np.asarray(dout, dtype=np.float32)
        self.dW = self.x.T @ dout
        # wrong AffineOfFloat32 b [scaled_by_count]: self.db = dout.mean(axis=0)
        self.db = dout.sum(axis=0)
        return dout @ self.W.T


class RecurrentInFloat32:
    """Buffers of dtype "f" in a layer over time."""

    # right RecurrentInFloat32, but computes in float32

    def __init__(self, Wx, Wh, b):
        self.params, self.grads = [Wx, Wh, b], [np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)]

    def forward(self, xs):
        Wx, Wh, b = self.params
        N, T, _ = xs.shape
        self.xs, self.hs = xs, np.zeros((N, T + 1, len(Wh)), dtype="f")
        for t in range(T):
            self.hs[:, t + 1] = np.tanh(xs[:, t] @ Wx + self.hs[:, t] @ Wh + b)
        return self.hs[:, 1:].copy()

    def backward(self, dhs):
        Wx, Wh, b = self.params
        dxs, dh = np.empty(self.xs.shape, dtype="f"), np.zeros(dhs[:, 0].shape)
        dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
        for t in reversed(range(dhs.shape[1])):
            # wrong RecurrentInFloat32 xs [time_not_carried]: da = dhs[:, t] * (1 - self.hs[:, t + 1] ** 2)
            da = (dhs[:, t] + dh) * (1 - self.hs[:, t + 1] ** 2)
            dWx, dWh, db = dWx + self.xs[:, t].T @ da, dWh + self.hs[:, t].T @ da, db + da.sum(axis=0)
            dxs[:, t], dh = da @ Wx.T, da @ Wh.T
        self.grads = [dWx, dWh, db]
        return dxs


class SoftmaxWithLoss:
    """1e-7 inside the logarithm."""

    # right SoftmaxWithLoss, but has an epsilon on one side only

    def forward(self, x, t):
        self.t = t
        self.y = np.exp(x - x.max(axis=1, keepdims=True))
        self.y /= self.y.sum(axis=1, keepdims=True)
        return -np.sum(np.log(self.y[np.arange(len(t)), t] + 1e-7)) / len(t)

    def backward(self, dout=1):
        dx = self.y.copy()
        dx[np.arange(len(self.t)), self.t] -= 1
        # wrong SoftmaxWithLoss x [scaled_by_count]: return dx * dout
        return dx * dout / len(self.t)


class CrossEntropyOfProbabilities:
    """1e-7 inside the logarithm, and probabilities."""

    # right CrossEntropyOfProbabilities, but has an epsilon on one side only

    def forward(self, y, t):
        self.y, self.t = y, t
        return -np.sum(t * np.log(y + 1e-7))

    def backward(self):
        # wrong CrossEntropyOfProbabilities y [sign]: return self.t / self.y
        return -self.t / self.y
