"""Mistakes in dropout and in tables of vectors (catalogue 2, 96 to 101, 113), written from the catalogue alone."""

from functools import partial

import numpy as np

from ..case import Family, normal

family = Family("dropout_embedding")
KEEP = 0.6


def kept(size, seed):
    (x,) = normal(seed, (4, 7) if size == "small" else (30, 50))
    mask = np.random.default_rng(seed + 3).random(x.shape) < KEEP
    mask[1, :4] = [False, True, True, False]
    return x, mask


def dropout(x, mask):
    return np.where(mask, x / KEEP, 0)


wrong = partial(family.wrong, forward=dropout, inputs=kept, op="dropout", statics={"rate": 0.4}, argument="x")


@wrong(96, cause="mask_missing")
def dropped_units_learn(dout, x, mask):
    return dout / KEEP, None


@wrong(97, cause=("scaled_by_keep_rate", "scaled"))
def divided_by_the_rate_instead(dout, x, mask):
    return dout * mask / (1 - KEEP), None


@wrong(97, cause=("scaled_by_keep_rate", "scaled"))
def scaled_the_wrong_way(dout, x, mask):
    return dout * mask * KEEP, None


@wrong(99, cause=("mask_wrong", "entries_not_written", "wrong_operand"))
def mask_of_the_positive_units(dout, x, mask):
    return dout * (dropout(x, mask) > 0) / KEEP, None


@family.whole(
    97,
    "wrong backward",
    "torch",
    kept,
    op="dropout",
    statics={"rate": 0.4},
    names=("x", "mask"),
    argument="x",
    cause="scaled_by_keep_rate",
)
def torch_dropout_scaled_only_forwards():
    import torch

    class Dropout(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, mask):
            ctx.save_for_backward(mask)
            return x * mask / KEEP

        @staticmethod
        def backward(ctx, *grad_outputs):
            (grad,) = grad_outputs
            (mask,) = ctx.saved_tensors
            return grad * mask, None

    return Dropout


@family.whole(98, "wrong backward", "layer", lambda size, seed: kept(size, seed)[:1], argument="x", cause="mask_wrong")
class DropoutDrawsWithAnotherSeed:
    def draw(self, x, seed):
        return (np.random.RandomState(seed).rand(*x.shape) < KEEP) / KEEP

    def forward(self, x, train_flg=True):
        return x * self.draw(x, 0)

    def backward(self, dout):
        return dout * self.draw(dout, 1)


def with_holes(size, seed):
    x, mask = kept(size, seed)
    x[2, 1::2], mask[2, 1::2] = 0, True
    return x, mask


@family.wrong(99, dropout, with_holes, argument="x", cause=("mask_wrong", "entries_not_written", "isolated_entries"))
def mask_read_off_the_output(dout, x, mask):
    return dout * (dropout(x, mask) != 0) / KEEP, None


def connections(size, seed):
    n, d, k = (4, 7, 3) if size == "small" else (20, 30, 13)
    x, w = normal(seed, (n, d), (d, k))
    return x, w, np.random.default_rng(seed + 3).random(w.shape) < KEEP


def dropconnect(x, w, mask):
    return x @ (w * mask), (x, w, mask)


@family.wrong(
    96,
    dropconnect,
    connections,
    style="rule",
    names=("x", "w", "mask"),
    argument="w",
    cause=("mask_missing", "argument_factor_missing"),
)
def absent_connections_learn(residuals, g):
    x, w, mask = residuals
    return g @ (w * mask).T, x.T @ g, None


@family.wrong(
    96,
    dropconnect,
    connections,
    style="rule",
    names=("x", "w", "mask"),
    argument="x",
    cause=("mask_missing", "wrong_operand", "argument_factor_missing"),
)
def absent_connections_carry_back(residuals, g):
    x, w, mask = residuals
    return g @ w.T, x.T @ g * mask, None


def hidden_units(size, seed):
    x, w, _ = connections(size, seed)
    return x, w, np.random.default_rng(seed + 4).random((len(x), w.shape[1])) < KEEP


@family.wrong(
    96,
    lambda x, w, mask: np.tanh(x @ w) * mask / KEEP,
    hidden_units,
    argument="w",
    cause=("mask_missing", "argument_factor_missing"),
)
def weights_below_dropout_without_its_mask(dout, x, w, mask):
    slope = 1 - np.tanh(x @ w) ** 2
    return (dout * mask / KEEP * slope) @ w.T, x.T @ (dout / KEEP * slope), None


@family.whole(83, "impure", "layer", lambda size, seed: kept(size, seed)[:1], argument="x", cause="buffer_reused")
class DropoutWithItsOwnBuffer:
    buffer = None

    def forward(self, x, train_flg=True):
        self.mask = (np.random.RandomState(2).rand(*x.shape) < KEEP) / KEEP
        return x * self.mask

    def backward(self, dout):
        if self.buffer is None:
            self.buffer = np.empty_like(dout)
        return np.multiply(dout, self.mask, out=self.buffer)


def in_place_dropout(x, mask):
    x *= mask
    x /= KEEP
    return x.copy()


@family.impure(51, in_place_dropout, kept, argument="x", cause="input_changed")
def dropout_in_place(dout, x, mask):
    return dout * mask / KEEP, None


@family.control(97, dropout, kept, op="dropout", statics={"rate": 0.4})
def inverted_dropout(dout, x, mask):
    scale = np.zeros_like(x)
    scale[mask] = 1 / KEEP
    return dout * scale, None


forward_wrong = partial(
    family.wrong_forward, inputs=kept, op="dropout", statics={"rate": 0.4}, argument="x", cause="convention_dropout"
)


@forward_wrong(97, lambda g, x, mask: (g * mask * KEEP, None))
def dropout_shrinks_what_it_keeps(x, mask):
    return x * mask * KEEP


@forward_wrong(97, lambda g, x, mask: (np.where(mask, 0, g / KEEP), None))
def dropout_reads_its_mask_as_dropped(x, mask):
    return np.where(mask, 0, x / KEEP)
