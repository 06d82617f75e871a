"""The true backward as a program: steps from leaves to gradients, any of which may give something else."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from reference.oracle.recording.tape import Step, Tape, filled, reaching

# What a step gives instead: (the values that edits changed before it) -> its value.
Edit = Callable[[Mapping[Step, Any]], Any]


@dataclass(eq=False, repr=False)
class Program:
    """The steps from leaves to the gradient of every argument (by its position)."""

    tape: Tape
    cotangent: Step
    gradients: dict[int, Step]
    # Names of the leaves that are arguments, by position; None where the argument is no leaf.
    arguments: tuple[Step | None, ...] = ()
    out: Step | None = None
    # The cotangent of every step of the forward.
    arriving: dict[Step, Step] = field(default_factory=dict)
    # From the cotangent at the end of a part that is gone back through at once to that at its beginning.
    spans: list[tuple[Step, Step]] = field(default_factory=list)
    # Arguments of whole numbers or of True and False.
    given: tuple[Step, ...] = ()

    @cached_property
    def steps(self) -> list[Step]:
        """The steps that some gradient depends on, in order."""
        return reaching(self.tape.steps, self.gradients.values())

    @cached_property
    def forward(self) -> list[Step]:
        """The steps that the forward's output depends on, in order."""
        return reaching(self.tape.steps, [self.out]) if self.out else []

    @cached_property
    def backward(self) -> list[Step]:
        """Of these the ones that belong to the backward."""
        return [step for step in self.steps if step.part == "backward"]

    @cached_property
    def groups(self) -> list[tuple[Step, ...]]:
        """The backward's steps at each place in the code: one a pass through a loop."""
        whole = _by_place(self.backward)
        return whole + [part for group in whole for part in _by_way(group)]

    @cached_property
    def forward_groups(self) -> list[tuple[Step, ...]]:
        """The same of what the backward uses of the forward."""
        return _by_place([step for step in self.steps if step.part == "forward"])

    @cached_property
    def users(self) -> dict[Step, list[Step]]:
        """The steps that use each step."""
        found: dict[Step, list[Step]] = {}
        for step in self.steps:
            for parent in step.parents:
                found.setdefault(parent, []).append(step)
        return found

    @cached_property
    def values(self) -> list[Step]:
        """What the forward computes, and what it is handed: what may stand in the place of another value."""
        plain = [step for step in [*self.tape.leaves, *self.forward, *self.steps] if step is not self.cotangent]
        unique = dict.fromkeys(step for step in plain if step.value.dtype.kind == "f" and step.value.size > 1)
        return [step for step in unique if step not in self.carrying]

    @cached_property
    def constants(self) -> list[Step]:
        """All that does not carry the cotangent, masks and what the forward alone computes included."""
        plain = dict.fromkeys([*self.tape.leaves, *self.given, *self.forward, *self.steps])
        return [step for step in plain if step.value.size > 1 and step not in self.carrying]

    @cached_property
    def visits(self) -> list[tuple[Step, ...]]:
        """The steps of the backward at each place, those that no gradient depends on included."""
        return _by_place([step for step in self.tape.steps if step.part == "backward"])

    @cached_property
    def last_sums(self) -> set[Step]:
        """The sums that bring a gradient to the shape of its argument."""
        ends = set(self.gradients.values())
        for step in reversed(self.backward):
            ends.update(step.parents if step in ends and step.name == "added up" else ())
        sums = [step for step in self.backward if step.name in ("gathered", "sum")]
        return {step for step in sums if step in ends or ends.issuperset(self._no_larger(step))}

    def _no_larger(self, step: Step) -> list[Step | None]:
        """The users of a step; None for one that stretches it, or where there is none."""
        users = self.users.get(step, [])
        return [user if user.value.size == step.value.size else None for user in users] or [None]

    @cached_property
    def sizes(self) -> set[int]:
        """The numbers of entries of the arguments along an axis."""
        return {size for leaf in self.tape.leaves for size in leaf.value.shape if size > 1}

    def tape_users(self, step: Step) -> list[Step]:
        """The steps of the forward that use one."""
        return self._forward_users.get(step, [])

    @cached_property
    def _forward_users(self) -> dict[Step, list[Step]]:
        found: dict[Step, list[Step]] = {}
        for step in self.forward:
            for parent in step.parents:
                found.setdefault(parent, []).append(step)
        return found

    def ancestors(self, step: Step) -> set[Step]:
        """A step and all that it is computed from."""
        if step not in self._ancestors:
            found, waiting = {step}, [step]
            while waiting:
                for parent in waiting.pop().parents:
                    if parent not in found:
                        found.add(parent)
                        waiting.append(parent)
            self._ancestors[step] = found
        return self._ancestors[step]

    @cached_property
    def _ancestors(self) -> dict[Step, set[Step]]:
        return {}

    def leaves_behind(self, step: Step) -> set[Step]:
        """The leaves that a step is computed from."""
        if step not in self._leaves:
            self._leaves[step] = {one for one in self.ancestors(step) if one.part == "leaf"}
        return self._leaves[step]

    @cached_property
    def _leaves(self) -> dict[Step, set[Step]]:
        return {}

    @cached_property
    def loops(self) -> list[list[Step]]:
        """The values of each place in the code that is visited more than once, in the order of the visits.

        In a backward by hand, those of the forward also from the last to the first, and all also without the pass that
        comes last there, of which some values are not needed any more.
        """
        loops = [in_time(group) for group in _by_place(self.steps) if len(group) > 1]
        if self.arriving:
            return loops
        loops += [same[::-1] for same in loops if same[0].part == "forward"]
        return loops + [same[:-1] for same in loops if len(same) > 2]

    def later(self, value: Step) -> Any:
        """What a value of a loop is one pass later, also behind the last pass; None where it is no such value."""
        if value not in self._later:
            self._later[value] = self._a_pass_later(value)
        return self._later[value]

    def _a_pass_later(self, value: Step) -> Any:
        same = self._visits.get((value.place, value.name), [])
        if value.part == "forward" and value.turn + 1 < len(same):
            return same[value.turn + 1]
        moved: dict[Step, Any] = {}
        for parent in value.parents:
            later = self.later(parent)
            there = None if later is None else np.asarray(filled(later, {}))
            if there is not None and there.shape == parent.value.shape:
                moved[parent] = there
        return value.run(moved) if moved else None

    @cached_property
    def _later(self) -> dict[Step, Any]:
        return {}

    @cached_property
    def _visits(self) -> dict[Any, tuple[Step, ...]]:
        return {(group[0].place, group[0].name): group for group in _by_place(self.tape.steps)}

    @cached_property
    def carrying(self) -> set[Step]:
        """The steps that carry the cotangent."""
        found = {self.cotangent}
        for step in self.steps:
            if any(parent in found for parent in step.parents):
                found.add(step)
        return found

    @cached_property
    def order(self) -> dict[Step, int]:
        """The number of every step."""
        return {step: number for number, step in enumerate(self.steps)}

    def behind(self, steps: Sequence[Step]) -> list[Step]:
        """These steps and all that depend on them, in order."""
        key = tuple(steps)
        if key not in self._behind:
            found, waiting = set(steps), list(steps)
            while waiting:
                for user in self.users.get(waiting.pop(), ()):
                    if user not in found:
                        found.add(user)
                        waiting.append(user)
            self._behind[key] = sorted((step for step in found if step in self.order), key=self.order.__getitem__)
        return self._behind[key]

    @cached_property
    def _behind(self) -> dict[tuple[Step, ...], list[Step]]:
        return {}

    def towards(self, wanted: set[Step], behind: Sequence[Step], edits: Mapping[Step, Edit]) -> list[Step]:
        """Of what lies behind edits all up to the last of them, which may use any of it, then what is wanted alone."""
        last = max((self.order[step] for step in edits if step in self.order), default=-1)
        return [step for step in behind if step in wanted or self.order[step] <= last]

    def values_with(self, edits: Mapping[Step, Edit]) -> dict[Step, Any]:
        """The values that these edits change, in the part of the program in which they are."""
        values: dict[Step, Any] = {}
        part = {step.part for step in edits}
        for step in self.behind(list(edits)):
            if step.part in part:
                try:
                    values[step] = edits[step](values) if step in edits else step.run(values)
                except (ValueError, IndexError, TypeError, ZeroDivisionError):  # the edit does not fit these shapes
                    return {}
        return {step: value for step, value in values.items() if np.shape(value) == step.value.shape}

    def edited(self, edits: Mapping[Step, Edit], behind: Sequence[Step] | None = None) -> dict[int, np.ndarray]:
        """The gradients that change where these steps give what the edits make of them: edit(values) -> value."""
        values: dict[Step, Any] = {}
        for step in self.behind(list(edits)) if behind is None else behind:
            values[step] = edits[step](values) if step in edits else step.run(values)
        return {position: values[step] for position, step in self.gradients.items() if step in values}


def in_time(group: Sequence[Step]) -> list[Step]:
    """The visits of one place in the order of the forward's passes."""
    return sorted(group, key=lambda step: step.of.turn if step.of is not None else step.turn)


def _by_place(steps: Sequence[Step]) -> list[tuple[Step, ...]]:
    """Steps at each place in the code."""
    found: dict[Any, list[Step]] = {}
    for step in steps:
        found.setdefault((step.place, step.name), []).append(step)
    return [tuple(group) for group in found.values()]


def _by_way(group: tuple[Step, ...]) -> list[tuple[Step, ...]]:
    """A group in the parts that came through one user each, where there are several."""
    ways: dict[Any, list[Step]] = {}
    for step in group:
        ways.setdefault((step.via.place, step.via.name) if step.via else None, []).append(step)
    return [tuple(part) for part in ways.values()] if len(ways) > 1 else []
