"""The true backward as a program: the adjoint of a recorded forward, or a backward by hand that was recorded itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from reference.oracle.edits import functions  # noqa: F401 - tells the recorded arrays what NumPy does
from reference.oracle.edits.makers import making_recorded
from reference.oracle.edits.recorded import Recorded, array_of, record, remembering, step_of
from reference.oracle.edits.rules import parts
from reference.oracle.edits.tape import Step, Tape, TooLong, reaching

Edit = Callable[..., Any]
# From the cotangent of a step to an earlier step and its part; which steps of a forward are gone back through so.
Jump = Callable[[Any], tuple[Step, Any]]
Jumps = Callable[[Tape, list[Step]], Mapping[Step, Jump]]


@dataclass(eq=False, repr=False)
class Program:
    """The steps from leaves to the gradient of every argument (by its position)."""

    tape: Tape
    cotangent: Step
    gradients: dict[int, Step]
    # Names of the leaves that are arguments, by position; None where the argument is no leaf.
    arguments: tuple[Step | None, ...] = ()
    out: Step | None = None
    # What this way to the program costs, in bits, beside the plainest.
    bits: float = 0.0
    # The cotangent of every step of the forward.
    arriving: dict[Step, Step] = field(default_factory=dict)
    # From the cotangent at the end of a part that is gone back through at once to that at its beginning.
    spans: list[tuple[Step | None, Step | None]] = field(default_factory=list)

    @cached_property
    def steps(self) -> list[Step]:
        """The steps that some gradient depends on, in order."""
        return reaching(self.tape.steps, self.gradients.values())

    @cached_property
    def backward(self) -> list[Step]:
        """Of these the ones that belong to the backward."""
        return [step for step in self.steps if step.part == "backward"]

    @cached_property
    def groups(self) -> list[tuple[Step, ...]]:
        """The backward's steps at each place in the code: one a pass through a loop."""
        found: dict[Any, list[Step]] = {}
        for step in self.backward:
            found.setdefault((step.place, step.name), []).append(step)
        whole = [tuple(group) for group in found.values()]
        return whole + [part for group in whole for part in _by_way(group)]

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
        live = reaching(self.tape.steps, [self.out]) if self.out else []
        plain = [step for step in [*self.tape.leaves, *live, *self.steps] if step is not self.cotangent]
        unique = dict.fromkeys(step for step in plain if step.value.dtype.kind == "f" and step.value.size > 1)
        return [step for step in unique if step not in self.carrying]

    @cached_property
    def last_sums(self) -> set[Step]:
        """The sums that bring a gradient to the shape of its argument."""
        ends = set(self.gradients.values())
        sums = [step for step in self.backward if step.name in ("gathered", "sum")]
        return {step for step in sums if step in ends or ends.issuperset(self.users.get(step, [None]))}

    @cached_property
    def penalty_steps(self) -> set[Step]:
        """The steps of the forward that make up a penalty."""
        from reference.oracle.edits.grammar.terms import penalty

        starts = [user for leaf in self.arguments if leaf is not None for user in self.tape_users(leaf)]
        found: set[Step] = set()
        for start in starts:
            if penalty(self, start):
                found.add(start)
        for step in reaching(self.tape.steps, [self.out]) if self.out else []:
            if step.parents and all(parent in found or parent in self.arguments for parent in step.parents):
                if any(parent in found for parent in step.parents):
                    found.add(step)
        return found

    def tape_users(self, step: Step) -> list[Step]:
        """The steps of the forward that use one."""
        return self._forward_users.get(step, [])

    @cached_property
    def _forward_users(self) -> dict[Step, list[Step]]:
        found: dict[Step, list[Step]] = {}
        for step in reaching(self.tape.steps, [self.out]) if self.out else []:
            for parent in step.parents:
                found.setdefault(parent, []).append(step)
        return found

    def users_behind(self, step: Step) -> set[Step]:
        """All steps that depend on one."""
        return set(self.behind([step]))

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
        return {one for one in self.ancestors(step) if one.part == "leaf"}

    @cached_property
    def loops(self) -> list[list[Step]]:
        """The values of each place in the code that is visited more than once, in the order of the visits."""
        found: dict[Any, list[Step]] = {}
        for step in self.steps:
            found.setdefault((step.place, step.name), []).append(step)
        return [in_time(group) for group in found.values() if len(group) > 1]

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

    def values_with(self, edits: Mapping[Step, Edit]) -> dict[Step, Any]:
        """The values of the forward's steps that these edits change."""
        values: dict[Step, Any] = {}
        for step in self.behind(list(edits)):
            if step.part == "forward":
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


