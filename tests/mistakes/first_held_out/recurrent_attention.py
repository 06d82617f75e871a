"""Recurrent cells unrolled over time, attention, and residual blocks."""

import numpy as np

from ..case import Family, sized

family = Family("recurrent_attention")


def sigma(v):
    return 1 / (1 + np.exp(-v))


RNN = sized(((3, 5, 2), (2, 4), (4, 4), (4,)), ((6, 12, 8), (8, 10), (10, 10), (10,)))


def rnn(x, U, V, c):
    """x (N, T, D); all hidden states."""
    h, states = np.zeros((len(x), len(c))), []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ U + 0.5 * h @ V + c)
        states.append(h)
    return np.stack(states, 1), (x, U, V, np.stack(states, 1))


def rnn_backward(saved, dh, carry=1.0, entered=True, keep=1.0, dtype=None):
    x, U, V, hs = saved
    dx, dU, dV = np.zeros_like(x, dtype=dtype), np.zeros_like(U), np.zeros_like(V)
    dc, later = np.zeros(len(V)), 0.0
    for t in reversed(range(x.shape[1])):
        dz = (dh[:, t] + carry * later) * (1 - hs[:, t] ** 2)
        before = hs[:, t - 1] if t else np.zeros_like(hs[:, 0])
        dx[:, t] = dz @ U.T
        dU = keep * dU + x[:, t].T @ dz
        dV = keep * dV + 0.5 * (before if entered else hs[:, t]).T @ dz
        dc = keep * dc + dz.sum(0)
        later = 0.5 * dz @ V.T
    return dx, dU, dV, dc


@family.wrong(102, rnn, RNN, style="rule", cause="time_not_carried", argument="x U V c")
def next_step_never_added(saved, dh):
    return rnn_backward(saved, dh, carry=0.0)


@family.wrong(103, rnn, RNN, style="rule", cause="time_overwritten", argument="U V c")
def weights_of_the_last_visited_step(saved, dh):
    return rnn_backward(saved, dh, keep=0.0)


@family.wrong(104, rnn, RNN, style="rule", cause="time_off_by_one", argument="V")
def state_that_leaves_the_step(saved, dh):
    return rnn_backward(saved, dh, entered=False)


@family.wrong(109, rnn, RNN, style="rule", cause=("wrong_dtype", "downcast"), argument="x")
def single_precision_buffer(saved, dh):
    return rnn_backward(saved, dh, dtype=np.float32)


@family.impure(108, rnn, RNN, style="rule", cause="cotangent_changed")
def later_added_into_the_upstream(saved, dh):
    x, U, V, hs = saved
    dx, dU, dV, dc = np.zeros_like(x), np.zeros_like(U), np.zeros_like(V), np.zeros(len(V))
    for t in reversed(range(x.shape[1])):
        dz = dh[:, t] * (1 - hs[:, t] ** 2)
        dx[:, t] = dz @ U.T
        dU, dc = dU + x[:, t].T @ dz, dc + dz.sum(0)
        if t:
            dV += 0.5 * hs[:, t - 1].T @ dz
            dh[:, t - 1] += 0.5 * dz @ V.T
    return dx, dU, dV, dc


LSTM = sized(((2, 4, 3), (3, 8), (2, 8), (8,)), ((4, 10, 6), (6, 24), (6, 24), (24,)))


def lstm(x, Wx, Wh, b):
    """Gates packed as forget, candidate, input, output."""
    H = len(Wh)
    h = c = np.zeros((len(x), H))
    steps, outs = [], []
    for t in range(x.shape[1]):
        f, g, i, o = np.split(x[:, t] @ Wx + h @ Wh + b, 4, axis=1)
        f, g, i, o = sigma(f), np.tanh(g), sigma(i), sigma(o)
        new = f * c + g * i
        steps.append((x[:, t], h, c, f, g, i, o, new))
        c, h = new, o * np.tanh(new)
        outs.append(h)
    return np.stack(outs, 1), (steps, Wx, Wh)


