"""Mistakes at single steps of recurrent nets."""

from functools import partial

import numpy as np

from ..case import Family, normal

family = Family("recurrent_attention")


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def minimal(x, h, Uf, Wf, Un, Wn):
    """A minimal gated unit over time-major x: one gate forgets and updates."""
    states, saved = [], []
    for xt in x:
        f = sigmoid(xt @ Uf + h @ Wf)
        n = np.tanh(xt @ Un + (f * h) @ Wn)
        saved.append((xt, h, f, n))
        h = (1 - f) * h + f * n
        states.append(h)
    return np.stack(states), (saved, Uf, Wf, Un, Wn)


def gated_runs(size, seed):
    t, n, d, h = (3, 2, 2, 4) if size == "small" else (6, 8, 5, 10)
    x, state, *weights = normal(seed, (t, n, d), (n, h), (d, h), (h, h), (d, h), (h, h))
    return x, state, *(w / np.sqrt(len(w)) for w in weights)


def minimal_backward(dout, cache, candidate=None, gate_state=None, start=False):
    saved, Uf, Wf, Un, Wn = cache
    grads = [np.zeros_like(w) for w in (Uf, Wf, Un, Wn)]
    dx, dh, total = [], np.zeros_like(dout[0]), dout[0]
    for g, (xt, h, f, n) in zip(dout[::-1], saved[::-1], strict=True):
        total = g + dh
        an = total * (f if candidate is None else candidate(f)) * (1 - n * n)
        back = an @ Wn.T
        af = (total * (n - h) + back * (h if gate_state is None else gate_state(h, f))) * f * (1 - f)
        for grad, left, right in zip(grads, (xt, h, xt, f * h), (af, af, an, an), strict=True):
            grad += left.T @ right
        dx.insert(0, af @ Uf.T + an @ Un.T)
        dh = total * (1 - f) + back * f + af @ Wf.T
    return np.stack(dx), total if start else dh, *grads


mgu = partial(family.wrong, forward=minimal, inputs=gated_runs, style="cache",
              names=("x", "h", "Uf", "Wf", "Un", "Wn"))  # fmt: skip


@mgu(105, cause="wrong_operand", argument="x h Uf Wf Un Wn")
def candidate_kept_by_the_other_share(dout, cache):
    return minimal_backward(dout, cache, candidate=lambda f: 1 - f)


@mgu(105, cause="wrong_operand", argument="x h Uf Wf Un Wn")
def gate_meets_the_state_that_it_let_through(dout, cache):
    return minimal_backward(dout, cache, gate_state=lambda h, f: f * h)


@mgu(102, cause=("time_off_by_one", "time_not_carried", "sum_term_missing", "wrong_operand"), argument="h")
def first_state_takes_what_arrives_behind_it(dout, cache):
    return minimal_backward(dout, cache, start=True)


def rectified(x, U, W):
    h, states = np.zeros((len(x), len(W))), []
    for t in range(x.shape[1]):
        h = np.maximum(x[:, t] @ U + h @ W, 0)
        states.append(h)
    return np.stack(states, axis=1), (x, U, W, states)


def runs(size, seed):
    x, U, W = normal(seed, *(((3, 4, 2), (2, 5), (5, 5)) if size == "small" else ((8, 9, 6), (6, 16), (16, 16))))
    return x, U, 0.9 * W / np.sqrt(len(W))


@family.wrong(
    47, rectified, runs, style="cache", names=("x", "U", "W"), cause=("mask_wrong", "time_off_by_one"),
    argument="x U W",
)  # fmt: skip
def mask_of_the_step_that_follows(dout, cache):
    x, U, W, h = cache
    dx, dU, dW, dh = np.zeros_like(x), np.zeros_like(U), np.zeros_like(W), np.zeros_like(h[0])
    for t in reversed(range(len(h))):
        da = (dout[:, t] + dh) * (h[min(t + 1, len(h) - 1)] > 0)
        dx[:, t], dU = da @ U.T, dU + x[:, t].T @ da
        dW = dW + h[t - 1].T @ da if t else dW
        dh = da @ W.T
    return dx, dU, dW


def last_leaky(x, U, W):
    h = np.zeros((len(x), len(W)))
    states = [h]
    for t in range(x.shape[1]):
        h = 0.7 * h + 0.3 * np.tanh(x[:, t] @ U + h @ W)
        states.append(h)
    return h, (x, U, W, states)


@family.wrong(102, last_leaky, runs, style="cache", names=("x", "U", "W"), cause="sum_term_missing", argument="x U W")
def upstream_of_the_end_at_all_steps(dout, cache):
    x, U, W, h = cache
    dx, dU, dW, dh = np.zeros_like(x), np.zeros_like(U), np.zeros_like(W), np.zeros_like(h[0])
    for t in reversed(range(x.shape[1])):
        dh = dh + dout
        da = 0.3 * dh * (1 - np.tanh(x[:, t] @ U + h[t] @ W) ** 2)
        dx[:, t], dU, dW = da @ U.T, dU + x[:, t].T @ da, dW + h[t].T @ da
        dh = 0.7 * dh + da @ W.T
    return dx, dU, dW


