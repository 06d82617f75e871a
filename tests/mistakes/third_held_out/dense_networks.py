"""Networks of affine layers, with the loss they are trained by (catalogue 4 to 20, 112, 116, 118)."""

import numpy as np

from ..case import Family, Kind, normal, sized

family = Family("dense")

REGRESSION = sized(((7, 5), (7, 3), (5, 3), (3,)), ((48, 32), (48, 12), (32, 12), (12,)))
SLOTS = {"W": "W", "b": "b"}


class Regression:
    """Half the summed squares of an affine map; what is wrong is in the methods below it."""

    penalty = 0.3

    def __init__(self, W, b):
        self.W, self.b = W, b

    def predict(self, x):
        return x @ self.W + self.b

    def loss(self, x, t):
        return 0.5 * np.sum((self.predict(x) - t) ** 2)

    def error(self, x, t):
        return self.predict(x) - t

    def gradient(self, x, t):
        e = self.error(x, t)
        return {"W": x.T @ e, "b": e.sum(axis=0)}


def regression(number, kind: Kind, **more):
    return family.whole(number, kind, "network", REGRESSION, inputs_of_layer=2, gradients=SLOTS, **more)


@regression(16, "wrong backward", argument="W b", cause="scaled_by_batch")
class SummedLossMeanGradient(Regression):
    def gradient(self, x, t):
        e = self.error(x, t) / len(x)
        return {"W": x.T @ e, "b": e.sum(axis=0)}


@regression(18, "wrong backward", argument="W b", cause="sign")
class TargetMinusPrediction(Regression):
    def error(self, x, t):
        return t - self.predict(x)


@regression(15, "wrong backward", argument="W b", cause="scaled_by_two")
class HalfForgottenInTheGradient(Regression):
    def error(self, x, t):
        return 2 * (self.predict(x) - t)


@regression(17, "wrong backward", argument="W b", cause="scaled_by_size")
class DividedByEveryOutput(Regression):
    def loss(self, x, t):
        return np.sum((self.predict(x) - t) ** 2) / len(x)

    def error(self, x, t):
        return 2 * (self.predict(x) - t) / t.size


@regression(116, "wrong backward", argument="W", cause="regularization")
class RidgeWithoutItsTwo(Regression):
    def loss(self, x, t):
        return super().loss(x, t) + self.penalty * np.sum(self.W**2)

    def gradient(self, x, t):
        grads = super().gradient(x, t)
        grads["W"] += self.penalty * self.W
        return grads


@regression(118, "wrong backward", argument="b", cause="regularization")
class BiasDecaysToo(Regression):
    def loss(self, x, t):
        return super().loss(x, t) + 0.5 * self.penalty * np.sum(self.W**2)

    def gradient(self, x, t):
        grads = super().gradient(x, t)
        grads["W"] += self.penalty * self.W
        grads["b"] += self.penalty * self.b
        return grads


@regression("F5", "control")
class HalfInTheLoss(Regression):
    pass


def column_of_targets(size, seed):
    n, d = (7, 4) if size == "small" else (48, 24)
    return normal(seed, (n, d), (n,), (d, 1), (1,))


@family.whole(
    11,
    "wrong backward",
    "network",
    column_of_targets,
    inputs_of_layer=2,
    gradients=SLOTS,
    argument="W",
    cause=("other_loss", "sum_term_missing"),
)
class TargetsWithoutTheirColumn(Regression):
    """loss broadcasts (N, 1) against (N,); gradient does not."""

    def loss(self, x, t):
        return 0.5 * np.mean((self.predict(x) - t) ** 2)

    def gradient(self, x, t):
        e = (self.predict(x)[:, 0] - t) / len(t)
        return {"W": (x.T @ e)[:, None], "b": e.sum(keepdims=True)}


# A two-layer perceptron as a function: x, W1, b1, W2, b2
MLP = sized(((4, 3), (3, 6), (6,), (6, 6), (6,)), ((24, 16), (16, 32), (32,), (32, 32), (32,)))


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def mlp(x, W1, b1, W2, b2):
    z1 = x @ W1 + b1
    a1 = sigmoid(z1)
    z2 = a1 @ W2 + b2
    return np.tanh(z2), (x, z1, a1, np.tanh(z2), W1, W2)


