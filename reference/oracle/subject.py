"""One shape for everybody's backpropagation: a name, and a function from primals to (out, pullback)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Subject:
    """Code under judgment.

    vjp(*primals) -> (out, pullback), where pullback(cotangent) -> tuple with one cotangent per primal (None where
    there is none). forward(*primals) -> out alone. The parameters of a layer object follow its inputs as primals.
    source is the user's function or method that computes the backward, for line numbers, where one is known.
    """

    name: str
    forward: Callable[..., Any]
    vjp: Callable[..., tuple[Any, Callable[[Any], tuple[Any, ...]]]]
    names: tuple[str, ...] | None = None
    source: Callable[..., Any] | None = None
    style: str = "vjp"
