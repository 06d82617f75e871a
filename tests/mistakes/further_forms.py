"""Known mistakes in further forms: packed cells, heads, tied tables, weighted losses, channel-wise functions."""

import numpy as np

from .case import Family, normal, sized
from .composites import sigmoid, softmax, softmax_back

family = Family("further_forms")

# One step of an LSTM with one matrix for [h, x], gates packed as input, forget, output, candidate.
STEP = sized(((3, 4), (3, 2), (3, 2), (6, 8), (8,)), ((12, 10), (12, 6), (12, 6), (16, 24), (24,)))


def lstm_step(x, h, c, W, b):
    z = np.hstack([h, x]) @ W + b
    n = h.shape[1]
    s = sigmoid(z[:, : 3 * n])
    i, f, o, g = s[:, :n], s[:, n : 2 * n], s[:, 2 * n :], np.tanh(z[:, 3 * n :])
    c = f * c + i * g
    return o * np.tanh(c), c


def lstm_step_back(
    cts, x, h, c, W, b, forget=lambda f, i: f * (1 - f), cell=True, kept=True, inner=lambda c: 1 - np.tanh(c) ** 2
):
    dh, dc = cts
    n = h.shape[1]
    hx = np.hstack([h, x])
    z = hx @ W + b
    s = sigmoid(z[:, : 3 * n])
    i, f, o, g = s[:, :n], s[:, n : 2 * n], s[:, 2 * n :], np.tanh(z[:, 3 * n :])
    new = f * c + i * g
    dc = (dc if cell else 0) + dh * o * inner(new)
    dz = np.hstack([dc * g * i * (1 - i), dc * c * forget(f, i), dh * np.tanh(new) * o * (1 - o), dc * i * (1 - g * g)])
    dhx = dz @ W.T
    return dhx[:, n:], dhx[:, :n], dc * f if kept else dc, hx.T @ dz, dz.sum(0)


WRONG_GATE = ("wrong_derivative", "local_factor", "wrong_operand", "partly_scaled", "derivative_at_input")


@family.wrong(105, lstm_step, STEP, cause=WRONG_GATE, argument="x h W b")
def forget_gate_with_the_slope_of_the_input_gate(cts, x, h, c, W, b):
    return lstm_step_back(cts, x, h, c, W, b, forget=lambda f, i: i * (1 - i))


@family.wrong(43, lstm_step, STEP, cause=("derivative_missing", "partly_scaled"), argument="x h W b")
def forget_gate_without_its_slope(cts, x, h, c, W, b):
    return lstm_step_back(cts, x, h, c, W, b, forget=lambda f, i: 1.0)


@family.wrong(102, lstm_step, STEP, cause=("ignores_cotangent", "time_not_carried"), argument="x h c W b")
def later_cell_ignored(cts, x, h, c, W, b):
    return lstm_step_back(cts, x, h, c, W, b, cell=False)


@family.wrong(
    102, lstm_step, STEP, cause=("argument_factor_missing", "wrong_operand", "derivative_missing"), argument="c"
)
def cell_not_forgotten(cts, x, h, c, W, b):
    return lstm_step_back(cts, x, h, c, W, b, kept=False)


@family.wrong(107, lstm_step, STEP, cause="derivative_at_input", argument="x h c W b")
def cell_slope_without_the_tanh(cts, x, h, c, W, b):
    return lstm_step_back(cts, x, h, c, W, b, inner=lambda c: 1 - c**2)


# Heads by reshaping (N, T, heads * d).
HEADS = sized(((2, 3, 8), (2, 5, 8), (2, 5, 8)), ((3, 8, 16), (3, 10, 16), (3, 10, 16)))


def split(x):
    return x.reshape(len(x), x.shape[1], 2, -1).transpose(0, 2, 1, 3)


def merged(x):
    return x.transpose(0, 2, 1, 3).reshape(len(x), x.shape[2], -1)


