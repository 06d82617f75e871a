"""Composite functions: gates, blocks and small networks, each with one slip in one of its steps."""

import numpy as np

from .case import Family, sized

family = Family("composites")


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


def softmax(s):
    e = np.exp(s - s.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def softmax_back(p, dp):
    return p * (dp - (p * dp).sum(-1, keepdims=True))


# A gated linear unit: (x A) * sigmoid(x B).
GLU = sized(((5, 3), (3, 4), (3, 4)), ((20, 12), (12, 10), (12, 10)))


def glu(x, A, B):
    return (x @ A) * sigmoid(x @ B)


def glu_back(x, A, B, g, slope=lambda s, z: s * (1 - s), gate=lambda s, a: s, value=lambda s, a: a):
    a, z = x @ A, x @ B
    s = sigmoid(z)
    da, dz = g * gate(s, a), g * value(s, a) * slope(s, z)
    return da @ A.T + dz @ B.T, x.T @ da, x.T @ dz


@family.wrong(43, glu, GLU, cause="derivative_missing", argument="x B")
def gate_slope_forgotten(g, x, A, B):
    return glu_back(x, A, B, g, slope=lambda s, z: 1.0)


@family.wrong(42, glu, GLU, cause="derivative_at_input", argument="x B")
def gate_slope_of_the_logit(g, x, A, B):
    return glu_back(x, A, B, g, slope=lambda s, z: z * (1 - z))


@family.wrong(41, glu, GLU, cause="derivative_at_output", argument="x B")
def gate_slope_of_the_gate(g, x, A, B):
    return glu_back(x, A, B, g, slope=lambda s, z: sigmoid(s) * (1 - sigmoid(s)))


@family.wrong(9, glu, GLU, cause=("argument_factor_missing", "wrong_operand", "sum_term_missing"), argument="x A")
def gate_not_applied_to_the_value(g, x, A, B):
    return glu_back(x, A, B, g, gate=lambda s, a: 1.0)


@family.wrong(13, glu, GLU, cause=("wrong_operand", "arguments_swapped"), argument="x A B")
def value_and_gate_exchanged(g, x, A, B):
    return glu_back(x, A, B, g, gate=lambda s, a: a, value=lambda s, a: s)


# A highway layer: t h + (1 - t) x.
HIGHWAY = sized(((5, 4), (4, 4), (4, 4), (4,)), ((20, 12), (12, 12), (12, 12), (12,)))


def highway(x, W, T, b):
    h, t = np.tanh(x @ W), sigmoid(x @ T + b)
    return t * h + (1 - t) * x


def highway_back(x, W, T, b, g, carried=1.0, closed=1.0):
    h, t = np.tanh(x @ W), sigmoid(x @ T + b)
    dh = g * t * (1 - h * h)
    dt = g * (h - closed * x) * t * (1 - t)
    return dh @ W.T + dt @ T.T + carried * g * (1 - t), x.T @ dh, x.T @ dt, dt.sum(0)


@family.wrong(112, highway, HIGHWAY, cause=("skip_dropped", "use_dropped", "sum_term_missing"), argument="x")
def carried_input_forgotten(g, x, W, T, b):
    return highway_back(x, W, T, b, g, carried=0.0)


@family.wrong(112, highway, HIGHWAY, cause=("sum_term_missing", "use_dropped"), argument="x T b")
def gate_of_the_carried_input_forgotten(g, x, W, T, b):
    return highway_back(x, W, T, b, g, closed=0.0)


@family.wrong(23, highway, HIGHWAY, cause=("sum_term_missing", "sign"), argument="x T b")
def gate_of_the_carried_input_added(g, x, W, T, b):
    return highway_back(x, W, T, b, g, closed=-1.0)


# A gated recurrent unit over (N, T, D) with all gates.
GRU = sized(((3, 4, 2), (2, 9), (3, 6), (3, 3)), ((4, 8, 5), (5, 18), (6, 12), (6, 6)))


def gru(x, W, U, V):
    """W for all three gates, U for update and reset, V for the candidate."""
    H = len(U)
    h, steps, outs = np.zeros((len(x), H)), [], []
    for t in range(x.shape[1]):
        a = x[:, t] @ W
        zr = sigmoid(a[:, : 2 * H] + h @ U)
        z, r = zr[:, :H], zr[:, H:]
        n = np.tanh(a[:, 2 * H :] + (r * h) @ V)
        steps.append((x[:, t], h, z, r, n))
        h = z * h + (1 - z) * n
        outs.append(h)
    return np.stack(outs, axis=1), (steps, W, U, V)


def gru_back(cache, g, direct=1.0, through_reset=1.0, tanh_slope=True, reset_slope=True):
    steps, W, U, V = cache
    H = len(U)
    dx, dW, dU, dV, later = [], np.zeros_like(W), np.zeros_like(U), np.zeros_like(V), 0.0
    assert W.shape[1] == 3 * H
    for t in reversed(range(len(steps))):
        x, h, z, r, n = steps[t]
        dh = g[:, t] + later
        dn = dh * (1 - z) * ((1 - n * n) if tanh_slope else 1.0)
        drh = dn @ V.T
        dz = dh * (h - n) * z * (1 - z)
        dr = drh * h * (r * (1 - r) if reset_slope else 1.0)
        dzr = np.concatenate([dz, dr], axis=1)
        da = np.concatenate([dzr, dn], axis=1)
        dW, dU, dV = dW + x.T @ da, dU + h.T @ dzr, dV + (r * h).T @ dn
        dx.append(da @ W.T)
        later = direct * dh * z + through_reset * drh * r + dzr @ U.T
    return np.stack(dx[::-1], axis=1), dW, dU, dV


@family.wrong(102, gru, GRU, style="cache", cause="time_not_carried", argument="x W U V")
def update_gate_carry_forgotten(g, cache):
    return gru_back(cache, g, direct=0.0)


@family.wrong(102, gru, GRU, style="cache", cause=("time_not_carried", "sum_term_missing"), argument="x W U V")
def reset_path_forgotten(g, cache):
    return gru_back(cache, g, through_reset=0.0)


@family.wrong(107, gru, GRU, style="cache", cause="derivative_missing", argument="x W U V")
def candidate_slope_forgotten(g, cache):
    return gru_back(cache, g, tanh_slope=False)


@family.wrong(107, gru, GRU, style="cache", cause=("derivative_missing", "partly_scaled"), argument="x W U V")
def reset_slope_forgotten(g, cache):
    return gru_back(cache, g, reset_slope=False)


# A transformer's feed-forward block behind a layer norm, and its attention.
BLOCK = sized(((4, 5), (5,), (5, 7), (7, 5)), ((12, 16), (16,), (16, 20), (20, 16)))


def normed(x):
    c = x - x.mean(-1, keepdims=True)
    s = np.sqrt((c * c).mean(-1, keepdims=True) + 1e-5)
    return c / s, s


def block(x, g, A, B):
    n, _ = normed(x)
    return x + np.maximum(n * g @ A, 0) @ B


def block_back(dy, x, g, A, B, skip=1.0, masked=True, gain=True, mean=1.0, spread=1.0):
    n, s = normed(x)
    z = n * g @ A
    dz = (dy @ B.T) * ((z > 0) if masked else 1.0)
    dng = dz @ A.T
    dn = dng * g if gain else dng
    dx = (dn - mean * dn.mean(-1, keepdims=True) - spread * n * (dn * n).mean(-1, keepdims=True)) / s
    return skip * dy + dx, (dng * n).sum(0), (n * g).T @ dz, np.maximum(z, 0).T @ dy


@family.wrong(112, block, BLOCK, cause="skip_dropped", argument="x")
def residual_forgotten(dy, x, g, A, B):
    return block_back(dy, x, g, A, B, skip=0.0)


@family.wrong(47, block, BLOCK, cause="mask_missing", argument="x g A")
def mask_forgotten(dy, x, g, A, B):
    return block_back(dy, x, g, A, B, masked=False)


@family.wrong(80, block, BLOCK, cause="argument_factor_missing", argument="x")
def gain_forgotten(dy, x, g, A, B):
    return block_back(dy, x, g, A, B, gain=False)


@family.wrong(77, block, BLOCK, cause="mean_term_missing", argument="x")
def mean_path_forgotten(dy, x, g, A, B):
    return block_back(dy, x, g, A, B, mean=0.0)


@family.wrong(79, block, BLOCK, cause="mean_term_missing", argument="x")
def mean_path_twice(dy, x, g, A, B):
    return block_back(dy, x, g, A, B, mean=2.0)


@family.wrong(78, block, BLOCK, cause="centered_term_missing", argument="x")
def spread_path_forgotten(dy, x, g, A, B):
    return block_back(dy, x, g, A, B, spread=0.0)


@family.wrong(76, block, BLOCK, cause="statistics_as_constants", argument="x")
def frozen_statistics(dy, x, g, A, B):
    return block_back(dy, x, g, A, B, mean=0.0, spread=0.0)


HEAD = sized(((2, 4, 3), (3, 5), (3, 5), (3, 6)), ((3, 8, 6), (6, 7), (6, 7), (6, 5)))


def self_attention(x, Q, K, V):
    q, k, v = x @ Q, x @ K, x @ V
    return softmax(np.einsum("nid,njd->nij", q, k) / np.sqrt(Q.shape[1])) @ v


def attention_back(g, x, Q, K, V, back=softmax_back, scale=None, values=1.0):
    q, k, v = x @ Q, x @ K, x @ V
    d = np.sqrt(Q.shape[1])
    p = softmax(q @ k.swapaxes(1, 2) / d)
    ds = back(p, g @ v.swapaxes(1, 2)) / (d if scale is None else scale)
    dq, dk, dv = ds @ k, ds.swapaxes(1, 2) @ q, p.swapaxes(1, 2) @ g
    dx = dq @ Q.T + dk @ K.T + values * dv @ V.T
    rows = x.reshape(-1, x.shape[-1]).T
    return dx, *(rows @ d.reshape(-1, d.shape[-1]) for d in (dq, dk, dv))


@family.wrong(110, self_attention, HEAD, cause="scaled_by_root", argument="x Q K")
def score_scale_forgotten(g, x, Q, K, V):
    return attention_back(g, x, Q, K, V, scale=1.0)


@family.wrong(32, self_attention, HEAD, cause="diagonal_only", argument="x Q K")
def weights_as_a_diagonal(g, x, Q, K, V):
    return attention_back(g, x, Q, K, V, back=lambda p, dp: p * (1 - p) * dp)


@family.wrong(32, self_attention, HEAD, cause="diagonal_only", argument="x Q K")
def weights_without_their_sum(g, x, Q, K, V):
    return attention_back(g, x, Q, K, V, back=lambda p, dp: p * dp)


@family.wrong(33, self_attention, HEAD, cause=("identity", "derivative_missing"), argument="x Q K")
def weights_passed_through(g, x, Q, K, V):
    return attention_back(g, x, Q, K, V, back=lambda p, dp: dp)


@family.wrong(31, self_attention, HEAD, cause="coupled_over_wrong_axis", argument="x Q K")
def weights_summed_over_the_queries(g, x, Q, K, V):
    return attention_back(g, x, Q, K, V, back=lambda p, dp: p * (dp - (p * dp).sum(1, keepdims=True)))


@family.wrong(12, self_attention, HEAD, cause="use_dropped", argument="x")
def values_send_nothing_back(g, x, Q, K, V):
    return attention_back(g, x, Q, K, V, values=0.0)
