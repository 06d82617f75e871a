"""What a value of a program is: its role, and its name in words."""

import linecache
import os
import re
from collections.abc import Callable, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from types import CodeType
from typing import Any

import numpy as np

from reference.oracle.recording.program import Program
from reference.oracle.recording.rules import SLOPES
from reference.oracle.recording.tape import Step

# Where the reference's own ops are written.
HOME = str(Path(__file__).parents[2])
OURS = "the reference's "
# So long an expression of the user's is quoted.
LONGEST = 44
# A value in another shape goes by the name of what it was made of.
SAME_ENTRIES = ("reshape", "ravel", "expand_dims", "squeeze", "broadcast_to")


def is_number(value: Any) -> bool:
    """Whether a factor is one number."""
    return array_of(value).size == 1


def is_mask(value: Any) -> bool:
    """Whether entries are only 0 and one other number, both or zeros alone."""
    array = array_of(value)
    return array.size > 1 and bool(np.isin(array, (0.0, array.max())).all()) and bool(np.any(array == 0))


def numbers_in(step: Step) -> list[float]:
    """The numbers that a step is given."""
    return [float(a) for a in step.args if isinstance(a, int | float | np.number) and not isinstance(a, bool)]


def is_kinked(value: Any) -> bool:
    """Whether a value is one number on one side and another on the other: the slope of two lines that meet."""
    found = np.unique(np.round(array_of(value).astype(float), 12)) if array_of(value).size > 1 else np.ones(1)
    return len(found) == 2 and 0.0 not in found and not {1.0, -1.0} <= set(found)


def same(a: np.ndarray, b: np.ndarray, rtol: float = 1e-5, atol: float = 1e-8) -> bool:
    """np.allclose, which one entry often refuses."""
    if a.size and a.shape == b.shape:
        x, y = a.item(0), b.item(0)
        if not (x == y or abs(x - y) <= atol + rtol * abs(y)):
            return False
    return np.allclose(a, b, rtol=rtol, atol=atol)


def is_slope(value: Any) -> bool:
    """Whether a value is the derivative of a function at a point."""
    return isinstance(value, Step) and value.name.startswith("slope of ")


def is_written_slope(program: Program, array: np.ndarray) -> bool:
    """Whether an array is the derivative of a function of the forward."""
    return any(array.shape == one.shape and np.allclose(array, one, rtol=1e-9) for one in slopes_of(program))


def slopes_of(program: Program) -> list[np.ndarray]:
    """The derivatives of the functions of the forward at its values, as a backward by hand writes them out."""
    found = []
    for step in program.tape.steps:
        if step not in program.carrying and step.value.size > 1 and step.name in (*SLOPES, "divide"):
            y, args = step.value, [array_of(one) for one in step.args]
            found += (
                [y * (1 - y)] if step.name == "divide" else [np.asarray(one(y, *args)) for one in SLOPES[step.name]]
            )
    return found


def array_of(value: Any) -> np.ndarray:
    """A value as an array."""
    return np.asarray(value.value if isinstance(value, Step) else value)


def equal(a: Any, b: Any) -> bool:
    """Whether two values are the same numbers, of the same kind."""
    one, other = array_of(a), array_of(b)
    return a is b or (one.shape == other.shape and one.dtype.kind == other.dtype.kind and np.array_equal(one, other))


def source_line(step: Step) -> str:
    """The user's line that a step stands in."""
    return linecache.getline(step.code.co_filename, step.line).strip() if step.code else ""


def expression(step: Step) -> str:
    """The user's expression that a step is; its whole line where no more is known."""
    known = step.code is not None and step.instruction is not None
    return (_quoted(step.code, step.instruction) if known else "") or source_line(step)


def shortened(text: str) -> str:
    """The beginning of an expression that is long."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 4]} ..."


@cache
def _quoted(code: CodeType, instruction: int) -> str:
    first, last, start, end = next(islice(code.co_positions(), instruction, None))
    if first is None or last is None or start is None or end is None:
        return ""
    lines = [linecache.getline(code.co_filename, line).encode() for line in range(first, last + 1)]
    lines[-1] = lines[-1][:end]
    lines[0] = lines[0][start:]
    return " ".join(line.decode().strip() for line in lines)


def place(step: Step) -> str:
    """Where a step of the backward belongs, in words."""
    forward = step.of if step.of is not None and step.of.code is not None else step
    text = source_line(forward)
    return f" in {whose(forward)}`{text}`" if text else ""


def whose(step: Step) -> str:
    """Whose line a step stands in, where it is not the user's: the backward of an op that was recognized."""
    return OURS if step.code is not None and os.path.dirname(step.code.co_filename) == HOME else ""


def whose_once(words: str) -> str:
    """The same words, which say once whose line it is: what they name in that line is of the same code."""
    said, line, rest = words.rpartition(f" in {OURS}")
    return f"{said.replace(OURS, '')}{line}{rest}"


def is_all_of_its_line(program: Program, value: Step) -> bool:
    """Whether no other value of the same line is computed from this one."""
    users = [user for user in program.users.get(value, ()) if user.part == value.part] + program.tape_users(value)
    return not any((user.code, user.line) == (value.code, value.line) for user in users)


def only_for(program: Program, steps: Sequence[Step], ends: Callable[[Step], bool]) -> bool:
    """Whether the backward has what is computed in these steps in nothing but steps of one kind."""
    changed = {one for one in program.behind(steps) if one not in program.carrying and not ends(one)}
    users = {user for one in changed for user in program.users.get(one, ())} - changed
    return bool(users or steps) and all(map(ends, users | set(steps) - changed))


def named(program: Program, value: Any) -> str:
    """A value in words."""
    if not isinstance(value, Step):
        return f"{float(np.ravel(value)[0]):.6g}" if np.size(value) == 1 else "a constant array"
    if value.part == "leaf":
        return value.name
    if is_slope(value):
        return f"the derivative of {value.name.removeprefix('slope of ')}"
    if value.name in SAME_ENTRIES and len(value.parents) == 1:
        return named(program, value.parents[0])
    text = source_line(value)
    if not text:
        return f"a value of {value.name}"
    assigned, own = re.match(r"^(\w+) = (.*)$", text), expression(value)
    if assigned and is_all_of_its_line(program, value) and own in (text, assigned[2]):
        return assigned[1]
    return f"{whose(value)}`{shortened(own)}`"


def told_apart(program: Program, value: Any, other: Any) -> tuple[str, str]:
    """Two values in words; where two long expressions begin alike, from a little before they differ."""
    words = named(program, value), named(program, other)
    if words[0] != words[1] or not isinstance(value, Step) or not isinstance(other, Step):
        return words
    texts = expression(value), expression(other)
    differs = next((at for at, (a, b) in enumerate(zip(*texts, strict=False)) if a != b), None)
    if differs is None:
        return words
    begin = max(differs - LONGEST // 4, 0)
    first, second = (f"`... {shortened(text[begin:])}`" for text in texts)
    return f"{whose(value)}{first}", f"{whose(other)}{second}"