def many_heads(q, k, v):
    q, k, v = split(q), split(k), split(v)
    return merged(softmax(q @ k.transpose(0, 1, 3, 2) / np.sqrt(q.shape[-1])) @ v)


def many_heads_back(g, q, k, v, join=merged, scale=None, shifted=True):
    q, k, v, g = split(q), split(k), split(v), split(g)
    p = softmax(q @ k.transpose(0, 1, 3, 2) / np.sqrt(q.shape[-1]))
    dp = g @ v.transpose(0, 1, 3, 2)
    ds = (softmax_back(p, dp) if shifted else p * dp) / (scale or np.sqrt(q.shape[-1]))
    return merged(ds @ k), merged(ds.transpose(0, 1, 3, 2) @ q), join(p.transpose(0, 1, 3, 2) @ g)


@family.wrong(66, many_heads, HEADS, cause=("reordered", "axes_permuted", "row_permuted"), argument="v")
def heads_joined_without_their_transpose(g, q, k, v):
    return many_heads_back(g, q, k, v, join=lambda x: x.reshape(len(x), x.shape[2], -1))


@family.wrong(110, many_heads, HEADS, cause=("scaled_by_root", "scaled_by_two", "scaled"), argument="q k")
def heads_scaled_by_their_width_twice(g, q, k, v):
    return many_heads_back(g, q, k, v, scale=q.shape[-1] / 2)


@family.wrong(32, many_heads, HEADS, cause="diagonal_only", argument="q k")
def head_weights_without_their_sum(g, q, k, v):
    return many_heads_back(g, q, k, v, shifted=False)


# A table that gives the words and takes the scores.
def spoken(size, seed):
    rows, d, n = (7, 3, 5) if size == "small" else (20, 12, 16)
    table, mix = normal(seed, (rows, d), (d, d))
    return table, mix, (np.arange(n) * 3) % (rows - 2)


def tied(table, mix, words):
    return np.tanh(table[words] @ mix) @ table.T


def tied_back(g, table, mix, words, lookup=True, scores=True):
    e = table[words]
    h = np.tanh(e @ mix)
    dz = g @ table * (1 - h * h)
    d = g.T @ h if scores else np.zeros_like(table)
    if lookup:
        np.add.at(d, words, dz @ mix.T)
    return d, e.T @ dz, None


@family.wrong(113, tied, spoken, cause="use_dropped", argument="table")
def tied_table_learns_from_the_scores_only(g, table, mix, words):
    return tied_back(g, table, mix, words, lookup=False)


@family.wrong(113, tied, spoken, cause=("use_dropped", "entries_not_written"), argument="table")
def tied_table_learns_from_the_words_only(g, table, mix, words):
    return tied_back(g, table, mix, words, scores=False)


# Losses with weights, smoothing and focus.
def weighted_scores(size, seed):
    n, k = (6, 4) if size == "small" else (24, 10)
    z, w = normal(seed, (n, k), (k,))
    return z, np.abs(w) + 0.5, np.arange(n) % k


def weighted_entropy(z, w, t):
    logp = z - z.max(1, keepdims=True)
    logp = logp - np.log(np.exp(logp).sum(1, keepdims=True))
    return -(w[t] * logp[np.arange(len(t)), t]).sum() / w[t].sum()


@family.wrong(20, weighted_entropy, weighted_scores, constants=("w",), argument="z",
              cause=("argument_factor_missing", "partly_scaled", "sum_term_missing"))  # fmt: skip
def class_weights_forgotten(g, z, w, t):
    d = softmax(z) - np.eye(z.shape[1])[t]
    return g * d / w[t].sum(), None, None


@family.wrong(20, weighted_entropy, weighted_scores, constants=("w",), argument="z", cause=("scaled", "scaled_by_size"))
def weights_averaged_over_the_batch(g, z, w, t):
    d = (softmax(z) - np.eye(z.shape[1])[t]) * w[t][:, None]
    return g * d / len(t), None, None


def smoothed(z, t):
    k = z.shape[1]
    q = 0.9 * np.eye(k)[t] + 0.1 / k
    return -(q * np.log(softmax(z))).sum(1).mean()


