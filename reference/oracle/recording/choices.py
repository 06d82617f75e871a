"""Which of the legal slopes a framework takes at a kink, and who gets the gradient at a tie.

Measured by running both (docs/oracle.md, "At a kink"). Where one function of NumPy stands for several of a framework
that differ, each of their choices is one: a maximum with a constant is `relu` or `clamp`, a maximum along an axis is
`amax`, which shares evenly, or `max`, which takes the first.
"""

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import numpy as np

from reference.oracle.recording.recorded import record
from reference.oracle.recording.rules import all_of, first_of, kept
from reference.oracle.recording.tape import Step

Rules = Mapping[str, Callable[..., list[Any]]]


def _absolute(slope: float) -> Callable[..., list[Any]]:
    def at(a: np.ndarray) -> np.ndarray:
        return np.where(a == 0, slope, np.sign(a))

    return lambda step, ct, out, a: [ct * record(at, "slope of absolute", (a,))]


def _of_two(name: str, bound: float, each: float) -> Callable[..., list[Any]]:
    """A maximum or minimum: `bound` against a constant, `each` of two that are equal."""
    wins = np.greater if name == "maximum" else np.less

    def rule(step: Step, ct: Any, out: Any, a: Any, b: Any) -> list[Any]:
        share = each if all(isinstance(one, Step) for one in step.args) else bound

        def of(one: np.ndarray, other: np.ndarray) -> np.ndarray:
            return np.where(one == other, share, wins(one, other) * 1.0)

        return [ct * record(of, f"slope of {name}", pair) for pair in ((a, b), (b, a))]

    return rule


def _along(name: str, weights: Callable[[np.ndarray, Any, str], np.ndarray]) -> Callable[..., list[Any]]:
    """A maximum or minimum along axes, whose winners have these weights."""

    def rule(step: Step, ct: Any, out: Any, array: Any, axis: Any = None, keepdims: bool = False) -> list[Any]:
        ct = np.reshape(ct, kept(np.shape(array), axis))
        return [ct * record(weights, f"winners of {name}", (array, axis, name))]

    return rule


def evenly(array: np.ndarray, axis: Any, name: str) -> np.ndarray:
    """Each of several winners has the same share."""
    winners = all_of(array, axis, name)
    return winners / winners.sum(axis=axis, keepdims=True)


def nobody(array: np.ndarray, axis: Any, name: str) -> np.ndarray:
    """The share of the only winner; several have none."""
    winners = all_of(array, axis, name)
    return winners * (winners.sum(axis=axis, keepdims=True) == 1)


def _rules(absolute: float, bound: float, each: float, weights: Callable[..., np.ndarray]) -> Rules:
    two = {name: _of_two(name, bound, each) for name in ("maximum", "minimum")}
    return {"absolute": _absolute(absolute), "fabs": _absolute(absolute), **two} | {
        name: _along(name, weights) for name in ("max", "min")
    }


def _choices(absolute: float, bounds: tuple[float, ...]) -> tuple[Rules, ...]:
    return tuple(_rules(absolute, bound, 0.5, weights) for bound, weights in product(bounds, (evenly, first_of)))


# By framework; the first bound is that of relu.
CHOICES: Mapping[str, tuple[Rules, ...]] = {"torch": _choices(0.0, (0.0, 1.0)), "jax": _choices(1.0, (0.0, 0.5))}
# Where these two differ there is a kink.
OUTERMOST = (_rules(-1.0, 0.0, 0.0, nobody), _rules(1.0, 1.0, 1.0, all_of))
