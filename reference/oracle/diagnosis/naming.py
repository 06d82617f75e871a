"""What an accepted edit is called where its numbers, and not its place alone, say it."""

import inspect
import re
from dataclasses import replace
from typing import Any

from reference.oracle.evidence.evidence import Evidence
from reference.oracle.evidence.model import Model
from reference.oracle.evidence.source import source_of
from reference.oracle.recording.program import Program
from reference.oracle.recording.tape import Step

# Of a function of each entry by itself that is known by a name: a slip in its derivative.
IN_A_SLOPE = {
    "wrong_factor": "wrong_derivative",
    "wrong_operand": "derivative_at_wrong_value",
}
# Words of edits that look the same where something is overwritten and where only a part was asked for.
ALONE = ("adds the ", "all but", "takes the last", "keeps the", "holds one of several")
OVERWRITES = r"^\s*for |\]\s*=[^=]|\bput"


def may_overwrite(evidence: Evidence) -> bool:
    """Whether the subject's code has loops, or assigns to parts of arrays, so that something may be overwritten."""
    texts = [source_of(function)[0] for function in _called_by(evidence.subject.source, 2)]
    return not texts or not texts[0] or any(re.search(OVERWRITES, text, re.MULTILINE) for text in texts)


def _called_by(function: Any, depth: int) -> list[Any]:
    """A function, and those beside it that it calls."""
    function = inspect.unwrap(function) if callable(function) else function
    if not inspect.isfunction(function):
        return []
    around = {**function.__globals__, **inspect.getclosurevars(function).nonlocals} if depth else {}
    named = [around.get(name) for name in (*function.__code__.co_names, *function.__code__.co_freevars)]
    own = [one for one in named if getattr(one, "__module__", None) == function.__module__]
    return [function, *(other for one in own for other in _called_by(one, depth - 1))]


def overwritten_or_alone(model: Model) -> Model:
    """Where nothing is overwritten, one of several contributions is all that was asked for."""
    alone = model.cause == "not_accumulated" and any(words in model.message for words in ALONE)
    return replace(model, cause="part_missing") if alone else model


def whole(times: float) -> bool:
    """Whether a multiple is one that people write: a small whole number, or one over it, or its opposite."""
    size = abs(times)
    return size > 1e-9 and any(abs(one - round(one)) < 1e-7 and round(one) <= 12 for one in (size, 1 / size))


def multiple_cause(cause: str, times: float, sizes: set[int]) -> str:
    """What a contribution that counts so many times is called; left out it is called `cause`."""
    if cause in ("regularization", "updated_weight", "missing", "scaled_by_constant") or abs(times) < 1e-9:
        return cause
    if abs(times + 1) < 1e-7:
        return "sign"
    if abs(times - 2) < 1e-7:
        return "term_extra"
    pairs = [(a, b) for a in sizes for b in sizes] if not whole(times) else []
    pairs += [one for n in sizes for one in ((n, 1), (1, n), *([(n, n - 1), (n - 1, n)] if n > 2 else []))]
    roots = [(a, b) for a in sizes for b in sizes if min(a, b) > 2] if not whole(times) else []
    counted = any(abs(times - a / b) < 1e-7 for a, b in pairs) or any(abs(times**2 - a / b) < 1e-9 for a, b in roots)
    return "scaled_by_count" if counted else "scaled_by_constant"


# What is there besides, in a wrong backward.
ADDED = {"mask added": "mask_wrong", "slope added": "derivative_twice", "factor added": "wrong_factor"}
# What an edit of a mask is called, where it is none that compares the argument itself and so is part of a slope.
OF_A_MASK = {
    "derivative_missing": "mask_missing",
    "wrong_derivative": "mask_wrong",
    "static_ignored": "mask_wrong",
    "slope added": "mask added",
}


def by_the_mask(program: Program, mask: Any, position: int, cause: str) -> str:
    """What an edit of a mask is called in the gradient of one argument."""
    compared = program.ancestors(mask) if isinstance(mask, Step) else set()
    if program.cotangent in compared:
        return "not_linear"
    return cause if program.arguments[position] in compared else OF_A_MASK.get(cause, cause)
