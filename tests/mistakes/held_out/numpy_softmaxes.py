"""Softmax, its relatives and what is weighted by them, with one slip in each backward."""

import numpy as np

from ..case import Family, normal, sized

family = Family("softmax")


def same(*shapes):
    return sized(shapes, shapes)


def softmax(x, axis=-1):
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


def softmax_kept(x):
    p = softmax(x)
    return p, p


@family.wrong("", softmax_kept, same((4, 6)), style="cache", cause="diagonal_only", argument="x")
def softmax_slope_like_a_sigmoid(dout, p):
    return dout * p * (1 - p)


@family.wrong("", softmax_kept, same((4, 6)), style="cache", cause="wrong_axis", argument="x")
def softmax_inner_product_down_the_batch(dout, p):
    dx = p * dout
    dx -= p * dx.sum(axis=0)
    return dx


@family.wrong("", softmax_kept, same((4, 6)), style="cache", cause="part_missing", argument="x")
def softmax_jacobian_for_all_rows_but_the_last(dout, p):
    dx = np.zeros_like(p)
    for i in range(len(p) - 1):
        jacobian = np.diag(p[i]) - np.outer(p[i], p[i])
        dx[i] = jacobian @ dout[i]
    return dx


@family.wrong("", softmax_kept, same((4, 6)), style="cache", cause="wrong_index", argument="x")
def softmax_jacobian_of_the_first_row_for_every_row(dout, p):
    jacobian = np.diag(p[0]) - np.outer(p[0], p[0])
    return np.stack([jacobian @ row for row in dout])


def log_softmax(x):
    shifted = x - x.max(axis=0)
    return shifted - np.log(np.exp(shifted).sum(axis=0))


@family.wrong("", log_softmax, same((5, 3)), cause="statistics_as_constants", argument="x")
def log_softmax_normalizer_held_fixed(dout, x):
    dshifted = dout
    return dshifted.copy()


@family.wrong("", log_softmax, same((5, 3)), cause="diagonal_only", argument="x")
def log_softmax_takes_off_its_own_share_only(dout, x):
    return dout - np.exp(log_softmax(x)) * dout


@family.wrong("", log_softmax, same((5, 3)), cause="wrong_operand", argument="x")
def log_softmax_weights_the_sum_by_the_log(dout, x):
    logp = log_softmax(x)
    return dout - logp * np.sum(dout, axis=0, keepdims=True)


@family.whole("", "wrong backward", "vjp", same((3, 5)), cause="scaled_by_constant", argument="x")
def cold_softmax_backward_at_temperature_one(x):
    temperature = 0.4
    p = softmax(x / temperature)

    def pullback(g):
        return (p * (g - (g * p).sum(-1, keepdims=True)),)

    return p, pullback


@family.whole("", "wrong backward", "vjp", same((5, 4)), cause="sign", argument="x")
def softmin_differentiated_as_softmax(x):
    p = softmax(-x, axis=1)
    return p, lambda g: (p * (g - np.einsum("nc,nc->n", g, p)[:, None]),)


def gumbel(x, noise):
    return softmax((x + noise) / 0.7)


@family.wrong("", gumbel, same((4, 5), (4, 5)), cause="wrong_operand", argument="x noise")
def relaxed_sample_recomputed_without_the_noise(dout, x, noise):
    y = softmax(x / 0.7)
    dlogits = y * (dout - np.sum(dout * y, axis=-1, keepdims=True)) / 0.7
    return dlogits, dlogits.copy()


def attend(q, k, v):
    p = softmax(q @ k.T / np.sqrt(q.shape[1]))
    return p @ v, (q, k, v, p)


def back_to_scores(dp, p):
    return p * (dp - (dp * p).sum(axis=1, keepdims=True))


@family.wrong("", attend, same((5, 3), (6, 3), (6, 4)), style="cache", cause="scaled_by_count", argument="k")
def attention_keys_without_the_root_of_the_width(dout, cache):
    q, k, v, p = cache
    dscores = back_to_scores(dout @ v.T, p)
    return dscores @ k / np.sqrt(q.shape[1]), dscores.T @ q, p.T @ dout


@family.wrong("", attend, same((5, 3), (5, 3), (5, 4)), style="cache", cause="transposed", argument="v")
def attention_values_mixed_as_in_the_forward(dout, cache):
    q, k, v, p = cache
    dv = p @ dout
    dscores = back_to_scores(dout @ v.T, p) / q.shape[1] ** 0.5
    return dscores @ k, dscores.T @ q, dv


@family.wrong("", attend, same((5, 3), (5, 3), (5, 5)), style="cache", cause="elementwise_product", argument="q k")
def attention_weights_from_an_entrywise_product(dout, cache):
    q, k, v, p = cache
    dp = dout * v.T
    dscores = back_to_scores(dp, p) / np.sqrt(q.shape[1])
    return dscores @ k, dscores.T @ q, p.T @ dout


def sparsemax(z):
    ordered = -np.sort(-z, axis=1)
    totals = np.cumsum(ordered, axis=1) - 1
    size = (ordered * np.arange(1, z.shape[1] + 1) > totals).sum(axis=1)
    threshold = totals[np.arange(len(z)), size - 1] / size
    return np.maximum(z - threshold[:, None], 0)


