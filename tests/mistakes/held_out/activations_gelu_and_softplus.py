"""GELU, and softplus and ELU that overflow (catalogue 53 and 54)."""

from functools import partial

import numpy as np
from scipy.special import erf, expit

from ..case import Family, sized
from .activations_rectifiers import elu

family = Family("activations")

batch = sized(((5, 6),), ((50, 36),))
images = sized(((2, 3, 5, 4),), ((4, 8, 12, 10),))


def gelu(x):
    return 0.5 * x * (1 + erf(x / np.sqrt(2)))


def gelu_slope(x):
    return 0.5 * (1 + erf(x / np.sqrt(2))) + x * np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi)


def gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def gelu_tanh_slope(x):
    t = np.tanh(0.7978845608028654 * (x + 0.044715 * x**3))
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * 0.7978845608028654 * (1 + 3 * 0.044715 * x * x)


one_side = ("approximation_one_side", "wrong_derivative", "local_factor")


@family.wrong(53, gelu, images, op="gelu", cause=one_side, argument="x")
def erf_forward_tanh_backward(dout, x):
    return dout * gelu_tanh_slope(x)


@family.whole(53, "wrong backward", "layer", batch, op="gelu", cause=one_side, argument="x")
class GELUWithAQuickGradient:
    def forward(self, x):
        self.x = x
        return x * 0.5 * (1.0 + erf(x / 2**0.5))

    def backward(self, dLdy):
        s = expit(1.702 * self.x)
        return dLdy * (s + 1.702 * self.x * s * (1 - s))


def feed_forward(x, w_in, w_out):
    h = x @ w_in
    return gelu_tanh(h) @ w_out, (x, h, w_in, w_out)


@family.wrong(
    53,
    feed_forward,
    sized(((3, 5, 4), (4, 6), (6, 4)), ((8, 12, 16), (16, 64), (64, 16))),
    style="cache",
    names=("x", "w_in", "w_out"),
    cause=one_side[:2],
    argument="x w_in",
)
def feed_forward_block_with_the_exact_slope(dout, cache):
    x, h, w_in, w_out = cache
    dh = dout @ w_out.T * gelu_slope(h)
    return dh @ w_in.T, np.einsum("btd,bth->dh", x, dh), np.einsum("bth,btd->hd", gelu_tanh(h), dout)


@family.wrong_forward(
    53, lambda g, x: g * gelu_tanh_slope(x), batch, op="gelu", names=("x",), cause="convention_approximation"
)
def gpt2_activation(x):
    return gelu_tanh(x)


def huge(size, seed):
    (x,) = batch(size, seed)
    x[::2] += 750.0
    return (x,)


softplus = partial(np.logaddexp, 0.0)
plus = {"op": "softplus", "names": ("x",)}


@family.wrong(54, softplus, huge, **plus, cause="not_finite", argument="x")
def softplus_slope_inf_over_inf(dout, x):
    return dout * np.exp(x) / (1.0 + np.exp(x))


@family.wrong_forward(54, lambda g, x: g * expit(x), huge, **plus, cause="forward")
def log_of_one_plus_exp(x):
    return np.log(1 + np.exp(x))


@family.wrong(54, elu, huge, names=("x",), op="elu", statics={"alpha": 1.6}, cause="not_finite", argument="x")
def elu_branches_multiplied_by_their_masks(dout, x):
    return dout * ((x > 0) + (x <= 0) * 1.6 * np.exp(x))
