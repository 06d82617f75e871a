"""Code that is right, but: it writes into the cotangent, computes in float32, has a small epsilon on one side."""

import functools
from typing import Any

import numpy as np

from reference import oracle

RNG = np.random.default_rng(11)
X = RNG.normal(size=(5, 7))
W = RNG.normal(size=(7, 3))
LABELS = np.array([0, 2, 1, 1, 0])
EPSILON, CAST = "has an epsilon on one side only", "computes in float32"
COTANGENT = "writes into an array that others still use"


def judge(forward, backward, *primals, **options):
    return oracle.check(oracle.from_forward_backward(forward, backward), *primals, **options)


def relu(x):
    return np.maximum(x, 0)


def relu_in_place(dout, x):
    dout[x < 0] = 0
    return dout


def softmax(x):
    shifted = np.exp(x - x.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def guarded(epsilon):
    """A cross-entropy with a constant inside its logarithm, and the usual backward, which has none."""

    def forward(logits):
        return -np.mean(np.log(softmax(logits)[np.arange(5), LABELS] + epsilon))

    return forward, lambda ct, logits: ct * (softmax(logits) - np.eye(3)[LABELS]) / 5


class Tanh:
    """y = tanh(x @ W); subclasses round somewhere."""

    x: Any
    dW: Any

    def __init__(self, W):
        self.W = W

    def forward(self, x):
        self.x = x
        return np.tanh(x @ self.W)

    def backward(self, dout):
        d = dout * (1 - np.tanh(self.x @ self.W) ** 2)
        self.dW = self.x.T @ d
        return d @ self.W.T


class SinglePrecisionThroughout(Tanh):
    def __init__(self, W):
        super().__init__(W.astype("f"))

    def forward(self, x):
        return super().forward(x.astype("f"))

    def backward(self, dout):
        return super().backward(dout.astype("f"))


class OutputInABuffer(Tanh):
    def forward(self, x):
        out = np.zeros((len(x), self.W.shape[1]), dtype="f")
        out[...] = super().forward(x)
        return out


class DeltaInABuffer(Tanh):
    """The gradients come back in float64, and have the errors of float32."""

    def backward(self, dout):
        d = np.zeros(dout.shape, dtype="f")
        d[...] = dout * (1 - np.tanh(self.x @ self.W) ** 2)
        self.dW = self.x.T @ d
        return d @ self.W.T


class GradientInABuffer(Tanh):
    def backward(self, dout):
        dx = super().backward(dout)
        self.dW = np.zeros_like(self.dW, dtype="f") + self.dW.astype("f")
        return dx


class SavesRounded(Tanh):
    def forward(self, x):
        out = super().forward(x)
        self.x = x.astype("f")
        return out


class NormalizesInSingle:
    """Batch normalization in float32: where digits cancel its errors are many times a rounding."""

    normal: Any
    std: Any

    def forward(self, x):
        x = x.astype("f")
        self.std = np.sqrt(x.var(axis=0) + np.float32(1e-5))
        self.normal = (x - x.mean(axis=0)) / self.std
        return self.normal

    def backward(self, dout):
        dout = dout.astype("f")
        return (dout - dout.mean(axis=0) - self.normal * (dout * self.normal).mean(axis=0)) / self.std


class RecurrentInSingleBuffers:
    """A recurrent layer as books write it: weights as they are given, states and gradients in buffers of float32."""

    inputs: Any
    states: Any
    dWx: Any
    dWh: Any

    def __init__(self, Wx, Wh):
        self.Wx, self.Wh = Wx, Wh

    def forward(self, xs):
        batch, steps, _ = xs.shape
        self.inputs, self.states = xs, np.zeros((batch, steps + 1, len(self.Wh)), dtype="f")
        for t in range(steps):
            self.states[:, t + 1] = np.tanh(xs[:, t] @ self.Wx + self.states[:, t] @ self.Wh)
        return self.states[:, 1:].copy()

    def backward(self, dhs):
        dxs, dh = np.empty(self.inputs.shape, dtype="f"), np.zeros_like(dhs[:, 0])
        self.dWx, self.dWh = np.zeros_like(self.Wx), np.zeros_like(self.Wh)
        for t in reversed(range(dhs.shape[1])):
            da = (dhs[:, t] + dh) * (1 - self.states[:, t + 1] ** 2)
            self.dWx += self.inputs[:, t].T @ da
            self.dWh += self.states[:, t].T @ da
            dxs[:, t], dh = da @ self.Wx.T, da @ self.Wh.T
        return dxs


def layer(made, *inputs):
    return oracle.from_layer(made), inputs


def pair(forward, backward, *inputs):
    return oracle.from_forward_backward(forward, backward), inputs


BUT = {
    "relu in place": (*pair(relu, relu_in_place, X), COTANGENT),
    "epsilon of 1e-7 in a logarithm": (*pair(*guarded(1e-7), X[:, :3]), EPSILON),
    "epsilon of 1e-5 in a logarithm": (*pair(*guarded(1e-5), X[:, :3]), EPSILON),
    "casts everything": (*layer(SinglePrecisionThroughout(W), X), CAST),
    "writes its output into float32": (*layer(OutputInABuffer(W), X), CAST),
    "a buffer of float32 in the backward": (*layer(DeltaInABuffer(W), X), CAST),
    "one gradient in float32": (*layer(GradientInABuffer(W), X), CAST),
    "saves its input in float32": (*layer(SavesRounded(W), X), CAST),
    "rounds, and returns float64": (*pair(lambda x: np.tanh(x.astype("f")).astype(float),
                                          lambda ct, x: ct * (1 - np.tanh(x) ** 2), X), CAST),
    "normalizes in float32": (*layer(NormalizesInSingle(), RNG.normal(size=(9, 5))), CAST),
    "normalizes far from zero in float32": (*layer(NormalizesInSingle(), 100 + RNG.normal(size=(9, 5))), CAST),
    "recurrent, weights in float64": (*layer(RecurrentInSingleBuffers(W, W[:3] / 2), RNG.normal(size=(2, 5, 7))), CAST),
    "recurrent, weights in float32": (*layer(RecurrentInSingleBuffers(W.astype("f"), W[:3].astype("f") / 2),
                                             RNG.normal(size=(2, 5, 7))), CAST),
    "in place and in float32": (*pair(lambda x: np.maximum(x, 0).astype("f"), relu_in_place, X),
                                f"{COTANGENT} and {CAST}"),
}  # fmt: skip


HALF = {
    "the output is": (lambda x: np.tanh(x).astype(np.float16), lambda ct, x: ct * (1 - np.tanh(x) ** 2)),
    "the gradient is": (np.tanh, lambda ct, x: (ct * (1 - np.tanh(x) ** 2)).astype(np.float16)),
    "the saved output is": (np.tanh, lambda ct, x: ct * (1 - np.tanh(x).astype(np.float16).astype(float) ** 2)),
}
EMPTY = pair(lambda x, none: 2 * x, lambda ct, x, none: (2 * ct, np.zeros((0, 2))), X, np.zeros((0, 3)))
HALVED = pair(*HALF["the gradient is"], X)
REJECTED = {**BUT, "an empty argument of another shape": EMPTY, "a gradient in half precision": HALVED}


@functools.cache
def rejected(name):
    subject, inputs, *_ = REJECTED[name]
    return oracle.check(subject, *inputs, strict=True)
