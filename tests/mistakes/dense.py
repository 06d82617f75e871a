"""Mistakes in affine layers, broadcasting and reuse of weights (catalogue 1 to 14)."""

from functools import partial

import numpy as np

from .case import Family, sized

family = Family("dense")

affine = sized(((3, 5), (5, 7), (7,)), ((64, 256), (256, 128), (128,)))
square = sized(((5, 5), (5, 5), (5,)), ((64, 64), (64, 64), (64,)))
matrices = sized(((3, 5), (5, 7)), ((64, 256), (256, 128)))
wrong = partial(family.wrong, op="dense")


def forward(x, W, b):
    return x @ W + b


def cached(x, W, b):
    return x @ W + b, (x, W, b)


@wrong(1, forward, affine, cause="scaled_by_batch", argument="b")
def bias_gradient_is_a_mean(dout, x, W, b):
    return dout @ W.T, x.T @ dout, dout.mean(axis=0)


@wrong(2, cached, affine, style="cache", cause="not_reduced", argument="b")
def bias_gradient_not_summed(dout, cache):
    x, W, _b = cache
    dx = np.dot(dout, W.T)
    dW = np.dot(x.T, dout)
    db = dout
    return dx, dW, db


@wrong(2, cached, square, style="rule", cause="reduced_over_wrong_axis", argument="b")
def bias_gradient_summed_over_the_features(residuals, cotangent):
    x, W, _b = residuals
    return cotangent @ W.T, x.T @ cotangent, cotangent.sum(axis=1)


@wrong(3, cached, affine, style="rule", cause="reduced_too_far", argument="b")
def bias_gradient_summed_to_one_number(residuals, cotangent):
    x, W, b = residuals
    return cotangent @ W.T, x.T @ cotangent, np.full_like(b, cotangent.sum())


@wrong(3, forward, affine, cause="reduced_too_far", argument="b")
def bias_gradient_is_a_scalar(dout, x, W, b):
    return dout @ W.T, x.T @ dout, np.array(np.sum(dout))


@wrong(4, cached, affine, style="cache", cause="scaled_by_batch", argument="W")
def weight_gradient_divided_by_batch_again(dout, cache):
    x, W, _b = cache
    return dout.dot(W.T), x.T.dot(dout) / x.shape[0], dout.sum(0)


layer = partial(family.whole, style="layer", inputs=affine, op="dense", gradients={"W": "dW", "b": "db"})


@layer(4, "wrong backward", cause="scaled_by_batch", argument="W b")
class AffineDividedTwice:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return np.dot(x, self.W) + self.b

    def backward(self, dout):
        m = dout.shape[0]
        self.dW = np.dot(self.x.T, dout) / m
        self.db = np.sum(dout, axis=0) / m
        return np.dot(dout, self.W.T)


@wrong(5, forward, affine, cause="transposed", argument="W")
def weight_gradient_transposed(dout, x, W, b):
    return dout @ W.T, dout.T @ x, dout.sum(axis=0)


@wrong(5, cached, square, style="rule", cause="transposed", argument="W")
def weight_gradient_transposed_unseen_by_shape(residuals, cotangent):
    x, W, _b = residuals
    return cotangent @ W.T, cotangent.T @ x, cotangent.sum(axis=0)


@wrong(6, forward, square, cause="not_transposed", argument="x")
def input_gradient_by_untransposed_weights(dout, x, W, b):
    return dout @ W, x.T @ dout, dout.sum(axis=0)


@wrong(7, forward, square, cause="elementwise_product", argument="W")
def weight_gradient_elementwise(dout, x, W, b):
    return dout @ W.T, x * dout, dout.sum(axis=0)


@wrong(7, cached, square, style="cache", cause="elementwise_product", argument="x")
def input_gradient_elementwise(dout, cache):
    x, W, _b = cache
    return dout * W.T, x.T @ dout, dout.sum(axis=0)


@wrong(8, forward, affine, cause=("updated_weight", "not_linear"), argument="x")
def input_gradient_by_updated_weights(dout, x, W, b):
    dW, db = x.T @ dout, dout.sum(axis=0)
    updated = W - 0.1 * dW
    return dout @ updated.T, dW, db


@layer(8, "impure", cause="input_changed", argument="W b")
class AffineThatLearnsInBackward:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return self.x.dot(self.W) + self.b

    def backward(self, dout):
        self.dW = self.x.T.dot(dout)
        self.db = dout.sum(axis=0)
        self.W -= 0.01 * self.dW
        self.b -= 0.01 * self.db
        return dout.dot(self.W.T)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def perceptron(x, W, b):
    return sigmoid(x @ W / np.sqrt(len(W)) + b)


@family.wrong(9, perceptron, affine, cause="derivative_missing", argument="x W b")
def output_derivative_missing(dout, x, W, b):
    delta = dout / np.sqrt(len(W))
    return delta @ W.T, x.T @ delta, dout.sum(axis=0)


