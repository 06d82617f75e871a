"""Affine maps, broadcasting and shared weights, as layers and pairs (catalogue 1 to 14)."""

import numpy as np

from ..case import Family, sized

family = Family("dense")

TOKENS = sized(((3, 4, 5), (5, 7), (7,)), ((8, 12, 48), (48, 40), (40,)))
ROWS = sized(((4, 6), (6, 3), (3,)), ((32, 96), (96, 64), (64,)))
SQUARE = sized(((6, 6), (6, 6), (6,)), ((48, 48), (48, 48), (48,)))


def project(x, kernel, bias):
    return np.einsum("btd,de->bte", x, kernel) + bias, (x, kernel)


@family.wrong(1, project, TOKENS, style="cache", argument="bias", cause=("scaled_by_batch", "mean_instead_of_sum"))
def token_bias_averaged_over_sentences(grad, cache):
    x, kernel = cache
    gbias = grad.sum(axis=1).mean(axis=0)
    return grad @ kernel.T, np.einsum("btd,bte->de", x, grad), gbias


@family.wrong(2, project, TOKENS, style="cache", argument="bias", cause=("not_reduced", "wrong_shape"))
def token_bias_kept_for_every_step(grad, cache):
    x, kernel = cache
    return grad @ kernel.T, np.einsum("btd,bte->de", x, grad), np.sum(grad, 0)


@family.wrong(65, project, TOKENS, style="rule", argument="kernel", cause=("last_sample_only", "samples_missing"))
def token_kernel_of_the_last_sentence(saved, grad):
    x, kernel = saved
    gkernel = np.zeros_like(kernel)
    for sentence, error in zip(x, grad, strict=True):
        gkernel = sentence.T @ error
    return grad @ kernel.T, gkernel, grad.sum((0, 1))


def linear_cached(x, w, b):
    return x.dot(w) + b, (x, w, b)


@family.wrong(3, linear_cached, ROWS, style="cache", op="dense", argument="b", cause="reduced_too_far")
def bias_adds_up_everything(dout, cache):
    x, w, b = cache
    db = np.ones_like(b) * np.sum(dout)
    return dout.dot(w.T), x.T.dot(dout), db


@family.wrong(2, linear_cached, ROWS, style="cache", op="dense", argument="b", cause=("wrong_shape", "not_reduced"))
def bias_comes_back_as_a_row(dout, cache):
    x, w, _ = cache
    return dout.dot(w.T), x.T.dot(dout), np.sum(dout, axis=0, keepdims=True)


@family.wrong(7, linear_cached, SQUARE, style="rule", op="dense", argument="w", cause="elementwise_product")
def star_where_an_at_was_meant(saved, dy):
    x, w, _ = saved
    return dy @ w.T, x.T * dy, dy.sum(0)


@family.wrong(10, linear_cached, SQUARE, style="cache", op="dense", argument="b", cause="reduced_over_wrong_axis")
def bias_summed_along_its_own_axis(dout, cache):
    x, w, _ = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=-1)


@family.whole(
    4,
    "wrong backward",
    "torch",
    ROWS,
    names=("x", "w", "b"),
    argument="w b",
    cause=("scaled_by_batch", "mean_instead_of_sum"),
)
def torch_linear_averages():
    import torch

    class Linear(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, w, b):
            ctx.save_for_backward(x, w)
            return x.mm(w) + b

        @staticmethod
        def backward(ctx, *grad_outputs):
            (grad_output,) = grad_outputs
            x, w = ctx.saved_tensors
            n = x.shape[0]
            return grad_output.mm(w.t()), x.t().mm(grad_output) / n, grad_output.sum(0) / n

    return Linear


@family.whole(5, "wrong backward", "jax", SQUARE, names=("x", "w", "b"), argument="w", cause="transposed")
def jax_linear_kernel_turned():
    import jax

    @jax.custom_vjp
    def linear(x, w, b):
        return x @ w + b

    def fwd(x, w, b):
        return linear(x, w, b), (x, w)

    def bwd(res, g):
        x, w = res
        return g @ w.T, g.T @ x, g.sum(0)

    linear.defvjp(fwd, bwd)
    return linear


