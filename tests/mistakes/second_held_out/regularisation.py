"""mistakes in penalties, hinge losses and networks with them (catalogue 8, 22, 115 to 118)."""

import numpy as np

from ..case import Family, normal

family = Family("regularisation")


def linear_classifier(size, seed):
    n, d, classes = (7, 4, 3) if size == "small" else (64, 30, 10)
    W, X, b = normal(seed, (d, classes), (n, d), (classes,))
    return W, X, np.random.default_rng(seed + 11).integers(classes, size=n), b


def without_bias(size, seed):
    return linear_classifier(size, seed)[:3]


REG = 0.3


def softmax_loss(W, X, y):
    scores = X @ W
    scores = scores - scores.max(axis=1, keepdims=True)
    log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    data = -log_p[np.arange(len(X)), y].mean()
    return data + REG * np.sum(W * W), (W, X, y, np.exp(log_p))


def of_scores(p, y):
    d = p.copy()
    d[np.arange(len(p)), y] -= 1
    return d


@family.wrong(116, softmax_loss, without_bias, style="cache", constants=("X",), argument="W", cause="regularization")
def penalty_of_a_half_in_the_gradient(dout, cache):
    W, X, y, p = cache
    dW = X.T @ of_scores(p, y) / len(X)
    dW += REG * W
    return dout * dW, None, None


def hinge(scores, y):
    rows = np.arange(len(scores))
    margins = np.maximum(0, scores - scores[rows, y][:, None] + 1)
    margins[rows, y] = 0
    return margins.sum()


def some_scores(size, seed):
    n, classes = (7, 6) if size == "small" else (64, 10)
    return normal(seed, (n, classes))[0], np.random.default_rng(seed + 6).integers(classes, size=n)


@family.wrong(115, hinge, some_scores, argument="scores", cause=("use_dropped", "sum_term_missing"))
def right_class_pushed_once(dout, scores, y):
    dscores = np.zeros_like(scores)
    for i, row in enumerate(scores):
        for j in range(len(row)):
            if j != y[i] and row[j] - row[y[i]] + 1 > 0:
                dscores[i, j] = 1
                dscores[i, y[i]] = -1
    return dout * dscores, None


def ridge(W, X, b):
    """The logits of one column, squared, and a penalty on the weights alone."""
    return 0.5 * np.mean((X @ W + b) ** 2) + 0.5 * REG * np.sum(W**2)


def ridge_inputs(size, seed):
    W, X, _, b = linear_classifier(size, seed)
    return W, X, b


@family.wrong(118, ridge, ridge_inputs, constants=("X",), argument="b", cause="regularization")
def bias_decays_with_the_weights(dout, W, X, b):
    error = (X @ W + b) / (len(X) * len(b))
    return dout * (X.T @ error + REG * W), None, dout * (error.sum(axis=0) + REG * b)


def network_inputs(size, seed):
    n, d, h, classes = (6, 4, 5, 3) if size == "small" else (40, 20, 32, 10)
    x, W1, b1, W2, b2 = normal(seed, (n, d), (d, h), (h,), (h, classes), (classes,))
    return x, np.eye(classes)[np.random.default_rng(seed + 4).integers(classes, size=n)], W1, b1, W2, b2


class TwoLayerNet:
    """What the networks below have in common: everything but the gradient."""

    weight_decay = 0.1

    def __init__(self, W1, b1, W2, b2):
        self.params = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}

    def predict(self, x):
        W1, b1, W2, b2 = self.params.values()
        self.h = np.maximum(0, x @ W1 + b1)
        scores = self.h @ W2 + b2
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def loss(self, x, t):
        data = -np.sum(t * np.log(self.predict(x))) / len(x)
        penalty = np.sum(self.params["W1"] ** 2) + np.sum(self.params["W2"] ** 2)
        return data + 0.5 * self.weight_decay * penalty


gradients = {"W1": "W1", "b1": "b1", "W2": "W2", "b2": "b2"}


@family.whole(
    117,
    "wrong backward",
    "network",
    network_inputs,
    inputs_of_layer=2,
    gradients=gradients,
    argument="W1 W2",
    cause="regularization",
)
class NetDecaysItsFirstLayerTwice(TwoLayerNet):
    def gradient(self, x, t):
        grads, W2 = {}, self.params["W2"]
        dscores = (self.predict(x) - t) / len(x)
        grads["W2"], grads["b2"] = self.h.T @ dscores, dscores.sum(axis=0)
        dh = dscores @ W2.T * (self.h > 0)
        grads["W1"], grads["b1"] = x.T @ dh, dh.sum(axis=0)
        for _ in range(2):
            grads["W1"] += self.weight_decay * self.params["W1"]
        return grads


@family.whole(
    118,
    "wrong backward",
    "network",
    network_inputs,
    inputs_of_layer=2,
    gradients=gradients,
    argument="W1 W2",
    cause="regularization",
)
class NetDecaysInTheGradientOnly(TwoLayerNet):
    def loss(self, x, t):
        return -np.mean(np.log(np.sum(self.predict(x) * t, axis=1)))

    def gradient(self, x, t):
        W1, _, W2, _ = self.params.values()
        delta = (self.predict(x) - t) / len(x)
        hidden = (delta @ W2.T) * (self.h > 0)
        return {
            "W1": x.T @ hidden + self.weight_decay * W1,
            "b1": hidden.sum(axis=0),
            "W2": self.h.T @ delta + self.weight_decay * W2,
            "b2": delta.sum(axis=0),
        }


@family.whole(
    8,
    "wrong backward",
    "network",
    network_inputs,
    inputs_of_layer=2,
    gradients=gradients,
    argument="W1 b1",
    cause="updated_weight",
)
class NetStepsBeforeTheHiddenLayer(TwoLayerNet):
    weight_decay = 0.0

    def gradient(self, x, t, lr=0.5):
        out = self.predict(x)
        delta = (out - t) / len(x)
        dW2, db2 = self.h.T.dot(delta), delta.sum(axis=0)
        W2 = self.params["W2"] - lr * dW2
        dh = np.where(self.h > 0, delta.dot(W2.T), 0)
        return {"W1": x.T.dot(dh), "b1": dh.sum(axis=0), "W2": dW2, "b2": db2}


@family.whole(
    22,
    "wrong backward",
    "network",
    network_inputs,
    inputs_of_layer=2,
    gradients=gradients,
    argument="b1 b2",
    cause=("mean_instead_of_sum", "scaled_by_batch"),
)
class NetAveragesItsBiasesAgain(TwoLayerNet):
    def gradient(self, x, t):
        p = self.params
        delta = (self.predict(x) - t) / len(x)
        dh = np.multiply(delta @ p["W2"].T, self.h > 0)
        dW1, dW2 = x.T @ dh + self.weight_decay * p["W1"], self.h.T @ delta + self.weight_decay * p["W2"]
        return {"W1": dW1, "b1": np.mean(dh, axis=0), "W2": dW2, "b2": np.mean(delta, axis=0)}
