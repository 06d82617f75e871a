"""A program as the steps that it took, each of which can be run again on other values."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import CodeType
from typing import Any, Literal

import numpy as np

Part = Literal["leaf", "forward", "backward"]
# A program of more steps (loops over every position of an image) is not worth following; one that does more with its
# arrays, looks and comparisons included, or computes more entries, may never end.
MOST_STEPS, MOST_OPERATIONS, MOST_ENTRIES = 4000, 20_000, 50_000_000


class TooLong(BaseException):
    """The program does more than is worth following; no `except Exception` in a loop of its own holds that up."""


@dataclass(frozen=True)
class At:
    """Where an operation stands in a program that is run again by other code: calls, and the user's code and line."""

    calls: tuple = ()
    code: CodeType | None = None
    line: int = 0


@dataclass(eq=False, repr=False)
class Step:
    """One step: a function of earlier steps (they stand among its arguments) and of constants.

    turn counts the visits of the same place before this one: the number of the pass through a loop.
    of: the step of the forward whose derivative this step of the backward belongs to.
    """

    name: str
    value: np.ndarray
    function: Callable[..., Any] | None = None
    args: tuple = ()
    how: Mapping[str, Any] = field(default_factory=dict)
    part: Part = "forward"
    place: Any = ()
    turn: int = 0
    code: CodeType | None = None
    line: int = 0
    # The number of the instruction in this code; None where only the line is known.
    instruction: int | None = None
    of: "Step | None" = None
    via: "Step | None" = None
    # Of a sum of contributions: the user of the forward's value that each of the two came through, where it is one.
    ways: "tuple[Step | None, ...]" = ()

    @cached_property
    def parents(self) -> tuple["Step", ...]:
        """The steps that this one is computed from, each once."""
        return tuple(dict.fromkeys(steps_in((self.args, self.how))))

    def run(self, values: Mapping["Step", Any]) -> np.ndarray:
        """The step's value where earlier steps have these values, and the others their own."""
        assert self.function is not None
        if self._places is None:
            how = {key: filled(item, values) for key, item in self.how.items()}
            return np.asarray(self.function(*filled(self.args, values), **how))
        args = list(self.args)
        for place in self._places:
            args[place] = values.get(args[place], args[place].value)
        return np.asarray(self.function(*args, **self.how))

    @cached_property
    def _places(self) -> list[int] | None:
        """Where steps stand among the arguments; None where some stand inside of others."""
        places = [place for place, item in enumerate(self.args) if isinstance(item, Step)]
        others = [item for item in self.args if not isinstance(item, Step)]
        return None if any(True for _ in steps_in((others, self.how))) else places


def steps_in(tree: Any) -> Iterator[Step]:
    """The steps among nested arguments."""
    if isinstance(tree, Step):
        yield tree
    elif isinstance(tree, tuple | list):
        for item in tree:
            yield from steps_in(item)
    elif isinstance(tree, dict):
        yield from steps_in(tuple(tree.values()))
    elif isinstance(tree, slice):
        yield from steps_in((tree.start, tree.stop, tree.step))


def filled(tree: Any, values: Mapping[Step, Any]) -> Any:
    """Nested arguments with values where steps stand."""
    if isinstance(tree, Step):
        return values.get(tree, tree.value)
    if isinstance(tree, tuple):
        return tuple([filled(item, values) for item in tree])
    if isinstance(tree, list):
        return [filled(item, values) for item in tree]
    return tree


@dataclass(eq=False, repr=False)
class Tape:
    """All steps in the order they were taken; leaves are the arrays that the program was handed."""

    steps: list[Step] = field(default_factory=list)
    leaves: list[Step] = field(default_factory=list)
    part: Part = "forward"
    # The step of the forward whose derivative is being recorded, to which of its arguments, and through which user.
    of: Step | None = None
    slot: Any = None
    via: Step | None = None
    # Where the operation stands that is run, if the calls that lead to it do not tell.
    at: At | None = None
    visits: dict[Any, int] = field(default_factory=dict)
    operations: int = 0
    entries: int = 0
    # Whether products may be taken in another order than the program's; None once one was.
    regroups: bool | None = False
    # Whether sums come before the factors that are the same along them, and how often they did.
    early: bool = False
    exchanged: int = 0
    # Other derivatives than those of rules.py, by the name of a step: (step, cotangent, output, *arguments).
    choices: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    # Whether the program still runs; what it keeps of its arrays afterwards are arrays like any other.
    recording: bool = True

    def count(self, entries: int = 1) -> None:
        """One more operation, of so many entries."""
        if not self.recording:
            return
        self.operations += 1
        self.entries += entries
        if self.operations > MOST_OPERATIONS or self.entries > MOST_ENTRIES or len(self.steps) > MOST_STEPS:
            raise TooLong

    def leaf(self, value: Any, name: str) -> Step:
        """An array that the program is handed."""
        step = Step(name, np.array(value), part="leaf")
        self.leaves.append(step)
        return step

    def note(self, step: Step) -> Step:
        """One more step."""
        step.turn = self.visits.get((step.place, step.name), 0)
        self.visits[step.place, step.name] = step.turn + 1
        self.steps.append(step)
        return step


def reaching(steps: Iterable[Step], ends: Iterable[Step]) -> list[Step]:
    """Of these steps, in order, those that some end depends on."""
    needed = set(ends)
    kept = []
    for step in reversed(list(steps)):
        if step in needed:
            needed.update(step.parents)
            kept.append(step)
    return kept[::-1]
