"""The upstream gradient in another order, or as its own mask (catalogue 6, 47, 66, 75)."""

from functools import partial

import numpy as np

from ..case import Family, sized

family = Family("dense")
SQUARE = sized(((5, 5), (5, 5)), ((24, 24), (24, 24)))
LAYER = sized(((5, 3), (3, 4), (4,)), ((32, 20), (20, 12), (12,)))


@family.wrong(6, lambda a, b: np.subtract.outer(a, b) ** 2, sized(((5,), (5,)), ((40,), (40,))), argument="a",
              cause="not_transposed")  # fmt: skip
def differences_read_by_columns(g, a, b):
    d = 2 * g * (a[:, None] - b)
    return (2 * g.T * (a[:, None] - b)).sum(axis=1), -d.sum(axis=0)


@family.wrong(6, lambda x, s: np.exp(-s * (x[:, None] - x) ** 2), sized(((6,), ()), ((32,), ())), argument="x",
              cause=("not_transposed", "use_dropped", "sum_term_missing", "wrong_operand"))  # fmt: skip
def kernel_matrix_pulled_from_one_side_only(g, x, s):
    d = x[:, None] - x
    k = np.exp(-s * d**2)
    return (-2 * s * g * k * d).sum(axis=1), np.asarray((-g * k * d**2).sum())


def affine(x, W, b):
    return x @ W + b


@family.wrong(75, affine, LAYER, argument="x", cause=("row_permuted", "shifted", "wrong_operand"))
def rows_of_the_upstream_moved_by_one(g, x, W, b):
    return np.roll(g, 1, axis=0) @ W.T, x.T @ g, g.sum(axis=0)


@family.wrong(75, affine, LAYER, argument="W", cause="wrong_operand")
def weight_gradient_from_the_neighbours_upstream(g, x, W, b):
    return g @ W.T, x.T @ np.roll(g, -1, axis=0), g.sum(axis=0)


@family.wrong(66, affine, LAYER, argument="W", cause=("wrong_operand", "reordered"))
def upstream_reshaped_for_the_weight(g, x, W, b):
    return g @ W.T, (g.reshape(g.shape[1], -1) @ x).T, g.sum(axis=0)


@family.wrong(66, lambda x, W: np.einsum("ntd,dm->ntm", x, W), sized(((3, 5, 2), (2, 7)), ((6, 11, 8), (8, 12))),
              argument="W", cause=("wrong_operand", "reordered"))  # fmt: skip
def tokens_flattened_in_the_other_order(g, x, W):
    flat = x.transpose(1, 0, 2).reshape(-1, x.shape[-1])
    return np.einsum("ntm,dm->ntd", g, W), flat.T @ g.reshape(-1, g.shape[-1])


class Net:
    def __init__(self, W1, W2):
        self.params = {"W1": W1, "W2": W2}

    def loss(self, x, t):
        self.z = x @ self.params["W1"]
        self.h = np.maximum(self.z, 0)
        return 0.5 * ((self.h @ self.params["W2"] - t) ** 2).sum() / len(x)

    def gradient(self, x, t):
        self.loss(x, t)
        d = (self.h @ self.params["W2"] - t) / len(x)
        return {"W1": x.T @ self.through(d @ self.params["W2"].T), "W2": self.h.T @ d}

    def through(self, d):
        return d * (self.z > 0)


network = sized(((6, 4), (6, 3), (4, 5), (5, 3)), ((40, 16), (40, 8), (16, 24), (24, 8)))
nets = partial(family.whole, kind="wrong backward", style="network", inputs=network, inputs_of_layer=2, argument="W1",
               gradients={"W1": "W1", "W2": "W2"}, ends_in_loss=True)  # fmt: skip


@nets(47, cause="mask_wrong")
class RectifiesTheGradientToo(Net):
    def through(self, d):
        return d * (self.z > 0) * (d > 0)


@nets(47, cause="mask_wrong")
class RectifiesTheGradientAlone(Net):
    def through(self, d):
        return np.maximum(d, 0)


@nets(43, cause=("mask_missing", "derivative_missing"))
class LetsAllThrough(Net):
    def through(self, d):
        return d
