"""code that changes what is not its own, or depends on earlier calls (catalogue 8 to 108)."""

import numpy as np

from ..case import Family, normal, sized

family = Family("impure")

dense = sized(((4, 5), (5, 3), (3,)), ((32, 40), (40, 20), (20,)))


@family.whole(
    14,
    "impure",
    "layer",
    dense,
    family="dense",
    gradients={"W": "dW", "b": "db"},
    argument="W b",
    cause="accumulates",
)
class DenseNeverZeroesItsGradients:
    def __init__(self, W, b):
        self.W, self.b = W, b
        self.dW, self.db = np.zeros_like(W), np.zeros_like(b)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW += self.x.T @ dout
        self.db += dout.sum(axis=0)
        return dout @ self.W.T


@family.whole(
    8,
    "impure",
    "layer",
    dense,
    family="dense",
    gradients={"weights": "weights_error", "bias": "bias_error"},
    argument="weights bias",
    cause=("input_changed", "stale_state"),
)
class LayerThatTrainsItself:
    def __init__(self, weights, bias):
        self.weights, self.bias = weights, bias

    def forward(self, data):
        self.input = data
        return np.dot(data, self.weights) + self.bias

    def backward(self, output_error, learning_rate=0.1):
        input_error = np.dot(output_error, self.weights.T)
        self.weights_error, self.bias_error = np.dot(self.input.T, output_error), output_error.sum(axis=0)
        self.weights -= learning_rate * self.weights_error
        self.bias -= learning_rate * self.bias_error
        return input_error


matrix = sized(((4, 5),), ((64, 40),))


def softmax_kept(x):
    p = np.exp(x - x.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return p.copy(), p


@family.impure(
    40,
    softmax_kept,
    matrix,
    family="softmax",
    style="cache",
    op="softmax",
    argument="x",
    cause=("residuals_changed", "buffer_reused"),
)
def gradient_written_over_the_probabilities(dout, p):
    inner = np.sum(dout * p, axis=1, keepdims=True)
    p *= dout - inner
    return p


def softmax_in_place(x):
    x -= np.max(x, axis=1, keepdims=True)
    e = np.exp(x)
    return e / e.sum(axis=1, keepdims=True)


@family.impure(36, softmax_in_place, matrix, family="softmax", argument="x", cause="input_changed")
def softmax_that_shifted_its_input(g, x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return p * (g - (g * p).sum(axis=1, keepdims=True))


@family.whole(51, "impure", "layer", matrix, family="activations", op="relu", argument="x", cause="cotangent_changed")
class ReluWithAMask:
    def forward(self, x):
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout):
        dout[self.mask] = 0
        return dout


@family.whole(85, "impure", "layer", matrix, family="activations", argument="x", cause="stale_state")
class ReluThatRemembersItsFirstMask:
    mask = None

    def forward(self, x):
        if self.mask is None or self.mask.shape != x.shape:
            self.mask = x > 0
        return np.where(x > 0, x, 0)

    def backward(self, dout):
        return dout * self.mask


@family.whole(83, "impure", "layer", matrix, family="activations", op="tanh", argument="x", cause="buffer_reused")
class TanhWithAWorkspace:
    buffer = None

    def forward(self, x):
        self.y = np.tanh(x)
        return self.y.copy()

    def backward(self, dout):
        if self.buffer is None or self.buffer.shape != dout.shape:
            self.buffer = np.empty_like(dout)
        np.multiply(self.y, self.y, out=self.buffer)
        np.subtract(1, self.buffer, out=self.buffer)
        np.multiply(self.buffer, dout, out=self.buffer)
        return self.buffer


def rows(size, seed):
    x, gamma = normal(seed, *(((4, 6), (6,)) if size == "small" else ((48, 40), (40,))))
    return x, gamma + 1


def rms_forward(x, gamma):
    r = np.sqrt(np.mean(x**2, axis=1, keepdims=True) + 1e-6)
    return x / r * gamma, (x / r, r, gamma)


@family.impure(
    83, rms_forward, rows, family="normalization", style="cache", argument="x gamma", cause="cotangent_changed"
)
def rms_norm_gradient_written_into_upstream(dY, cache):
    normed, r, gamma = cache
    g = dY * gamma
    dY[:] = (g - normed * np.mean(g * normed, axis=1, keepdims=True)) / r
    return dY, np.sum(dY * normed, axis=0)


@family.whole(
    98,
    "impure",
    "layer",
    matrix,
    family="dropout_embedding",
    argument="x",
    cause="not_deterministic",
)
class DropoutFromARunningGenerator:
    def __init__(self):
        self.rng = np.random.default_rng(0)

    def forward(self, x):
        self.mask = self.rng.random(x.shape) > 0.4
        return x * self.mask / 0.6

    def backward(self, dout):
        return dout * self.mask / 0.6


def kept(x, mask):
    return x * mask * 2


redraw = np.random.default_rng(8)


def units_and_mask(size, seed):
    shape = (5, 6) if size == "small" else (64, 50)
    return normal(seed, shape)[0], np.random.default_rng(seed + 9).random(shape) < 0.5


@family.impure(
    98, kept, units_and_mask, family="dropout_embedding", argument="x", cause=("not_deterministic", "mask_wrong")
)
def mask_drawn_again_on_the_way_back(dout, x, mask):
    return dout * (redraw.random(x.shape) < 0.5) * 2, None


def leaky_integrator(x, W, decay=0.8):
    """h_t = decay h_{t-1} + x_t W; x (T, N, D)."""
    h, out = 0, []
    for step in x:
        h = decay * h + step @ W
        out.append(h)
    return np.stack(out), (x, W, decay)


@family.impure(
    108,
    leaky_integrator,
    sized(((4, 2, 3), (3, 5)), ((12, 8, 10), (10, 20))),
    family="recurrent_attention",
    names=("x", "W"),
    style="rule",
    argument="x W",
    cause="cotangent_changed",
)
def upstream_summed_in_place_through_time(saved, dh):
    x, W, decay = saved
    for t in range(len(x) - 1, 0, -1):
        dh[t - 1] += decay * dh[t]
    return dh @ W.T, np.einsum("tnd,tnh->dh", x, dh)
