"""A value that is used twice and receives the gradient of one use (catalogue 12)."""

import numpy as np

from ..case import Family, normal, sized

family = Family("dense")


square_and_rows = sized(((7, 4), (4, 4)), ((40, 48), (48, 48)))


def twice_through(x, W):
    h = np.tanh(x @ W)
    return np.tanh(h @ W), (x, W, h)


@family.wrong(
    12,
    twice_through,
    square_and_rows,
    style="rule",
    names=("x", "W"),
    cause="use_dropped",
    argument="W",
)
def grads_dict_overwritten_by_the_earlier_use(residuals, g):
    x, W, h = residuals
    grads = {}
    dz = g * (1 - np.tanh(h @ W) ** 2)
    grads["W"] = h.T @ dz
    grads["h"] = dz @ W.T
    dz = grads["h"] * (1 - h * h)
    grads["W"] = x.T @ dz
    grads["x"] = dz @ W.T
    return grads["x"], grads["W"]


class Value:
    """A node of a toy autograd over arrays, which sets where it should add."""

    def __init__(self, data, parents=(), push=lambda grad: None):
        self.data, self.parents, self.push, self.grad = data, parents, push, np.zeros_like(data)

    def __mul__(self, other):
        def push(grad):
            self.grad = other.data * grad
            other.grad = self.data * grad

        return Value(self.data * other.data, (self, other), push)

    def tanh(self):
        t = np.tanh(self.data)

        def push(grad):
            self.grad = (1 - t * t) * grad

        return Value(t, (self,), push)

    def backward(self, grad):
        self.grad = grad
        self.push(grad)
        for parent in dict.fromkeys(self.parents):
            parent.backward(parent.grad)


def entries(size, seed):
    return normal(seed, *[(7, 3) if size == "small" else (90, 40)])


@family.whole(
    12,
    "wrong backward",
    "vjp",
    entries,
    cause=("use_dropped", "scaled_by_two", "scaled", "sum_term_missing"),
    argument="a",
)
def square_as_a_times_a(a):
    node = Value(a)
    out = node * node

    def pullback(grad):
        out.backward(grad)
        return node.grad

    return out.data, pullback


@family.whole(
    12,
    "wrong backward",
    "network",
    inputs_of_layer=2,
    ends_in_loss=True,
    inputs=lambda size, seed: normal(
        seed, *(((5, 4), (5, 4), (4, 3), (3,)) if size == "small" else ((40, 60), (40, 60), (60, 24), (24,)))
    ),
    cause="use_dropped",
    argument="W b",
    gradients={"W": "W", "b": "b"},
    constants=("left", "right"),
)
class SiameseTrainedByOneTower:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def loss(self, left, right):
        self.el, self.er = np.tanh(left @ self.W + self.b), np.tanh(right @ self.W + self.b)
        return 0.5 * np.sum((self.el - self.er) ** 2)

    def gradient(self, left, right):
        self.loss(left, right)
        grads = {}
        dist = self.el - self.er
        for x, e, de in ((left, self.el, dist), (right, self.er, -dist)):
            dz = de * (1 - e**2)
            grads["W"] = np.dot(x.T, dz)
            grads["b"] = dz.sum(axis=0)
        return grads
