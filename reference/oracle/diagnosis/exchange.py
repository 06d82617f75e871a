"""What an exchange of two values is called: by how they differ, and by what is computed from them."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from reference.oracle.diagnosis.edit import Edited
from reference.oracle.diagnosis.grammar.factors import factors_of, is_argument, joint
from reference.oracle.diagnosis.grammar.numbers import COMPARE, SMALL
from reference.oracle.diagnosis.values import array_of, equal, is_mask, is_number, is_slope, named
from reference.oracle.recording.program import Program
from reference.oracle.recording.rules import SLOPES
from reference.oracle.recording.tape import Step

PRODUCTS = ("multiply", "divide", "matmul", "einsum")
SUMS = ("sum", "mean", "max", "min", "prod", "gathered", "cumsum")
TURNS = ("transpose", "swapaxes", "moveaxis")
# Functions that bend: of each entry by itself, and not by a straight line.
BENT = (*SLOPES, *COMPARE, "sign", "mask")
# So many steps may lie between two values of which one is computed from the other.
LONGEST = 3


def called(program: Program, edited: Edited) -> tuple[str, str]:
    """The cause of an edit that puts one value in the place of another, and words for how they differ."""
    assert edited.exchange is not None
    cause, words = between(program, *edited.exchange)
    if all(in_a_slope(program, step, edited) for step in edited.edits):
        number = cause in ("scaled_by_constant", "shifted by a number")
        inside = "static_ignored" if number else "derivative_at_wrong_value"
        return (cause if cause in BEFORE_SLOPES else inside), words
    if cause in ("", "shifted by a number"):
        return edited.cause, words
    return cause, words


# What is said rather than that a slope is taken at another value.
BEFORE_SLOPES = ("epsilon_one_side", "mask_wrong", "static_ignored")


def between(program: Program, old: Any, new: Any) -> tuple[str, str]:
    """What the difference of two values is called, and words for it where it is a factor; nothing for any other."""
    for whole, part, missing in ((old, new, True), (new, old, False)):
        steps = list(_steps_between(whole, part)) if isinstance(whole, Step) and isinstance(part, Step) else []
        if steps:
            return _of_steps(program, steps, missing), ""
    pair = _deepest(old, new)
    if pair is not None:
        return _of_parts(program, *pair), ""
    return _of_factor(program, array_of(old), array_of(new))


def _steps_between(whole: Step, part: Step) -> Iterator[tuple[Step, Step]]:
    """The steps by which one value comes of another, each with the value that it is taken of; none where it does not
    come so, or by many steps."""
    found, step = [], whole
    while step is not part and len(found) < LONGEST:
        before = [one for one in step.parents if one is part] or list(step.parents[:1])
        if not before:
            return
        found.append((step, before[0]))
        step = before[0]
    yield from found if step is part else ()


def _of_steps(program: Program, steps: list[tuple[Step, Step]], missing: bool) -> str:
    """What it is called where these steps are left out, or are there besides."""
    kinds = [_kind(program, *one) for one in steps]
    for kind in ("mask", "slope"):
        if kind in kinds:
            return ("mask_missing" if missing else "mask added") if kind == "mask" else ""
    kinds = list(dict.fromkeys(kinds))
    return {"factor": "wrong_factor"}.get(kinds[0], kinds[0]) if len(kinds) == 1 else ""


def _kind(program: Program, step: Step, of: Step) -> str:
    """What a step does to one of its operands."""
    others = [one for one in step.args if one is not of]
    if step.name in TURNS:
        return "transposed"
    if step.name in PRODUCTS and step.args[-1] is of and step.name == "divide":
        return ""
    if step.name in PRODUCTS and others:
        if is_number(others[-1]):
            return "wrong_factor" if is_argument(program, others[-1]) else "scaled_by_constant"
        return "mask" if is_mask(others[-1]) else "factor"
    if step.name in ("add", "subtract", "maximum") and len(others) == 1 and is_number(others[0]):
        small = 0 < abs(float(array_of(others[0]).ravel()[0])) < SMALL
        return "epsilon_one_side" if small else "shifted by a number" if step.args[0] is of else ""
    return ""


def _deepest(old: Any, new: Any) -> tuple[Any, Any] | None:
    """Of one function of different arguments, the arguments that differ, and of these the same; None of others."""
    pair = None
    while isinstance(old, Step) and isinstance(new, Step) and _alike(old, new):
        different = [(a, b) for a, b in zip(old.args, new.args, strict=True) if not equal(a, b)]
        if len(different) != 1:
            return pair
        pair = old, new = different[0]
    return pair


def _alike(old: Step, new: Step) -> bool:
    return old is not new and old.name == new.name and len(old.args) == len(new.args)


def _of_parts(program: Program, old: Any, new: Any) -> str:
    """What it is called where one function has these different arguments."""
    a, b = array_of(old), array_of(new)
    if a.dtype == bool and b.dtype == bool:
        return "mask_wrong"
    if a.dtype.kind in "iu" and b.dtype.kind in "iu" and a.size > 1:
        return "wrong_index"
    if a.size == b.size == 1 and not isinstance(old, Step) and not isinstance(new, Step):
        return "static_ignored"
    return between(program, old, new)[0]


def _of_factor(program: Program, old: np.ndarray, new: np.ndarray) -> tuple[str, str]:
    """The one value of the program by which two values differ."""
    multiplied = [factor for group in program.groups for _, factor in factors_of(program, group[0])]
    values = [one for one in multiplied if isinstance(one, Step) and not is_slope(one)]
    for value in dict.fromkeys([*program.tape.leaves, *values]):
        one = np.asarray(value.value, float)
        if one.size < 2 or joint(old.shape, one.shape) != old.shape or np.ptp(one) == 0:
            continue
        kind, added = ("mask", "mask added") if is_mask(one) else ("factor", "wrong_factor")
        with np.errstate(all="ignore"):
            if np.allclose(new * one, old, rtol=1e-9, atol=1e-300):
                cause = "mask_missing" if kind == "mask" else "wrong_factor"
                return cause, f"the {kind} {named(program, value)} is missing"
            if np.allclose(old * one, new, rtol=1e-9, atol=1e-300):
                return added, f"the {kind} {named(program, value)} is there once too often"
    return "", ""


def in_a_slope(program: Program, step: Step, edited: Edited) -> bool:
    """Whether what a step computes goes through a function that bends it, and so multiplies the cotangent."""
    if is_slope(step):
        return True
    if step in program.carrying:
        return False
    ways = [one for one in program.behind([step]) if one not in program.carrying]
    bent = any(one.name in BENT or _is_reciprocal(one, ways) for one in ways)
    return bent and not any(one.name in SUMS for one in ways) and not _values_of_forward(program, ways, edited)


def _is_reciprocal(step: Step, ways: list[Step]) -> bool:
    return step.name == "divide" and step.args[1] in ways and is_number(step.args[0])


def _values_of_forward(program: Program, ways: list[Step], edited: Edited) -> bool:
    """Whether what multiplies the cotangent in the end, where it is right, is what the forward computes, too."""
    right = {} if program.arriving else program.values_with(edited.edits)
    ends = [one for one in ways if any(user in program.carrying for user in program.users.get(one, ()))]
    known = {step.value.tobytes() for step in program.forward}
    return bool(ends) and all(np.asarray(right.get(one, one.value)).tobytes() in known for one in ends)
