"""correct code that was, or would be, reported as wrong (catalogue F1 to F9)."""

import numpy as np

from ..case import Family, normal, sized

family = Family("controls")

matrix = sized(((4, 5),), ((64, 40),))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def nonlin(x, deriv=False):
    return x * (1 - x) if deriv else sigmoid(x)


@family.whole("F1", "control", "vjp", matrix, family="activations", op="sigmoid")
def nonlin_of_the_output(x):
    y = nonlin(x)
    return y, lambda g: (g * nonlin(y, deriv=True),)


@family.whole("F2", "control", "layer", matrix, family="activations", op="tanh")
class TanhByItsSquare:
    def forward(self, x):
        self.out = (np.exp(2 * x) - 1) / (np.exp(2 * x) + 1)
        return self.out

    def backward(self, dout):
        return dout - dout * self.out * self.out


def batch(size, seed):
    x, gamma, beta = normal(seed, *(((7, 4), (4,), (4,)) if size == "small" else ((64, 30), (30,), (30,))))
    return 3 * x - 2, gamma + 0.5, beta


EPSILON = 1e-5


def batch_norm(x, gamma, beta):
    mu = x.mean(axis=0)
    inverse = (x.var(axis=0) + EPSILON) ** -0.5
    return gamma * (x - mu) * inverse + beta, (x, mu, inverse, gamma)


@family.control("F3", batch_norm, batch, family="normalization", style="cache")
def mean_gradient_without_the_path_through_the_variance(dout, cache):
    x, mu, inverse, gamma = cache
    m, dxhat = len(x), dout * gamma
    dvar = np.sum(dxhat * (x - mu) * -0.5 * inverse**3, axis=0)
    dmu = np.sum(dxhat * -inverse, axis=0)
    dx = dxhat * inverse + dvar * 2 * (x - mu) / m + dmu / m
    return dx, np.sum(dout * (x - mu) * inverse, axis=0), dout.sum(axis=0)


@family.control("F3", batch_norm, batch, family="normalization", style="cache")
def mean_gradient_with_the_term_that_is_zero(dout, cache):
    x, mu, inverse, gamma = cache
    m, dxhat = len(x), dout * gamma
    dvar = -0.5 * (dxhat * (x - mu)).sum(0) * inverse**3
    dmu = -(dxhat * inverse).sum(0) + dvar * (-2 * (x - mu)).sum(0) / m
    return dxhat * inverse + 2 * dvar * (x - mu) / m + dmu / m, (dout * (x - mu)).sum(0) * inverse, dout.sum(0)


def network(size, seed):
    n, d, h, k = (6, 3, 5, 2) if size == "small" else (40, 20, 30, 5)
    x, W1, b1, W2, b2 = normal(seed, (n, d), (d, h), (h,), (h, k), (k,))
    return x, np.random.default_rng(seed + 2).integers(2, size=(n, k)).astype(float), W1, b1, W2, b2


parameters = {"W1": "W1", "b1": "b1", "W2": "W2", "b2": "b2"}
as_network = {"inputs_of_layer": 2, "gradients": parameters}


class Net:
    def __init__(self, W1, b1, W2, b2):
        self.params = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}

    def predict(self, x):
        p = self.params
        self.hidden = sigmoid(x @ p["W1"] + p["b1"])
        return sigmoid(self.hidden @ p["W2"] + p["b2"])

    def chain(self, x, delta):
        hidden_delta = delta @ self.params["W2"].T * self.hidden * (1 - self.hidden)
        return {
            "W1": x.T @ hidden_delta,
            "b1": hidden_delta.sum(axis=0),
            "W2": self.hidden.T @ delta,
            "b2": delta.sum(axis=0),
        }


@family.whole("F4", "control", "network", network, family="regularisation", **as_network)
class CrossEntropyNeedsNoSlope(Net):
    def loss(self, x, t):
        a = self.predict(x)
        return -np.sum(t * np.log(a) + (1 - t) * np.log(1 - a))

    def gradient(self, x, t):
        return self.chain(x, self.predict(x) - t)


