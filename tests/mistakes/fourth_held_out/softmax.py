"""Softmax and its relatives with wrong backwards: temperature, masks, images, log-sum-exp (catalogue 32 to 40)."""

from functools import partial

import numpy as np

from ..case import Family, normal, sized

family = Family("softmax")

rows = sized(((5, 7),), ((48, 90),))
images = sized(((2, 3, 5, 7),), ((8, 6, 11, 13),))
wrong = partial(family.wrong, inputs=rows, argument="x")
TEMPERATURE = 2.5


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def through(p, dy, axis=-1):
    """The product of the Jacobian of softmax with dy."""
    return p * (dy - (p * dy).sum(axis=axis, keepdims=True))


def kept(x):
    p = softmax(x)
    return p, p


def log_kept(x):
    out = np.log(softmax(x))
    return out, out


def warm(x):
    p = softmax(x / TEMPERATURE)
    return p, p


@wrong(32, kept, style="cache", op="softmax", cause="sign")
def jacobian_subtracted_the_other_way_round(dy, p):
    dx = np.empty_like(p)
    for i, row in enumerate(p):
        dx[i] = (np.outer(row, row) - np.diag(row)).dot(dy[i])
    return dx


@wrong(32, kept, style="cache", op="softmax", cause=("diagonal_only", "sum_term_missing"))
def jacobian_with_zeros_off_its_diagonal(dy, p):
    n, k = p.shape
    jacobian = np.zeros((n, k, k))
    for i in range(k):
        for j in range(k):
            if i == j:
                jacobian[:, i, j] = p[:, i] * (1 - p[:, j])
    return np.einsum("nij,nj->ni", jacobian, dy)


@wrong(65, kept, style="cache", op="softmax", cause=("one_sample_repeated", "last_sample_only"))
def jacobian_of_the_last_row_broadcast(dy, p):
    dx = np.empty_like(p)
    for i in range(len(p)):
        row = p[i].reshape(-1, 1)
        dx[:] = (np.diagflat(row) - row @ row.T) @ dy[i]
    return dx


@wrong(61, kept, style="cache", op="softmax", cause=("entries_not_written", "samples_missing"))
def loop_stops_before_the_last_row(dy, p):
    dx = np.zeros_like(p)
    for i in range(len(p) - 1):
        dx[i] = p[i] * (dy[i] - p[i] @ dy[i])
    return dx


@wrong(32, kept, style="rule", op="softmax", cause="sum_term_missing")
def inner_product_averaged(p, g):
    return (p * (g - (p * g).mean(axis=-1, keepdims=True)),)


@wrong(32, kept, style="rule", op="softmax", cause="derivative_twice")
def jacobian_applied_to_its_own_result(p, g):
    return (through(p, through(p, g)),)


@wrong(110, warm, style="rule", cause=("scaled_by_static", "scaled"))
def temperature_left_out_of_the_gradient(p, g):
    return (through(p, g),)


@wrong(110, warm, style="cache", cause="scaled")
def temperature_multiplies_the_gradient(dy, p):
    return TEMPERATURE * through(p, dy)


@wrong(36, lambda x: 2.0**x / (2.0**x).sum(axis=-1, keepdims=True), cause="scaled")
def base_two_without_its_logarithm(dy, x):
    p = 2.0**x / (2.0**x).sum(axis=-1, keepdims=True)
    return through(p, dy)


@wrong("", lambda x: softmax(-x), cause="sign")
def softmin_without_the_inner_minus(dy, x):
    return through(softmax(-x), dy)


def quiet(x):
    e = np.exp(x)
    return e / (1 + e.sum(axis=-1, keepdims=True))


@wrong("", quiet, inputs=lambda size, seed: (rows(size, seed)[0] - 3,), cause=("wrong_derivative", "wrong_operand"))
def quiet_softmax_with_ordinary_probabilities(dy, x):
    return through(softmax(x), dy)


@wrong(
    88,
    lambda x: softmax(x, axis=1),
    inputs=images,
    op="softmax",
    statics={"axis": 1},
    cause=("coupled_over_wrong_axis", "sum_term_missing"),
)
def channels_flattened_without_moving_them(dy, x):
    p = softmax(x, axis=1)
    flat, dflat = p.reshape(-1, x.shape[1]), dy.reshape(-1, x.shape[1])
    return through(flat, dflat).reshape(x.shape)


def spatial(x):
    p = softmax(x.reshape(*x.shape[:2], -1)).reshape(x.shape)
    return p, p


