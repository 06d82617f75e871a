"""Other ways to weigh and add: scaled rows, maxout, cosine, deep products."""

from functools import partial

import numpy as np

from ..case import Family, sized

family = Family("dense")


def squared_distances(x, centers):
    return ((x[:, None, :] - centers[None, :, :]) ** 2).sum(axis=2)


points = sized(((5, 3), (4, 3)), ((32, 8), (20, 8)))


@family.wrong(18, squared_distances, points, cause="sign", argument="centers")
def centers_pulled_the_wrong_way(dout, x, centers):
    d = 2 * dout[:, :, None] * (x[:, None] - centers)
    return d.sum(axis=1), d.sum(axis=0)


@family.wrong(15, squared_distances, points, cause="scaled_by_constant", argument="x")
def distance_to_the_point_without_its_two(dout, x, centers):
    dx = x * dout.sum(1, keepdims=True) - dout @ centers
    dcenters = -2 * (dout.T @ x - centers * dout.sum(0)[:, None])
    return dx, dcenters


affine = sized(((3, 5), (5, 7), (7,)), ((64, 256), (256, 128), (128,)))
wrong = partial(family.wrong, op="dense")


def linear(inputs, weight, bias):
    return np.einsum("...i,ij->...j", inputs, weight) + bias


@wrong(75, linear, affine, cause="wrong_index", argument="inputs")
def input_gradient_of_the_first_example_tiled(grad, inputs, weight, bias):
    return np.tile(weight @ grad[0], (len(inputs), 1)), inputs.T @ grad, grad.sum(axis=0)


tokens = sized(((2, 5, 3), (3, 4), (4,)), ((8, 12, 16), (16, 20), (20,)))


@wrong(89, linear, tokens, cause="part_missing", argument="weight")
def only_the_last_token_trains_the_weight(grad, inputs, weight, bias):
    return grad @ weight.T, inputs[:, -1].T @ grad[:, -1], grad.reshape(-1, grad.shape[-1]).sum(0)


@wrong(141, linear, affine, cause="not_linear", argument="weight")
def weight_gradient_clipped_inside(grad, inputs, weight, bias):
    return grad @ weight.T, np.clip(inputs.T @ grad, -1, 1), grad.sum(axis=0)


@family.impure(51, linear, affine, op="dense", cause="changed_in_place")
def batch_mean_taken_in_place(grad, inputs, weight, bias):
    dweight, dbias = inputs.T @ grad, grad.sum(axis=0)
    grad *= 1.0 / len(inputs)
    return len(inputs) * grad @ weight.T, dweight, dbias


def single(size, seed):
    return tuple(a.astype(np.float32) for a in affine(size, seed))


@family.control(109, linear, single, op="dense", precision="float32")
def affine_in_single_precision(grad, inputs, weight, bias):
    return grad @ weight.T, inputs.T @ grad, grad.sum(axis=0)


def with_ones(x, theta):
    return np.column_stack([x, np.ones(len(x))]) @ theta


@family.wrong("", with_ones, sized(((5, 3), (4, 4)), ((40, 31), (32, 24))), cause="shifted", argument="x")
def first_row_cut_where_the_bias_is_last(dout, x, theta):
    return dout @ theta[1:].T, np.column_stack([x, np.ones(len(x))]).T @ dout


@family.whole(2, "wrong backward", "vjp", affine, op="dense", cause="wrong_reduction", argument="b")
def pullback_that_returns_the_cotangent_for_b(x, w, b):
    def pullback(ct):
        return ct @ w.T, x.T @ ct, ct

    return x @ w + b, pullback


# x (N, D), W (K, D, M), b (K, M)
MAXOUT = sized(((5, 4), (3, 4, 7), (3, 7)), ((24, 16), (3, 16, 12), (3, 12)))


@family.whole(48, "wrong backward", "vjp", MAXOUT, argument="x W b", cause="wrong_winner")
def maxout_with_every_piece_on(x, W, b):
    pieces = np.einsum("nd,kdm->knm", x, W) + b[:, None, :]

    def pullback(g):
        d = np.broadcast_to(g, pieces.shape)
        return np.einsum("knm,kdm->nd", d, W), np.einsum("knm,nd->kdm", d, x), d.sum(1)

    return pieces.max(0), pullback


rows_scaled = sized(((4, 7), (4, 1)), ((64, 90), (64, 1)))


@family.wrong(10, lambda x, s: x * s, rows_scaled, argument="s", cause="wrong_reduction")
def row_scale_keeps_the_columns(dy, x, s):
    return dy * s, dy * x


# A scale a row and a shift a column.
FILM = sized(((5, 7), (5, 1), (7,)), ((40, 56), (40, 1), (56,)))


def scale_and_shift(x, scale, shift):
    return x * scale + shift


@family.wrong(10, scale_and_shift, FILM, argument="x", cause="wrong_factor")
def row_scale_forgotten(g, x, scale, shift):
    return g, (g * x).sum(axis=1, keepdims=True), g.sum(axis=0)


ODD = sized(((4, 6), (6, 6), (6,)), ((24, 40), (40, 40), (40,)))


def rows_backward(g, x, W, b):
    return g @ W, g.T @ x, g.sum(axis=0)


@family.wrong_forward(6, rows_backward, ODD, op="dense", argument="W", cause="convention_layout")
def weights_stored_by_output(x, W, b):
    return x @ W.T + b


matrices = sized(((3, 5), (5, 7)), ((64, 256), (256, 128)))


@family.whole("", "control", "vjp", matrices, op="dense")
def affine_without_bias(x, kernel):
    return x @ kernel, lambda g: (np.inner(g, kernel), np.inner(x.T, g.T))


not_dense = partial(family.wrong_forward, inputs=affine, op="dense", names=("x", "kernel", "bias"))


@not_dense("", lambda g, x, kernel, bias: (g @ kernel.T, x.T @ g, -g.sum(axis=0)), cause="forward")
def threshold_subtracted(x, kernel, bias):
    return x @ kernel - bias


def plain_backward(grad, x, kernel, bias):
    return grad @ kernel.T, x.T @ grad, grad.sum(axis=0)


@not_dense(1, lambda g, *a: tuple(d / len(a[1]) for d in plain_backward(g, *a)), cause="convention_reduction")
def average_of_the_products(x, kernel, bias):
    return (x @ kernel + bias) / len(kernel)


@family.whole(85, "impure", "layer", affine, op="dense", gradients={"W": "dW", "b": "db"}, cause="stale_state")
class KeepsTheFirstBatch:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        if not hasattr(self, "x"):
            self.x = x.copy()
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW, self.db = self.x.T @ dout, dout.sum(axis=0)
        return dout @ self.W.T


@family.control(
    "F6", lambda x, y, W: ((x @ W - y) ** 2).mean(), sized(((5, 4), (5, 3), (4, 3)), ((40, 16), (40, 8), (16, 8)))
)
def mean_over_all_entries(dout, x, y, W):
    d = dout * 2 * (x @ W - y) / y.size
    return d @ W.T, -d, x.T @ d


@family.whole(109, "wrong backward", "vjp", affine, op="dense", cause="downcast", argument="W")
def weight_gradient_in_a_float32_buffer(x, W, b):
    def pullback(g):
        dW = np.zeros(W.shape, dtype=np.float32)
        dW += x.T @ g
        return g @ W.T, dW, g.sum(axis=0)

    return x @ W + b, pullback