def shifted_gate(x, U, W):
    """Gate and candidate from one product; the gate starts two higher."""
    h, saved = np.zeros((len(x), len(W))), []
    for t in range(x.shape[1]):
        z, n = np.split(x[:, t] @ U + h @ W, 2, axis=1)
        keep, n = sigmoid(z + 2), np.tanh(n)
        saved.append((h, z, keep, n))
        h = keep * h + (1 - keep) * n
    return h, (x, U, W, saved)


def two_gates(size, seed):
    x, U, W = normal(seed, *(((3, 4, 2), (2, 6), (3, 6)) if size == "small" else ((8, 7, 6), (6, 20), (10, 20))))
    return x, U, W / np.sqrt(len(W))


@family.wrong(
    105, shifted_gate, two_gates, style="cache", names=("x", "U", "W"), cause=("static_ignored", "wrong_operand"),
    argument="x U W",
)  # fmt: skip
def slope_of_a_gate_that_starts_at_zero(dout, cache):
    x, U, W, saved = cache
    dx, dU, dW, dh = np.zeros_like(x), np.zeros_like(U), np.zeros_like(W), dout
    for t in reversed(range(x.shape[1])):
        h, z, keep, n = saved[t]
        slope = sigmoid(z) * (1 - sigmoid(z))
        a = np.concatenate([dh * (h - n) * slope, dh * (1 - keep) * (1 - n * n)], axis=1)
        dx[:, t], dU, dW = a @ U.T, dU + x[:, t].T @ a, dW + h.T @ a
        dh = dh * keep + a @ W.T
    return dx, dU, dW


def two_ways(x, U, W):
    """The states of one net forward and another backward in time, side by side; U and W hold both nets."""
    ahead = rectified(x, U[0], W[0])
    back = rectified(x[:, ::-1], U[1], W[1])
    return np.concatenate([ahead[0], back[0][:, ::-1]], axis=-1), (ahead[1], back[1])


def tanh_free(dout, cache):
    x, U, W, h = cache
    dx, dU, dW, dh = np.zeros_like(x), np.zeros_like(U), np.zeros_like(W), np.zeros_like(h[0])
    for t in reversed(range(len(h))):
        da = (dout[:, t] + dh) * (h[t] > 0)
        dx[:, t], dU = da @ U.T, dU + x[:, t].T @ da
        dW = dW + h[t - 1].T @ da if t else dW
        dh = da @ W.T
    return dx, dU, dW


def both_nets(size, seed):
    x, U, W = normal(
        seed, *(((3, 4, 2), (2, 2, 5), (2, 5, 5)) if size == "small" else ((6, 7, 5), (2, 5, 9), (2, 9, 9)))
    )
    return x, U, 0.9 * W / 2


@family.wrong(
    "", two_ways, both_nets, style="cache", names=("x", "U", "W"), cause=("flipped", "reordered", "sum_term_missing"),
    argument="x",
)  # fmt: skip
def backward_net_pays_in_its_own_order(dout, cache):
    first, second = np.split(dout, 2, axis=-1)
    (dx1, dU1, dW1), (dx2, dU2, dW2) = tanh_free(first, cache[0]), tanh_free(second[:, ::-1], cache[1])
    return dx1 + dx2, np.stack([dU1, dU2]), np.stack([dW1, dW2])


def sharp(x, U, W):
    """A net whose activation is twice as steep, and its last state."""
    h, saved = np.zeros((len(x), len(W))), []
    for t in range(x.shape[1]):
        z = x[:, t] @ U + h @ W
        saved.append((h, z))
        h = np.tanh(2 * z)
    return h, (x, U, W, saved)


def sharp_backward(dout, cache, slope, steps=1):
    x, U, W, saved = cache
    dx, dU, dW, dh = np.zeros_like(x), np.zeros_like(U), np.zeros_like(W), dout
    for t in reversed(range(x.shape[1])):
        h, z = saved[t]
        da = 2 * dh * slope(z)
        dx[:, t], dW = da @ U.T, dW + h.T @ da
        dU = dU + x[:, t].T @ da if t % steps == 0 else dU
        dh = da @ W.T
    return dx, dU, dW


steep = partial(family.wrong, forward=sharp, inputs=runs, style="cache", names=("x", "U", "W"))


@steep(107, cause=("static_ignored", "wrong_operand", "wrong_derivative"), argument="x U W")
def slope_of_a_flatter_activation(dout, cache):
    return sharp_backward(dout, cache, lambda z: 1 - np.tanh(z) ** 2)


@steep(65, cause=("samples_missing", "sum_term_missing"), argument="U")
def input_weight_trained_at_every_second_step(dout, cache):
    return sharp_backward(dout, cache, lambda z: 1 - np.tanh(2 * z) ** 2, steps=2)