def _by_way(group: tuple[Step, ...]) -> list[tuple[Step, ...]]:
    """A group in the parts that came through one user each, where there are several."""
    ways: dict[Any, list[Step]] = {}
    for step in group:
        ways.setdefault((step.via.place, step.via.name) if step.via else None, []).append(step)
    return [tuple(part) for part in ways.values()] if len(ways) > 1 else []


def recorded_call(function: Callable[..., Any], arguments: Sequence[Any]) -> Any:
    """The frame at which places in the code begin."""
    return function(*arguments)


def of_forward(
    forward: Callable[..., Any],
    primals: Sequence[Any],
    names: Sequence[str],
    cotangent: Any,
    jumps: Jumps | None = None,
) -> Program | None:
    """The adjoint of a forward, or None where it cannot be followed to the end."""
    tape = Tape()
    try:
        with making_recorded(tape), np.errstate(all="ignore"):
            leaves = [_leaf(tape, primal, name) for primal, name in zip(primals, names, strict=True)]
            out = step_of(recorded_call(lambda *given: _joined(forward(*given)), [leaf for leaf, _ in leaves]))
        if out is None:
            return None
        with np.errstate(all="ignore"):
            over = jumps(tape, reaching(tape.steps, [out])) if jumps else None
            if over == {}:
                return None
            return adjoint(tape, out, tuple(step for _, step in leaves), cotangent, over)
    except (Exception, TooLong):  # anybody's code, on arrays that it does not expect
        return None
    finally:
        tape.recording = False


def _leaf(tape: Tape, primal: Any, name: str) -> tuple[Any, Step | None]:
    primal = np.asarray(primal)
    if primal.dtype.kind != "f":
        return np.array(primal), None
    step = tape.leaf(primal.astype(np.float64) if primal.dtype != np.float64 else primal, name)
    return remembering(tape, step), step


def _joined(out: Any) -> Any:
    """Several outputs as one vector."""
    values = list(out.values()) if isinstance(out, dict) else out
    if not isinstance(values, tuple | list):
        return out
    return np.concatenate([np.ravel(_joined(value)) for value in values])


def adjoint(
    tape: Tape,
    out: Step,
    arguments: tuple[Step | None, ...],
    cotangent: Any,
    jumps: Mapping[Step, Jump] | None = None,
) -> Program:
    """The backward of a recorded forward, itself recorded; jumps: where it goes back through many steps at once."""
    upstream = tape.leaf(np.asarray(cotangent, np.float64).reshape(out.value.shape), "cotangent")
    tape.part = "backward"
    whole: dict[Step, Step] = {}
    # What arrives at a step through each of its users; a step that is jumped from sends each part on by itself.
    arriving: dict[Step, list[tuple[Any, Step | None]]] = {out: [(remembering(tape, upstream), None)]}
    spans = []
    for step in reversed(reaching(tape.steps, [out])):
        if step not in arriving:
            continue
        jump = jumps.get(step) if jumps else None
        for ct, via in _together(tape, step, arriving.pop(step), whole, apart=jump is not None):
            tape.of, tape.via = step, via
            for parent, part in [jump(ct)] if jump else _parts(tape, step, ct):
                tape.of = step
                arriving.setdefault(parent, []).append((summed_to(part, parent.value.shape), step))
                spans += [(step_of(ct), step_of(part))] if jump else []
    tape.via = None
    found = {}
    for position, leaf in enumerate(arguments):
        if leaf in arriving:
            ((total, _),) = _together(tape, leaf, arriving[leaf], whole, apart=False)
            found[position] = step_of(total)
    gradients = {position: step for position, step in found.items() if step is not None}
    return Program(tape, upstream, gradients, arguments, out, arriving=whole, spans=spans)


