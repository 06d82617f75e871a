"""Softmax under wrong forwards, with side effects, and correct in unusual forms (catalogue 35 to 40)."""

from functools import partial

import numpy as np

from ..case import Family, sized
from .softmax import images, rows, softmax, through

family = Family("softmax")


def far_apart(size, seed):
    """Rows hundreds apart, and one entry far below its row."""
    (x,) = rows(size, seed)
    x += 600.0 * np.arange(-2, 3).repeat(-(-len(x) // 5))[: len(x), None]
    x[0, 0] -= 500
    return (x,)


claimed = partial(family.wrong_forward, inputs=rows, argument="x")


@claimed(
    "",
    lambda dy, x: through(softmax(x / 0.5), dy) / 0.5,
    op="softmax",
    cause="forward",
)
def softmax_at_a_hidden_temperature(x):
    return softmax(x / 0.5)


@claimed(
    "",
    lambda dy, x: (dy - softmax(x) * dy.sum(axis=-1, keepdims=True)) / np.log(2),
    op="log_softmax",
    cause="forward",
)
def log_softmax_in_bits(x):
    return np.log2(softmax(x))


def shares_backward(dy, x):
    s = 1 / (1 + np.exp(-x))
    total = s.sum(axis=-1, keepdims=True)
    ds = (dy - (dy * s).sum(axis=-1, keepdims=True) / total) / total
    return ds * s * (1 - s)


@claimed(32, shares_backward, op="softmax", cause="forward")
def softmax_from_sigmoids(x):
    s = 1 / (1 + np.exp(-x))
    return s / s.sum(axis=-1, keepdims=True)


@claimed(
    39,
    lambda dy, x: dy - softmax(x) * dy.sum(axis=-1, keepdims=True),
    inputs=far_apart,
    op="log_softmax",
    cause=("forward", "not_finite"),
)
def log_softmax_with_an_unshifted_sum(x):
    with np.errstate(over="ignore", divide="ignore"):
        return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


@family.whole(40, "impure", "layer", rows, op="softmax", argument="x", cause="buffer_reused")
class SoftmaxWithOneBuffer:
    """Writes every output into the array that it allocated first."""

    def forward(self, x):
        if not hasattr(self, "buffer"):
            self.buffer = np.empty_like(x)
        np.exp(x - x.max(axis=1, keepdims=True), out=self.buffer)
        self.buffer /= self.buffer.sum(axis=1, keepdims=True)
        self.x = x
        return self.buffer

    def backward(self, dout):
        return through(softmax(self.x), dout)


@family.impure(
    108,
    lambda x: (softmax(x),) * 2,
    rows,
    style="rule",
    op="softmax",
    names=("x",),
    argument="x",
    cause="cotangent_changed",
)
def softmax_centers_upstream_in_place(p, g):
    g -= (p * g).sum(axis=-1, keepdims=True)
    return (p * g,)


control = partial(family.control, inputs=rows)


@control("", lambda x: (np.log(softmax(x)),) * 2, style="rule", op="log_softmax", names=("x",))
def log_softmax_by_softmax_of_its_output(out, g):
    return (g - softmax(out) * g.sum(axis=-1, keepdims=True),)


@control("", lambda x: (softmax(x),) * 2, style="cache", op="softmax", names=("x",))
def softmax_by_stacked_jacobians(dy, p):
    jacobians = np.eye(p.shape[-1]) * p[:, None, :] - p[:, :, None] * p[:, None, :]
    return np.einsum("nij,nj->ni", jacobians, dy)


@control("", softmax, inputs=far_apart, op="softmax", names=("x",))
def softmax_of_distant_rows(dy, x):
    return through(softmax(x), dy)


@control("", lambda x: softmax(x, axis=1), inputs=images, op="softmax", statics={"axis": 1})
def softmax_of_channels_in_the_middle(dy, x):
    p = np.moveaxis(softmax(x, axis=1), 1, -1)
    return np.moveaxis(through(p, np.moveaxis(dy, 1, -1)), -1, 1)


@control("", lambda x: np.exp(x) / (1 + np.exp(x).sum(axis=-1, keepdims=True)), inputs=sized(((5, 7),), ((48, 90),)))
def quiet_softmax_of_its_own_output(dy, x):
    e = np.exp(x)
    return through(e / (1 + e.sum(axis=-1, keepdims=True)), dy)