@wrong(88, spatial, inputs=images, style="rule", cause=("coupled_over_wrong_axis", "sum_term_missing"))
def spatial_softmax_row_by_row(p, g):
    return (through(p, g, axis=3),)


@wrong(3, spatial, inputs=images, style="rule", cause=("coupled_over_wrong_axis", "sum_term_missing"))
def spatial_softmax_over_the_channels_too(p, g):
    return (p * (g - np.einsum("nchw,nchw->n", p, g)[:, None, None, None]),)


def soft_argmax(x):
    p = softmax(x)
    return p @ np.arange(x.shape[1]), p


@wrong("", soft_argmax, style="cache", cause=("sum_term_missing", "diagonal_only"))
def expected_position_not_centered(dy, p):
    return dy[:, None] * p * np.arange(p.shape[1])


def masked_log_softmax(x, mask):
    out = np.where(mask, x - np.log((np.exp(x) * mask).sum(axis=-1, keepdims=True)), 0.0)
    return out, (np.exp(out) * mask, mask)


def half_masked(size, seed):
    (x,) = rows(size, seed)
    mask = np.random.default_rng(seed + 1).random(x.shape) < 0.6
    mask[:, :2] = [True, False]
    return x, mask


@wrong(96, masked_log_softmax, inputs=half_masked, style="rule", cause="mask_missing")
def masked_places_keep_their_upstream(saved, g):
    p, mask = saved
    return g - p * (g * mask).sum(axis=-1, keepdims=True), None


@wrong(29, masked_log_softmax, inputs=half_masked, style="rule", cause="sum_term_missing")
def upstream_of_masked_places_in_the_sum(saved, g):
    p, mask = saved
    return (g - p * g.sum(axis=-1, keepdims=True)) * mask, None


@wrong(37, log_kept, style="rule", op="log_softmax", cause=("wrong_operand", "sum_term_missing"))
def log_probabilities_where_probabilities_belong(out, g):
    return (g - out * g.sum(axis=-1, keepdims=True),)


@wrong(37, log_kept, style="cache", op="log_softmax", cause=("sum_term_missing", "coupled_over_wrong_axis"))
def sum_of_the_first_row_for_all_rows(dy, out):
    total = dy[0].sum()
    return dy - np.exp(out) * total


def logsumexp(x):
    m = x.max(axis=-1, keepdims=True)
    return (m + np.log(np.exp(x - m).sum(axis=-1, keepdims=True)))[:, 0]


@wrong(19, logsumexp, cause="ignores_cotangent")
def log_sum_exp_returns_the_probabilities(dy, x):
    return softmax(x)


@wrong(57, logsumexp, cause="scaled_by_size")
def log_sum_exp_averaged_over_the_classes(dy, x):
    return dy[:, None] * softmax(x) / x.shape[-1]


@wrong(70, logsumexp, cause=("wrong_derivative", "approximation_one_side"))
def log_sum_exp_with_the_slope_of_the_maximum(dy, x):
    return dy[:, None] * np.eye(x.shape[-1])[x.argmax(axis=-1)]


@wrong(24, lambda x: np.log(softmax(x) + 0.02), cause="epsilon_one_side")
def smoothed_logarithm_differentiated_unsmoothed(dy, x):
    return dy - softmax(x) * dy.sum(axis=-1, keepdims=True)


def with_temperature(size, seed):
    (x,) = rows(size, seed)
    return x, np.abs(normal(seed + 1, (len(x), 1))[0]) + 0.8


@family.wrong("", lambda x, t: softmax(x / t), with_temperature, argument="t", cause="sign")
def learned_temperature_moves_the_wrong_way(dy, x, t):
    dz = through(softmax(x / t), dy)
    return dz / t, (dz * x).sum(axis=-1, keepdims=True) / t**2


def sparsemax(x):
    z = -np.sort(-x, axis=-1)
    k = np.arange(1, x.shape[-1] + 1)
    size = (1 + k * z > z.cumsum(axis=-1)).sum(axis=-1, keepdims=True)
    tau = (np.take_along_axis(z.cumsum(axis=-1), size - 1, axis=-1) - 1) / size
    p = np.maximum(x - tau, 0)
    return p, p


@wrong("", sparsemax, style="rule", cause="sum_term_missing")
def sparsemax_centered_over_all_classes(p, g):
    support = p > 0
    return (support * (g - (g * support).mean(axis=-1, keepdims=True)),)
