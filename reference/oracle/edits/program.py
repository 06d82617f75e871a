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
        return [tuple(group) for group in found.values()]

    @cached_property
    def users(self) -> dict[Step, list[Step]]:
        """The steps that use each step."""
        found: dict[Step, list[Step]] = {}
        for step in self.steps:
            for parent in step.parents:
                found.setdefault(parent, []).append(step)
        return found

    @cached_property
    def loops(self) -> list[list[Step]]:
        """The values of each place in the code that is visited more than once, in the order of the visits."""
        found: dict[Any, list[Step]] = {}
        for step in self.steps:
            found.setdefault((step.place, step.name), []).append(step)
        return [sorted(group, key=lambda step: step.turn) for group in found.values() if len(group) > 1]

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
        found, waiting = set(steps), list(steps)
        while waiting:
            for user in self.users.get(waiting.pop(), ()):
                if user not in found:
                    found.add(user)
                    waiting.append(user)
        return sorted((step for step in found if step in self.order), key=self.order.__getitem__)

    def edited(self, edits: Mapping[Step, Edit], behind: Sequence[Step] | None = None) -> dict[int, np.ndarray]:
        """The gradients that change where these steps give what the edits make of them: edit(values) -> value."""
        values: dict[Step, Any] = {}
        for step in self.behind(list(edits)) if behind is None else behind:
            values[step] = edits[step](values) if step in edits else step.run(values)
        return {position: values[step] for position, step in self.gradients.items() if step in values}


def recorded_call(function: Callable[..., Any], arguments: Sequence[Any]) -> Any:
    """The frame at which places in the code begin."""
    return function(*arguments)


def of_forward(forward: Callable[..., Any], primals: Sequence[Any], names: Sequence[str], cotangent: Any) -> Program | None:
    """The adjoint of a forward, or None where it cannot be followed to the end."""
    tape = Tape()
    try:
        with making_recorded(tape), np.errstate(all="ignore"):
            leaves = [_leaf(tape, primal, name) for primal, name in zip(primals, names, strict=True)]
            out = step_of(_joined(recorded_call(forward, [leaf for leaf, _ in leaves])))
        if out is None:
            return None
        with np.errstate(all="ignore"):
            return _adjoint(tape, out, tuple(step for _, step in leaves), cotangent)
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


def _adjoint(tape: Tape, out: Step, arguments: tuple[Step | None, ...], cotangent: Any) -> Program:
    upstream = tape.leaf(np.asarray(cotangent, np.float64).reshape(out.value.shape), "cotangent")
    tape.part = "backward"
    whole: dict[Step, Step] = {}
    arriving: dict[Step, Recorded] = {out: remembering(tape, upstream)}
    for step in reversed(reaching(tape.steps, [out])):
        if step not in arriving:
            continue
        tape.of, ct = step, arriving.pop(step)
        if (cotangent_of := step_of(ct)) is not None:
            whole[step] = cotangent_of
        args, how = _recalled(tape, step.args), {key: _recalled(tape, item) for key, item in step.how.items()}
        for parent, part in parts(step, ct, remembering(tape, step), args, how):
            part = summed_to(part, parent.value.shape)
            tape.of = parent if parent.part != "leaf" else step
            arriving[parent] = record(np.add, "added up", (arriving[parent], part)) if parent in arriving else part
            tape.of = step
    found = {i: step_of(arriving[leaf]) for i, leaf in enumerate(arguments) if leaf in arriving}
    gradients = {position: step for position, step in found.items() if step is not None}
    return Program(tape, upstream, gradients, arguments, out, arriving=whole)


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


def of_backward(
    backward: Callable[..., Any], residuals: Any, cotangent: Any, primals: Sequence[Any], names: Sequence[str]
) -> Program | None:
    """A backward by hand, recorded while it runs on its residuals; arrays among them that are arguments are named so."""
    tape = Tape(part="backward")
    known = {id(primal): number for number, primal in enumerate(primals)}
    arguments: list[Step | None] = [None] * len(primals)

    def leaf(value: Any, name: str) -> Any:
        if not isinstance(value, np.ndarray) or value.dtype.kind not in "fb":
            return value
        alike = [i for i, p in enumerate(primals) if np.shape(p) == value.shape and np.array_equal(p, value)]
        step = tape.leaf(value, names[alike[0]] if alike else name)
        for i in alike[:1]:
            arguments[i] = step
        return remembering(tape, step)

    assert known is not None
    try:
        with making_recorded(tape), np.errstate(all="ignore"):
            saved = _leaves(residuals, leaf, unpacked(backward))
            upstream = tape.leaf(np.asarray(cotangent, np.float64), "cotangent")
            found = recorded_call(backward, [saved, remembering(tape, upstream)])
            steps = {i: step_of(gradient) for i, gradient in enumerate(found)}
    except (Exception, TooLong):
        return None
    finally:
        tape.recording = False
    gradients = {position: step for position, step in steps.items() if step is not None and step.part == "backward"}
    return Program(tape, upstream, gradients, tuple(arguments))


def _leaves(residuals: Any, leaf: Callable[[Any, str], Any], names: Sequence[str]) -> Any:
    if isinstance(residuals, tuple):
        return tuple(leaf(value, names[i] if i < len(names) else "a residual") for i, value in enumerate(residuals))
    return leaf(residuals, names[0] if names else "a residual")


def unpacked(backward: Callable[..., Any]) -> list[str]:
    """The names that a backward gives its residuals, in the line that unpacks them."""
    import ast
    import inspect
    import textwrap

    tree = ast.parse(textwrap.dedent(inspect.getsource(backward)))
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and node.value.id == "residuals":
            (target,) = node.targets
            items = target.elts if isinstance(target, ast.Tuple) else [target]
            return [item.id if isinstance(item, ast.Name) else "a residual" for item in items]
    return []
