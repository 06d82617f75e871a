"""Networks, low-rank layers and layers over rows and loops (catalogue 1 to 13)."""

import numpy as np

from ..case import Family, Kind, sized

family = Family("dense")

# x (N, D), t (N, M), parameters by name
TWO = sized(((5, 4), (5, 4), (4, 4), (4,), (4, 4), (4,)), ((24, 12), (24, 12), (12, 12), (12,), (12, 12), (12,)))
SLOTS = {"W1": "W1", "b1": "b1", "W2": "W2", "b2": "b2"}


class Network:
    """Two layers under half the mean square; what is wrong is in the methods below it."""

    def __init__(self, W1, b1, W2, b2):
        self.params = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}

    def predict(self, x):
        p = self.params
        self.hidden = np.tanh(x @ p["W1"] + p["b1"])
        return self.hidden @ p["W2"] + p["b2"]

    def loss(self, x, t):
        return 0.5 * np.mean(np.sum((self.predict(x) - t) ** 2, axis=1))

    def gradient(self, x, t):
        p, grads = self.params, {}
        delta = (self.predict(x) - t) / len(x)
        grads["W2"], grads["b2"] = self.hidden.T @ delta, delta.sum(axis=0)
        delta1 = self.through(delta, p["W2"], grads["W2"]) * (1 - self.hidden**2)
        grads["W1"], grads["b1"] = self.entering(x).T @ delta1, self.bias(delta, delta1)
        return grads

    def through(self, delta, W2, dW2):
        return delta @ W2.T

    def entering(self, x):
        return x

    def bias(self, delta, delta1):
        return delta1.sum(axis=0)


def network(number, argument, cause, kind: Kind = "wrong backward"):
    more = {"inputs_of_layer": 2, "gradients": SLOTS, "argument": argument, "cause": cause}
    return family.whole(number, kind, "network", TWO, **more)


@network(8, "W1 b1", "updated_weight")
class SecondMatrixMovedFirst(Network):
    def through(self, delta, W2, dW2):
        return delta @ (W2 - 0.05 * dW2).T


@network(6, "W1 b1", "not_transposed")
class SecondMatrixAsItStands(Network):
    def through(self, delta, W2, dW2):
        return delta @ W2


@network(104, "W1", "wrong_operand")
class FirstMatrixMeetsTheHiddenLayer(Network):
    def entering(self, x):
        return self.hidden


@network(13, "b1", ("wrong_operand", "arguments_swapped"))
class FirstBiasFromTheLastDelta(Network):
    def bias(self, delta, delta1):
        return delta.sum(axis=0)


@network("", "", (), "control")
class NetworkAsItIs(Network):
    pass


# x (N, D), U (D, R), V (R, M)
LOW_RANK = sized(((7, 4), (4, 4), (4, 4)), ((24, 12), (12, 12), (12, 12)))


@family.whole(6, "wrong backward", "vjp", LOW_RANK, argument="x U", cause="not_transposed")
def outer_factor_not_turned(x, U, V):
    y = x @ U @ V

    def pullback(g):
        d = g @ V
        return d @ U.T, x.T @ d, (x @ U).T @ g

    return y, pullback


@family.whole(80, "wrong backward", "vjp", LOW_RANK, argument="V", cause=("argument_factor_missing", "wrong_operand"))
def outer_factor_meets_the_input_itself(x, U, V):
    y = x @ U @ V

    def pullback(g):
        d = g @ V.T
        return d @ U.T, x.T @ d, x.T @ g

    return y, pullback


# One row after the other: x (N, D), W (D, M), b (M,)
ROWS = sized(((5, 3), (3, 4), (4,)), ((24, 16), (16, 12), (12,)))


def by_rows(x, W, b):
    return np.array([row @ W + b for row in x]), (x, W)


def rows(number, argument, cause):
    return family.wrong(number, by_rows, ROWS, style="cache", argument=argument, cause=cause, names=("x", "W", "b"))


@rows(65, "b", "last_sample_only")
def bias_assigned_row_by_row(g, cache):
    x, W = cache
    dx, dW, db = np.empty_like(x), np.zeros_like(W), np.zeros(W.shape[1])
    for i, row in enumerate(g):
        dx[i], db = W @ row, row
        dW += np.outer(x[i], row)
    return dx, dW, db


