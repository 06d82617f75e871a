"""Dense layers and small networks that are right (F6, and what catalogue 8, 10 look like when right)."""

from functools import partial

import numpy as np

from ..case import Family, sized
from .dense_matrices import affine, mlp

family = Family("dense")


def linear(x, w, b):
    return x @ w + b


control = partial(family.control, forward=linear, inputs=affine, op="dense")


@control("")
def outer_products_added_up(dout, x, w, b):
    dx, dw, db = np.empty_like(x), np.zeros_like(w), np.zeros_like(b)
    for n in range(x.shape[0]):
        dw += np.outer(x[n], dout[n])
        db += dout[n]
        dx[n] = w.dot(dout[n])
    return dx, dw, db


def labelled(size, seed):
    X, W1, b1, W2, b2 = mlp(size, seed)
    return X, np.random.default_rng(seed + 1).integers(0, len(b2), len(X)), W1, b1, W2, b2


@family.whole(
    "F6",
    "control",
    "network",
    labelled,
    inputs_of_layer=2,
    gradients={"W1": "W1", "b1": "b1", "W2": "W2", "b2": "b2"},
    constants=("X",),
    ends_in_loss=True,
)
class DividesByNAtTheParameters:
    def __init__(self, W1, b1, W2, b2):
        self.params = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}

    def loss(self, X, y):
        p = self.params
        self.hidden = np.maximum(0, X @ p["W1"] + p["b1"])
        scores = self.hidden @ p["W2"] + p["b2"]
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        self.probs = e / e.sum(axis=1, keepdims=True)
        return -np.log(self.probs[np.arange(len(y)), y]).mean()

    def gradient(self, X, y):
        self.loss(X, y)
        m = len(y)
        dz2 = self.probs - np.eye(self.probs.shape[1])[y]
        dz1 = dz2 @ self.params["W2"].T
        dz1[self.hidden <= 0] = 0
        return {
            "W2": 1 / m * self.hidden.T @ dz2,
            "b2": 1 / m * dz2.sum(axis=0),
            "W1": 1 / m * X.T @ dz1,
            "b1": 1 / m * dz1.sum(axis=0),
        }


@family.whole(8, "control", "layer", affine, op="dense", gradients={"W": "dW", "b": "db"})
class StepsOnlyACopy:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return x.dot(self.W) + self.b

    def backward(self, dout):
        dx = dout.dot(self.W.T)
        self.dW = np.zeros_like(self.W)
        self.dW += self.x.T.dot(dout)
        self.db = dout.sum(axis=0)
        self.next_W = self.W - 0.1 * self.dW
        return dx


def sum_to(grad, shape):
    grad = grad.sum(axis=tuple(range(grad.ndim - len(shape))))
    stretched = tuple(i for i, n in enumerate(shape) if n == 1)
    return grad.sum(axis=stretched, keepdims=True)


@family.whole(
    10,
    "control",
    "vjp",
    sized(((2, 3, 5, 4), (3, 1, 1), (4,)), ((8, 6, 12, 10), (6, 1, 1), (10,))),
    names=("x", "g", "b"),
)
def gradients_summed_to_their_shapes(x, g, b):
    def pull(ct):
        return ct * g, sum_to(ct * x, g.shape), sum_to(ct, b.shape)

    return x * g + b, pull