def times(x, gain):
    return x * gain


per_column = sized(((3, 5), (5,)), ((64, 256), (256,)))
per_row = sized(((5, 5), (5, 1)), ((64, 64), (64, 1)))


@family.wrong(10, times, per_column, cause="not_reduced", argument="gain")
def gain_gradient_not_reduced(dout, x, gain):
    return dout * gain, dout * x


@family.wrong(10, times, per_row, cause="reduced_over_wrong_axis", argument="gain")
def gain_gradient_reduced_over_the_rows(dout, x, gain):
    return dout * gain, (dout * x).sum(axis=0).reshape(gain.shape)


def sum_of_both(x, y):
    return x + y, (x.shape, y.shape)


@family.wrong(10, sum_of_both, per_column, style="rule", cause="not_reduced", argument="y")
def added_row_gradient_not_reduced(residuals, cotangent):
    return cotangent, cotangent


def twice(x, W):
    h = x @ W
    return h @ W, (x, h, W)


squares = sized(((3, 5), (5, 5)), ((64, 128), (128, 128)))


@family.wrong(12, twice, squares, style="rule", cause="use_dropped", argument="W")
def reused_weight_assigned_not_added(residuals, cotangent):
    x, h, W = residuals
    dW = h.T @ cotangent
    dh = cotangent @ W.T
    dW = x.T @ dh
    return dh @ W.T, dW


@family.whole(12, "wrong backward", "vjp", squares, cause="use_dropped", argument="W")
def reused_weight_second_use_only(x, W):
    h = x @ W

    def pullback(g):
        return g @ W.T @ W.T, h.T @ g

    return h @ W, pullback


@wrong(13, cached, square, style="cache", cause="arguments_swapped", argument="x W")
def weight_and_input_gradients_swapped(dout, cache):
    x, W, _b = cache
    return x.T @ dout, dout @ W.T, dout.sum(axis=0)


def multiply(a, b):
    return a @ b


@family.wrong(13, multiply, matrices, cause="arguments_swapped", argument="a b")
def product_gradients_swapped(dout, a, b):
    return a.T @ dout, dout @ b.T


@layer(14, "impure", cause="accumulates", argument="W b")
class AffineNeverZeroed:
    def __init__(self, W, b):
        self.W, self.b = W, b
        self.dW, self.db = np.zeros_like(W), np.zeros_like(b)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW += self.x.T @ dout
        self.db += dout.sum(axis=0)
        return dout @ self.W.T


@wrong(19, forward, affine, cause="ignores_cotangent", argument="x W b")
def upstream_gradient_ignored(dout, x, W, b):
    ones = np.ones_like(dout)
    return ones @ W.T, x.T @ ones, ones.sum(axis=0)


@wrong(82, cached, affine, style="rule", cause="zero", argument="b")
def bias_gradient_never_written(residuals, cotangent):
    x, W, b = residuals
    return cotangent @ W.T, x.T @ cotangent, np.zeros_like(b)


@wrong(82, forward, affine, cause="missing", argument="b")
def bias_gradient_is_none(dout, x, W, b):
    return dout @ W.T, x.T @ dout, None


@wrong(65, forward, affine, cause="last_sample_only", argument="W")
def weight_gradient_of_the_last_example(dout, x, W, b):
    dW = np.zeros_like(W)
    for xi, di in zip(x, dout, strict=True):
        dW = np.outer(xi, di)
    return dout @ W.T, dW, dout.sum(axis=0)


@family.whole(109, "wrong backward", "vjp", affine, op="dense", cause=("downcast", "wrong_dtype"), argument="W")
def weight_gradient_in_a_float32_buffer(x, W, b):
    def pullback(g):
        dW = np.zeros(W.shape, dtype=np.float32)
        dW += x.T @ g
        return g @ W.T, dW, g.sum(axis=0)

    return x @ W + b, pullback


@family.whole(
    6, "wrong backward", "torch", square, op="dense", names=("x", "W", "b"), cause="not_transposed", argument="x"
)
def torch_affine_by_untransposed_weights():
    import torch

    class Affine(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, W, b):
            ctx.save_for_backward(x, W)
            return x @ W + b

        @staticmethod
        def backward(ctx, *grad_outputs):
            (g,) = grad_outputs
            x, W = ctx.saved_tensors
            return g @ W, x.t() @ g, g.sum(0)

    return Affine


@family.whole(
    1, "wrong backward", "jax", affine, op="dense", names=("x", "W", "b"), cause="scaled_by_batch", argument="b"
)
def jax_bias_gradient_is_a_mean():
    import jax

    affine = jax.custom_vjp(forward)
    affine.defvjp(lambda x, W, b: (x @ W + b, (x, W)), lambda r, g: (g @ r[1].T, r[0].T @ g, g.mean(axis=0)))
    return affine
