"""Recurrences as jax.custom_vjp, backward wrong."""

import numpy as np

from ..case import Family, normal, sized
from ..declared import custom_vjp

family = Family("recurrent")
wrong = custom_vjp(family)


def smoothing(size, seed):
    x, rate = normal(seed, (6, 3), (3,))
    return x, 1 / (1 + np.exp(-rate))


def moving_average(x, rate):
    import jax.numpy as jnp

    h = [jnp.zeros(x.shape[1])]
    for step in x:
        h.append((1 - rate) * h[-1] + rate * step)
    return jnp.stack(h[1:]), (x, rate, jnp.stack(h[:-1]))


def carried_back(rate, g):
    import jax.numpy as jnp

    dh, total = jnp.zeros(g.shape[1]), []
    for t in range(len(g))[::-1]:
        dh = g[t] + dh
        total.insert(0, dh)
        dh = dh * (1 - rate)
    return jnp.stack(total)


@wrong(moving_average, smoothing, "term_missing", "rate")
def moving_average_rate_hears_only_the_input(saved, g):
    x, rate, before = saved
    dh = carried_back(rate, g)
    return dh * rate, (dh * x).sum(0)


@wrong(moving_average, smoothing, "wrong_factor", "x")
def moving_average_input_not_weighted_by_the_rate(saved, g):
    x, rate, before = saved
    dh = carried_back(rate, g)
    return dh, (dh * (x - before)).sum(0)


@wrong(moving_average, smoothing, "time_not_carried", "x rate")
def moving_average_forgets_all_later_steps(saved, g):
    x, rate, before = saved
    return g * rate, (g * (x - before)).sum(0)


RNN = sized(((5, 2), (3,), (2, 3), (3, 3)), ((5, 2), (3,), (2, 3), (3, 3)))


def rnn(x, h0, w, u):
    import jax
    import jax.numpy as jnp

    def step(h, row):
        new = jnp.tanh(row @ w + h @ u)
        return new, (new, h)

    _, (states, before) = jax.lax.scan(step, jnp.asarray(h0), jnp.asarray(x))
    return states, (x, w, u, states, before)


def scan_back(g, slope, u, carry=lambda dh: dh):
    import jax
    import jax.numpy as jnp

    def step(dh, row):
        da = (row[0] + carry(dh)) * row[1]
        return da @ u.T, da

    return jax.lax.scan(step, jnp.zeros(u.shape[0]), (g, slope), reverse=True)


@wrong(rnn, RNN, "missing", "h0")
def rnn_initial_state_left_at_zeros(saved, g):
    import jax.numpy as jnp

    x, w, u, states, before = saved
    _, da = scan_back(g, 1 - states**2, u)
    return da @ w.T, jnp.zeros(u.shape[0]), x.T @ da, before.T @ da


@wrong(rnn, RNN, "not_linear", "x h0 w u")
def rnn_state_gradient_clipped_at_every_step(saved, g):
    import jax.numpy as jnp

    x, w, u, states, before = saved
    dh0, da = scan_back(g, 1 - states**2, u, lambda dh: jnp.clip(dh, -0.1, 0.1))
    return da @ w.T, dh0, x.T @ da, before.T @ da


@wrong(rnn, RNN, "transposed", "u")
def rnn_recurrent_outer_product_turned(saved, g):
    import jax.numpy as jnp

    x, w, u, states, before = saved
    dh0, da = scan_back(g, 1 - states**2, u)
    return da @ w.T, dh0, x.T @ da, jnp.einsum("ti,tj->ij", da, before)


@wrong(rnn, RNN, "derivative_at_wrong_value", "x h0 w u")
def rnn_slope_of_the_state_before(saved, g):
    x, w, u, states, before = saved
    dh0, da = scan_back(g, 1 - before**2, u)
    return da @ w.T, dh0, x.T @ da, before.T @ da


@wrong(rnn, RNN, "part_missing", "w")
def rnn_input_weight_without_the_first_step(saved, g):
    x, w, u, states, before = saved
    dh0, da = scan_back(g, 1 - states**2, u)
    dw = 0
    for t in range(len(x) - 1, 0, -1):
        dw = dw + x[t][:, None] * da[t]
    return da @ w.T, dh0, dw, before.T @ da


COUPLED = sized(((4, 2, 9), (3, 9)), ((4, 2, 9), (3, 9)))


def coupled_lstm(a, u):
    import jax
    import jax.numpy as jnp

    h = c = jnp.zeros((a.shape[1], len(u)))
    out, kept = [], []
    for row in a:
        z = row + h @ u
        f, o, n = jax.nn.sigmoid(z[:, :3]), jax.nn.sigmoid(z[:, 3:6]), jnp.tanh(z[:, 6:])
        new = f * c + (1 - f) * n
        kept.append((h, c, f, o, n, jnp.tanh(new)))
        h, c = o * kept[-1][-1], new
        out.append(h)
    return jnp.stack(out), (kept, u)


