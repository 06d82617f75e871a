"""Rectifiers, clipped, gated and learned activations (catalogue 43, 47 to 52)."""

from functools import partial

import numpy as np

from ..case import Family, normal

family = Family("activations")
SLOPE, ALPHA = 0.15, 0.7


def clear_of(*kinks, scale=1.0):
    """Normal values, none within a tenth of a kink, some beyond every kink."""

    def inputs(size, seed):
        (x,) = normal(seed, (5, 7) if size == "small" else (48, 96))
        x *= scale
        x[0, : len(kinks)] = np.array(kinks) + 0.6
        x[1, : len(kinks)] = np.array(kinks) - 0.6
        for kink in kinks:
            near = np.abs(x - kink) < 0.1
            x[near] = kink + np.where(x[near] < kink, -0.15, 0.15)
        return (x,)

    return inputs


signed, wide = clear_of(0.0), clear_of(-3.0, 3.0, scale=3.0)
wrong = partial(family.wrong, inputs=signed, argument="x")


def relu(x):
    return x * (x > 0)


def leaky(x):
    return np.where(x > 0, x, SLOPE * x)


def hard_swish(x):
    return x * np.clip(x + 3, 0, 6) / 6


@wrong(47, relu, op="relu", cause=("not_linear", "mask_wrong", "entries_not_written"))
def relu_gated_by_the_sign_of_upstream_too(dy, x):
    return dy * (x > 0) * (dy > 0)


@wrong(48, relu, op="relu", cause="mask_wrong")
def relu_passes_where_it_should_block(dy, x):
    return np.where(x > 0, 0.0, dy)


@wrong("", lambda x: np.clip(x, 0, 6), inputs=clear_of(0.0, 6.0, scale=4.0), cause="mask_missing")
def relu6_ceiling_forgotten(dy, x):
    dx = dy.copy()
    dx[x < 0] = 0
    return dx


@wrong(49, leaky, op="leaky_relu", statics={"negative_slope": SLOPE}, cause="partly_scaled")
def leaky_slope_on_both_sides(dy, x):
    return np.where(x > 0, SLOPE, SLOPE) * dy


@wrong(49, leaky, op="leaky_relu", statics={"negative_slope": SLOPE}, cause=("static_ignored", "partly_scaled"))
def leaky_with_the_default_slope_in_backward(dy, x, slope=0.01):
    return dy * ((x > 0) + slope * (x <= 0))


@wrong(
    50,
    lambda x: np.where(x > 0, x, -0.2 * x),
    cause=("mask_wrong", "partly_scaled", "derivative_at_output", "derivative_missing", "identity"),
)
def folded_leaky_masked_by_its_output(dy, x):
    y = np.where(x > 0, x, -0.2 * x)
    return np.where(y > 0, dy, -0.2 * dy)


@wrong(
    54,
    lambda x: np.where(x > 0, x, ALPHA * np.expm1(x)),
    op="elu",
    statics={"alpha": ALPHA},
    cause=("static_ignored", "local_factor"),
)
def elu_slope_from_its_output_without_alpha(dy, x):
    y = np.where(x > 0, x, ALPHA * np.expm1(x))
    return dy * np.where(x > 0, 1.0, y + 1.0)


@wrong(54, lambda x: 1.0507 * np.where(x > 0, x, 1.6733 * np.expm1(x)), cause="partly_scaled")
def selu_scale_on_one_branch_only(dy, x):
    return dy * np.where(x > 0, 1.0, 1.0507 * 1.6733 * np.exp(x))


@wrong(41, np.abs, names=("x",), cause=("derivative_at_output", "derivative_missing", "identity", "partly_scaled"))
def absolute_value_by_the_sign_of_its_output(dy, x):
    y = np.abs(x)
    return dy * np.sign(y)


@wrong("", lambda x: np.clip(x / 6 + 0.5, 0, 1), inputs=wide, cause=("scaled", "static_ignored"))
def hard_sigmoid_with_the_slope_of_another_library(dy, x):
    return 0.2 * dy * (np.abs(x) < 3)


@wrong("", lambda x: np.clip(x, -1, 1), inputs=clear_of(-1.0, 1.0, scale=2.0), cause="mask_missing")
def hard_tanh_clipped_on_one_side(dy, x):
    return dy * (x < 1)


@wrong("", hard_swish, inputs=wide, cause=("use_dropped", "sum_term_missing", "local_factor"))
def hard_swish_gate_held_fixed(dy, x):
    return dy * np.clip(x + 3, 0, 6) / 6


