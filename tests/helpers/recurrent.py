"""The recurrent layers in every mode: arguments, the reference's pair, and one JAX program for all tests."""

from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import numpy as np
import pytest

import functional_nn
from reference.oracle.opspec import draw
from reference.oracle.specs import SPECS
from reference.recurrent import gru_bwd, gru_fwd, lstm_bwd, lstm_fwd, rnn_bwd, rnn_fwd

LAYERS = {"rnn": (rnn_fwd, rnn_bwd), "lstm": (lstm_fwd, lstm_bwd), "gru": (gru_fwd, gru_bwd)}
every_layer = pytest.mark.parametrize("op", LAYERS)
ENDS = np.array([5, 0, 2])
MODES: dict[str, dict[str, Any]] = {
    "forward": {},
    "reverse": {"reverse": True},
    "lengths": {"lengths": ENDS},
    "reverse and lengths": {"reverse": True, "lengths": ENDS},
}
every_mode = pytest.mark.parametrize("mode", MODES)


def arguments_of(op: str) -> tuple[np.ndarray, ...]:
    """3 examples of 5 steps of 7 inputs, 11 hidden, without the lengths that a case may have."""
    case = SPECS[op].cases[0]
    return tuple(
        a for a, drawn in zip(draw(SPECS[op], case), case.arguments.values(), strict=True) if drawn.below == ""
    )


def probes(like: Any) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(1)
    return tuple(rng.normal(size=leaf.shape) for leaf in like)


@cache
def program(op: str, mode: str) -> Callable[..., Any]:
    """Values and cotangents by JAX, compiled once for the tests that need it."""

    def of_jax(arguments: Any, cotangent: Any) -> Any:
        value, vjp = jax.vjp(lambda *a: getattr(functional_nn, op)(*a, **MODES[mode]), *arguments)
        return value, vjp(cotangent)

    return jax.jit(of_jax)


def both(op: str, arguments: tuple[Any, ...], mode: str) -> tuple[Any, Any]:
    """Values and cotangents by the reference, and by JAX."""
    out, residuals = LAYERS[op][0](*arguments, **MODES[mode])
    cotangent = probes(out)
    return (out, LAYERS[op][1](residuals, cotangent)), program(op, mode)(arguments, cotangent)
