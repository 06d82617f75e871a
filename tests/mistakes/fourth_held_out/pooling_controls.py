"""Forwards that are not the named pooling, impure ones, and correct ones under other conventions."""

from functools import partial

import numpy as np

from ..case import Family
from .pooling_forms import groups, rows, smooth, spread
from .pooling_windows import along, images, max23, mean23, rectified, signals, statics, tiles, untiled

family = Family("pooling")
not_pool = partial(family.wrong_forward, names=("x",))


def smallest(dout, x):
    windows = tiles(x, 2, 3)
    return untiled((windows.argmin(axis=-1)[..., None] == np.arange(6)) * dout[..., None], 2, 3)


@not_pool("", smallest, images, op="max_pool", statics=statics, cause="forward")
def minimum_called_maximum(x):
    return tiles(x, 2, 3).min(axis=-1)


def of_three_overlapping(dout, x):
    dx = np.zeros_like(x)
    at = along(x, 3, 2).argmax(axis=-1) + 2 * np.arange(dout.shape[2])
    n, c, _ = np.indices(dout.shape)
    np.add.at(dx, (n, c, at), dout)
    return dx


@not_pool(
    56,
    of_three_overlapping,
    signals,
    op="max_pool",
    statics={"window": 3, "layout": "channels_first"},
    cause="convention_static",
)
def stride_of_two_for_a_window_of_three(x):
    return along(x, 3, 2).max(axis=-1)


@not_pool(
    74,
    lambda dout, x: np.kron(dout, np.ones((1, 1, 2, 3))) / 5,
    images,
    op="avg_pool",
    statics=statics,
    cause=("convention_reduction", "forward"),
)
def average_with_one_less_in_the_divisor(x):
    return tiles(x, 2, 3).sum(axis=-1) / 5


@family.impure(40, lambda x: smooth(x), rows, style="cache", names=("x",), cause="residuals_changed")
def softmax_weights_overwritten(dout, cache):
    x, g, p = cache
    y = (p * g).sum(axis=2, keepdims=True)
    p *= dout[..., None]
    return spread(x, p * (1 + g - y))


@family.whole(83, "impure", "layer", images, op="max_pool", statics=statics, names=("x",), cause="stale_state")
class RemembersTheFirstWinners:
    mask = None

    def forward(self, x):
        windows = tiles(x, 2, 3)
        y = windows.max(axis=-1)
        if self.mask is None:
            self.mask = windows == y[..., None]
        return y

    def backward(self, dout):
        return untiled(self.mask * dout[..., None], 2, 3)


control = partial(family.control, inputs=images, statics=statics, names=("x",))


@control("F7", max23, op="max_pool", inputs=rectified)
def tied_maxima_share(dout, x):
    windows = tiles(x, 2, 3)
    winners = (windows == windows.max(axis=-1, keepdims=True)).astype(float)
    return untiled(winners * (dout / winners.sum(axis=-1))[..., None], 2, 3)


@control("F7", max23, op="max_pool", inputs=rectified)
def tied_maxima_pay_the_last(dout, x):
    windows = tiles(x, 2, 3)
    last = 5 - windows[..., ::-1].argmax(axis=-1)
    return untiled((last[..., None] == np.arange(6)) * dout[..., None], 2, 3)


@control(74, mean23, op="avg_pool")
def average_by_a_kronecker_product(dout, x):
    return np.kron(dout, np.full((1, 1, 2, 3), 1 / 6))


@family.control("", lambda x: np.abs(groups(x)).max(axis=2), rows, names=("x",))
def largest_magnitude_with_its_sign(dout, x):
    g = groups(x)
    return spread(x, np.sign(g) * (np.abs(g).argmax(axis=2)[..., None] == np.arange(3)) * dout[..., None])


@family.control("", lambda x: smooth(x), rows, style="rule", names=("x",))
def softmax_pooling_by_its_jacobian(residuals, cotangent):
    x, g, p = residuals
    y = (p * g).sum(axis=2, keepdims=True)
    return spread(x, cotangent[..., None] * p * (1 + g - y))
