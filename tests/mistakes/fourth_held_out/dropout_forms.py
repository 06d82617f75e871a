"""Dropout under other conventions, with side effects, and correct (catalogue 97, 98)."""

from functools import partial

import numpy as np

from ..case import Family
from .dropout import KEEP, RATE, dropped_attention, inverted, masked

family = Family("dropout")


@family.wrong_forward(
    97,
    lambda dy, x, mask: (dy * mask, None),
    masked,
    op="dropout",
    statics={"rate": RATE},
    argument="x",
    cause="convention_dropout",
)
def classic_dropout_of_training(x, mask):
    return x * mask


@family.wrong_forward(
    98,
    lambda dy, x, mask: (dy * ~mask / KEEP, None),
    masked,
    op="dropout",
    statics={"rate": RATE},
    argument="x",
    cause="convention_dropout",
)
def dropout_that_drops_the_marked(x, mask):
    return x * np.logical_not(mask) / KEEP


@family.impure(
    51, inverted, masked, style="cache", op="dropout", statics={"rate": RATE}, argument="x", cause="cotangent_changed"
)
def dropout_writes_into_upstream(dy, mask):
    dy[~mask] = 0
    return dy / KEEP, None


@family.whole(98, "impure", "layer", lambda size, seed: masked(size, seed)[:1], argument="x", cause="not_deterministic")
class DropoutWithItsOwnGenerator:
    """Draws a new mask in every forward and uses it rightly in backward."""

    def __init__(self):
        self.rng = np.random.default_rng(0)

    def forward(self, x):
        self.scale = (self.rng.random(x.shape) < KEEP) / KEEP
        return x * self.scale

    def backward(self, dout):
        return dout * self.scale


control = partial(family.control, inputs=masked)


@control("", lambda x, mask: x * mask * KEEP)
def dropout_scaled_down_in_both(dy, x, mask):
    return dy * mask * KEEP, None


@control(
    "",
    lambda x, mask: (x * (mask / KEEP),) * 2,
    style="rule",
    op="dropout",
    statics={"rate": RATE},
    names=("x", "mask"),
)
def dropout_mask_read_from_outputs_without_zeros(y, g):
    return np.where(y == 0, 0, g) / KEEP, None


@control("", dropped_attention, style="cache")
def attention_dropout_before_the_jacobian(dy, cache):
    p, mask = cache
    dp = dy * mask / KEEP
    return p * (dp - (p * dp).sum(axis=-1, keepdims=True)), None
