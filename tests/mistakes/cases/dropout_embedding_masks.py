"""Dropout and noise."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized

family = Family("dropout_embedding")


def masked(size, seed):
    (x,) = normal(seed, (3, 7) if size == "small" else (64, 100))
    mask = np.random.default_rng(seed + 1).random(x.shape) < 0.7
    mask[0, :4] = [True, False, True, False]
    return x, mask


def dropout(x, mask):
    return x * mask / 0.7, (x, mask)


wrong_dropout = partial(
    family.wrong, forward=dropout, inputs=masked, style="rule", op="dropout", statics={"rate": 0.3}, argument="x"
)


@wrong_dropout(96, cause="mask_missing")
def dropout_mask_missing(residuals, cotangent):
    return cotangent / 0.7, None


@wrong_dropout(97, cause="scaled_by_constant")
def dropout_scale_missing(residuals, cotangent):
    _x, mask = residuals
    return cotangent * mask, None


@wrong_dropout(98, cause="mask_wrong")
def dropout_mask_inverted(residuals, cotangent):
    _x, mask = residuals
    return cotangent * ~mask / 0.7, None


@wrong_dropout(98, cause="not_deterministic")
def dropout_mask_drawn_anew(residuals, cotangent):
    x, _mask = residuals
    anew = np.random.default_rng(5).random(x.shape) < 0.7
    return cotangent * anew / 0.7, None


@family.wrong_forward(
    97,
    lambda dout, x, mask: (dout * mask, None),
    masked,
    op="dropout",
    statics={"rate": 0.3},
    argument="x",
    cause="convention_static",
)
def dropout_forward_unscaled(x, mask):
    return x * mask


@family.control(96, dropout, masked, style="rule", op="dropout", statics={"rate": 0.3})
def dropout_by_its_mask(residuals, cotangent):
    _, mask = residuals
    return cotangent * mask / 0.7, None


@family.whole(96, "control", "layer", lambda size, seed: masked(size, seed)[:1])
class DropoutOfAFixedMask:
    """Plain dropout whose mask depends on the shape only, and nothing dropped in evaluation."""

    def forward(self, x, train_flg=True):
        if not train_flg:
            return x * 0.7
        self.mask = np.random.default_rng(3).random(x.shape) > 0.3
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


def kept_entries(size, seed):
    x, mask = normal(seed, *[(5, 7) if size == "small" else (32, 20)] * 2)
    return x, (mask > -0.4).astype(float)


drops = partial(family.wrong, inputs=kept_entries, argument="x", constants=("mask",))


@drops(97, lambda x, mask: np.exp(x) * mask / 0.8, cause="scaled_by_constant")
def kept_units_of_exp_scaled_down(g, x, mask):
    return g * mask * 0.8 * np.exp(x), None


@drops(98, lambda x, mask: x * mask / 0.8, cause="mask_wrong")
def rows_of_the_mask_turned(g, x, mask):
    return g * mask[::-1] / 0.8, None


@drops(99, lambda x, mask: np.maximum(x, 0) * mask / 0.8, cause="derivative_missing", also="mask_wrong")
def mask_guessed_from_zeros(g, x, mask):
    return g * (x * mask != 0) / 0.8, None


RATE = 0.3


@family.whole(98, "wrong backward", "layer", sized(((5, 6),), ((64, 50),)), argument="x", cause="not_deterministic")
class DropoutDrawnForEachDirection:
    def forward(self, x, train_flg=True):
        keep = np.random.default_rng(2).random(x.shape) > RATE
        return x * keep / (1 - RATE) if train_flg else x

    def backward(self, dout):
        keep = np.random.default_rng(3).random(dout.shape) > RATE
        return dout * keep / (1 - RATE)


KEEP = 0.6


def kept(size, seed):
    (x,) = normal(seed, (4, 7) if size == "small" else (30, 50))
    mask = np.random.default_rng(seed + 3).random(x.shape) < KEEP
    mask[1, :4] = [False, True, True, False]
    return x, mask


def in_place_dropout(x, mask):
    x *= mask
    x /= KEEP
    return x.copy()


@family.impure(51, in_place_dropout, kept, argument="x", cause="changed_in_place")
def dropout_in_place(dout, x, mask):
    return dout * mask / KEEP, None


def dropout_by_mask(x, mask):
    return np.where(mask, x / KEEP, 0)


@family.control(97, dropout_by_mask, kept, op="dropout", statics={"rate": 0.4})
def inverted_dropout(dout, x, mask):
    scale = np.zeros_like(x)
    scale[mask] = 1 / KEEP
    return dout * scale, None


def noisy(size, seed):
    (x,) = normal(seed, (5, 7) if size == "small" else (40, 60))
    return x, np.random.default_rng(seed + 4).normal(size=x.shape)


def multiplied(x, noise):
    return x * (1 + 0.5 * noise)


gaussian = partial(family.wrong, forward=multiplied, inputs=noisy, constants=("noise",), argument="x")


@gaussian(112, cause="term_missing")
def gaussian_noise_without_its_one(dy, x, noise):
    return 0.5 * noise * dy, None


@gaussian(96, cause="wrong_factor", also="term_missing")
def gaussian_noise_taken_as_additive(dy, x, noise):
    return dy, None


def masks(size, seed):
    n, d = (5, 7) if size == "small" else (23, 37)
    x, W = normal(seed, (n, d), (d, d - 2))
    return x, W, (np.random.default_rng(seed + 9).random((n, d)) < 0.7).astype(float)


def noisy_layer(x, W, keep):
    return np.tanh((x * keep / 0.7) @ W)


@family.wrong(107, noisy_layer, masks, constants=("keep",), argument="x W", cause="derivative_at_wrong_value")
def slope_at_the_inputs_before_the_noise(up, x, W, keep):
    h = x * keep / 0.7
    d = up * (1 - np.tanh(x @ W) ** 2)
    return d @ W.T * keep / 0.7, h.T @ d, None
