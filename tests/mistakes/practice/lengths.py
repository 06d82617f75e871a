"""Division by a length, a spread or a total: what of it is held constant, projected wrongly, or misplaced."""

from functools import partial

import numpy as np

from ..case import Family, sized

family = Family("normalization")
ROWS = sized(((5, 7),), ((32, 20),))
SCALED = sized(((5, 7), (7,)), ((32, 20), (20,)))


def directions(x, W):
    """Cosines of rows with columns whose lengths are taken away."""
    lengths = np.sqrt(np.square(W).sum(0))
    return x @ (W / lengths), (x, W, lengths)


columns = partial(family.wrong, forward=directions, inputs=sized(((5, 4), (4, 3)), ((32, 12), (12, 16))), style="rule")


@columns(76, argument="W", names=("x", "W"), cause=("use_dropped", "sum_term_missing"))
def column_lengths_as_constants(saved, g):
    x, W, lengths = saved
    return g @ (W / lengths).T, x.T @ g / lengths


@columns(76, argument="W", names=("x", "W"), cause=("sum_term_missing", "wrong_operand"))
def column_projection_by_the_raw_weight(saved, g):
    x, W, lengths = saved
    dU = x.T @ g
    return g @ (W / lengths).T, (dU - W * (dU * W / lengths).sum(0)) / lengths


def shares(x):
    p = np.exp(0.5 * x)
    return p / np.sqrt((p**2).sum(1, keepdims=True)), (p,)


@family.wrong(76, shares, ROWS, style="cache", cause=("use_dropped", "sum_term_missing"))
def length_of_exponentials_held(dy, cache):
    (p,) = cache
    return 0.5 * dy * p / np.sqrt((p**2).sum(1, keepdims=True))


def absolute_sum(x):
    return x / np.abs(x).sum(-1, keepdims=True)


sums = partial(family.wrong, forward=absolute_sum, inputs=ROWS)


@sums(76, cause=("use_dropped", "sum_term_missing"))
def total_of_absolute_values_held(g, x):
    return g / np.abs(x).sum(-1, keepdims=True)


@sums(32, cause=("sum_term_missing", "wrong_operand", "derivative_missing"))
def total_differentiated_without_signs(g, x):
    total = np.abs(x).sum(-1, keepdims=True)
    return g / total - (g * x).sum(-1, keepdims=True) / total**2


def rms(x, scale):
    root = np.sqrt(np.mean(x**2, axis=1, keepdims=True) + 1e-4)
    return scale * x / root, (x, root, scale)


roots = partial(family.wrong, forward=rms, inputs=SCALED, style="rule", names=("x", "scale"))


@roots(84, argument="x", cause=("sum_term_missing", "wrong_operand"))
def root_correction_by_the_fourth_power(saved, g):
    x, root, scale = saved
    d = g * scale
    return d / root - x * (d * x).mean(1, keepdims=True) / root**4, (g * x / root).sum(0)


@roots(84, argument="x", cause="sum_term_missing")
def root_correction_summed(saved, g):
    x, root, scale = saved
    d = g * scale
    return (d - x * (d * x).sum(1, keepdims=True) / root**2) / root, (g * x / root).sum(0)


@roots(84, argument="x", cause=("sum_term_missing", "argument_factor_missing"))
def root_correction_without_the_scale(saved, g):
    x, root, scale = saved
    return (g * scale - x * (g * x).mean(1, keepdims=True) / root**2) / root, (g * x / root).sum(0)


@roots(80, argument="x", cause="sum_term_missing")
def root_scale_applied_last(saved, g):
    x, root, scale = saved
    return scale * (g - x * (g * x).mean(1, keepdims=True) / root**2) / root, (g * x / root).sum(0)


def logits_scaled(x, t):
    """Softmax of scores that have a weight each."""
    e = np.exp(t * x)
    return e / e.sum(1, keepdims=True)


@family.wrong(80, logits_scaled, SCALED, argument="x", cause="sum_term_missing", constants=("t",))
def weights_of_scores_applied_before_the_sum(g, x, t):
    p = logits_scaled(x, t)
    return p * (t * g - (p * t * g).sum(1, keepdims=True)), None


def spread(x):
    return x.std(axis=0)


@family.wrong(77, spread, ROWS, cause=("mean_term_missing", "sum_term_missing", "wrong_operand"))
def deviation_of_what_is_not_centered(g, x):
    return g * x / (len(x) * x.std(axis=0))


@family.wrong(77, lambda x: ((x - x.mean(1, keepdims=True)) ** 3).mean(1), ROWS,
              cause=("mean_term_missing", "sum_term_missing"))  # fmt: skip
def third_moment_without_the_mean_of_squares(g, x):
    c = x - x.mean(1, keepdims=True)
    return 3 * g[:, None] * c**2 / x.shape[1]


def unit(x):
    length = np.linalg.norm(x, axis=1, keepdims=True)
    return x / length, (x, length)


units = partial(family.wrong, forward=unit, inputs=ROWS, style="rule", argument="x", names=("x",))


@units(80, cause=("local_factor", "sum_term_missing", "derivative_twice"))
def unit_divided_by_the_length_twice(saved, g):
    x, length = saved
    y = x / length
    return (g - y * (g * y).sum(1, keepdims=True)) / length**2


@units(32, cause=("wrong_operand", "sum_term_missing"))
def unit_projected_by_the_raw_rows(saved, g):
    x, length = saved
    return (g - x * (g * x).sum(1, keepdims=True)) / length


@units(93, cause="epsilon_one_side")
def unit_length_with_a_floor_in_backward(saved, g):
    x, length = saved
    y = x / length
    return (g - y * (g * y).sum(1, keepdims=True)) / (length + 1e-3)


def layer(x, scale):
    c = x - x.mean(-1, keepdims=True)
    inverse = 1 / np.sqrt((c * c).mean(-1, keepdims=True) + 0.05)
    return scale * c * inverse, (c, inverse, scale)


@family.wrong(93, layer, SCALED, style="rule", names=("x", "scale"), argument="x", cause="epsilon_one_side")
def inverse_spread_without_its_epsilon(saved, g):
    c, inverse, scale = saved
    y, d = c * inverse, g * scale
    spread = np.sqrt((c * c).mean(-1, keepdims=True))
    return (d - d.mean(-1, keepdims=True) - y * (d * y).mean(-1, keepdims=True)) / spread, (g * y).sum(0)


def gated_norm(x, residual):
    """The sum, and its rows at unit length: the sum goes on beside."""
    total = residual + x
    length = np.sqrt((total**2).sum(1, keepdims=True))
    return (total, total / length), (total, length)


@family.wrong(112, gated_norm, sized(((5, 7),) * 2, ((32, 20),) * 2), style="rule", argument="x residual",
              cause=("skip_dropped", "use_dropped", "sum_term_missing"))  # fmt: skip
def stream_beside_the_norm_forgotten(saved, g):
    total, length = saved
    y = total / length
    d = (g[1] - y * (g[1] * y).sum(1, keepdims=True)) / length
    return d, d + 0.0
