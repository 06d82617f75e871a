"""LSTM and GRU cells, one step and whole sequences (catalogue 102 to 107)."""

import numpy as np

from ..case import Family, normal

family = Family("recurrent_attention")


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def cell_inputs(size, seed):
    """x (N, D), h and c (N, H), then matrices (D + H, H) and biases of the gates i, f, o and the update."""
    n, d, hidden = (4, 3, 5) if size == "small" else (16, 10, 24)
    x, h, c = normal(seed, (n, d), (n, hidden), (n, hidden))
    weights = normal(seed + 1, *[(d + hidden, hidden)] * 4)
    return x, np.tanh(h), c, *(0.4 * w for w in weights), *(0.3 * b for b in normal(seed + 2, *[(hidden,)] * 4))


def lstm(x, h, c, Wi, Wf, Wo, Wu, bi, bf, bo, bu):
    row = np.hstack([x, h])
    i, f, o = sigmoid(row @ Wi + bi), sigmoid(row @ Wf + bf), sigmoid(row @ Wo + bo)
    u = np.tanh(row @ Wu + bu)
    c_new = f * c + i * u
    return (o * np.tanh(c_new), c_new), (row, c, c_new, (i, f, o, u), (Wi, Wf, Wo, Wu), x.shape[1])


def slopes(i, f, o, u):
    return i * (1 - i), f * (1 - f), o * (1 - o), 1 - u**2


def lstm_backward(douts, cache, slopes=slopes, carried=True, through_cell=True, forget=True, bias=lambda ds: ds):
    dh, dc = douts
    row, c, c_new, (i, f, o, u), weights, width = cache
    squashed = np.tanh(c_new)
    cell = dh * o * (1 - squashed**2 if through_cell else 1)
    dc = cell + dc if carried else cell
    gates = dc * u, dc * c, dh * squashed, dc * i
    ds = [d * slope for d, slope in zip(gates, slopes(i, f, o, u), strict=True)]
    drow = np.sum([d @ W.T for d, W in zip(ds, weights, strict=True)], axis=0)
    dc_old = dc * f if forget else dc
    dWs, dbs = [row.T @ d for d in ds], [d.sum(axis=0) for d in bias(ds)]
    return drow[:, :width], drow[:, width:], dc_old, *dWs, *dbs


GATES = "x h Wi Wf Wo Wu bi bf bo bu"


def cell(number, cause, argument):
    return family.wrong(number, lstm, cell_inputs, style="cache", cause=cause, argument=argument)


@cell(102, ("time_not_carried", "use_dropped"), "x h c Wi Wf Wu bi bf bu")
def cell_state_gradient_not_added(douts, cache):
    return lstm_backward(douts, cache, carried=False)


@cell(43, "derivative_missing", "x h c Wi Wf Wu bi bf bu")
def slope_of_the_squashed_cell_missing(douts, cache):
    return lstm_backward(douts, cache, through_cell=False)


@cell(102, "local_factor", "c")
def cell_passed_back_without_its_forget_gate(douts, cache):
    return lstm_backward(douts, cache, forget=False)


@cell(107, "wrong_derivative", "x h Wi bi")
def input_gate_differentiated_as_a_tanh(douts, cache):
    return lstm_backward(douts, cache, lambda i, f, o, u: (1 - i**2, *slopes(i, f, o, u)[1:]))


@cell(43, "derivative_missing", "x h Wo bo")
def output_gate_without_its_slope(douts, cache):
    return lstm_backward(douts, cache, lambda i, f, o, u: (*slopes(i, f, o, u)[:2], 1.0, 1 - u**2))


@cell(107, "wrong_derivative", "x h Wu bu")
def update_differentiated_as_a_gate(douts, cache):
    return lstm_backward(douts, cache, lambda i, f, o, u: (*slopes(i, f, o, u)[:3], u * (1 - u)))


@cell(107, "derivative_at_output", "x h Wf bf")
def forget_gate_squashed_twice(douts, cache):
    def again(i, f, o, u):
        twice = sigmoid(f)
        return i * (1 - i), twice * (1 - twice), o * (1 - o), 1 - u**2

    return lstm_backward(douts, cache, again)


@cell(105, "wrong_operand", "bf")
def forget_bias_copied_from_the_output_gate(douts, cache):
    return lstm_backward(douts, cache, bias=lambda ds: (ds[0], ds[2], ds[2], ds[3]))


@family.control("", lstm, cell_inputs, style="cache")
def lstm_cell(douts, cache):
    return lstm_backward(douts, cache)


# A GRU: z mixes the old state with a candidate, r opens the old state to the candidate.
def gru_inputs(size, seed):
    n, d, hidden = (4, 3, 5) if size == "small" else (16, 10, 24)
    x, h = normal(seed, (n, d), (n, hidden))
    inner, outer = normal(seed + 1, *[(d, hidden)] * 3), normal(seed + 2, *[(hidden, hidden)] * 3)
    return x, np.tanh(h), *(0.5 * w for w in inner), *(0.4 * w for w in outer)


