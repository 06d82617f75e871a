"""mistakes in squared and absolute errors (catalogue 11, 15 to 20)."""

import numpy as np

from ..case import Family, normal, sized

family = Family("losses")

pairs = sized(((5, 3), (5, 3)), ((64, 20), (64, 20)))


@family.whole(
    15, "wrong backward", "layer", pairs, inputs_of_layer=2, ends_in_loss=True, argument="pred", cause="scaled_by_two"
)
class MSELoss:
    def forward(self, pred, target):
        self.diff = pred - target
        return np.mean(self.diff**2)

    def backward(self, dout=1):
        return dout * self.diff / self.diff.size


def half_sum_of_squares(y, t):
    return 0.5 * np.sum((y - t) ** 2)


@family.wrong(16, half_sum_of_squares, pairs, constants=("t",), argument="y", cause="scaled_by_batch")
def half_sum_averaged_in_backward(dout, y, t):
    batch_size = y.shape[0]
    return dout * (y - t) / batch_size, None


@family.whole(
    16,
    "wrong backward",
    "network",
    sized(((6, 4), (6, 3), (4, 3), (3,)), ((50, 20), (50, 7), (20, 7), (7,))),
    inputs_of_layer=2,
    gradients={"w": "w", "b": "b"},
    argument="w b",
    cause="scaled_by_batch",
)
class LinearRegression:
    def __init__(self, w, b):
        self.params = {"w": w, "b": b}

    def predict(self, x):
        return x @ self.params["w"] + self.params["b"]

    def loss(self, x, t):
        return np.sum((self.predict(x) - t) ** 2) / (2 * len(x))

    def gradient(self, x, t):
        residual = self.predict(x) - t
        return {"w": x.T @ residual, "b": residual.sum(axis=0)}


def mse(y, t):
    diff = y - t
    return (diff * diff).sum() / diff.size, diff


@family.wrong(17, mse, pairs, style="rule", constants=("t",), argument="y", cause="scaled_by_size")
def divided_by_rows_not_entries(diff, g):
    return g * 2 * diff / diff.shape[0], None


@family.whole(18, "wrong backward", "vjp", pairs, constants=("target",), argument="output", cause="sign")
def squared_error_of_each_row(output, target):
    loss = 0.5 * ((target - output) ** 2).sum(axis=1)

    def pullback(g):
        return g[:, None] * (target - output), None

    return loss, pullback


def row_losses(y, t):
    return ((y - t) ** 2).mean(axis=1), (y, t)


@family.wrong(19, row_losses, pairs, style="cache", constants=("t",), argument="y", cause="ignores_cotangent")
def row_losses_without_dout(dout, cache):
    y, t = cache
    return 2 * (y - t) / y.shape[1], None


@family.whole(
    20, "wrong backward", "layer", pairs, inputs_of_layer=2, ends_in_loss=True, argument="y", cause="scaled_by_size"
)
class SquaredErrorSummed:
    def __init__(self, reduction="sum"):
        self.reduction = reduction

    def forward(self, y, t):
        self.y, self.t = y, t
        error = np.square(y - t)
        return error.sum() if self.reduction == "sum" else error.mean()

    def backward(self, dout=1.0):
        return dout * 2 * (self.y - self.t) / self.y.size


def column_and_row(size, seed):
    n = 7 if size == "small" else 60
    return normal(seed, (n, 1), (n,))


def mean_square(y, t):
    return np.mean((y - t) ** 2)


@family.wrong(11, mean_square, column_and_row, constants=("t",), argument="y", cause=("sum_term_missing", "other_loss"))
def difference_broadcast_in_forward(dout, y, t):
    return dout * 2 * (y - t[:, None]) / len(y), None


def mean_square_of_columns(y, t):
    return np.mean((y[:, 0] - t) ** 2)


@family.wrong(11, mean_square_of_columns, column_and_row, constants=("t",), argument="y", cause="wrong_shape")
def difference_broadcast_in_backward(dout, y, t):
    return dout * 2 * (y - t) / len(y), None


networks = sized(((5, 4), (5, 2), (4, 6), (6,), (6, 2), (2,)), ((40, 20), (40, 5), (20, 30), (30,), (30, 5), (5,)))


@family.whole(
    18,
    "wrong backward",
    "network",
    networks,
    inputs_of_layer=2,
    gradients={"syn0": "syn0", "b0": "b0", "syn1": "syn1", "b1": "b1"},
    argument="syn0 b0 syn1 b1",
    cause="sign",
)
class ElevenLines:
    def __init__(self, syn0, b0, syn1, b1):
        self.params = {"syn0": syn0, "b0": b0, "syn1": syn1, "b1": b1}

    def predict(self, X):
        p = self.params
        l1 = 1 / (1 + np.exp(-(X @ p["syn0"] + p["b0"])))
        l2 = 1 / (1 + np.exp(-(l1 @ p["syn1"] + p["b1"])))
        return l1, l2

    def loss(self, X, y):
        return 0.5 * np.sum((self.predict(X)[1] - y) ** 2)

    def gradient(self, X, y):
        l1, l2 = self.predict(X)
        l2_delta = (y - l2) * l2 * (1 - l2)
        l1_delta = l2_delta.dot(self.params["syn1"].T) * l1 * (1 - l1)
        return {"syn0": X.T @ l1_delta, "b0": l1_delta.sum(0), "syn1": l1.T @ l2_delta, "b1": l2_delta.sum(0)}


@family.wrong(
    28,
    lambda y, t: np.abs(y - t).sum(axis=1),
    pairs,
    constants=("t",),
    argument="y",
    cause=("other_loss", "wrong_derivative", "local_factor"),
)
def absolute_error_by_the_squared_errors_delta(dout, y, t):
    return dout[:, None] * (y - t), None