def gates(df, do, dn, f, o, n):
    import jax.numpy as jnp

    return jnp.concatenate([df * f * (1 - f), do * o * (1 - o), dn * (1 - n**2)], 1)


@wrong(coupled_lstm, COUPLED, "term_missing", "a u")
def coupled_forget_gate_without_the_candidate(saved, g):
    import jax.numpy as jnp

    (kept, u), dh, dc, du, da = saved, 0, 0, 0, []
    for (h, c, f, o, n, t), up in zip(kept[::-1], g[::-1], strict=True):
        dh = dh + up
        dc = dc + dh * o * (1 - t * t)
        dz = gates(dc * c, dh * t, dc * (1 - f), f, o, n)
        dh, dc, du = dz @ u.T, dc * f, du + h.T @ dz
        da.append(dz)
    return jnp.stack(da[::-1]), du


@wrong(coupled_lstm, COUPLED, "time_not_carried", "a u")
def coupled_hidden_gradient_not_handed_back(saved, g):
    import jax.numpy as jnp

    (kept, _), dc, du, da = saved, 0, 0, []
    for (h, c, f, o, n, t), dh in zip(kept[::-1], g[::-1], strict=True):
        dc = dc + dh * o * (1 - t**2)
        dz = gates(dc * (c - n), dh * t, dc * (1 - f), f, o, n)
        da.insert(0, dz)
        du = du + h.T @ dz
        dc = dc * f
    return jnp.stack(da), du


@wrong(coupled_lstm, COUPLED, "wrong_operand", "a u")
def coupled_cell_gradient_carried_by_the_output_gate(saved, g):
    import jax.numpy as jnp

    (kept, u), dh, dc, du, da = saved, 0, 0, 0, []
    for (h, c, f, o, n, t), up in zip(kept[::-1], g[::-1], strict=True):
        dh = dh + up
        dc = dc + dh * o * (1 - t**2)
        da.append(gates(dc * (c - n), dh * t, dc * (1 - f), f, o, n))
        dh, dc, du = da[-1] @ u.T, dc * o, du + h.T @ da[-1]
    return jnp.stack(da[::-1]), du


def decaying(x, log_rate):
    import jax.numpy as jnp

    a = jnp.exp(-jnp.exp(log_rate))
    h = [jnp.zeros(x.shape[1])]
    for row in x:
        h.append(a * h[-1] + row)
    return jnp.stack(h[1:]), (a, log_rate, jnp.stack(h[:-1]))


DECAY = sized(((6, 4), (4,)), ((6, 4), (4,)))


@wrong(decaying, DECAY, "derivative_missing", "log_rate")
def decay_inner_exponential_passed_unchanged(saved, g):
    a, log_rate, before = saved
    dh = carried_back(1 - a, g)
    return dh, -(dh * before).sum(0) * a


@wrong(decaying, DECAY, "ignores_cotangent", "log_rate")
def decay_rate_gradient_of_the_sum_of_all_states(saved, g):
    import jax.numpy as jnp

    a, log_rate, before = saved
    ones = carried_back(1 - a, jnp.ones_like(g))
    return carried_back(1 - a, g), -(ones * before).sum(0) * a * jnp.exp(log_rate)


def both_ways(x, w):
    import jax.numpy as jnp

    forth, back = jnp.cumsum(x, 0), jnp.cumsum(x[::-1], 0)[::-1]
    return jnp.tanh(forth * w[0]) + jnp.tanh(back * w[1]), (forth, back, w)


@wrong(both_ways, sized(((6, 4), (2, 4)), ((6, 4), (2, 4))), "flipped", "x")
def both_ways_second_pass_not_turned_back(saved, g):
    import jax.numpy as jnp

    forth, back, w = saved
    df, db = g * (1 - jnp.tanh(forth * w[0]) ** 2), g * (1 - jnp.tanh(back * w[1]) ** 2)
    dx = jnp.cumsum((df * w[0])[::-1], 0)[::-1] + jnp.cumsum(db * w[1], 0)[::-1]
    return dx, jnp.stack([(df * forth).sum(0), (db * back).sum(0)])


def matrix_state(x, a):
    s = [x[0]]
    for row in x[1:]:
        s.append(a @ s[-1] + row)
    return s[-1], (s, a)


@wrong(matrix_state, sized(((4, 3, 3), (3, 3)), ((4, 3, 3), (3, 3))), "elementwise_product", "x a")
def matrix_state_gradient_multiplied_entry_by_entry(saved, g):
    import jax.numpy as jnp

    s, a = saved
    ds, dx, da = g, [g], 0
    for before in s[-2::-1]:
        da = da + ds @ before.T
        ds = a.T * ds
        dx.append(ds)
    return jnp.stack(dx[::-1]), da