def _together(
    tape: Tape, step: Step, parts: list[tuple[Any, Step | None]], whole: dict[Step, Step], apart: bool
) -> list[tuple[Any, Step | None]]:
    """What arrives at a step, added up one after the other, or in its parts; and the user that each came through."""
    if apart and len(parts) > 1:
        return parts
    (total, before), *others = parts
    for part, way in others:
        tape.of, tape.slot, tape.via = step, None if way is None else (way.place, way.name), way
        total = record(np.add, "added up", (total, part))
        if total.step is not None:
            total.step.ways = (before, way)
        before = None
    tape.slot = tape.via = None
    if (own := step_of(total)) is not None:
        whole[step] = own
    return [(total, None)]


def _parts(tape: Tape, step: Step, ct: Any) -> Any:
    args, how = _recalled(tape, step.args), {key: _recalled(tape, item) for key, item in step.how.items()}
    return parts(step, ct, remembering(tape, step), args, how)


def _recalled(tape: Tape, tree: Any) -> Any:
    """Arguments of a step as they were given: recorded arrays where steps stand."""
    if isinstance(tree, Step):
        return remembering(tape, tree)
    if isinstance(tree, tuple | list):
        return type(tree)(_recalled(tape, item) for item in tree)
    return tree


def summed_to(ct: Any, shape: tuple[int, ...]) -> Any:
    """A cotangent summed over the axes that broadcasting added or stretched."""
    if np.shape(ct) == shape:
        return ct
    if np.size(ct) < np.prod(shape):
        return np.broadcast_to(ct, shape)
    extra = np.ndim(ct) - len(shape)
    axes = tuple(range(extra)) + tuple(
        extra + i for i, size in enumerate(shape) if size == 1 and np.shape(ct)[extra + i] != 1
    )
    return record(gathered, "gathered", (ct, axes, shape))


def gathered(ct: np.ndarray, axes: tuple[int, ...], shape: tuple[int, ...]) -> np.ndarray:
    """The sum over the axes along which the forward broadcast an array."""
    return np.sum(ct, axis=axes).reshape(shape)


def of_pair(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    primals: Sequence[Any],
    names: Sequence[str],
    cotangent: Any,
) -> Program | None:
    """A backward by hand, recorded while it runs on what its forward saved; None where it cannot be followed."""
    tape = Tape()
    try:
        with making_recorded(tape), np.errstate(all="ignore"):
            leaves = [_leaf(tape, primal, name) for primal, name in zip(primals, names, strict=False)]
            out, residuals = recorded_call(forward, [leaf for leaf, _ in leaves])
            first = out[0] if isinstance(out, tuple | list) else out
            upstream = tape.leaf(np.asarray(cotangent, np.float64), "cotangent")
            tape.part = "backward"
            rest = [np.zeros(np.shape(one)) for one in out[1:]] if isinstance(out, tuple) else []
            given = remembering(tape, upstream)
            found = recorded_call(backward, [residuals, (given, *rest) if rest else given])
            steps = {position: step_of(gradient) for position, gradient in enumerate(found)}
    except (Exception, TooLong):  # the op refuses these arguments
        return None
    finally:
        tape.recording = False
    gradients = {position: step for position, step in steps.items() if step is not None and step.part == "backward"}
    return Program(tape, upstream, gradients, tuple(step for _, step in leaves), step_of_out(first))


def step_of_out(out: Any) -> Step | None:
    """The step that an output came from, after the record."""
    return out.step if isinstance(out, Recorded) else None