@family.whole("F4", "control", "network", network, family="regularisation", **as_network)
class QuadraticCostNeedsOne(Net):
    def loss(self, x, t):
        return 0.5 * np.sum((self.predict(x) - t) ** 2)

    def gradient(self, x, t):
        a = self.predict(x)
        return self.chain(x, (a - t) * a * (1 - a))


@family.whole("F6", "control", "network", network, family="regularisation", **as_network)
class AverageTakenInTheWeightsGradients(Net):
    """The delta is a sum; every gradient is divided by the batch size where it is made."""

    def loss(self, x, t):
        return np.sum((self.predict(x) - t) ** 2) / (2 * len(x))

    def gradient(self, x, t):
        a = self.predict(x)
        sums = self.chain(x, (a - t) * (a - a * a))
        return {name: total / len(x) for name, total in sums.items()}


pairs = sized(((5, 3), (5, 3)), ((64, 20), (64, 20)))


@family.control(
    "F5",
    lambda y, t: ((y - t) ** 2).sum(axis=1) / 2,
    pairs,
    family="losses",
    op="sum_of_squares_error",
    constants=("t",),
)
def no_factor_of_two(dout, y, t):
    return (y - t) * dout.reshape(-1, 1), None


@family.whole("F6", "control", "layer", pairs, family="losses", inputs_of_layer=2, ends_in_loss=True)
class SummedLossWithoutAnAverage:
    def forward(self, y, t):
        self.residual = t - y
        return np.sum(self.residual**2)

    def backward(self, dout=1):
        return -2 * self.residual


def labelled(size, seed):
    n, classes = (5, 4) if size == "small" else (64, 20)
    return normal(seed, (n, classes))[0], np.random.default_rng(seed).integers(classes, size=n)


@family.whole("F6", "control", "layer", labelled, family="cross_entropy", inputs_of_layer=2, ends_in_loss=True)
class SoftmaxLossThatIgnoresUpstream:
    def forward(self, x, t):
        self.t = t
        self.y = np.exp(x - x.max(axis=1, keepdims=True))
        self.y /= self.y.sum(axis=1, keepdims=True)
        return -np.mean(np.log(self.y[np.arange(len(t)), t]))

    def backward(self, dout=1):
        dx = self.y.copy()
        dx[np.arange(len(dx)), self.t] -= 1
        return dx / len(dx)


def whole_numbers(size, seed):
    return (np.round(normal(seed, (3, 6, 4) if size == "small" else (16, 40, 20))[0] * 1.2),)


@family.control("F7", lambda x: x.max(axis=1), whole_numbers, family="pooling")
def maximum_shared_among_ties(g, x):
    winners = x == x.max(axis=1, keepdims=True)
    return winners * g[:, None] / winners.sum(axis=1, keepdims=True)


@family.control("F7", lambda x: x.max(axis=1), whole_numbers, family="pooling")
def last_of_the_ties_wins(g, x):
    last = x.shape[1] - 1 - x[:, ::-1].argmax(axis=1)
    dx = np.zeros_like(x)
    np.put_along_axis(dx, last[:, None], g[:, None], axis=1)
    return dx


@family.control("F7", lambda x: np.where(x >= 0, x, 0), whole_numbers, family="activations", op="relu")
def relu_with_slope_one_at_zero(g, x):
    return np.where(x >= 0, g, 0)


@family.control("F7", lambda x: np.maximum(x, 0), whole_numbers, family="activations", op="relu")
def relu_with_half_a_slope_at_zero(g, x):
    return g * np.heaviside(x, 0.5)


@family.control("F9", lambda x: np.abs(x).sum(axis=-1), whole_numbers, family="losses")
def absolute_value_with_the_sign_of_zero(g, x):
    return g[..., None] * np.sign(x)