@rows(61, "x", ("entries_not_written", "samples_missing"))
def rows_from_the_second_on(g, cache):
    x, W = cache
    dx, dW = np.zeros_like(x), np.zeros_like(W)
    for i in range(1, len(g)):
        dx[i] = W @ g[i]
    for i in range(len(g)):
        dW += np.outer(x[i], g[i])
    return dx, dW, g.sum(0)


@rows(104, "W", "wrong_operand")
def each_row_meets_the_row_before(g, cache):
    x, W = cache
    dW = sum(np.outer(x[i - 1], g[i]) for i in range(len(g)))
    return g @ W.T, dW, g.sum(0)


@rows(91, "W b", "samples_missing")
def last_row_left_over(g, cache):
    x, W = cache
    dW, db = np.zeros_like(W), np.zeros(W.shape[1])
    for i in range(len(g) - 1):
        dW, db = dW + np.outer(x[i], g[i]), db + g[i]
    return g @ W.T, dW, db


# x (N, T, D), W (D, M), b (M,)
STEPS = sized(((3, 5, 2), (2, 7), (7,)), ((8, 10, 12), (12, 6), (6,)))


def every_step(x, W, b):
    return np.einsum("ntd,dm->ntm", x, W) + b


@family.wrong(89, every_step, STEPS, argument="W", cause=("time_overwritten", "samples_missing", "use_dropped"))
def matrix_of_the_last_step(g, x, W, b):
    return g @ W.T, x[:, -1].T @ g[:, -1], g.sum((0, 1))


@family.wrong(2, every_step, STEPS, argument="b", cause=("wrong_shape", "not_reduced"))
def bias_summed_over_the_batch_alone(g, x, W, b):
    return g @ W.T, np.tensordot(x, g, ((0, 1), (0, 1))), g.sum(0)


@family.wrong(1, every_step, STEPS, argument="b", cause=("mean_instead_of_sum", "scaled_by_size"))
def bias_averaged_over_steps_and_batch(g, x, W, b):
    return g @ W.T, np.tensordot(x, g, ((0, 1), (0, 1))), g.reshape(-1, len(b)).mean(0)


# The cosine between rows: a, b (N, D)
SIDES = sized(((5, 3), (5, 3)), ((24, 16), (24, 16)))


def lengths(a):
    return np.sqrt((a * a).sum(axis=1, keepdims=True))


def cosine(a, b):
    return ((a / lengths(a)) * (b / lengths(b))).sum(axis=1)


@family.wrong(
    84, cosine, SIDES, argument="a b", cause=("statistics_as_constants", "centered_term_missing", "sum_term_missing")
)
def cosine_with_fixed_lengths(g, a, b):
    scale = g[:, None] / (lengths(a) * lengths(b))
    return scale * b, scale * a


@family.wrong(23, cosine, SIDES, argument="a", cause="wrong_operand")
def cosine_takes_away_the_other_side(g, a, b):
    u, v, c = a / lengths(a), b / lengths(b), cosine(a, b)[:, None]
    return g[:, None] * (v - c * v) / lengths(a), g[:, None] * (u - c * v) / lengths(b)


# Euclidean distances of all rows: a (N, D), b (M, D)
CLOUDS = sized(((3, 4), (5, 4)), ((12, 6), (10, 6)))


def squared_distances(a, b):
    return ((a[:, None, :] - b[None, :, :]) ** 2).sum(-1)


@family.wrong(18, squared_distances, CLOUDS, argument="b", cause="sign")
def distances_push_the_second_cloud_the_same_way(g, a, b):
    d = 2 * g[:, :, None] * (a[:, None, :] - b[None])
    return d.sum(1), d.sum(0)


@family.wrong(15, squared_distances, CLOUDS, argument="a b", cause="scaled_by_two")
def distances_without_their_two(g, a, b):
    d = g[:, :, None] * (a[:, None, :] - b[None])
    return d.sum(1), -d.sum(0)


@family.wrong(10, squared_distances, CLOUDS, argument="a b", cause=("sum_term_missing", "use_dropped"))
def distances_from_the_origin(g, a, b):
    return 2 * g.sum(1)[:, None] * a, 2 * g.sum(0)[:, None] * b
