"""Recurrent cells and scans as torch.autograd.Function, backward wrong."""

import numpy as np

from ..case import Family, normal, sized
from ..declared import autograd_function

family = Family("recurrent")
wrong = autograd_function(family)


RNN = sized(((4, 3, 2), (2, 5), (5, 5)), ((4, 3, 2), (2, 5), (5, 5)))


def rnn(ctx, x, wx, wh):
    import torch

    h = [x.new_full((x.shape[1], wh.shape[0]), 0.5)]
    for step in x:
        h.append((step @ wx + h[-1] @ wh).tanh())
    ctx.save_for_backward(x, wx, wh, *h)
    return torch.stack(h[1:])


@wrong(rnn, RNN, "time_not_carried", "x wx wh")
def rnn_every_step_on_its_own(ctx, g):
    x, wx, wh, *h = ctx.saved_tensors
    dx, dwx, dwh = x.new_zeros(x.shape), wx.new_zeros(wx.shape), wh.new_zeros(wh.shape)
    for t in reversed(range(len(x))):
        da = g[t] * (1 - h[t + 1] ** 2)
        dx[t] = da @ wx.T
        dwx += x[t].T @ da
        dwh += h[t].T @ da
    return dx, dwx, dwh


@wrong(rnn, RNN, "not_accumulated", "wh")
def rnn_recurrent_weight_keeps_the_first_step(ctx, g):
    import torch

    x, wx, wh, *h = ctx.saved_tensors
    carried, dx, dwx = 0, [], torch.zeros_like(wx)
    for t in range(len(x) - 1, -1, -1):
        da = (g[t] + carried) * (1 - h[t + 1].square())
        dx.insert(0, da @ wx.T)
        dwx = dwx + x[t].T @ da
        dwh = h[t].T @ da
        carried = da @ wh.T
    return torch.stack(dx), dwx, dwh  # pyright: ignore[reportPossiblyUnboundVariable]


@wrong(rnn, RNN, "shifted", "wh")
def rnn_recurrent_weight_from_the_new_state(ctx, g):
    import torch

    x, wx, wh, *h = ctx.saved_tensors
    das = [None] * len(x)
    dh = torch.zeros_like(h[0])
    for t in reversed(range(len(x))):
        das[t] = (g[t] + dh) * (1 - h[t + 1] * h[t + 1])
        dh = das[t] @ wh.T
    da, states = torch.stack(das), torch.stack(h[1:])  # pyright: ignore
    return da @ wx.T, torch.einsum("tbd,tbh->dh", x, da), torch.einsum("tbk,tbh->kh", states, da)


@wrong(rnn, RNN, "transposed", "x wx wh")
def rnn_state_gradient_through_untransposed_weight(ctx, g):
    x, wx, wh, *h = ctx.saved_tensors
    dx, dwx, dwh, dh = x.clone(), 0, 0, 0
    for t in range(x.shape[0])[::-1]:
        da = (g[t] + dh) * (1 - h[t + 1].pow(2))
        dx[t], dh = da @ wx.T, da @ wh
        dwx, dwh = dwx + x[t].T @ da, dwh + h[t].T @ da
    return dx, dwx, dwh


GRU = sized(((4, 9), (4, 3), (3, 9)), ((4, 9), (4, 3), (3, 9)))


def gru_cell(ctx, a, h, u):
    n = h.shape[1]
    hu = h @ u
    z, r = (a + hu)[:, :n].sigmoid(), (a + hu)[:, n : 2 * n].sigmoid()
    c = (a[:, 2 * n :] + r * hu[:, 2 * n :]).tanh()
    ctx.save_for_backward(h, u, z, r, c, hu[:, 2 * n :])
    return (1 - z) * c + z * h


def gru_rest(g, h, u, z, da, dhu):
    return da, g * z + dhu @ u.T, h.T @ dhu


@wrong(gru_cell, GRU, "sign", "a h u")
def gru_update_gate_difference_turned_round(ctx, g):
    import torch

    h, u, z, r, c, hc = ctx.saved_tensors
    dc = g * (1 - z) * (1 - c * c)
    dz, dr = g * (c - h) * z * (1 - z), dc * hc * r * (1 - r)
    return gru_rest(g, h, u, z, torch.cat((dz, dr, dc), 1), torch.cat((dz, dr, dc * r), 1))


@wrong(gru_cell, GRU, "wrong_factor", "h u")
def gru_candidate_recurrence_without_reset_gate(ctx, g):
    import torch

    h, u, z, r, c, hc = ctx.saved_tensors
    dc = g * (1 - z) * (1 - c * c)
    dz, dr = g * (h - c) * z * (1 - z), dc * hc * r * (1 - r)
    gates = torch.cat((dz, dr, dc), 1)
    return gru_rest(g, h, u, z, gates, gates)


LSTM = sized(((5, 2, 12), (3, 12)), ((5, 2, 12), (3, 12)))


def lstm(ctx, a, u):
    import torch

    h = c = a.new_zeros(a.shape[1], u.shape[0])
    hs, saved = [], []
    for step in a:
        i, f, o, n = (step + h @ u).chunk(4, 1)
        i, f, o, n = i.sigmoid(), f.sigmoid(), o.sigmoid(), n.tanh()
        before, c = (h, c), f * c + i * n
        h = o * c.tanh()
        hs.append(h)
        saved.append((*before, i, f, o, n, c))
    ctx.saved, ctx.u = saved, u
    return torch.stack(hs)