def gru(x, h, Wz, Wr, Wn, Uz, Ur, Un):
    z, r = sigmoid(x @ Wz + h @ Uz), sigmoid(x @ Wr + h @ Ur)
    n = np.tanh(x @ Wn + (r * h) @ Un)
    return z * h + (1 - z) * n, (x, h, z, r, n, (Wz, Wr, Wn), (Uz, Ur, Un))


def gru_backward(g, cache, skip=True, reset=True, turn=1.0, opened=True, slope=True):
    x, h, z, r, n, W, U = cache
    dn = g * (1 - z) * (1 - n**2 if slope else 1)
    inner = dn @ U[2].T
    ds = turn * g * (h - n) * z * (1 - z), (inner * h if reset else inner) * r * (1 - r), dn
    dx = sum(d @ w.T for d, w in zip(ds, W, strict=True))
    dh = ds[0] @ U[0].T + ds[1] @ U[1].T + inner * r + (g * z if skip else 0)
    seen = r * h if opened else h
    return dx, dh, *(x.T @ d for d in ds), h.T @ ds[0], h.T @ ds[1], seen.T @ dn


def unit(number, cause, argument):
    return family.wrong(number, gru, gru_inputs, style="cache", cause=cause, argument=argument)


@unit(102, ("time_not_carried", "use_dropped"), "h")
def old_state_not_carried_past_the_candidate(g, cache):
    return gru_backward(g, cache, skip=False)


@unit(18, ("sign", "sum_term_missing"), "x h Wz Uz")
def update_gate_pulls_the_other_way(g, cache):
    return gru_backward(g, cache, turn=-1.0)


@unit(107, ("argument_factor_missing",), "x h Wr Ur")
def reset_gate_forgets_the_state_it_scales(g, cache):
    return gru_backward(g, cache, reset=False)


@unit(104, "wrong_operand", "Un")
def candidate_matrix_from_the_unopened_state(g, cache):
    return gru_backward(g, cache, opened=False)


@unit(43, "derivative_missing", "x h Wr Wn Ur Un")
def candidate_without_its_slope(g, cache):
    return gru_backward(g, cache, slope=False)


@family.control("", gru, gru_inputs, style="cache")
def gated_unit(g, cache):
    return gru_backward(g, cache)


# An LSTM over a sequence, whose cell state may be forgotten on the way back.
def lstm_sequences(size, seed):
    n, t, d, hidden = (3, 5, 2, 4) if size == "small" else (10, 8, 6, 16)
    x, W, b = normal(seed, (n, t, d), (d + hidden, 4 * hidden), (4 * hidden,))
    return x, 0.5 * W, 0.3 * b


def run_lstm(x, W, b):
    h = c = np.zeros((len(x), len(b) // 4))
    hs, tape = [], []
    for t in range(x.shape[1]):
        row = np.hstack([x[:, t], h])
        a = np.split(row @ W + b, 4, axis=1)
        i, f, o, u = sigmoid(a[0]), sigmoid(a[1]), sigmoid(a[2]), np.tanh(a[3])
        old, c = c, f * c + i * u
        h = o * np.tanh(c)
        hs.append(h)
        tape.append((row, old, c, i, f, o, u))
    return np.stack(hs, axis=1), (x, W, tape)


def rewind_lstm(g, cache, memory=True, output=True):
    x, W, tape = cache
    dx, dW, db = np.zeros_like(x), np.zeros_like(W), np.zeros(W.shape[1])
    dh = dc = np.zeros_like(tape[0][1])
    for t in reversed(range(len(tape))):
        row, old, c, i, f, o, u = tape[t]
        dh = g[:, t] + dh
        dc = dh * o * (1 - np.tanh(c) ** 2) + dc
        do = dh * np.tanh(c) * o * (1 - o)
        da = np.hstack([dc * u * i * (1 - i), dc * old * f * (1 - f), do, dc * i * (1 - u**2)])
        drow = da @ W.T
        dx[:, t], dh = drow[:, : x.shape[2]], drow[:, x.shape[2] :]
        dh, dc = (dh if output else 0 * dh), (dc * f if memory else 0 * dc)
        dW, db = dW + row.T @ da, db + da.sum(axis=0)
    return dx, dW, db


def sequence(number, cause):
    return family.wrong(number, run_lstm, lstm_sequences, style="cache", cause=cause, argument="x W b")


@sequence(102, "time_not_carried")
def memory_gradient_lost_between_steps(g, cache):
    return rewind_lstm(g, cache, memory=False)


@sequence(102, "time_not_carried")
def hidden_gradient_lost_between_steps(g, cache):
    return rewind_lstm(g, cache, output=False)


@family.control("", run_lstm, lstm_sequences, style="cache")
def lstm_over_a_sequence(g, cache):
    return rewind_lstm(g, cache)
