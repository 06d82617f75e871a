"""Dropout (catalogue 96 to 99)."""

from functools import partial

import numpy as np

from ..case import Family, normal

family = Family("dropout_embedding")


def masked(rate, shapes=((5, 7), (80, 60)), dtype=bool):
    """Activations and a mask that keeps 1 - rate of them."""

    def inputs(size, seed):
        shape = shapes[size != "small"]
        rng = np.random.default_rng(seed)
        return rng.normal(size=shape), (rng.random(shape) >= rate).astype(dtype)

    return inputs


def dropout(x, mask):
    return x * mask / (1 - 0.3)


inverted = partial(family.wrong, op="dropout", statics={"rate": 0.3}, argument="x")


@inverted(96, dropout, masked(0.3), cause="mask_missing")
def dropout_backward_scales_every_unit(dout, x, mask):
    return dout / (1 - 0.3), None


def hidden_layer(x, W, b, mask):
    a = np.maximum(0, x @ W + b)
    return a * mask, (x, W, a, mask)


def hidden(size, seed):
    n, d, h = (5, 4, 7) if size == "small" else (60, 48, 40)
    x, W, b = normal(seed, (n, d), (d, h), (h,))
    mask = (np.random.default_rng(seed + 1).random((n, h)) < 0.6) / 0.6
    return x, W / np.sqrt(d), b, mask


@family.wrong(
    96,
    hidden_layer,
    hidden,
    style="cache",
    constants=("mask",),
    cause=("mask_missing", "argument_factor_missing"),
    argument="x W b",
)
def hidden_dropout_forgotten_on_the_way_back(dout, cache):
    x, W, a, mask = cache
    dz = dout * (a > 0)
    return dz @ W.T, x.T @ dz, dz.sum(axis=0), None


@family.whole(
    96,
    "wrong backward",
    "layer",
    masked(0.4),
    inputs_of_layer=2,
    gradients={},
    op="dropout",
    statics={"rate": 0.4},
    cause="identity",
    argument="x",
)
class DropoutPassesTheGradientOn:
    def __init__(self, dropout_ratio=0.4):
        self.dropout_ratio = dropout_ratio

    def forward(self, x, mask):
        self.mask = mask
        return x * self.mask / (1.0 - self.dropout_ratio)

    def backward(self, dout):
        return dout, None


@inverted(97, dropout, masked(0.3), cause=("scaled", "static_ignored"))
def dropout_backward_over_the_drop_probability(dout, x, mask):
    drop_prob = 0.3
    return dout * mask / drop_prob, None


def dropout_of_keras(inputs, noise):
    keep_prob = 0.8
    return np.where(noise, inputs / keep_prob, 0.0), (noise, keep_prob)


@family.wrong(
    97,
    dropout_of_keras,
    masked(0.2, ((3, 4, 5), (8, 20, 25))),
    style="rule",
    op="dropout",
    statics={"rate": 0.2},
    cause=("scaled_by_keep_rate", "scaled_by_static", "scaled"),
    argument="inputs",
)
def keep_probability_left_out_of_the_gradient(saved, g):
    noise, _ = saved
    return np.where(noise, g, 0.0), None


@family.wrong_forward(
    97,
    lambda dout, x, mask: (dout * mask, None),
    masked(0.25),
    op="dropout",
    statics={"rate": 0.25},
    cause="convention_dropout",
)
def dropout_without_rescaling_in_training(x, mask):
    return x * mask


@inverted(98, dropout, masked(0.3), cause="mask_wrong")
def mask_drawn_again_in_the_backward(dout, x, mask):
    again = np.random.default_rng(0).random(x.shape) > 0.3
    return dout * again / 0.7, None


@family.whole(
    98,
    "impure",
    "layer",
    lambda size, seed: normal(seed, (5, 7) if size == "small" else (80, 60)),
    gradients={},
    cause="not_deterministic",
)
class DropoutDrawsInEveryForward:
    def __init__(self, p=0.5):
        self.p, self.rng = p, np.random.default_rng()

    def forward(self, x):
        self.mask = (self.rng.random(x.shape) < self.p) / self.p
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


def with_zeros(rate, shapes=((6, 7), (80, 60))):
    """Activations behind a relu, many of them zero, and a mask that keeps 1 - rate."""

    def inputs(size, seed):
        x, mask = masked(rate, shapes)(size, seed)
        return np.maximum(x, 0), mask

    return inputs


@inverted(99, dropout, with_zeros(0.3), cause=("mask_wrong", "entries_not_written"))
def zero_outputs_taken_for_dropped(dout, x, mask):
    out = x * mask / 0.7
    return (out != 0) * dout / 0.7, None


def kaldi_dropout(x, mask):
    out = x * mask
    return out, (x, out)


@family.wrong(99, kaldi_dropout, with_zeros(0.5), style="cache", cause=("mask_wrong", "mask_missing"), argument="x")
def dropped_where_input_differs_from_output(deriv, cache):
    x, out = cache
    return np.where(x == out, deriv, 0.0), None
