"""Support vector machines and penalties (catalogue 115 to 118)."""

import numpy as np

from ..case import Family, normal

family = Family("regularisation")

REG = 0.3


def labelled(size, seed):
    N, D, C = (7, 4, 5) if size == "small" else (120, 40, 10)
    X, W = normal(seed, (N, D), (D, C))
    return W / np.sqrt(D), X, np.random.default_rng(seed + 1).integers(0, C, N)


def svm_loss(W, X, y):
    scores = X @ W
    correct = scores[np.arange(len(X)), y][:, None]
    margins = np.maximum(0, scores - correct + 1)
    margins[np.arange(len(X)), y] = 0
    return margins.sum() / len(X) + REG * np.sum(W * W)


def hinge_mask(W, X, y):
    scores = X @ W
    return scores - scores[np.arange(len(X)), y][:, None] + 1 > 0


@family.wrong(
    115,
    svm_loss,
    labelled,
    constants=("X",),
    cause=("repeated_index_dropped", "samples_missing", "sum_term_missing"),
    argument="W",
)
def correct_class_assigned_in_the_loops(dloss, W, X, y):
    dW = np.zeros(W.shape)
    num_train, num_classes = X.shape[0], W.shape[1]
    for i in range(num_train):
        scores = X[i].dot(W)
        for j in range(num_classes):
            if j == y[i]:
                continue
            if scores[j] - scores[y[i]] + 1 > 0:
                dW[:, j] += X[i]
                dW[:, y[i]] = -X[i]
    dW /= num_train
    dW += 2 * REG * W
    return dloss * dW, None, None


@family.wrong(115, svm_loss, labelled, constants=("X",), cause="sum_term_missing", argument="W")
def own_class_counted_among_the_margins(dloss, W, X, y):
    num_train = len(X)
    binary = hinge_mask(W, X, y).astype(float)
    row_sum = np.sum(binary, axis=1)
    binary[np.arange(num_train), y] = -row_sum
    return dloss * (X.T @ binary / num_train + 2 * REG * W), None, None


@family.wrong(116, svm_loss, labelled, constants=("X",), cause="regularization", argument="W")
def half_of_the_penalty_of_the_svm(dloss, W, X, y):
    mask = hinge_mask(W, X, y).astype(float)
    mask[np.arange(len(X)), y] = 0
    mask[np.arange(len(X)), y] = -mask.sum(axis=1)
    dW = X.T.dot(mask) / len(X)
    dW += REG * W
    return dW * dloss, None, None


def l2_penalty(W, lam):
    return lam * np.sum(np.square(W))


def weights(size, seed):
    (W,) = normal(seed, (5, 7) if size == "small" else (80, 60))
    return W, np.array(0.7)


@family.wrong(
    116,
    l2_penalty,
    weights,
    constants=("lam",),
    cause=("scaled_by_two", "regularization", "scaled"),
    argument="W",
)
def weight_decay_as_lambda_times_w(dout, W, lam):
    return dout * lam * W, None


def regression(size, seed):
    N, D = (9, 5) if size == "small" else (200, 60)
    X, w, b, t = normal(seed, (N, D), (D,), (1,), (N,))
    return X, w, b, t


def ridge(X, w, b, t):
    return np.mean((X @ w + b - t) ** 2) + 0.5 * REG * np.sum(w**2)


@family.wrong(116, ridge, regression, constants=("X", "t"), cause="regularization", argument="w")
def ridge_with_a_half_and_a_two(dout, X, w, b, t):
    err = 2 * (X @ w + b - t) / len(t)
    return None, dout * (X.T @ err + 2 * REG * w), dout * err.sum(keepdims=True), None


@family.wrong(118, ridge, regression, constants=("X", "t"), cause="regularization", argument="b")
def ridge_shrinks_the_intercept(dout, X, w, b, t):
    err = 2 * (X @ w + b - t) / len(t)
    return None, dout * (X.T @ err + REG * w), dout * (err.sum(keepdims=True) + REG * b), None


