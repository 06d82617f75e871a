"""Mistakes in losses of real targets (catalogue 8, 11, 14 to 20), written from the catalogue alone."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized

family = Family("losses")
PAIR = sized(((5, 3), (5, 3)), ((40, 17), (40, 17)))
wrong = partial(family.wrong, inputs=PAIR, constants=("t",), argument="y")


@family.whole(
    15,
    "wrong backward",
    "layer",
    PAIR,
    inputs_of_layer=2,
    ends_in_loss=True,
    argument="y",
    cause="scaled_by_two",
)
class MeanSquareWithoutItsTwo:
    def forward(self, y, t):
        self.y, self.t = y, t
        return np.mean((y - t) ** 2)

    def backward(self, dout=1):
        return dout * (self.y - self.t) / self.y.size


def half_squares(y, t):
    return 0.5 * np.sum((y - t) ** 2)


@wrong(16, half_squares, cause="scaled_by_batch")
def sum_forwards_mean_backwards(dout, y, t):
    return dout * (y - t) / y.shape[0], None


def mse_forward(y, t):
    return np.mean((y - t) ** 2), (y, t)


@wrong(17, mse_forward, style="cache", cause="scaled_by_size")
def mean_over_examples_only(dout, cache):
    y, t = cache
    return dout * 2 * (y - t) / len(y), None


@family.whole(18, "wrong backward", "jax", PAIR, names=("y", "t"), constants=("t",), argument="y", cause="sign")
def jax_square_error_target_first():
    import jax
    import jax.numpy as jnp

    @jax.custom_vjp
    def loss(y, t):
        return jnp.sum((y - t) ** 2) / len(y)

    loss.defvjp(
        lambda y, t: (loss(y, t), (y, t)),
        lambda saved, g: (g * 2 * (saved[1] - saved[0]) / len(saved[0]), jnp.zeros_like(saved[1])),
    )
    return loss


@family.whole(
    19, "wrong backward", "torch", PAIR, names=("y", "t"), constants=("t",), argument="y", cause="ignores_cotangent"
)
def torch_square_error_believes_to_be_last():
    import torch

    class SquareError(torch.autograd.Function):
        @staticmethod
        def forward(ctx, y, t):
            ctx.save_for_backward(y, t)
            return ((y - t) ** 2).mean()

        @staticmethod
        def backward(ctx, *grad_outputs):
            (grad,) = grad_outputs
            y, t = ctx.saved_tensors
            return 2 * (y - t) / y.numel(), torch.zeros_like(t)

    return SquareError


@family.whole(
    20,
    "wrong backward",
    "vjp",
    PAIR,
    constants=("t",),
    argument="y",
    cause=("scaled_by_batch", "static_ignored"),
)
def reduction_asked_for_only_forwards(y, t):
    reduction = "sum"
    squares = ((y - t) ** 2).sum(1)
    out = squares.sum() if reduction == "sum" else squares.mean()
    return out, lambda g: (g * 2 * (y - t) / len(y), None)


def column_and_row(size, seed):
    n = 7 if size == "small" else 60
    return normal(seed, (n, 1), (n,))


@family.wrong(
    11,
    lambda y, t: np.mean((y - t) ** 2),
    column_and_row,
    constants=("t",),
    argument="y",
    cause="other_loss",
)
def table_of_differences_taken_for_a_column(dout, y, t):
    return dout * 2 * (y - t[:, None]) / len(y), None


DELTA = 0.6


def huber(y, t):
    r = np.abs(y - t)
    return np.where(r <= DELTA, r**2 / 2, DELTA * (r - DELTA / 2)).mean(1)


@wrong(15, huber, op="huber_loss", statics={"delta": DELTA}, cause=("other_loss", "static_ignored", "local_factor"))
def huber_never_leaves_the_parabola(dout, y, t):
    return dout[:, None] * (y - t) / y.shape[1], None


@wrong(49, huber, op="huber_loss", statics={"delta": DELTA}, cause=("partly_scaled", "static_ignored", "local_factor"))
def huber_with_a_slope_of_one(dout, y, t):
    r = y - t
    return dout[:, None] * np.where(np.abs(r) <= DELTA, r, np.sign(r)) / y.shape[1], None


@wrong(28, lambda y, t: np.abs(y - t).sum(1).mean(), cause=("other_loss", "local_factor"))
def distance_with_the_slope_of_squares(dout, y, t):
    return dout * (y - t) / len(y), None


@wrong(45, lambda y, t: np.log(np.cosh(y - t)).sum(), cause=("wrong_derivative", "local_factor"))
def log_cosh_with_the_slope_of_tanh(dout, y, t):
    return dout * (1 - np.tanh(y - t) ** 2), None


def weighted(size, seed):
    y, t = PAIR(size, seed)
    return y, t, np.abs(normal(seed + 1, (len(y), 1))[0]) + 0.3


@family.wrong(
    20,
    lambda y, t, w: np.mean(w * (y - t) ** 2),
    weighted,
    constants=("t", "w"),
    argument="y",
    cause="argument_factor_missing",
)
def weights_of_examples_left_out(dout, y, t, w):
    return dout * 2 * (y - t) / y.size, None, None


def two_distributions(size, seed):
    logq, p = normal(seed, *((5, 3), (5, 3)) if size == "small" else ((40, 17), (40, 17)))
    logq -= np.log(np.exp(logq).sum(1, keepdims=True))
    return logq, np.exp(p) / np.exp(p).sum(1, keepdims=True)


def divergence(logq, p):
    return np.sum(p * (np.log(p) - logq)) / len(p)


@family.wrong(21, divergence, two_distributions, argument="logq", cause="scaled_by_batch")
def divergence_not_averaged(dout, logq, p):
    return -dout * p, dout * (np.log(p) - logq + 1) / len(p)


@family.wrong(37, divergence, two_distributions, argument="p", cause=("sum_term_missing", "mean_term_missing"))
def divergence_of_a_constant_entropy(dout, logq, p):
    return -dout * p / len(p), dout * (np.log(p) - logq) / len(p)


def cosine_distance(a, b):
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return 1 - (a * b).sum(1) / norms


@family.wrong(84, cosine_distance, PAIR, argument="a b", cause="sum_term_missing")
def cosine_with_fixed_lengths(dout, a, b):
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    c = -(dout / norms)[:, None]
    return c * b, c * a


TRIPLE = sized(((5, 3),) * 3, ((30, 17),) * 3)


def triplet(anchor, positive, negative):
    near = ((anchor - positive) ** 2).sum(1)
    far = ((anchor - negative) ** 2).sum(1)
    return np.maximum(0, near - far + 1.0).mean()


@family.wrong(12, triplet, TRIPLE, argument="anchor", cause=("use_dropped", "sum_term_missing"))
def anchor_only_pulled(dout, anchor, positive, negative):
    loss = ((anchor - positive) ** 2).sum(1) - ((anchor - negative) ** 2).sum(1) + 1.0
    on = dout * (loss > 0)[:, None] * 2 / len(anchor)
    return on * (anchor - positive), on * (positive - anchor), on * (anchor - negative)


@family.control(12, triplet, TRIPLE)
def triplet_complete(dout, anchor, positive, negative):
    loss = ((anchor - positive) ** 2).sum(1) - ((anchor - negative) ** 2).sum(1) + 1.0
    on = dout * (loss > 0)[:, None] * 2 / len(anchor)
    return on * (negative - positive), on * (positive - anchor), on * (anchor - negative)
