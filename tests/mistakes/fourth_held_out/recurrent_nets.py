"""Mistakes in simple recurrent nets: tanh, ReLU, leaky, linear, both directions (catalogue 102 to 107)."""

from functools import partial

import numpy as np

from ..case import Family, normal

family = Family("recurrent_attention")


def shapes(time, batch, features, hidden):
    return (batch, time, features), (features, hidden), (hidden, hidden), (hidden,), (batch, hidden)


def runs(size, seed):
    """x (batch, time, features), U, W, b, h0."""
    x, U, W, b, h0 = normal(seed, *(shapes(4, 3, 2, 5) if size == "small" else shapes(9, 12, 8, 20)))
    return x, U / np.sqrt(len(U)), 0.9 * W / np.sqrt(len(W)), 0.3 * b, h0


def as_many_steps_as_examples(size, seed):
    x, U, W, b, h0 = normal(seed, *(shapes(4, 4, 2, 5) if size == "small" else shapes(9, 9, 8, 20)))
    return x, U / np.sqrt(len(U)), 0.9 * W / np.sqrt(len(W)), 0.3 * b, h0


NAMES = ("x", "U", "W", "b", "h0")


def elman(x, U, W, b, h0):
    """All hidden states; the cache holds h0 in front of them."""
    states = [h0]
    for step in x.swapaxes(0, 1):
        states.append(np.tanh(step @ U + states[-1] @ W + b))
    return np.stack(states[1:], axis=1), (x, U, W, b, states)


def through_time(dout, cache):
    """The right gradient, and the gradients of the preactivations from the first step to the last."""
    x, U, W, b, states = cache
    dh, das = np.zeros_like(states[0]), []
    for t in range(x.shape[1] - 1, -1, -1):
        da = (dout[:, t] + dh) * (1 - states[t + 1] ** 2)
        das.insert(0, da)
        dh = da @ W.T
    da = np.stack(das, axis=1)
    before = np.stack(states[:-1], axis=1)
    flat = da.reshape(-1, len(b))
    dU = x.reshape(-1, len(U)).T @ flat
    return [da @ U.T, dU, before.reshape(-1, len(W)).T @ flat, flat.sum(axis=0), dh], da


rnn = partial(family.wrong, forward=elman, inputs=runs, style="cache", names=NAMES)


@rnn(102, cause=("entries_not_written", "sum_term_missing", "time_not_carried", "use_dropped"), argument="x U W b h0")
def loop_that_stops_before_the_first_step(dout, cache):
    x, U, W, b, h = cache
    dx, dU, dW, db = (np.zeros_like(a) for a in (x, U, W, b))
    dh_next = np.zeros_like(h[0])
    for t in range(x.shape[1] - 1, 0, -1):
        da = (dout[:, t] + dh_next) * (1 - h[t + 1] ** 2)
        dx[:, t] = da @ U.T
        dU += x[:, t].T @ da
        dW += h[t].T @ da
        db += da.sum(axis=0)
        dh_next = da @ W.T
    return dx, dU, dW, db, dh_next


@rnn(1, cause="mean_instead_of_sum", argument="b")
def bias_gradient_is_a_mean_over_batch_and_time(dout, cache):
    grads, da = through_time(dout, cache)
    grads[3] = da.mean(axis=(0, 1))
    return grads


@rnn(104, cause=("time_off_by_one", "wrong_operand"), argument="U")
def input_weight_meets_the_next_input(dout, cache):
    grads, da = through_time(dout, cache)
    x = cache[0]
    grads[1] = np.tensordot(np.roll(x, -1, axis=1), da, ((0, 1), (0, 1)))
    return grads


@rnn("", cause=("flipped", "row_permuted", "reordered"), argument="x")
def input_gradients_left_in_the_order_of_the_loop(dout, cache):
    x, U, W, b, h = cache
    grads, da = through_time(dout, cache)
    grads[0] = np.stack([da[:, t] @ U.T for t in reversed(range(x.shape[1]))], axis=1)
    return grads