def images(size, seed):
    N, D, H, C = (6, 5, 7, 3) if size == "small" else (64, 48, 32, 10)
    X, W1, W2, W3 = normal(seed, (N, D), (D, H), (H, H), (H, C))
    t = np.eye(C)[np.random.default_rng(seed + 1).integers(0, C, N)]
    return X, t, W1 / np.sqrt(D), W2 / np.sqrt(H), W3 / np.sqrt(H)


class ThreeLayerNet:
    def __init__(self, W1, W2, W3):
        self.params = {"W1": W1, "W2": W2, "W3": W3}

    def predict(self, x):
        p = self.params
        self.h1 = np.maximum(0, x @ p["W1"])
        self.h2 = np.maximum(0, self.h1 @ p["W2"])
        scores = self.h2 @ p["W3"]
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def loss(self, x, t):
        data = -np.sum(t * np.log(self.predict(x))) / len(x)
        return data + 0.5 * REG * sum(np.sum(W * W) for W in self.params.values())

    def data_gradient(self, x, t):
        dscores = (self.predict(x) - t) / len(x)
        dh2 = dscores @ self.params["W3"].T * (self.h2 > 0)
        dh1 = dh2 @ self.params["W2"].T * (self.h1 > 0)
        return {"W1": x.T @ dh1, "W2": self.h1.T @ dh2, "W3": self.h2.T @ dscores}


network = {"inputs_of_layer": 2, "constants": ("x", "t"), "gradients": {"W1": "W1", "W2": "W2", "W3": "W3"}}


@family.whole(117, "wrong backward", "network", images, cause="regularization", argument="W1 W3", **network)
class FirstWeightPenalizedTwiceLastNever(ThreeLayerNet):
    def gradient(self, x, t):
        grads = self.data_gradient(x, t)
        grads["W1"] += REG * self.params["W1"]
        grads["W2"] += REG * self.params["W2"]
        grads["W1"] += REG * self.params["W1"]
        return grads


def sigmoid_net(X, t, W1, b1, W2):
    h = 1 / (1 + np.exp(-(X @ W1 + b1)))
    return 0.5 * np.sum((h @ W2 - t) ** 2) / len(X) + REG * (np.sum(W1 * W1) + np.sum(W2 * W2)), (X, t, W1, W2, h)


def targets(size, seed):
    N, D, H, C = (6, 5, 4, 3) if size == "small" else (64, 48, 32, 10)
    return normal(seed, (N, D), (N, C), (D, H), (H,), (H, C))


net = {"style": "cache", "names": ("X", "t", "W1", "b1", "W2"), "constants": ("X", "t")}


def backward_of_the_data(dout, cache):
    X, t, W1, W2, h = cache
    dy = dout * (h @ W2 - t) / len(X)
    da = dy @ W2.T * h * (1 - h)
    return X.T @ da, da.sum(axis=0), h.T @ dy, W1, W2


@family.wrong(117, sigmoid_net, targets, cause="regularization", argument="W2", **net)
def second_layer_without_its_penalty(dout, cache):
    dW1, db1, dW2, W1, W2 = backward_of_the_data(dout, cache)
    return None, None, dW1 + dout * 2 * REG * W1, db1, dW2


def plain_net(X, t, W1, b1, W2):
    h = 1 / (1 + np.exp(-(X @ W1 + b1)))
    return 0.5 * np.sum((h @ W2 - t) ** 2) / len(X), (X, t, W1, W2, h)


@family.wrong(118, plain_net, targets, cause="regularization", argument="W1 W2", **net)
def decay_in_the_gradient_only(dout, cache):
    dW1, db1, dW2, W1, W2 = backward_of_the_data(dout, cache)
    weight_decay = 0.1
    return None, None, dW1 + dout * weight_decay * W1, db1, dW2 + dout * weight_decay * W2
