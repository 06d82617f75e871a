"""Losses on top of layers: one slip in the loss, in a layer, or between the two."""

import numpy as np

from .case import Family, normal, sized
from .composites import sigmoid, softmax, softmax_back

family = Family("composed_losses")


def whole(number, argument, cause, inputs, gradients=("W1", "b1", "W2", "b2")):
    """A network with a loss: x and t, then its parameters."""
    held = {name: name for name in gradients}
    return family.whole(number, "wrong backward", "network", inputs, inputs_of_layer=2, argument=argument,
                        cause=cause, gradients=held)  # fmt: skip


def classified(size, seed):
    n, d, h, k = (5, 3, 4, 3) if size == "small" else (20, 12, 10, 6)
    x, *parameters = normal(seed, (n, d), (d, h), (h,), (h, k), (k,))
    return x, np.arange(n) % k, *parameters


class Classifier:
    """relu, softmax and cross-entropy, averaged over the batch."""

    again, masked, divided, subtracted = False, True, 1, True

    def __init__(self, W1, b1, W2, b2):
        self.params = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}

    def predict(self, x):
        P = self.params
        h = np.maximum(0, x.dot(P["W1"]) + P["b1"])
        return h, softmax(h.dot(P["W2"]) + P["b2"])

    def loss(self, x, t):
        return -np.log(self.predict(x)[1][np.arange(len(t)), t]).sum() / len(t)

    def gradient(self, x, t):
        h, p = self.predict(x)
        dz = p.copy()
        dz[np.arange(len(t)), t] -= 1
        dz = self.delta(p, dz / len(t) ** self.divided)
        dh = dz.dot(self.params["W2"].T) * ((h > 0) if self.masked else 1.0)
        return {"W1": x.T.dot(dh), "b1": dh.sum(0), "W2": h.T.dot(dz), "b2": dz.sum(0)}

    def delta(self, p, dz):
        return dz


@whole(27, "W1 b1 W2 b2", "derivative_twice", classified)
class SoftmaxTwice(Classifier):
    def delta(self, p, dz):
        return softmax_back(p, dz)


@whole(27, "W1 b1 W2 b2", ("derivative_twice", "local_factor"), classified)
class SoftmaxSlopeAfterTheDifference(Classifier):
    def delta(self, p, dz):
        return dz * p * (1 - p)


@whole(47, "W1 b1", "mask_missing", classified)
class HiddenMaskForgotten(Classifier):
    masked = False


@whole(21, "W1 b1 W2 b2", "scaled_by_batch", classified)
class NotAveraged(Classifier):
    divided = 0


@whole(4, "W1 W2", "scaled_by_batch", classified)
class WeightsAveragedAgain(Classifier):
    def gradient(self, x, t):
        grads = super().gradient(x, t)
        return {name: g / len(x) if name.startswith("W") else g for name, g in grads.items()}


@whole(8, "W1 b1", "updated_weight", classified)
class HiddenErrorThroughTheNewWeights(Classifier):
    def gradient(self, x, t):
        h, p = self.predict(x)
        dz = (p - np.eye(p.shape[1])[t]) / len(t)
        grads = {"W2": h.T @ dz, "b2": dz.sum(axis=0)}
        new = self.params["W2"] - 0.1 * grads["W2"]
        dh = dz @ new.T
        dh[h <= 0] = 0
        return {**grads, "W1": x.T @ dh, "b1": dh.sum(axis=0)}


FIT = sized(((5, 3), (5, 2), (3, 4), (4,), (4, 2), (2,)), ((20, 12), (20, 6), (12, 10), (10,), (10, 6), (6,)))


class Regressor:
    """sigmoid layers under half a squared error."""

    def __init__(self, W1, b1, W2, b2):
        self.W1, self.b1, self.W2, self.b2 = W1, b1, W2, b2
        self.params = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}

    def run(self, x):
        P = self.params
        h = sigmoid(x @ P["W1"] + P["b1"])
        return h, sigmoid(h @ P["W2"] + P["b2"])

    def loss(self, x, t):
        return 0.5 * np.sum((self.run(x)[1] - t) ** 2)

    def slopes(self, h, y):
        return h * (1 - h), y * (1 - y)

    def gradient(self, x, t):
        h, y = self.run(x)
        hidden, last = self.slopes(h, y)
        dz = (y - t) * last
        da = dz @ self.params["W2"].T * hidden
        return {"W1": x.T @ da, "b1": da.sum(0), "W2": h.T @ dz, "b2": dz.sum(0)}


@whole(9, "W1 b1 W2 b2", "derivative_missing", FIT)
class OutputSlopeForgotten(Regressor):
    def slopes(self, h, y):
        return h * (1 - h), 1.0


