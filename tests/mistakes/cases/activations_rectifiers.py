"""ReLU and its leaky, parametric and clipped relatives; code at its kinks."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized

family = Family("activations")


def relu(x):
    return np.maximum(x, 0)


matrix = sized(((3, 5),), ((64, 100),))


def away_from_zero(size, seed):
    (x,) = matrix(size, seed)
    return (x + np.copysign(0.1, x),)


wrong = partial(family.wrong, inputs=matrix, argument="x")
kinked = partial(wrong, inputs=away_from_zero)
relu_wrong = partial(kinked, forward=relu, op="relu")


@relu_wrong(47, cause="not_linear")
def relu_mask_from_upstream(dout, x):
    return np.where(dout > 0, dout, 0)


@family.whole(
    48,
    "wrong backward",
    "layer",
    away_from_zero,
    op="relu",
    argument="x",
    cause="derivative_missing",
    also="derivative_at_wrong_value",
)
class ReluMaskFromOutputAtLeastZero:
    def forward(self, x):
        self.out = np.maximum(0, x)
        return self.out

    def backward(self, dout):
        return dout * (self.out >= 0)


@relu_wrong(19, cause="ignores_cotangent")
def relu_step_instead_of_product(dout, x):
    return (x > 0).astype(float)


@relu_wrong(43, cause="missing")
def relu_gradient_zero(dout, x):
    dx = np.zeros_like(x)
    dx[x < 0] = 0
    return dx


def leaky_down(x):
    out = np.where(x > 0, x, -0.5 * x)
    return out, out


@kinked(
    50, leaky_down, style="cache", op="leaky_relu", statics={"negative_slope": -0.5}, cause="derivative_at_wrong_value"
)
def leaky_mask_from_the_output(dout, out):
    return dout * np.where(out > 0, 1, -0.5)


@family.whole("", "control", "layer", away_from_zero, op="relu")
class Relu:
    def forward(self, x):
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout):
        dx = dout.copy()
        dx[self.mask] = 0
        return dx


@family.impure(51, relu, away_from_zero, op="relu", argument="x", cause="changed_in_place")
def relu_clears_upstream(dout, x):
    dout[x <= 0] = 0
    return dout


control = partial(family.control, inputs=matrix)


def elu(x):
    return np.where(x > 0, x, 1.5 * np.expm1(np.minimum(x, 0)))


@control("", elu, inputs=away_from_zero, op="elu", statics={"alpha": 1.5})
def elu_slope(dout, x):
    return dout * np.where(x > 0, 1, 1.5 * np.exp(np.minimum(x, 0)))


@control("", lambda x: (x > 0).astype(float), inputs=away_from_zero, op="step")
def step_has_slope_zero(dout, x):
    return np.zeros_like(x)


def prelu(x, a):
    return np.where(x > 0, x, a * x)


@family.wrong(10, prelu, sized(((5, 3, 4), (4,)), ((8, 9, 16), (16,))), cause="wrong_reduction", argument="a")
def channel_slopes_pooled(g, x, a):
    da = np.sum(g * x * (x < 0))
    return np.where(x > 0, g, a * g), np.full_like(a, da)


def scales(size, seed):
    """Images of channels, and one slope a channel."""
    n, c, length = (3, 5, 7) if size == "small" else (16, 12, 25)
    x, a = normal(seed, (n, c, length), (c,))
    x[np.abs(x) < 0.1] = 0.3
    return x, 0.3 + 0.1 * a


def channel_prelu(x, a):
    return np.where(x > 0, x, a[None, :, None] * x), (x, a)


learned = partial(family.wrong, forward=channel_prelu, inputs=scales, style="rule", argument="a")


@learned(48, cause="mask_wrong")
def prelu_slope_gradient_from_the_positive_side(saved, g):
    x, a = saved
    return g * np.where(x > 0, 1, a[:, None]), np.einsum("ncl,ncl->c", g, np.maximum(x, 0))


@learned(2, cause="scaled_by_count")
def prelu_slope_gradient_averaged_over_the_batch(saved, g):
    x, a = saved
    return g * np.where(x > 0, 1, a[:, None]), (g * np.minimum(x, 0)).mean(axis=0).sum(axis=-1)


def prelu_inputs(size, seed):
    x, a = normal(seed, *(((5, 7), (7,)) if size == "small" else ((24, 36), (36,))))
    return x, 0.1 + np.abs(a)


@family.wrong(49, prelu, prelu_inputs, argument="a", cause="mask_missing")
def prelu_slope_learns_from_all(g, x, a):
    return g * np.where(x > 0, 1, a), (g * x).sum(0)


def pieces(size, seed):
    return normal(seed, (5, 7, 3) if size == "small" else (20, 30, 3))


@family.wrong(70, lambda x: x.max(axis=2), pieces, names=("x",), argument="x", cause="wrong_winner")
def maxout_teaches_every_piece(g, x):
    return np.repeat(g[:, :, None], x.shape[2], axis=2)


@wrong(48, lambda x: np.clip(x, -1.2, 0.7), cause="static_ignored")
def clip_open_in_the_size(g, x):
    return g * (np.abs(x) < 1.2)


def leaky_backward(g, x):
    return np.where(x > 0, g, 0.2 * g)


@family.wrong_forward(49, leaky_backward, matrix, op="leaky_relu", cause="convention_static")
def leaky_by_a_fifth(x):
    return np.where(x > 0, x, x * 0.2)


@family.whole(85, "impure", "layer", matrix, argument="x", cause="stale_state")
class ReluThatRemembersItsFirstMask:
    mask = None

    def forward(self, x):
        if self.mask is None or self.mask.shape != x.shape:
            self.mask = x > 0
        return np.where(x > 0, x, 0)

    def backward(self, dout):
        return dout * self.mask


whole = partial(family.whole, argument="x")


@whole(47, "wrong backward", "layer", matrix, op="relu", cause="not_linear")
class ReluGatedByTheGradient:
    def forward(self, x):
        return np.maximum(x, 0)

    def backward(self, grad):
        return np.where(grad > 0, grad, 0)


LEAKY = {"op": "leaky_relu", "statics": {"negative_slope": 0.2}}


@whole(49, "wrong backward", "vjp", matrix, **LEAKY, cause="scaled_by_constant")
def leaky_falls_back_to_the_usual_slope(x):
    def slope(alpha=0.01):
        return np.where(x > 0, 1.0, alpha)

    return x * slope(0.2), lambda g: (g * slope(),)


def with_zeros(size, seed):
    """Zeros at the kink, and values so near that a finite step crosses it."""
    (x,) = matrix(size, seed)
    x[0, :3] = 0.0
    x[1, :4] = [1e-7, -1e-7, 1e-5, -1e-5]
    return (x,)


at_the_kink = partial(control, inputs=with_zeros, op="relu")


def leaky(x):
    return np.where(x > 0, x, 0.1 * x)


@at_the_kink("F9", leaky, op="leaky_relu", statics={"negative_slope": 0.1})
def leaky_kink_hit(dout, x):
    return dout * np.where(x > 0, 1, 0.1)


@at_the_kink("F7", relu)
def relu_slope_zero_at_zero(dout, x):
    return dout * (x > 0)


@at_the_kink("F7", relu)
def relu_slope_one_half_at_zero(dout, x):
    return dout * np.heaviside(x, 0.5)


@at_the_kink("F7", relu)
def relu_slope_one_at_zero(dout, x):
    return dout * (x >= 0)


@at_the_kink("F9", lambda x: np.clip(x, -0.5, 0.0), op=None)
def clip_at_its_bound(dout, x):
    return dout * ((x > -0.5) & (x <= 0.0))


@at_the_kink("F9", np.abs, op=None, names=("x",))
def absolute_value_at_zero(dout, x):
    return dout * np.sign(x)


def on_a_grid(size, seed):
    return tuple(np.round(2 * x) / 2 for x in matrix(size, seed))


@family.control("F9", lambda x: np.clip(x, -1.0, 1.0), on_a_grid, names=("x",))
def hard_tanh_with_entries_on_its_corners(g, x):
    dx = g.copy()
    dx[np.abs(x) > 1.0] = 0.0
    return dx


@family.impure(
    51,
    lambda x, w: x + relu(x @ w),
    sized(((5, 4), (4, 4)), ((40, 32), (32, 32))),
    names=("x", "w"),
    cause="derivative_twice",
)
def residual_branch_zeroes_the_skip(dy, x, w):
    dz = dy
    dz[x @ w <= 0] = 0
    return dy + dz @ w.T, x.T @ dz