# Per-row scale and per-column shift; FiLM; an outer sum.
FILM = sized(((5, 7), (5, 1), (7,)), ((40, 56), (40, 1), (56,)))


def scale_and_shift(x, scale, shift):
    return x * scale + shift


@family.wrong(10, scale_and_shift, FILM, argument="scale", cause=("not_reduced", "wrong_shape"))
def row_scale_not_reduced(g, x, scale, shift):
    return g * scale, g * x, g.sum(axis=0)


@family.wrong(10, scale_and_shift, FILM, argument="x", cause=("argument_factor_missing", "identity"))
def row_scale_forgotten(g, x, scale, shift):
    return g, (g * x).sum(axis=1, keepdims=True), g.sum(axis=0)


COLUMNS = sized(((5, 7), (7,), (7,)), ((40, 56), (56,), (56,)))


@family.wrong(13, scale_and_shift, COLUMNS, argument="scale shift", cause="arguments_swapped")
def shift_returned_before_scale(g, x, scale, shift):
    d_scale, d_shift = (g * x).sum(axis=0), g.sum(axis=0)
    return g * scale, d_shift, d_scale


PAIR = sized(((6,), (6,)), ((48,), (48,)))


def all_pairs(a, b):
    return np.add.outer(a, b) ** 2


@family.wrong(10, all_pairs, PAIR, argument="b", cause="reduced_over_wrong_axis")
def pairs_reduced_over_the_same_axis_twice(g, a, b):
    d = 2 * g * np.add.outer(a, b)
    return d.sum(1), d.sum(1)


# A low-rank product, and a weight that is used twice.
FACTORS = sized(((4, 6), (6, 6), (6, 6)), ((24, 40), (40, 40), (40, 40)))


@family.whole(13, "wrong backward", "vjp", FACTORS, argument="A B", cause="arguments_swapped")
def factors_in_each_others_place(x, A, B):
    h = x @ A

    def pullback(g):
        dB = h.T @ g
        dh = g @ B.T
        dA = x.T @ dh
        return dh @ A.T, dB, dA

    return h @ B, pullback


@family.whole(6, "wrong backward", "vjp", FACTORS, argument="x A", cause="not_transposed")
def second_factor_not_turned(x, A, B):
    h = x @ A

    def pullback(g):
        dh = g @ B
        return dh @ A.T, x.T @ dh, h.T @ g

    return h @ B, pullback


REUSED = sized(((4, 6), (6, 6)), ((24, 40), (40, 40)))


@family.whole(12, "wrong backward", "vjp", REUSED, argument="W", cause="use_dropped")
def weight_used_twice_and_assigned_twice(x, W):
    first = np.tanh(x @ W / 3)
    second = np.tanh(first @ W / 3)

    def pullback(g):
        grads = {}
        d = g * (1 - second**2) / 3
        grads["W"] = first.T @ d
        d = (d @ W.T) * (1 - first**2) / 3
        grads["W"] = x.T @ d
        return d @ W.T, grads["W"]

    return second, pullback


TIED = sized(((4, 5), (5, 3)), ((24, 40), (40, 16)))


def autoencoder(x, W):
    return np.tanh(x @ W) @ W.T


@family.wrong(113, autoencoder, TIED, argument="W", cause="use_dropped")
def tied_decoder_forgotten(g, x, W):
    code = np.tanh(x @ W)
    dcode = (g @ W) * (1 - code * code)
    return dcode @ W.T, x.T @ dcode


@family.control(113, autoencoder, TIED)
def tied_autoencoder(g, x, W):
    code = np.tanh(x @ W)
    dcode = (g @ W) * (1 - code * code)
    return dcode @ W.T, x.T @ dcode + g.T @ code