def back(dout, cache, out_slope=lambda y: 1 - y**2, hidden_slope=lambda z, a: a * (1 - a), W2=None):
    x, z1, a1, y, W1, kept = cache
    d2 = dout * out_slope(y)
    d1 = (d2 @ (kept if W2 is None else W2(kept, a1.T @ d2)).T) * hidden_slope(z1, a1)
    return d1 @ W1.T, x.T @ d1, d1.sum(0), a1.T @ d2, d2.sum(0)


def perceptron(number, cause, argument):
    return family.wrong(number, mlp, MLP, style="cache", cause=cause, argument=argument)


@perceptron(9, "derivative_missing", "x W1 b1 W2 b2")
def output_slope_missing(dout, cache):
    return back(dout, cache, out_slope=lambda y: 1.0)


@perceptron(43, "derivative_missing", "x W1 b1")
def hidden_slope_missing(dout, cache):
    return back(dout, cache, hidden_slope=lambda z, a: 1.0)


@perceptron(41, "derivative_at_output", "x W1 b1")
def hidden_slope_of_the_activation(dout, cache):
    return back(dout, cache, hidden_slope=lambda z, a: sigmoid(a) * (1 - sigmoid(a)))


@perceptron(42, "derivative_at_input", "x W1 b1")
def hidden_slope_of_the_sum(dout, cache):
    return back(dout, cache, hidden_slope=lambda z, a: z * (1 - z))


@perceptron(8, ("updated_weight", "not_linear"), "x W1 b1")
def second_layer_learns_first(dout, cache):
    return back(dout, cache, W2=lambda W, dW: W - 0.05 * dW)


@perceptron(6, "not_transposed", "x W1 b1")
def error_sent_back_untransposed(dout, cache):
    return back(dout, cache, W2=lambda W, dW: W.T)


@family.control("F1", mlp, MLP, style="cache")
def perceptron_with_slopes_of_the_outputs(dout, cache):
    return back(dout, cache)


# A residual block and a highway layer.
BLOCK = sized(((4, 6), (6, 6), (6,)), ((24, 40), (40, 40), (40,)))


@family.whole(
    112, "wrong backward", "layer", BLOCK, argument="x", cause="skip_dropped", gradients={"W": "dW", "b": "db"}
)
class ResidualWithoutItsSkip:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        self.z = x @ self.W + self.b
        return x + np.maximum(self.z, 0)

    def backward(self, dout):
        dz = dout * (self.z > 0)
        self.dW, self.db = self.x.T @ dz, dz.sum(axis=0)
        return dz @ self.W.T


HIGHWAY = sized(((4, 6), (6, 6), (6, 6)), ((24, 40), (40, 40), (40, 40)))


@family.whole(9, "wrong backward", "vjp", HIGHWAY, argument="x Wt", cause=("sum_term_missing", "use_dropped"))
def highway_gate_sees_only_one_way(x, Wh, Wt):
    h, gate = np.tanh(x @ Wh), sigmoid(x @ Wt)

    def pullback(g):
        dh = g * gate * (1 - h**2)
        dgate = g * h * gate * (1 - gate)
        return dh @ Wh.T + dgate @ Wt.T + g * (1 - gate), x.T @ dh, x.T @ dgate

    return gate * h + (1 - gate) * x, pullback


# Forwards that are not what they say, and layers that keep more than they should.
ODD = sized(((4, 6), (6, 6), (6,)), ((24, 40), (40, 40), (40,)))


def rows_backward(g, x, W, b):
    return g @ W, g.T @ x, g.sum(axis=0)


@family.wrong_forward(6, rows_backward, ODD, op="dense", argument="W", cause="convention_layout")
def weights_stored_by_output(x, W, b):
    return x @ W.T + b


@family.whole(14, "impure", "layer", ODD, cause="accumulates", argument="W b", gradients={"W": "dW", "b": "db"})
class GradientsNeverZeroed:
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
