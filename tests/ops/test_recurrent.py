"""Recurrent layers: worked numbers, laws, and lengths. Other witnesses: tests/ops/test_recurrent_witnesses.py."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.recurrent import ENDS, LAYERS, arguments_of, both, every_layer

import functional_nn
import reference
from reference.recurrent import (
    gru_bwd,
    gru_fwd,
    linear_recurrence_bwd,
    linear_recurrence_fwd,
    lstm_bwd,
    lstm_fwd,
    rnn_bwd,
    rnn_fwd,
)

every_side = pytest.mark.parametrize("side", [functional_nn, reference], ids=["functional_nn", "reference"])
THIRD = np.log(2)  # sigmoid(log 2) = 2/3, tanh(log 2) = 3/5; sigmoid(-log 2) = 1/3


# --- By hand ------------------------------------------------------------------------------------------------------


@every_side
def test_worked_numbers_of_rnn(side):
    """h = tanh(0 * 9 + 1 * log 2) = 3/5; then tanh(1 * log 2 - log 2 + 0 * 3/5) with kernel log 2, recurrent 0."""
    outputs, h = side.rnn(
        np.array([[[1.0], [0.0]]]), np.array([[9.0]]), np.array([[THIRD]]), np.array([[0.0]]), np.array([0.0])
    )
    np.testing.assert_allclose(outputs, [[[0.6], [0.0]]], rtol=1e-15)
    np.testing.assert_allclose(h, [[0.0]])


def test_worked_gradient_of_rnn():
    """One input 1, kernel log 2, recurrent kernel 2 and h = 0: h_1 = 3/5. x_2 undoes 2 * 3/5, so that h_2 = 0.

    A cotangent 1 of the last state: at step 2 the slope is 1, so its sum has 1; step 1 gets 1 * 2 * (1 - 9/25) = 32/25.
    bias: 1 + 32/25; recurrent kernel: 1 * 3/5 + 32/25 * 0; kernel: x_2 + 32/25; h: 2 * 32/25; x: log 2 times each.
    """
    x_2 = -1.2 / THIRD
    arguments = ([[[1.0], [x_2]]], [[0.0]], [[THIRD]], [[2.0]], [0.0])
    (_, h), residuals = rnn_fwd(*map(np.array, arguments))
    np.testing.assert_allclose(h, [[0.0]], atol=1e-15)
    x_ct, h_ct, kernel_ct, recurrent_ct, bias_ct = rnn_bwd(residuals, (np.zeros((1, 2, 1)), np.array([[1.0]])))
    np.testing.assert_allclose(x_ct, [[[1.28 * THIRD], [THIRD]]], rtol=1e-14)
    got = [float(ct.item()) for ct in (h_ct, kernel_ct, recurrent_ct, bias_ct)]
    np.testing.assert_allclose(got, [2.56, x_2 + 1.28, 0.6, 2.28], rtol=1e-14)


@every_side
def test_worked_numbers_of_lstm(side):
    """i = sigmoid(log 2) = 2/3, f = sigmoid(-log 2) = 1/3, g = tanh(log 2) = 3/5, o = sigmoid(0) = 1/2.

    From c = 9/5: 1/3 * 9/5 + 2/3 * 3/5 = 1, and h = tanh(1) / 2.
    """
    kernel = np.array([[THIRD, -THIRD, THIRD, 0.0]])
    outputs, h, c = side.lstm(
        np.ones((1, 1, 1)), np.zeros((1, 1)), np.array([[1.8]]), kernel, np.zeros((1, 4)), np.zeros(4)
    )
    np.testing.assert_allclose(c, [[1.0]], rtol=1e-15)
    np.testing.assert_allclose(h, [[np.tanh(1) / 2]], rtol=1e-15)
    np.testing.assert_array_equal(outputs[:, 0], h)


def test_worked_gradient_of_lstm():
    """The step above, with cotangent 1 of the cell and none of the state.

    i: g i (1 - i) = 3/5 * 2/9 = 2/15; f: c f (1 - f) = 9/5 * 2/9 = 2/5; g: i (1 - g^2) = 2/3 * 16/25 = 32/75; o: 0.
    c before: f = 1/3; h before has U = (0, 0, 1, 0) times those: 32/75.
    """
    kernel = np.array([[THIRD, -THIRD, THIRD, 0.0]])
    arguments = (np.ones((1, 1, 1)), np.zeros((1, 1)), np.array([[1.8]]), kernel, np.array([[0, 0, 1.0, 0]]))
    _, residuals = lstm_fwd(*arguments, np.zeros(4))
    cotangents = lstm_bwd(residuals, (np.zeros((1, 1, 1)), np.zeros((1, 1)), np.ones((1, 1))))
    np.testing.assert_allclose(cotangents[5], [2 / 15, 2 / 5, 32 / 75, 0], rtol=1e-14)
    np.testing.assert_allclose(cotangents[1:3], [[[32 / 75]], [[1 / 3]]], rtol=1e-14)


@every_side
def test_worked_numbers_of_gru(side):
    """r = 2/3 and z = 1/3. With x_n = 0 and m = 3/2 log 2: n = tanh(2/3 * 3/2 log 2) = 3/5.

    From h = 3: 2/3 * 3/5 + 1/3 * 3 = 7/5. Reset before the product it would be tanh(2/3 * 3 * 0 + c_n).
    """
    bias = np.array([THIRD, -THIRD, 0.0, 1.5 * THIRD])
    _, h = side.gru(np.ones((1, 1, 1)), np.array([[3.0]]), np.zeros((1, 3)), np.zeros((1, 3)), bias)
    np.testing.assert_allclose(h, [[1.4]], rtol=1e-15)


def test_worked_gradient_of_gru():
    """The step above with cotangent 1: n has (1 - z)(1 - n^2) = 2/3 * 16/25 = 32/75, and m has r times that, 64/225.

    r has 32/75 * m r (1 - r) = 32/75 * 3/2 log 2 * 2/9; z has (h - n) z (1 - z) = 12/5 * 2/9 = 8/15; h before has 1/3.
    """
    bias = np.array([THIRD, -THIRD, 0.0, 1.5 * THIRD])
    _, residuals = gru_fwd(np.ones((1, 1, 1)), np.array([[3.0]]), np.zeros((1, 3)), np.zeros((1, 3)), bias)
    _, h_ct, _, _, bias_ct = gru_bwd(residuals, (np.zeros((1, 1, 1)), np.ones((1, 1))))
    np.testing.assert_allclose(bias_ct, [32 / 225 * THIRD, 8 / 15, 32 / 75, 64 / 225], rtol=1e-14)
    np.testing.assert_allclose(h_ct, [[1 / 3]], rtol=1e-14)


@every_side
def test_worked_numbers_of_linear_recurrence(side):
    """From 4: 4 / 2 + 1 = 3, 3 * 3 - 2 = 7, 7 * 0 + 5 = 5."""
    out = side.linear_recurrence(np.array([[1.0, -2, 5]]), np.array([[0.5, 3, 0]]), np.array([4.0]))
    np.testing.assert_array_equal(out, [[3, 7, 5]])


def test_worked_gradient_of_linear_recurrence():
    """With cotangents 1, 10, 100: from the end 100; 10 + 0 * 100 = 10; 1 + 3 * 10 = 31; and 31 / 2 for the start.

    Decays: times what stood before, 31 * 4, 10 * 3, 100 * 7.
    """
    _, residuals = linear_recurrence_fwd(np.array([[1.0, -2, 5]]), np.array([[0.5, 3, 0]]), np.array([4.0]))
    x_ct, decay_ct, initial_ct = linear_recurrence_bwd(residuals, np.array([[1.0, 10, 100]]))
    np.testing.assert_array_equal(x_ct, [[31, 10, 100]])
    np.testing.assert_array_equal(decay_ct, [[124, 30, 700]])
    np.testing.assert_array_equal(initial_ct, [15.5])


# --- Laws ---------------------------------------------------------------------------------------------------------


@every_layer
def test_two_halves_are_the_whole(op: str):
    """The state that the first half leaves is what the second half begins with."""
    x, *states, kernel, recurrent_kernel, bias = arguments_of(op)
    weights = (kernel, recurrent_kernel, bias)
    whole = LAYERS[op][0](x, *states, *weights)[0]
    first, *middle = LAYERS[op][0](x[:, :2], *states, *weights)[0]
    second, *last = LAYERS[op][0](x[:, 2:], *middle, *weights)[0]
    np.testing.assert_array_equal(np.concatenate([first, second], axis=1), whole[0])
    np.testing.assert_array_equal(last, whole[1:])


@every_layer
def test_reverse_is_forward_on_the_reversed(op: str):
    x, *rest = arguments_of(op)
    outputs, *states = LAYERS[op][0](x, *rest, reverse=True)[0]
    flipped, *others = LAYERS[op][0](x[:, ::-1], *rest)[0]
    np.testing.assert_array_equal(outputs, flipped[:, ::-1])
    np.testing.assert_array_equal(states, others)


@every_layer
def test_what_stands_beyond_an_end_is_not_looked_at(op: str):
    """A NaN there changes neither values nor gradients, and has gradient 0."""
    x, *rest = arguments_of(op)
    beyond = np.arange(5) >= ENDS[:, None]
    hidden = np.where(beyond[..., None], np.nan, x)
    for got, want in zip(both(op, (hidden, *rest), "lengths"), both(op, (x, *rest), "lengths"), strict=True):
        jax.tree.map(np.testing.assert_array_equal, got, want)
        (outputs, *_), (x_ct, *_) = got
        assert not np.asarray(outputs)[beyond].any()
        assert not np.asarray(x_ct)[beyond].any()


@every_layer
def test_an_impossible_length_is_nan_where_it_is_not_known(op: str):
    """Of that example alone; of those beside it nothing changes."""
    arguments = arguments_of(op)
    layer: Callable[..., Any] = jax.jit(lambda lengths: getattr(functional_nn, op)(*arguments, lengths=lengths))
    given = layer(np.array([5, 5, 2]))
    for wrong in (6, -1):
        for got, want in zip(layer(np.array([5, wrong, 2])), given, strict=True):
            assert np.isnan(got[1]).all()
            np.testing.assert_array_equal(got[::2], want[::2])


def test_known_lengths_are_refused_inside_a_jitted_function_too():
    arguments, ends = tuple(map(jnp.asarray, arguments_of("rnn"))), jnp.array([5, 6, 2])
    with pytest.raises(ValueError, match=r"rnn: lengths must be at least 0 and at most x.shape\[1\]; got lengths from"):
        jax.jit(lambda x: functional_nn.rnn(x, *arguments[1:], lengths=ends))(arguments[0])


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64], ids=lambda dtype: dtype.__name__)
def test_small_integers_hold_a_length_of_a_long_sequence(dtype: Any):
    x, one, ends = jnp.ones((2, 300, 1)), jnp.ones((1, 1)), jnp.array([0, 99], dtype)
    outputs, _ = jax.jit(functional_nn.rnn)(x, jnp.zeros((2, 1)), one, 0 * one, jnp.zeros(1), lengths=ends)
    np.testing.assert_array_equal(np.count_nonzero(outputs, axis=1).ravel(), [0, 99])


@every_side
def test_a_recurrence_without_decay_is_a_running_sum(side):
    x = np.random.default_rng(0).normal(size=(3, 5, 2))
    got = side.linear_recurrence(x, np.ones_like(x), np.zeros((3, 2)))
    np.testing.assert_allclose(got, np.cumsum(x, axis=1), rtol=1e-14)