@wrong(lstm, LSTM, "time_not_carried", "a u")
def lstm_cell_gradient_dropped_between_steps(ctx, g):
    import torch

    da, dh, du = [], 0, 0
    for (h, c0, i, f, o, n, c), up in zip(ctx.saved[::-1], g.flip(0), strict=True):
        dh = dh + up
        dc = dh * o * (1 - c.tanh() ** 2)
        di, df, do, dn = dc * n, dc * c0, dh * c.tanh(), dc * i
        da.append(torch.cat((di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dn * (1 - n * n)), 1))
        dh, du = da[-1] @ ctx.u.T, du + h.T @ da[-1]
    return torch.stack(da[::-1]), du


@wrong(lstm, LSTM, "wrong_index", "a u")
def lstm_gate_gradients_in_another_order(ctx, g):
    import torch

    da, dh, dc, du = [], 0, 0, 0
    for (h, c0, i, f, o, n, c), up in zip(ctx.saved[::-1], g.flip(0), strict=True):
        dh = dh + up
        dc = dc + dh * o * (1 - c.tanh() ** 2)
        di, df, do, dn = dc * n, dc * c0, dh * c.tanh(), dc * i
        da.append(torch.cat((di * i * (1 - i), df * f * (1 - f), dn * (1 - n * n), do * o * (1 - o)), 1))
        dh, dc, du = da[-1] @ ctx.u.T, dc * f, du + h.T @ da[-1]
    return torch.stack(da[::-1]), du


@wrong(lstm, LSTM, "derivative_at_wrong_value", "a u")
def lstm_cell_tanh_slope_at_the_cell(ctx, g):
    import torch

    da, dh, dc, du = [], 0, 0, 0
    for (h, c0, i, f, o, n, c), up in zip(ctx.saved[::-1], g.flip(0), strict=True):
        dh = dh + up
        dc = dc + dh * o * (1 - c**2)
        parts = dc * n * i * (1 - i), dc * c0 * f * (1 - f), dh * c.tanh() * o * (1 - o), dc * i * (1 - n * n)
        da.append(torch.cat(parts, 1))
        dh, dc, du = da[-1] @ ctx.u.T, dc * f, du + h.T @ da[-1]
    return torch.stack(da[::-1]), du


SCAN = sized(((6, 4), (6, 4)), ((6, 4), (6, 4)))


def leaky_scan(ctx, a, x):
    import torch

    s, h = a.sigmoid(), [torch.zeros_like(x[0])]
    for t in range(len(x)):
        h.append(s[t] * h[t] + (1 - s[t]) * x[t])
    ctx.save_for_backward(s, x, torch.stack(h))
    return torch.stack(h[1:])


@wrong(leaky_scan, SCAN, "term_missing", "a")
def leaky_scan_rate_ignores_the_new_input(ctx, g):
    import torch

    s, x, h = ctx.saved_tensors
    da, dx, dh = torch.zeros_like(s), torch.zeros_like(x), torch.zeros_like(x[0])
    for t in range(len(x) - 1, -1, -1):
        dh = dh + g[t]
        da[t] = dh * h[t] * s[t] * (1 - s[t])
        dx[t] = dh * (1 - s[t])
        dh = dh * s[t]
    return da, dx


@wrong(leaky_scan, SCAN, "shifted", "a x")
def leaky_scan_carries_with_the_rate_of_the_step_before(ctx, g):

    s, x, h = ctx.saved_tensors
    dh = g.clone()
    for t in range(len(x) - 2, -1, -1):
        dh[t] += dh[t + 1] * s[t]
    return dh * (h[:-1] - x) * s * (1 - s), dh * (1 - s)


@wrong(leaky_scan, SCAN, "part_missing", "a x")
def leaky_scan_first_step_never_reached(ctx, g):
    import torch

    s, x, h = ctx.saved_tensors
    da, dx, dh = torch.zeros_like(s), torch.zeros_like(x), 0
    for t in range(len(x) - 1, 0, -1):
        dh = g[t] + dh
        da[t], dx[t] = dh * (h[t] - x[t]) * s[t] * (1 - s[t]), dh * (1 - s[t])
        dh = dh * s[t]
    return da, dx


def running_exponentials(ctx, x):
    y = x.exp().cumsum(0)
    ctx.save_for_backward(x)
    return y


@wrong(running_exponentials, sized(((7, 3),), ((7, 3),)), "flipped", "x")
def running_sum_of_gradients_from_the_start(ctx, g):
    (x,) = ctx.saved_tensors
    return g.cumsum(0) * x.exp()


def episodes(size, seed):
    x, h0 = normal(seed, (5, 3, 2), (3, 2))
    done = np.zeros((5, 3), bool)
    done[2, 0] = done[3, 1] = done[1, 2] = True
    return x, h0, done


def resetting(ctx, x, h0, done):
    import torch

    hs, h = [], h0
    for step, end in zip(x, done, strict=True):
        h = (0.8 * h.masked_fill(end[:, None], 0.0) + step).tanh()
        hs.append(h)
    ctx.save_for_backward(done, *hs)
    return torch.stack(hs)


@wrong(resetting, episodes, "mask_missing", "x h0")
def reset_state_still_hears_of_the_next_episode(ctx, g):
    import torch

    done, *hs = ctx.saved_tensors
    dh, dx = torch.zeros_like(g[0]), torch.zeros_like(g)
    for t in range(len(g) - 1, -1, -1):
        dx[t] = (dh + g[t]) * (1 - hs[t] ** 2)
        dh = 0.8 * dx[t]
    return dx, dh, None