def plain_scores(size, seed):
    z, _, t = weighted_scores(size, seed)
    return z, t


@family.wrong(20, smoothed, plain_scores, argument="z", cause=("static_ignored", "other_loss"))
def smoothing_forgotten(g, z, t):
    return g * (softmax(z) - np.eye(z.shape[1])[t]) / len(t), None


# Channel-wise functions of images (N, C, H, W).
IMAGE = sized(((2, 3, 4, 5), (3,)), ((4, 8, 10, 12), (8,)))


def prelu(x, a):
    return np.where(x > 0, x, a[:, None, None] * x)


@family.wrong(2, prelu, IMAGE, cause=("not_reduced", "wrong_shape"), argument="a")
def slopes_of_each_position(g, x, a):
    return g * np.where(x > 0, 1, a[:, None, None]), np.where(x > 0, 0, x * g).sum(0)


@family.wrong(
    49,
    prelu,
    IMAGE,
    cause=("mask_missing", "mask_wrong", "wrong_operand", "reduced_over_wrong_axis", "not_normalized"),
    argument="a",
)
def slopes_learn_everywhere(g, x, a):
    return g * np.where(x > 0, 1, a[:, None, None]), (x * g).sum((0, 2, 3))


@family.wrong(
    49,
    prelu,
    IMAGE,
    cause=("derivative_missing", "mask_missing", "argument_factor_missing", "partly_scaled"),
    argument="x",
)
def slopes_taken_for_one(g, x, a):
    return g.copy(), np.where(x > 0, 0, x * g).sum((0, 2, 3))


def channel_softmax(x, s):
    e = np.exp(s[:, None, None] * x)
    return e / e.sum(1, keepdims=True)


@family.wrong(31, channel_softmax, IMAGE, cause="coupled_over_wrong_axis", argument="x s")
def softmax_over_the_rows(g, x, s):
    p = channel_softmax(x, s)
    d = p * (g - (p * g).sum(2, keepdims=True))
    return d * s[:, None, None], (d * x).sum((0, 2, 3))


@family.wrong(32, channel_softmax, IMAGE, cause="diagonal_only", argument="x s")
def softmax_channel_by_channel(g, x, s):
    p = channel_softmax(x, s)
    d = p * (1 - p) * g
    return d * s[:, None, None], (d * x).sum((0, 2, 3))


def squeezed(x, s):
    """Each channel scaled by a gate from its own mean."""
    gate = sigmoid(x.mean((2, 3)) * s)
    return x * gate[:, :, None, None]


@family.wrong(
    76,
    squeezed,
    IMAGE,
    cause=("mean_term_missing", "use_dropped", "sum_term_missing", "statistics_as_constants"),
    argument="x",
)
def gate_as_a_constant(g, x, s):
    m = x.mean((2, 3))
    gate = sigmoid(m * s)
    return g * gate[:, :, None, None], ((g * x).sum((2, 3)) * gate * (1 - gate) * m).sum(0)


@family.wrong(57, squeezed, IMAGE, cause=("scaled_by_spatial", "mean_term_missing", "scaled_by_size"), argument="x")
def gate_mean_not_divided(g, x, s):
    m = x.mean((2, 3))
    gate = sigmoid(m * s)
    dm = (g * x).sum((2, 3)) * gate * (1 - gate)
    return g * gate[:, :, None, None] + (dm * s)[:, :, None, None], (dm * m).sum(0)


def residual_pair(x, s):
    h = x + np.tanh(s[:, None, None] * x)
    return h + np.tanh(h)


@family.wrong(112, residual_pair, IMAGE, cause=("skip_dropped", "sum_term_missing"), argument="x s")
def second_skip_forgotten(g, x, s):
    u = np.tanh(s[:, None, None] * x)
    d = g * (1 - np.tanh(x + u) ** 2)
    inner = d * (1 - u * u)
    return d + inner * s[:, None, None], (inner * x).sum((0, 2, 3))