@rnn("", inputs=as_many_steps_as_examples, cause=("axes_permuted", "transposed"), argument="x")
def time_stacked_before_the_batch(dout, cache):
    grads, da = through_time(dout, cache)
    grads[0] = np.stack([step @ cache[1].T for step in da.swapaxes(0, 1)])
    return grads


@rnn(102, cause=("time_off_by_one", "time_not_carried"), argument="h0")
def initial_state_gets_the_gradient_of_the_first_state(dout, cache):
    x, U, W, b, h = cache
    grads, da = through_time(dout, cache)
    grads[4] = dout[:, 0] + da[:, 1] @ W.T
    return grads


@rnn(141, cause=("not_linear", "clipped"), argument="x U W b h0")
def state_gradient_clipped_on_the_way(dout, cache):
    x, U, W, b, h = cache
    dx, dU, dW, db, dh = (np.zeros_like(a) for a in (x, U, W, b, h[0]))
    for t in reversed(range(x.shape[1])):
        dh = np.clip(dh + dout[:, t], -0.4, 0.4)
        da = dh * (1 - h[t + 1] ** 2)
        dx[:, t], dU, dW, db = da @ U.T, dU + x[:, t].T @ da, dW + h[t].T @ da, db + da.sum(0)
        dh = da @ W.T
    return dx, dU, dW, db, dh


@rnn(102, cause=("time_not_carried", "sum_term_missing"), argument="x U W b h0")
def carry_lost_between_chunks_of_two(dout, cache):
    x, U, W, b, h = cache
    dx, dU, dW, db, dh = (np.zeros_like(a) for a in (x, U, W, b, h[0]))
    for t in reversed(range(x.shape[1])):
        if t % 2 == 1:
            dh = np.zeros_like(dh)
        da = (dout[:, t] + dh) * (1 - h[t + 1] ** 2)
        dx[:, t], dU, dW, db = da @ U.T, dU + x[:, t].T @ da, dW + h[t].T @ da, db + da.sum(0)
        dh = da @ W.T
    return dx, dU, dW, db, dh


@rnn(102, cause=("derivative_missing", "wrong_operand"), argument="x U W b h0")
def carry_through_the_weight_of_the_states_alone(dout, cache):
    x, U, W, b, h = cache
    dx, dU, dW, db, dh = (np.zeros_like(a) for a in (x, U, W, b, h[0]))
    for t in reversed(range(x.shape[1])):
        total = dout[:, t] + dh
        da = total * (1 - h[t + 1] ** 2)
        dx[:, t], dU, dW, db = da @ U.T, dU + x[:, t].T @ da, dW + h[t].T @ da, db + da.sum(0)
        dh = total @ W.T
    return dx, dU, dW, db, dh


def last_state(x, U, W, b, h0):
    out, cache = elman(x, U, W, b, h0)
    return out[:, -1], cache


@family.wrong(
    102,
    last_state,
    runs,
    style="cache",
    names=NAMES,
    cause="sum_term_missing",
    argument="x U W b h0",
)
def last_gradient_fed_in_at_every_step(dout, cache):
    return through_time(np.repeat(dout[:, None], cache[0].shape[1], axis=1), cache)[0]


def rectified_net(x, U, W, b, h0):
    h, saved = h0, [h0]
    for t in range(x.shape[1]):
        h = np.maximum(x[:, t] @ U + h @ W + b, 0)
        saved.append(h)
    return np.stack(saved[1:], axis=1), (x, U, W, b, saved)


@family.wrong(
    47,
    rectified_net,
    runs,
    style="cache",
    names=NAMES,
    cause=("mask_wrong", "time_off_by_one"),
    argument="x U W b h0",
)
def mask_of_the_state_before(dout, cache):
    x, U, W, b, h = cache
    dx, dU, dW, db, dh = (np.zeros_like(a) for a in (x, U, W, b, h[0]))
    for t in reversed(range(x.shape[1])):
        da = (dout[:, t] + dh) * (h[t] > 0)
        dx[:, t], dU, dW, db = da @ U.T, dU + x[:, t].T @ da, dW + h[t].T @ da, db + da.sum(0)
        dh = da @ W.T
    return dx, dU, dW, db, dh