@whole(43, "W1 b1", "derivative_missing", FIT)
class HiddenSlopeForgotten(Regressor):
    def slopes(self, h, y):
        return 1.0, y * (1 - y)


@whole(41, "W1 b1", "derivative_at_output", FIT)
class HiddenSlopeOfTheActivation(Regressor):
    def slopes(self, h, y):
        return sigmoid(h) * (1 - sigmoid(h)), y * (1 - y)


@whole(45, "W1 b1", "wrong_derivative", FIT)
class HiddenSlopeOfTanh(Regressor):
    def slopes(self, h, y):
        return 1 - h * h, y * (1 - y)


@whole(16, "W1 b1 W2 b2", ("scaled_by_two", "other_loss"), FIT)
class ErrorWithoutTheHalf(Regressor):
    def loss(self, x, t):
        return 2 * super().loss(x, t)


@whole(18, "W1 b1 W2 b2", "sign", FIT)
class TargetLessPrediction(Regressor):
    def gradient(self, x, t):
        return {name: -g for name, g in super().gradient(x, t).items()}


LOGISTIC = sized(((7, 3), (7,), (3,), (1,)), ((30, 12), (30,), (12,), (1,)))


def labelled(size, seed):
    x, _, w, b = LOGISTIC(size, seed)
    return x, (np.arange(len(x)) % 2) * 1.0, w, b


class Logistic:
    def __init__(self, w, b):
        self.params = {"w": w, "b": b}

    def probability(self, x):
        return sigmoid(x @ self.params["w"] + self.params["b"])

    def loss(self, x, t):
        p = self.probability(x)
        return -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))

    def delta(self, p, t):
        return p - t

    def gradient(self, x, t):
        d = self.delta(self.probability(x), t) / len(t)
        return {"w": x.T @ d, "b": d.sum(keepdims=True)}


@whole(28, "w b", ("derivative_twice", "other_loss"), labelled, ("w", "b"))
class SquaredErrorDelta(Logistic):
    def delta(self, p, t):
        return (p - t) * p * (1 - p)


@whole(23, "w b", "sum_term_missing", labelled, ("w", "b"))
class OnlyThePositives(Logistic):
    def delta(self, p, t):
        return -t * (1 - p)


@whole(18, "w b", "sign", labelled, ("w", "b"))
class Ascending(Logistic):
    def delta(self, p, t):
        return t - p


@whole(17, "w b", ("scaled_by_size", "scaled_by_batch", "scaled"), labelled, ("w", "b"))
class AveragedOverTheFeatures(Logistic):
    def delta(self, p, t):
        return (p - t) * len(t) / len(self.params["w"])


def margins(x, W, y):
    """The multiclass hinge loss with a penalty, example by example."""
    total = 0.0
    for i in range(len(x)):
        s = x[i].dot(W)
        for j in range(W.shape[1]):
            if j != y[i]:
                total += np.maximum(0, s[j] - s[y[i]] + 1)
    return total / len(x) + 0.1 * np.sum(W * W)


def margin_grads(g, x, W, y, own=lambda dW, j, xi: dW[:, j] - xi, penalty=0.2):
    dx, dW = np.zeros_like(x), np.zeros_like(W)
    for i in range(len(x)):
        s = x[i] @ W
        for j in range(W.shape[1]):
            if j != y[i] and s[j] - s[y[i]] + 1 > 0:
                dW[:, j] += x[i]
                dW[:, y[i]] = own(dW, y[i], x[i])
                dx[i] += W[:, j] - W[:, y[i]]
    return g * dx / len(x), g * (dW / len(x) + penalty * W), None


def scored(size, seed):
    n, d, k = (6, 3, 4) if size == "small" else (16, 8, 6)
    x, W = normal(seed, (n, d), (d, k))
    return x, W, np.arange(n) % k


ASSIGNED = ("use_dropped", "samples_missing", "time_overwritten", "sum_term_missing")


@family.wrong(115, margins, scored, argument="W", cause="sum_term_missing")
def correct_class_never_pushed(g, x, W, y):
    return margin_grads(g, x, W, y, own=lambda dW, j, xi: dW[:, j])


@family.wrong(115, margins, scored, argument="W", cause=ASSIGNED)
def correct_class_overwritten(g, x, W, y):
    return margin_grads(g, x, W, y, own=lambda dW, j, xi: -xi)


@family.wrong(116, margins, scored, argument="W", cause="regularization")
def penalty_with_a_half(g, x, W, y):
    return margin_grads(g, x, W, y, penalty=0.1)