def lstm_backward(cache, dhs, cell=1.0, slope=lambda c: 1 - np.tanh(c) ** 2, bias_order=(0, 1, 2, 3)):
    steps, Wx, Wh = cache
    dxs, dWx, dWh, db = [], np.zeros_like(Wx), np.zeros_like(Wh), 0.0
    dh_next, dc_next = 0.0, 0.0
    for t in reversed(range(len(steps))):
        x, h, c, f, g, i, o, new = steps[t]
        dh = dhs[:, t] + dh_next
        dc = cell * dc_next + dh * o * slope(new)
        gates = (dc * c * f * (1 - f), dc * i * (1 - g * g), dc * g * i * (1 - i), dh * np.tanh(new) * o * (1 - o))
        dz = np.hstack(gates)
        dWx, dWh = dWx + x.T @ dz, dWh + h.T @ dz
        db = db + np.hstack([gates[k] for k in bias_order]).sum(0)
        dxs.insert(0, dz @ Wx.T)
        dh_next, dc_next = dz @ Wh.T, dc * f
    return np.stack(dxs, 1), dWx, dWh, db


@family.wrong(102, lstm, LSTM, style="rule", cause="time_not_carried", argument="x Wx Wh b")
def cell_memory_cut(cache, dhs):
    return lstm_backward(cache, dhs, cell=0.0)


@family.wrong(105, lstm, LSTM, style="rule", cause=("row_permuted", "reordered"), argument="b")
def gate_biases_in_another_order(cache, dhs):
    return lstm_backward(cache, dhs, bias_order=(2, 0, 1, 3))


def cell_step(c, z):
    """The output of one cell from its state and the raw output gate."""
    return sigma(z) * np.tanh(c), (c, z)


CELL = sized(((4, 5), (4, 5)), ((24, 16), (24, 16)))


@family.wrong(106, cell_step, CELL, style="cache", cause=("derivative_missing", "local_factor"), argument="c")
def cell_without_tanh_slope(dh, cache):
    c, z = cache
    o = sigma(z)
    return dh * o, dh * np.tanh(c) * o * (1 - o)


@family.wrong(107, cell_step, CELL, style="cache", cause=("derivative_at_input", "local_factor"), argument="c")
def slope_of_the_untanhed_cell(dh, cache):
    c, z = cache
    o = sigma(z)
    return dh * o * (1 - c * c), dh * np.tanh(c) * o * (1 - o)


def minimal_gru(x, W, R):
    """h = (1 - z) h + z tanh(x W), z = sigma(x R), over the first axis of x (T, N, D)."""
    h, steps = np.zeros((x.shape[1], W.shape[1])), []
    for xt in x:
        z, n = sigma(xt @ R), np.tanh(xt @ W)
        steps.append((xt, h, z, n))
        h = (1 - z) * h + z * n
    return h, (steps, W, R)


@family.wrong(
    102,
    minimal_gru,
    sized(((4, 3, 2), (2, 5), (2, 5)), ((9, 6, 8), (8, 10), (8, 10))),
    style="rule",
    cause="time_not_carried",
    argument="x W R",
)
def gate_path_ends_at_the_last_step(saved, dh):
    steps, W, R = saved
    dx, dW, dR = [], np.zeros_like(W), np.zeros_like(R)
    for xt, h, z, n in reversed(steps):
        dn, dz = dh * z * (1 - n * n), dh * (n - h) * z * (1 - z)
        dW, dR = dW + xt.T @ dn, dR + xt.T @ dz
        dx.append(dn @ W.T + dz @ R.T)
        dh = np.zeros_like(dh)
    return np.stack(dx[::-1]), dW, dR


HEADS = sized(((2, 3, 5), (2, 4, 5), (2, 4, 3)), ((4, 10, 8), (4, 12, 8), (4, 12, 6)))


