"""Mistakes in single affine layers and products (catalogue 1 to 14)."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized

family = Family("dense")

affine = sized(((5, 4), (4, 3), (3,)), ((40, 48), (48, 24), (24,)))
tokens = sized(((2, 5, 3), (3, 4), (4,)), ((8, 12, 16), (16, 20), (20,)))
squared = sized(((5, 4), (4, 4)), ((40, 32), (32, 32)))
wrong = partial(family.wrong, op="dense")


def linear(inputs, weight, bias):
    return np.einsum("...i,ij->...j", inputs, weight) + bias


def linear_fwd(x, w, b):
    return x.dot(w) + b, {"x": x, "w": w}


ruled = partial(wrong, forward=linear_fwd, inputs=affine, style="rule", names=("x", "w", "b"))


@wrong(4, linear, affine, cause="scaled_by_size", argument="inputs")
def input_gradient_averaged_over_the_outputs(grad, inputs, weight, bias):
    return (grad[:, None, :] * weight).mean(axis=2), inputs.T @ grad, grad.sum(axis=0)


@ruled(1, cause="scaled_by_size", argument="b")
def bias_gradient_over_all_entries(saved, g):
    return g @ saved["w"].T, saved["x"].T @ g, g.sum(0) / g.size


@wrong(65, linear, affine, cause=("entries_not_written", "isolated_entries"), argument="weight")
def last_feature_left_out_of_the_loop(grad, inputs, weight, bias):
    dweight = np.zeros_like(weight)
    for i in range(inputs.shape[1] - 1):
        for j in range(grad.shape[1]):
            dweight[i, j] = sum(inputs[n, i] * grad[n, j] for n in range(len(inputs)))
    return grad @ weight.T, dweight, grad.sum(axis=0)


@ruled(91, cause=("samples_missing", "sum_term_missing"), argument="w b")
def incomplete_block_of_the_batch_dropped(saved, g):
    x, w, block = saved["x"], saved["w"], 3
    dw, db = np.zeros_like(w), np.zeros(w.shape[1])
    for k in range(len(x) // block):
        rows = slice(k * block, (k + 1) * block)
        dw += x[rows].T @ g[rows]
        db += g[rows].sum(axis=0)
    return g @ w.T, dw, db


@ruled(65, style="cache", cause=("last_sample_only", "samples_missing", "sum_term_missing"), argument="b")
def bias_gradient_of_the_first_example(dout, cache):
    return dout @ cache["w"].T, cache["x"].T @ dout, dout[0].copy()


@wrong(75, linear, affine, cause="one_sample_repeated", argument="inputs")
def input_gradient_of_the_first_example_tiled(grad, inputs, weight, bias):
    return np.tile(weight @ grad[0], (len(inputs), 1)), inputs.T @ grad, grad.sum(axis=0)


@wrong(3, linear, affine, cause="reduced_too_far", argument="weight")
def einsum_that_drops_an_index(grad, inputs, weight, bias):
    per_output = np.einsum("ni,nj->j", inputs, grad)
    return np.einsum("nj,ij->ni", grad, weight), np.broadcast_to(per_output, weight.shape).copy(), np.sum(grad, 0)


@wrong(89, linear, tokens, cause="wrong_operand", argument="weight")
def tokens_reshaped_where_a_transpose_was_needed(grad, inputs, weight, bias):
    columns = inputs.reshape(weight.shape[0], -1)
    return grad @ weight.T, columns @ grad.reshape(-1, len(bias)), grad.sum(axis=(0, 1))


@wrong(89, linear, tokens, cause=("time_overwritten", "samples_missing", "sum_term_missing"), argument="weight")
def only_the_last_token_trains_the_weight(grad, inputs, weight, bias):
    return grad @ weight.T, inputs[:, -1].T @ grad[:, -1], grad.reshape(-1, grad.shape[-1]).sum(0)


@wrong(10, linear, tokens, cause=("wrong_shape", "not_reduced"), argument="bias")
def token_axis_of_the_bias_kept(grad, inputs, weight, bias):
    return grad @ weight.T, np.tensordot(inputs, grad, ((0, 1), (0, 1))), grad.sum(axis=0)


@ruled("", cause="wrong_count")
def bias_gradient_forgotten_in_the_return(saved, g):
    return g @ saved["w"].T, saved["x"].T @ g


@wrong(141, linear, affine, cause=("clipped", "not_linear"), argument="weight")
def weight_gradient_clipped_inside(grad, inputs, weight, bias):
    return grad @ weight.T, np.clip(inputs.T @ grad, -1, 1), grad.sum(axis=0)


@wrong(141, linear, affine, cause=("not_linear", "scaled"), argument="inputs weight bias")
def all_gradients_rescaled_to_a_norm(grad, inputs, weight, bias):
    grads = [grad @ weight.T, inputs.T @ grad, grad.sum(axis=0)]
    norm = np.sqrt(sum((g * g).sum() for g in grads))
    return [g * min(1.0, 1.0 / norm) for g in grads]


@family.whole(109, "wrong backward", "vjp", affine, op="dense", cause=("wrong_dtype", "downcast"), argument="b")
def bias_gradient_in_an_integer_buffer(x, w, b):
    def pullback(g):
        db = np.zeros(b.shape, dtype=int)
        for j in range(len(b)):
            db[j] = g[:, j].sum()
        return g @ w.T, x.T @ g, db

    return x @ w + b, pullback


@family.whole(
    109,
    "wrong backward",
    "layer",
    lambda size, seed: tuple(40 * a for a in affine(size, seed)),
    op="dense",
    cause="downcast",
    argument="kernel",
    gradients={"kernel": "dkernel", "bias": "dbias"},
)
class SavesItsInputInSixBits:
    def __init__(self, kernel, bias):
        self.kernel, self.bias = kernel, bias

    def forward(self, x):
        self.scale = np.abs(x).max() / 31
        self.x8 = np.round(x / self.scale).astype(np.int8)
        return x @ self.kernel + self.bias

    def backward(self, dout):
        x = self.x8.astype(dout.dtype) * self.scale
        self.dkernel, self.dbias = x.T @ dout, dout.sum(0)
        return dout @ self.kernel.T


def with_ones(x, theta):
    return np.column_stack([x, np.ones(len(x))]) @ theta


@family.wrong("", with_ones, sized(((5, 3), (4, 4)), ((40, 31), (32, 24))), cause="shifted", argument="x")
def first_row_cut_where_the_bias_is_last(dout, x, theta):
    return dout @ theta[1:].T, np.column_stack([x, np.ones(len(x))]).T @ dout


def equalized(x, w):
    return x @ w * np.sqrt(2 / len(w))


@family.wrong("", equalized, squared, cause="scaled", argument="w")
def runtime_scale_of_the_weight_forgotten(dout, x, w):
    gain = np.sqrt(2 / len(w))
    return dout @ w.T * gain, x.T @ dout


def low_rank(x, down, up):
    h = x @ down
    return h @ up, (x, h, down, up)


@family.wrong(
    6,
    low_rank,
    sized(((5, 4), (4, 3), (3, 3)), ((40, 32), (32, 16), (16, 16))),
    style="rule",
    names=("x", "down", "up"),
    cause="not_transposed",
    argument="x down",
)
def second_factor_not_transposed(residuals, cotangent):
    x, h, down, up = residuals
    dh = cotangent @ up
    return dh @ down.T, x.T @ dh, h.T @ cotangent


def per_head(x, w):
    return np.matmul(x, w)


heads = sized(((3, 2, 4, 5), (2, 5, 3)), ((8, 4, 16, 12), (4, 12, 10)))


@family.wrong(1, per_head, heads, cause=("mean_instead_of_sum", "scaled_by_batch"), argument="w")
def shared_heads_averaged_over_the_batch(dout, x, w):
    return dout @ w.swapaxes(-1, -2), (x.swapaxes(-1, -2) @ dout).mean(axis=0)


def outer(a, b):
    return np.multiply.outer(a, b)


@family.wrong(
    6,
    outer,
    lambda size, seed: normal(seed, *[(5 if size == "small" else 64,)] * 2),
    cause="not_transposed",
    argument="a",
)
def outer_product_by_the_transpose(dout, a, b):
    return dout.T @ b, dout.T @ a


def trace_of_product(a, b):
    return np.trace(a @ b)


@family.wrong(5, trace_of_product, sized(((4, 4), (4, 4)), ((32, 32), (32, 32))), cause="transposed", argument="a b")
def trace_differentiated_without_transposes(dout, a, b):
    return dout * b, dout * a


def solution(A, y):
    x = np.linalg.solve(A, y)
    return x, (A, x)


def systems(size, seed):
    n, k = (4, 3) if size == "small" else (32, 8)
    A, y = normal(seed, (n, n), (n, k))
    return A / np.sqrt(n) + 3 * np.eye(n), y


solve = partial(family.wrong, forward=solution, inputs=systems, style="rule", names=("A", "y"))


@solve("", cause="sign", argument="A")
def solve_without_its_minus(residuals, cotangent):
    A, x = residuals
    dy = np.linalg.solve(A.T, cotangent)
    return dy @ x.T, dy


@solve(6, cause="not_transposed", argument="A y")
def solve_with_the_same_matrix(residuals, cotangent):
    A, x = residuals
    dy = np.linalg.solve(A, cotangent)
    return -dy @ x.T, dy
