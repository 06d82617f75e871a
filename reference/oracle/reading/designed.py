"""What is no derivative by design: an estimator that goes straight through a step, a gradient turned around."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from reference._checks import is_floating
from reference.oracle.reading.trial import Reading
from reference.oracle.report import Report
from reference.oracle.subjects import trees
from reference.oracle.subjects.subject import Subject
from reference.oracle.subjects.vjp import copies, quiet

# So far an argument is moved to see whether the output is flat, relative to its largest entry; and so often.
NEAR, DIRECTIONS = 1e-5, 3
STRAIGHT = "a straight-through estimator: not the derivative, by design?"
REVERSAL = "a gradient reversal: not the derivative, by design?"
# Causes that a gradient of a step times, or plus, something smooth is given where it goes straight through the step.
UNKNOWN = ("derivative_missing (identity)", "unexplained", "wrong_derivative (factor)", "wrong_axis", "not_linear")
# A jump is looked for in so many steps along one line, and then halved so often.
STEPS, HALVINGS = 64, 26
RESHAPED = "a gradient that is changed on its way: not the derivative, by design?"


def by_design(reading: Reading, report: Report) -> str:
    """In words, what makes a failed backward look meant: "" where nothing does."""
    wrong = [argument.name for argument in report.arguments if argument.verdict == "fail"]
    if report.verdict != "fail" or reading.subject.bind is not None or len(reading.names) != len(reading.primals):
        return ""
    with quiet(0):
        try:
            said = (words for name in wrong if name in reading.names for words in _of(reading, name))
            return next(said, "") or _through_a_jump(reading, report)
        except (Exception, SystemExit):  # anybody's code may refuse other values than those that it ran on
            return ""


def said_of(report: Report, designed: str) -> Report:
    """The report of a failure whose first finding says what may be meant."""
    first, *rest = report.findings
    return replace(report, findings=(replace(first, message=f"{first.message.rstrip('.')} ({designed})"), *rest))


def _of(reading: Reading, name: str) -> Iterator[str]:
    subject, primals = reading.subject, reading.primals
    place = reading.names.index(name)
    if not is_floating(np.asarray(primals[place]).dtype):
        return
    for number, leaf in enumerate(_outputs(subject, primals)):
        if leaf.shape == primals[place].shape and np.array_equal(leaf, primals[place]):
            yield from _behind_identity(subject, primals, place, number, name)
        elif _is_step(subject, primals, place, number, _answer(subject, primals, place, number)):
            yield f"the forward is a step in {name}, with the derivative zero; what comes back is not: {STRAIGHT}"


def _behind_identity(subject: Subject, primals: tuple[Any, ...], place: int, number: int, name: str) -> Iterator[str]:
    """A gradient times a negative number; of a function that PyTorch is given a backward for, any other one."""
    cotangent, back = _answer(subject, primals, place, number)
    factor = float(np.vdot(back, cotangent) / np.vdot(cotangent, cotangent))
    same = np.allclose(back, factor * cotangent, rtol=1e-5, atol=1e-8)
    handed = f"the forward hands {name} on unchanged, and the backward"
    if same and factor < 0:
        yield f"{handed} turns its gradient around, times {factor:g}: {REVERSAL}"
    elif subject.style == "torch" and not (same and np.isclose(factor, 1)):
        yield f"{handed} does not: {RESHAPED}"


def _outputs(subject: Subject, primals: tuple[Any, ...]) -> list[np.ndarray]:
    """The floating outputs."""
    leaves = map(np.asarray, trees.leaves(_forward(subject, primals)))
    return [leaf for leaf in leaves if is_floating(leaf.dtype)]


def _forward(subject: Subject, primals: tuple[Any, ...]) -> Any:
    """The output, with whatever is drawn drawn alike."""
    with quiet(0):
        return subject.forward(*copies(primals))


def _is_step(
    subject: Subject, primals: tuple[Any, ...], place: int, number: int, answer: tuple[np.ndarray, np.ndarray]
) -> bool:
    """Whether an output is flat around an argument where what comes back foretells a change, and moves further away."""
    rng = np.random.default_rng(86028121)
    here, value = _outputs(subject, primals)[number], np.asarray(primals[place])
    size = float(np.max(np.abs(value), initial=1.0))

    def moved(by: np.ndarray) -> np.ndarray:
        other = (value + by).astype(value.dtype)
        return _outputs(subject, (*primals[:place], other, *primals[place + 1 :]))[number]

    ways = [rng.normal(size=value.shape) for _ in range(DIRECTIONS)]
    cotangent, back = answer
    resolution = max(np.finfo(dtype).eps for dtype in (here.dtype, value.dtype))
    seen = 32 * resolution * float(np.sum(np.abs(cotangent * here)))
    if not any(abs(float(np.vdot(back, way))) * NEAR * size > seen for way in ways):
        return False  # in single precision the change would be lost in rounding
    flat = all(np.array_equal(moved(NEAR * size * way), here) for way in ways)
    return flat and not all(np.array_equal(moved(2 * size * way), here) for way in ways)


def _through_a_jump(reading: Reading, report: Report) -> str:
    """In words, that the output jumps where an argument moves, and that nothing else explains what comes back."""
    best = {found.argument: found.key for found in reversed(report.findings)}
    for name in reading.names:
        if best.get(name) in UNKNOWN and _jumps(reading.subject, reading.primals, reading.names.index(name)):
            return (
                f"the forward jumps where {name} moves, which no derivative shows, and what comes back may: {STRAIGHT}"
            )
    return ""


def _jumps(subject: Subject, primals: tuple[Any, ...], place: int) -> bool:
    value = np.asarray(primals[place], dtype=float)
    way = np.random.default_rng(141650939).normal(size=value.shape)

    def at(distance: float) -> np.ndarray:
        moved = np.asarray(value + distance * way, np.asarray(primals[place]).dtype)
        return trees.vector(_forward(subject, (*primals[:place], moved, *primals[place + 1 :])))

    grid = np.linspace(0.0, 2.0, STEPS + 1)
    outputs = [at(distance) for distance in grid]
    most = int(np.argmax([np.max(np.abs(b - a), initial=0.0) for a, b in pairwise(outputs)]))
    low, high, before, after = grid[most], grid[most + 1], outputs[most], outputs[most + 1]
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        between = at(middle)
        if np.max(np.abs(between - before), initial=0.0) > np.max(np.abs(after - between), initial=0.0):
            high, after = middle, between
        else:
            low, before = middle, between
    return bool(np.max(np.abs(after - before), initial=0.0) > 1e-3 * np.max(np.abs(outputs[0]), initial=0.0))


def _answer(subject: Subject, primals: tuple[Any, ...], place: int, number: int) -> tuple[np.ndarray, np.ndarray]:
    """A cotangent of one output alone, and what comes back for the argument."""
    out, pullback = subject.vjp(*copies(primals))
    rng = np.random.default_rng(122949823)
    floating = [leaf for leaf in map(np.asarray, trees.leaves(out)) if is_floating(leaf.dtype)]
    parts = [np.zeros(leaf.size) for leaf in floating]
    parts[number] = rng.normal(size=floating[number].size)
    back = pullback(trees.like(out, np.concatenate(parts)))
    back = back if isinstance(back, tuple | list) else (back,)
    return parts[number].reshape(floating[number].shape), np.asarray(back[place], dtype=float)
