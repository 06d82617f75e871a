"""Penalties, margins, and what is done to a gradient before it is returned."""

import numpy as np

from ..case import Family, normal, sized

family = Family("regularisation")

LINEAR = sized(((5, 3), (5, 2), (3, 2), (2,)), ((24, 16), (24, 6), (16, 6), (6,)))
TWO = sized(((5, 3), (5, 2), (3, 4), (4, 2)), ((24, 12), (24, 6), (12, 10), (10, 6)))


class Ridge:
    decay = 0.3
    weight, bias, halved = 1.0, 0.0, True

    def __init__(self, W, b):
        self.W, self.b = W, b

    def loss(self, x, t):
        fit = 0.5 * np.sum((x @ self.W + self.b - t) ** 2)
        return fit + (0.5 if self.halved else 1.0) * self.decay * np.sum(self.W**2)

    def gradient(self, x, t):
        r = x @ self.W + self.b - t
        return {
            "W": x.T @ r + self.weight * self.decay * self.W,
            "b": r.sum(0) + self.bias * self.decay * self.b,
        }


def network(number, argument, inputs=LINEAR, gradients=("W", "b"), cause=("regularization",)):
    return family.whole(
        number,
        "wrong backward",
        "network",
        inputs,
        inputs_of_layer=2,
        argument=argument,
        gradients={name: name for name in gradients},
        cause=cause,
    )


@network(116, "W")
class SumOfSquaresPenalty(Ridge):
    halved = False


@network(118, "b")
class BiasDecaysToo(Ridge):
    bias = 1.0


@network(118, "W")
class DecayNotInTheLoss(Ridge):
    def loss(self, x, t):
        return 0.5 * np.sum((x @ self.W + self.b - t) ** 2)


@network(117, "W1 W2", TWO, ("W1", "W2"))
class FirstPenalizedTwice:
    def __init__(self, W1, W2):
        self.params = {"W1": W1, "W2": W2}
        self.reg = 0.2

    def loss(self, x, t):
        h = np.tanh(x @ self.params["W1"])
        penalty = sum(np.sum(w * w) for w in self.params.values())
        return np.mean(np.sum((h @ self.params["W2"] - t) ** 2, axis=1)) + 0.5 * self.reg * penalty

    def gradient(self, x, t):
        W1, W2 = self.params["W1"], self.params["W2"]
        h = np.tanh(x @ W1)
        dy = 2 * (h @ W2 - t) / len(x)
        grads = {"W2": h.T @ dy, "W1": x.T @ (dy @ W2.T * (1 - h * h))}
        grads["W1"] += self.reg * W1
        grads["W1"] += self.reg * W1
        return grads


def scores(size, seed):
    n, d, k = (6, 3, 4) if size == "small" else (24, 12, 8)
    x, W = normal(seed, (n, d), (d, k))
    return x, W, np.arange(n) % k


def hinge(x, W, y):
    s = x @ W
    margins = np.maximum(0, s - s[np.arange(len(y)), y][:, None] + 1)
    margins[np.arange(len(y)), y] = 0
    return margins.sum() / len(y)


def hinge_delta(x, W, y):
    s = x @ W
    active = (s - s[np.arange(len(y)), y][:, None] + 1 > 0).astype(float)
    active[np.arange(len(y)), y] = 0
    return active


@family.wrong(
    115, hinge, scores, argument="W", cause=("use_dropped", "samples_missing", "time_overwritten", "sum_term_missing")
)
def correct_column_assigned(g, x, W, y):
    active, dW = hinge_delta(x, W, y), np.zeros_like(W)
    for i, label in enumerate(y):
        dW += np.outer(x[i], active[i])
        dW[:, label] = -active[i].sum() * x[i]
    active[np.arange(len(y)), y] = -active.sum(1)
    return g * active @ W.T / len(y), g * dW / len(y), None


@family.wrong(115, hinge, scores, argument="x W", cause=("sum_term_missing", "partly_scaled"))
def correct_class_counted_once(g, x, W, y):
    active = hinge_delta(x, W, y)
    active[np.arange(len(y)), y] -= active.any(axis=1)
    active *= g / len(y)
    return active @ W.T, x.T @ active, None


def weighted(x, W):
    return x @ W


@family.wrong(
    141,
    weighted,
    sized(((5, 3), (3, 4)), ((24, 16), (16, 12))),
    argument="W",
    op="dense",
    cause=("clipped", "not_linear"),
)
def clipped_on_the_way_out(g, x, W):
    return g @ W.T, np.clip(x.T @ g, -1, 1)


@family.wrong(
    141,
    weighted,
    sized(((5, 3), (3, 4)), ((24, 16), (16, 12))),
    argument="W",
    cause=("not_linear", "clipped", "scaled"),
)
def rescaled_to_unit_norm(g, x, W):
    dW = x.T @ g
    norm = np.sqrt((dW**2).sum())
    return g @ W.T, dW / norm if norm > 1 else dW


@network(118, "W", cause=("regularization", "scaled_by_batch"))
class PenaltyAveragedOverTheBatch(Ridge):
    def gradient(self, x, t):
        grads = super().gradient(x, t)
        return {**grads, "W": grads["W"] - self.decay * self.W * (1 - 1 / len(x))}