@wrong("", hard_swish, inputs=wide, cause="entries_not_written")
def hard_swish_nothing_beyond_the_ramp(dy, x):
    return np.where(np.abs(x) < 3, dy * (2 * x + 3) / 6, 0)


@wrong("", lambda x: np.where(x > 0.8, x, 0), inputs=clear_of(0.0, 0.8), cause=("static_ignored", "mask_missing"))
def threshold_compared_with_zero_in_backward(dy, x):
    return dy * (x > 0)


@wrong("", lambda x: relu(x) ** 2, cause=("local_factor", "wrong_derivative"))
def squared_relu_without_the_inner_value(dy, x):
    return 2 * dy * (x > 0)


def scales(size, seed):
    """Images of channels, and one slope a channel."""
    n, c, length = (3, 5, 7) if size == "small" else (16, 12, 25)
    x, a = normal(seed, (n, c, length), (c,))
    x[np.abs(x) < 0.1] = 0.3
    return x, 0.3 + 0.1 * a


def prelu(x, a):
    return np.where(x > 0, x, a[None, :, None] * x), (x, a)


learned = partial(family.wrong, forward=prelu, inputs=scales, style="rule", argument="a")


@learned(3, cause="reduced_too_far")
def prelu_slopes_share_one_sum(saved, g):
    x, a = saved
    total = np.sum(g * np.minimum(x, 0))
    return g * np.where(x > 0, 1, a[:, None]), np.full_like(a, total)


@learned(48, cause=("mask_wrong", "wrong_operand"))
def prelu_slope_gradient_from_the_positive_side(saved, g):
    x, a = saved
    return g * np.where(x > 0, 1, a[:, None]), np.einsum("ncl,ncl->c", g, np.maximum(x, 0))


@learned(2, cause=("scaled_by_batch", "mean_instead_of_sum"))
def prelu_slope_gradient_averaged_over_the_batch(saved, g):
    x, a = saved
    return g * np.where(x > 0, 1, a[:, None]), (g * np.minimum(x, 0)).mean(axis=0).sum(axis=-1)


@learned("", cause="sign")
def prelu_slope_gradient_by_the_magnitude(saved, g):
    x, a = saved
    return g * np.where(x > 0, 1, a[:, None]), (g * np.maximum(-x, 0)).sum(axis=(0, 2))


def parted(size, seed):
    n, d = (5, 6) if size == "small" else (48, 96)
    (x,) = normal(seed, (n, d))
    return (x,)


def maxout(x):
    pairs = x.reshape(len(x), -1, 2)
    return pairs.max(axis=-1), pairs


@wrong(70, maxout, inputs=parted, style="cache", cause="wrong_winner")
def maxout_pays_the_loser(dy, pairs):
    loser = pairs.argmin(axis=-1)[..., None] == np.arange(2)
    return (loser * dy[..., None]).reshape(len(dy), -1)


def glu(x):
    a, b = np.split(x, 2, axis=-1)
    s = 1 / (1 + np.exp(-b))
    return a * s, (a, s)


@wrong(13, glu, inputs=parted, style="rule", cause=("row_permuted", "reordered"))
def glu_halves_joined_in_the_other_order(saved, g):
    a, s = saved
    return (np.concatenate([g * a * s * (1 - s), g * s], axis=-1),)


@wrong(82, glu, inputs=parted, style="rule", cause="entries_not_written")
def glu_gate_half_never_written(saved, g):
    a, s = saved
    dx = np.zeros((len(a), 2 * a.shape[1]))
    dx[:, : a.shape[1]] = g * s
    return (dx,)


def two_branches(size, seed):
    shape = (5, 7) if size == "small" else (48, 96)
    return normal(seed, shape, shape)


def swiglu(gate, up):
    s = 1 / (1 + np.exp(-gate))
    return gate * s * up, {"gate": gate, "up": up, "s": s}


gated = partial(family.wrong, forward=swiglu, inputs=two_branches, style="rule")


@gated(43, argument="gate", cause=("derivative_missing", "local_factor"))
def swiglu_gate_without_the_slope_of_silu(c, g):
    return g * c["up"], g * c["gate"] * c["s"]


@gated(80, argument="gate", cause=("argument_factor_missing", "local_factor"))
def swiglu_gate_without_the_other_branch(c, g):
    s = c["s"]
    return g * s * (1 + c["gate"] * (1 - s)), g * c["gate"] * s


@gated(43, argument="up", cause=("argument_factor_missing", "wrong_operand", "local_factor"))
def swiglu_value_weighted_by_the_sigmoid_alone(c, g):
    s = c["s"]
    return g * c["up"] * s * (1 + c["gate"] * (1 - s)), g * s