@family.wrong("", sparsemax, same((4, 6)), cause="scaled_by_count", argument="z")
def sparsemax_averages_over_all_the_classes(dout, z):
    support = sparsemax(z) > 0
    mean = (dout * support).sum(axis=1) / z.shape[1]
    return support * (dout - mean[:, None])


@family.whole("", "wrong backward", "vjp", same((4, 5)), cause="statistics_as_constants", argument="x")
def squares_over_their_sum_with_the_sum_fixed(x):
    total = np.sum(x**2, axis=1, keepdims=True)
    return x**2 / total, lambda g: (2 * x * g / total,)


def soft_argmax(maps):
    n, h, w = maps.shape
    p = softmax(maps.reshape(n, -1)).reshape(maps.shape)
    return np.stack([(p.sum(2) * np.arange(h)).sum(1), (p.sum(1) * np.arange(w)).sum(1)], axis=1)


@family.wrong("", soft_argmax, same((3, 4, 4)), cause="transposed", argument="maps")
def expected_rows_and_columns_laid_out_crosswise(dout, maps):
    n, h, w = maps.shape
    p = softmax(maps.reshape(n, -1))
    rows, columns = np.meshgrid(np.arange(h), np.arange(w))
    dp = dout[:, :1] * rows.ravel() + dout[:, 1:] * columns.ravel()
    return (p * (dp - (p * dp).sum(1, keepdims=True))).reshape(maps.shape)


def mixture(gates, experts):
    return np.einsum("nk,nkd->nd", softmax(gates), experts)


@family.wrong("", mixture, same((4, 3), (4, 3, 2)), cause="wrong_factor", argument="experts")
def experts_trained_as_if_each_were_alone(dout, gates, experts):
    p = softmax(gates)
    dp = np.einsum("nd,nkd->nk", dout, experts)
    dgates = p * (dp - (p * dp).sum(1, keepdims=True))
    return dgates, np.repeat(dout[:, None, :], p.shape[1], axis=1)


@family.wrong("", mixture, same((4, 3), (4, 3, 2)), cause="derivative_missing", argument="gates")
def gates_receive_the_gradient_of_the_probabilities(dout, gates, experts):
    p = softmax(gates)
    return np.sum(dout[:, None] * experts, axis=-1), p[..., None] * dout[:, None]


def attention_pool(h, w):
    return softmax(h @ w)[:, :, None] * h


@family.wrong(
    "",
    lambda h, w: attention_pool(h, w).sum(axis=1),
    same((3, 5, 2), (2,)),
    names=("h", "w"),
    cause="term_missing",
    argument="h",
)
def pooled_states_without_their_share_in_the_scores(dout, h, w):
    a = softmax(h @ w)
    da = np.einsum("nd,ntd->nt", dout, h)
    dscore = a * (da - (a * da).sum(axis=1, keepdims=True))
    return a[:, :, None] * dout[:, None, :], np.einsum("nt,ntd->d", dscore, h)


SEGMENTS = np.array([0, 2, 0, 1, 2, 2, 0, 1])


def segment_softmax(x):
    total = np.zeros(3)
    np.add.at(total, SEGMENTS, np.exp(x))
    return np.exp(x) / total[SEGMENTS]


@family.wrong("", segment_softmax, same((8,)), cause="not_accumulated", argument="x")
def segment_sums_keep_one_entry_each(dout, x):
    p = segment_softmax(x)
    inner = np.zeros(3)
    inner[SEGMENTS] += p * dout
    return p * (dout - inner[SEGMENTS])


@family.whole("", "wrong backward", "vjp", same((4, 6)), cause="flipped", argument="x")
def cumulative_softmax_summed_from_the_front_again(x):
    p = softmax(x)

    def pullback(g):
        dp = np.cumsum(g, axis=1)
        return (p * (dp - np.sum(p * dp, axis=1, keepdims=True)),)

    return np.cumsum(p, axis=1), pullback


def with_given_normalizer(x, logz):
    return np.exp(x - logz[:, None])


@family.wrong("", with_given_normalizer, same((4, 5), (4,)), cause="term_extra", argument="x")
def given_normalizer_differentiated_through_the_scores(dout, x, logz):
    p = np.exp(x - logz[:, None])
    inner = (p * dout).sum(axis=1)
    return p * (dout - inner[:, None]), -inner


def learned_temperature(x, tau):
    return softmax(x / tau)


@family.wrong(
    "",
    learned_temperature,
    lambda size, seed: (*normal(seed, (4, 5)), np.array(0.6)),
    cause="wrong_reduction",
    argument="tau",
)
def temperature_gradient_left_one_for_each_row(dout, x, tau):
    p = softmax(x / tau)
    dscaled = p * (dout - (p * dout).sum(-1, keepdims=True))
    return dscaled / tau, -np.sum(dscaled * x, axis=-1) / tau**2


def top_two(x):
    p, order = softmax(x), np.argsort(x, axis=1)
    kept = np.zeros_like(x)
    np.put_along_axis(kept, order[:, -2:], 1.0, axis=1)
    return p * kept


@family.wrong("", top_two, same((4, 7)), cause="wrong_winner", argument="x")
def router_keeps_the_two_smallest_in_the_backward(dout, x):
    p = softmax(x)
    dp = np.zeros_like(dout)
    chosen = np.argsort(x, axis=1)[:, :2]
    np.put_along_axis(dp, chosen, np.take_along_axis(dout, chosen, 1), 1)
    return p * (dp - (p * dp).sum(1, keepdims=True))
