"""Programs that are recorded while they run: the adjoint of a forward, and a backward by hand behind its forward."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from reference.oracle.recording import compound, grouping  # noqa: F401 - tell the recorded arrays what NumPy does
from reference.oracle.recording.makers import making_recorded
from reference.oracle.recording.program import Program
from reference.oracle.recording.recorded import Recorded, record, remembering, step_of
from reference.oracle.recording.rules import parts
from reference.oracle.recording.tape import Step, Tape, TooLong, reaching
from reference.oracle.subjects import trees

# From the cotangent of a step to an earlier step and its part; which steps of a forward are gone back through so.
Jump = Callable[[Any], tuple[Step, Any]]
Jumps = Callable[[Tape, list[Step]], Mapping[Step, Jump]]
# What arrives at a step, and the user of its value that it came through.
Arrival = tuple[Any, Step | None]


def recorded_call(function: Callable[..., Any], arguments: Sequence[Any]) -> Any:
    """The frame at which places in the code begin."""
    return function(*arguments)


def of_forward(
    forward: Callable[..., Any],
    primals: Sequence[Any],
    names: Sequence[str],
    cotangent: Any,
    jumps: Jumps | None = None,
    regroups: bool = False,
    early: bool = False,
    choices: Mapping[str, Callable[..., Any]] | None = None,
) -> Program | None:
    """The adjoint of a forward, or None where it cannot be followed to the end, or is to be regrouped and cannot be."""
    tape = Tape(regroups=regroups, early=early, choices=choices or {})
    try:
        out, leaves = _run(tape, forward, primals, names)
        if out is None or tape.regroups:
            return None
        tape.regroups = False
        with np.errstate(all="ignore"):
            over = jumps(tape, reaching(tape.steps, [out])) if jumps else None
            program = None if over == {} else adjoint(tape, out, leaves, cotangent, over)
            return program if tape.exchanged or not early else None
    except (Exception, TooLong):  # anybody's code, on arrays that it does not expect
        return None
    finally:
        tape.recording = False


def followed(forward: Callable[..., Any], primals: Sequence[Any]) -> Tape:
    """What a forward does with its arrays, as far as it can be followed."""
    tape = Tape()
    with suppress(Exception, TooLong):  # anybody's code, on arrays that it does not expect
        _run(tape, forward, primals, [""] * len(primals))
    tape.recording = False
    return tape


def _run(
    tape: Tape, forward: Callable[..., Any], primals: Sequence[Any], names: Sequence[str]
) -> tuple[Step | None, tuple[Step | None, ...]]:
    """The step of the output, and the leaves."""
    with making_recorded(tape), np.errstate(all="ignore"):
        leaves = [_leaf(tape, primal, name) for primal, name in zip(primals, names, strict=True)]
        out = recorded_call(lambda *given: _joined(forward(*given)), [leaf for leaf, _ in leaves])
    return step_of(out) or _alike(tape, out), tuple(step for _, step in leaves)


def _alike(tape: Tape, out: Any) -> Step | None:
    """The last step with the value of a number that forgot its past, as a float does."""
    number = not isinstance(out, Recorded) and np.ndim(out) == 0
    alike = (step for step in reversed(tape.steps) if step.value.size == 1 and step.value.item() == out)
    return next(alike, None) if number else None


def of_pair(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    primals: Sequence[Any],
    names: Sequence[str],
    cotangent: Any,
) -> Program | None:
    """A backward by hand behind the forward that saves for it; what the forward returns beside its output is left."""

    def vjp(*given: Any) -> tuple[Any, Callable[[Any], Any]]:
        out, residuals = forward(*given)
        if not isinstance(out, tuple):
            return out, lambda upstream: backward(residuals, upstream)
        rest = [np.zeros(np.shape(one)) for one in out[1:]]
        return out[0], lambda upstream: backward(residuals, (upstream, *rest))

    return of_pullback(vjp, primals, names, cotangent)


def of_pullback(
    vjp: Callable[..., Any], primals: Sequence[Any], names: Sequence[str], cotangent: Any
) -> Program | None:
    """A backward by hand, recorded while it runs; None where it cannot be followed."""
    tape = Tape()
    try:
        with making_recorded(tape), np.errstate(all="ignore"):
            leaves = [_leaf(tape, primal, name) for primal, name in zip(primals, names, strict=False)]
            out, pullback = recorded_call(vjp, [leaf for leaf, _ in leaves])
            tape.part = "backward"
            upstream, given = _upstream(tape, cotangent)
            found = recorded_call(pullback, [given])
            steps = {position: step_of(gradient) for position, gradient in enumerate(found)}
    except (Exception, TooLong):  # anybody's code, on arrays that it does not expect
        return None
    finally:
        tape.recording = False
    gradients = {position: step for position, step in steps.items() if step is not None and step.part == "backward"}
    first = out.step if isinstance(out, Recorded) else None
    whole = [(name, np.asarray(primal)) for name, primal in zip(names, primals, strict=False)]
    given = tuple(Step(name, array, part="leaf") for name, array in whole if array.dtype.kind in "iub")
    return Program(tape, upstream, gradients, tuple(step for _, step in leaves), first, given=given)


def _upstream(tape: Tape, cotangent: Any) -> tuple[Step, Any]:
    """The cotangent as one leaf; of several outputs, cut into the parts that the backward is given."""
    parts = trees.leaves(cotangent)
    whole = np.concatenate([np.ravel(part) for part in parts]) if len(parts) > 1 else np.asarray(parts[0])
    leaf = tape.leaf(np.asarray(whole, np.float64), "cotangent")
    given = remembering(tape, leaf)
    if len(parts) == 1:
        return leaf, trees.mapped(lambda part: given, cotangent)
    ends = iter(np.cumsum([np.size(part) for part in parts]))
    return leaf, trees.mapped(lambda part: _cut(given, next(ends), np.shape(part)), cotangent)


def _cut(vector: Any, end: int, shape: tuple[int, ...]) -> Any:
    return np.reshape(vector[end - int(np.prod(shape)) : end], shape)


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
    program = Program(tape, upstream, {}, arguments, out)
    arriving: dict[Step, list[Arrival]] = {out: [(remembering(tape, upstream), None)]}
    for step in reversed(reaching(tape.steps, [out])):
        if step in arriving:
            _go_back(program, step, arriving, (jumps or {}).get(step))
    tape.via = None
    for position, leaf in enumerate(arguments):
        if leaf in arriving:
            total = step_of(_added_up(program, leaf, arriving[leaf]))
            program.gradients |= {} if total is None else {position: total}
    return program


def _go_back(program: Program, step: Step, arriving: dict[Step, list[Arrival]], jump: Jump | None) -> None:
    """From a step to its parents; a step that is jumped from sends each part that arrives on by itself."""
    tape, parts = program.tape, arriving.pop(step)
    apart = jump is not None and len(parts) > 1
    for ct, via in parts if apart else [(_added_up(program, step, parts), None)]:
        tape.of, tape.via = step, via
        for number, (parent, part) in enumerate([jump(ct)] if jump else step_parts(tape, step, ct)):
            tape.of, tape.slot = step, number
            arriving.setdefault(parent, []).append((summed_to(part, parent.value.shape), via if apart else step))
            tape.slot = None
            if jump and (start := step_of(ct)) and (end := step_of(part)):
                program.spans.append((start, end))


def _added_up(program: Program, step: Step, parts: list[Arrival]) -> Any:
    """What arrives at a step, added up one part after the other."""
    tape = program.tape
    (total, before), *others = parts
    for part, way in others:
        tape.of, tape.slot, tape.via = step, None if way is None else (way.place, way.name), way
        total = record(np.add, "added up", (total, part))
        if total.step is not None:
            total.step.ways = (before, way)
        before = None
    tape.slot = tape.via = None
    if (own := step_of(total)) is not None and own.part != "leaf":
        program.arriving[step] = own
    return total


def step_parts(tape: Tape, step: Step, ct: Any) -> Any:
    """What a cotangent of a step is for each of its parents, recorded."""
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
    return _gathered_early(ct, axes, shape) if step_of(ct) else record(gathered, "gathered", (ct, axes, shape))


def _gathered_early(ct: Any, axes: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    """The sum of a product, before what is the same along its axes multiplies or divides it, if that comes first."""
    tape, step = ct.tape, ct.step
    first, second = step.args if tape.early and step.name in ("multiply", "divide", "added up") else (None, None)
    if tape.early and step.name == "negative":
        return -_gathered_early(remembering(tape, step.args[0]), axes, shape)
    if step.name == "added up" and isinstance(first, Step) and isinstance(second, Step):
        one, other = (_gathered_early(remembering(tape, term), axes, shape) for term in (first, second))
        return one + other
    if isinstance(first, Step) and isinstance(second, Step) and len(shape) == np.ndim(first.value):
        sizes = (1,) * (len(shape) - second.value.ndim) + second.value.shape
        if second.value.size > 1 and all(sizes[axis] == 1 for axis in axes):
            tape.exchanged += 1
            early, factor = _gathered_early(remembering(tape, first), axes, shape), remembering(tape, second)
            return early * factor if step.name == "multiply" else early / factor
    return record(gathered, "gathered", (ct, axes, shape))


def gathered(ct: np.ndarray, axes: tuple[int, ...], shape: tuple[int, ...]) -> np.ndarray:
    """The sum over the axes along which the forward broadcast an array."""
    return np.sum(ct, axis=axes).reshape(shape)
