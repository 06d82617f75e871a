"""The recurrent cells of one unit in mpmath, as the textbooks write them, at the digits of `high_precision`."""

from collections.abc import Callable
from typing import Any

import mpmath
from helpers.high_precision import Vector, logistic
from mpmath import mpf


def _rnn_step(sums: Vector, from_state: Vector, h: Any) -> Vector:
    return [mpmath.tanh(sums[0] + from_state[0])]


def _lstm_step(sums: Vector, from_state: Vector, h: Any, c: Any) -> Vector:
    i, f, g, o = (a + b for a, b in zip(sums, from_state, strict=True))
    c = logistic(f) * c + logistic(i) * mpmath.tanh(g)
    return [logistic(o) * mpmath.tanh(c), c]


def _gru_step(sums: Vector, from_state: Vector, h: Any) -> Vector:
    r, z = logistic(sums[0] + from_state[0]), logistic(sums[1] + from_state[1])
    n = mpmath.tanh(sums[2] + r * (from_state[2] + sums[3]))
    return [(1 - z) * n + z * h]


# Name: a step of one unit, of what input and bias add up to, what the state adds, and the states.
CELLS: dict[str, Callable[..., Vector]] = {"rnn": _rnn_step, "lstm": _lstm_step, "gru": _gru_step}


def unrolled(op: str, x: Vector, states: Vector, kernel: Vector, recurrent: Vector, bias: Vector) -> Vector:
    """The states of one unit after every step, and its last states, for one input a step."""
    outputs = []
    for value in x:
        # The fourth bias of a GRU has no column of the kernel.
        columns = [*kernel, *[mpf(0)] * (len(bias) - len(kernel))]
        sums = [value * k + b for k, b in zip(columns, bias, strict=True)]
        states = CELLS[op](sums, [states[0] * u for u in recurrent], *states)
        outputs.append(states[0])
    return [*outputs, *states]