def attention(q, k, v):
    s = q @ k.swapaxes(1, 2) / np.sqrt(q.shape[-1])
    e = np.exp(s - s.max(-1, keepdims=True))
    p = e / e.sum(-1, keepdims=True)
    return p @ v, (q, k, v, p)


def attention_backward(saved, g, scale=None):
    q, k, v, p = saved
    dp = g @ v.swapaxes(1, 2)
    ds = p * (dp - (dp * p).sum(-1, keepdims=True)) * (q.shape[-1] ** -0.5 if scale is None else scale)
    return ds @ k, ds.swapaxes(1, 2) @ q, p.swapaxes(1, 2) @ g


@family.wrong(110, attention, HEADS, style="rule", cause="scaled_by_root", argument="q k")
def scores_not_scaled_back(saved, g):
    return attention_backward(saved, g, scale=1.0)


@family.wrong(32, attention, HEADS, style="rule", cause="diagonal_only", argument="q k")
def softmax_diagonal_in_attention(saved, g):
    q, k, v, p = saved
    ds = (g @ v.swapaxes(1, 2)) * p * (1 - p) / np.sqrt(q.shape[-1])
    return np.einsum("nij,njd->nid", ds, k), np.einsum("nij,nid->njd", ds, q), np.einsum("nij,nid->njd", p, g)


@family.wrong(114, attention, HEADS, style="rule", cause="missing", argument="k")
def keys_cut_off(saved, g):
    dq, _, dv = attention_backward(saved, g)
    return dq, None, dv


SELF = sized(((2, 4, 3), (2, 4, 3), (2, 4, 5)), ((4, 10, 8), (4, 10, 8), (4, 10, 6)))


def causal_weights(q, k, hide):
    s = q @ k.swapaxes(1, 2) / np.sqrt(q.shape[-1])
    if hide:
        s = np.where(np.tril(np.ones(s.shape[-2:], bool)), s, -1e30)
    e = np.exp(s - s.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def causal_attention(q, k, v):
    return causal_weights(q, k, True) @ v


@family.wrong(111, causal_attention, SELF, cause=("mask_missing", "static_ignored", "mask_wrong"), argument="q k v")
def recomputed_without_the_flag(g, q, k, v):
    return attention_backward((q, k, v, causal_weights(q, k, hide=False)), g)


def shared_keys(q, k):
    """Scores of heads q (N, H, T, D) against one set of keys k (N, S, D)."""
    return np.einsum("nhtd,nsd->nhts", q, k)


@family.wrong(
    12,
    shared_keys,
    sized(((2, 3, 4, 5), (2, 6, 5)), ((3, 4, 8, 6), (3, 9, 6))),
    argument="k",
    cause=("use_dropped", "samples_missing", "last_sample_only"),
)
def keys_from_the_last_head(g, q, k):
    dk = np.zeros_like(k)
    for h in range(q.shape[1]):
        dk = g[:, h].swapaxes(1, 2) @ q[:, h]
    return np.einsum("nhts,nsd->nhtd", g, k), dk


def residual_block(x, W):
    h = np.maximum(x @ W, 0)
    return x + h, (x, W, h)


BLOCK = sized(((5, 4), (4, 4)), ((20, 16), (16, 16)))


@family.wrong(112, residual_block, BLOCK, style="cache", cause="skip_dropped", argument="x")
def only_through_the_block(dout, cache):
    x, W, h = cache
    dh = dout * (h > 0)
    return dh @ W.T, x.T @ dh


def autoencoder(x, W):
    return np.tanh(x @ W) @ W.T


@family.wrong(113, autoencoder, sized(((5, 6), (6, 3)), ((20, 24), (24, 10))), cause="use_dropped", argument="W")
def decoder_use_only(g, x, W):
    code = np.tanh(x @ W)
    dcode = g @ W * (1 - code**2)
    return dcode @ W.T, g.T @ code
