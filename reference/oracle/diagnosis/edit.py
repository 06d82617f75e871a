"""One edit of a program: what single steps become, what that is called, and how it is said."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.oracle.recording.program import Edit
from reference.oracle.recording.tape import Step, filled

Group = tuple[Step, ...]
Values = Mapping[Step, Any]


@dataclass(frozen=True)
class Edited:
    """One edit: what it is called and how it is said, how many bits it takes to say, and what single steps become.

    scalable: it leaves out a contribution, which with any other factor is a mistake, too.
    """

    cause: str
    words: str
    bits: float
    edits: Mapping[Step, Edit]
    scalable: bool = False
    # Whether what is left may have a number in front.
    free: bool = False
    # The value that stands in the program, and the one that the edit puts in its place.
    exchange: tuple[Any, Any] | None = None
    # The one summand that the edit changes.
    term: Step | None = None
    # The mask that the edit changes, or what is compared in it; whether it is part of a slope depends on the argument.
    mask: Any = None
    # An edit with a number that is to be found, beginning with its own: `edits` are those at the first number tried.
    at: "Callable[[float], Edited] | None" = None
    own: float = 0.0
    freedom: int = 0


def each(group: Sequence[Step], make: Callable[[Step], Edit]) -> dict[Step, Edit]:
    """The same edit of all steps of a group."""
    return {step: make(step) for step in group}


def applied(step: Step, args: Sequence[Any], values: Values) -> Any:
    """A step's function of other arguments."""
    return step.function(*args, **{key: filled(item, values) for key, item in step.how.items()})  # pyright: ignore


def with_argument(position: int, change: Callable[[Any], Any]) -> Callable[[Step], Edit]:
    """One argument of a step changed."""
    return _with(position, lambda item, values: change(item))


def with_value(position: int, other: Any) -> Callable[[Step], Edit]:
    """One argument of a step replaced by another value of the program."""
    return _with(position, lambda item, values: filled(other, values))


def _with(position: int, change: Callable[[Any, Values], Any]) -> Callable[[Step], Edit]:
    def make(step: Step, values: Values) -> Any:
        args = list(filled(step.args, values))
        args[position] = change(args[position], values)
        return applied(step, args, values)

    return instead(make)


def after(change: Callable[[Any], Any]) -> Callable[[Step], Edit]:
    """A step's result changed."""
    return lambda step: lambda values: change(step.run(values))


def instead(make: Callable[[Step, Values], Any]) -> Callable[[Step], Edit]:
    """Something else in the place of a step's result."""
    return lambda step: lambda values: make(step, values)


def ones(value: Any) -> np.ndarray:
    """Ones of the shape of a value."""
    return np.ones(np.shape(value))
