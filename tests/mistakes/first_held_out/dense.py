"""Fully connected layers."""

import numpy as np

from ..case import Family, sized

family = Family("dense")

LAYER = sized(((5, 3), (3, 7), (7,)), ((32, 48), (48, 40), (40,)))
SQUARE = sized(((5, 4), (4, 4), (4,)), ((24, 32), (32, 32), (32,)))
CUBE = sized(((4, 4), (4, 4)), ((24, 24), (24, 24)))


def sequence_linear(seq, w, c):
    return np.einsum("btd,dk->btk", seq, w) + c, (seq, w)


@family.whole(
    1,
    "wrong backward",
    "layer",
    LAYER,
    gradients={"W": "dW", "b": "db"},
    # Widened after the first run: the mean of the batch is the sum over the batch size.
    cause=("mean_instead_of_sum", "scaled_by_batch"),
    argument="b",
    op="dense",
)
class AffineWithMeanBias:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return np.dot(x, self.W) + self.b

    def backward(self, dout):
        self.dW = np.dot(self.x.T, dout)
        self.db = np.mean(dout, axis=0)
        return np.dot(dout, self.W.T)


@family.wrong(
    2,
    sequence_linear,
    sized(((3, 2, 5), (5, 4), (4,)), ((6, 11, 24), (24, 20), (20,))),
    style="rule",
    cause=("not_reduced", "wrong_shape"),
    argument="c",
)
def bias_keeps_the_time_axis(saved, g):
    seq, w = saved
    return g @ w.T, np.einsum("btd,btk->dk", seq, g), g.sum(0)


def linear(x, W, b):
    return x @ W + b


@family.wrong(3, linear, LAYER, op="dense", cause="reduced_too_far", argument="b")
def bias_summed_to_one_number(dy, x, W, b):
    return dy @ W.T, x.T @ dy, np.zeros_like(b) + dy.sum()


@family.whole(
    4,
    "wrong backward",
    "network",
    sized(((7, 3), (7, 2), (3, 2), (2,)), ((40, 12), (40, 5), (12, 5), (5,))),
    inputs_of_layer=2,
    gradients={"W": "W", "b": "b"},
    cause="scaled_by_batch",
    argument="W",
)
class LinearRegressionDividedTwice:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def loss(self, x, t):
        return np.sum((x @ self.W + self.b - t) ** 2) / len(x)

    def gradient(self, x, t):
        n = x.shape[0]
        delta = 2 * (x @ self.W + self.b - t) / n
        return {"W": x.T @ delta / n, "b": delta.sum(axis=0)}


def torch_like(x, weight, bias):
    return x @ weight.T + bias, (x, weight)


@family.wrong(5, torch_like, SQUARE, style="cache", cause="transposed", argument="weight")
def weight_gradient_of_the_other_layout(dout, cache):
    x, weight = cache
    return dout @ weight, x.T @ dout, dout.sum(axis=0)


@family.wrong(6, linear, SQUARE, op="dense", cause="not_transposed", argument="x")
def weight_not_turned(upstream, x, W, b):
    dx = np.dot(upstream, W)
    dW = np.dot(x.T, upstream)
    return dx, dW, np.sum(upstream, axis=0)


def product(a, b):
    return a @ b, (a, b)


@family.wrong(7, product, CUBE, style="rule", cause="elementwise_product", argument="b")
def star_instead_of_at(res, g):
    a, b = res
    return g @ b.T, a * g


@family.whole(8, "wrong backward", "vjp", LAYER, cause=("updated_weight", "not_linear"), argument="x")
def fused_sgd_step(x, W, b):
    def pullback(g, lr=0.1):
        dW, db = x.T @ g, g.sum(0)
        stepped = W - lr * dW
        return g @ stepped.T, dW, db

    return x @ W + b, pullback


@family.whole(
    8,
    "wrong backward",
    "network",
    sized(((5, 3), (5, 2), (3, 4), (4, 2)), ((20, 12), (20, 6), (12, 16), (16, 6))),
    inputs_of_layer=2,
    gradients={"w_in": "w_in", "w_out": "w_out"},
    cause="updated_weight",
    argument="w_in",
)
class TwoLayersUpdatedOnTheWay:
    rate = 0.05

    def __init__(self, w_in, w_out):
        self.w_in, self.w_out = w_in, w_out

    def _run(self, x):
        hidden = np.tanh(x @ self.w_in)
        return hidden, hidden @ self.w_out

    def loss(self, x, t):
        return 0.5 * ((self._run(x)[1] - t) ** 2).sum()

    def gradient(self, x, t):
        hidden, y = self._run(x)
        error = y - t
        grad_out = hidden.T @ error
        new_w_out = self.w_out - self.rate * grad_out
        hidden_error = (error @ new_w_out.T) * (1 - hidden * hidden)
        return {"w_out": grad_out, "w_in": x.T @ hidden_error}


def squash(v):
    return 1 / (1 + np.exp(-v))


def neuron_layer(inputs, weights, thresholds):
    return squash(inputs @ weights + thresholds)


@family.wrong(9, neuron_layer, LAYER, cause="derivative_missing", argument="inputs weights thresholds")
def output_error_used_as_delta(error, inputs, weights, thresholds):
    delta = error
    return delta.dot(weights.T), inputs.T.dot(delta), delta.sum(0)


def column_scale(x, s):
    return x * s


@family.wrong(
    10, column_scale, sized(((5, 3), (1, 3)), ((24, 17), (1, 17))), cause=("not_reduced", "wrong_shape"), argument="s"
)
def broadcast_factor_not_reduced(g, x, s):
    return g * s, g * x


@family.wrong(
    10, column_scale, sized(((5, 5), (5, 1)), ((20, 20), (20, 1))), cause="reduced_over_wrong_axis", argument="s"
)
def broadcast_factor_over_rows(g, x, s):
    return g * s, (g * x).sum(0).reshape(s.shape)


def twice(x, M):
    return x @ M @ M


@family.wrong(12, twice, sized(((3, 4), (4, 4)), ((18, 12), (12, 12))), cause="use_dropped", argument="M")
def second_use_assigned(dy, x, M):
    grads = {}
    h = x @ M
    dh = dy @ M.T
    grads["M"] = h.T @ dy
    dx = dh @ M.T
    return dx, grads["M"]


@family.wrong(13, product, CUBE, style="rule", cause="arguments_swapped", argument="a b")
def returned_the_other_way_round(res, g):
    a, b = res
    return a.T @ g, g @ b.T


@family.whole(14, "impure", "layer", LAYER, gradients={"W": "grad_W", "b": "grad_b"}, cause="accumulates")
class NeverZeroed:
    def __init__(self, W, b):
        self.W, self.b = W, b
        self.grad_W, self.grad_b = np.zeros(W.shape), np.zeros(b.shape)

    def forward(self, x):
        self.inp = x
        return x @ self.W + self.b

    def backward(self, grad):
        self.grad_W += self.inp.T @ grad
        self.grad_b += grad.sum(axis=0)
        return grad @ self.W.T


@family.whole(
    8,
    "impure",
    "layer",
    LAYER,
    gradients={"W": "dW", "b": "db"},
    cause=("input_changed", "updated_weight", "accumulates", "stale_state"),
)
class LearnsInBackward:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, delta):
        self.dW, self.db = self.x.T @ delta, delta.sum(0)
        dx = delta @ self.W.T
        self.W -= 0.01 * self.dW
        self.b -= 0.01 * self.db
        return dx
