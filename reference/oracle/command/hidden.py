"""Inputs for a grade that the file cannot know: its EXAMPLES say what arrays look like, their values are drawn anew."""

import contextlib
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from reference.oracle.command.byhand import leanings
from reference.oracle.reading.discover import Found
from reference.oracle.reading.judge import CannotTell, NothingRan, judge
from reference.oracle.reading.names import OPS, recognized
from reference.oracle.reading.redrawn import anywhere, drawn, redrawn
from reference.oracle.reading.request import Request
from reference.oracle.reading.trial import Reading, runs
from reference.oracle.report import Report
from reference.oracle.subjects.subject import Subject


def judge_hidden(found: Found, request: Request) -> Report:
    """The report to grade: on values that the file cannot know, for its parameters too where that runs.

    Raises:
        CannotTell: the forward runs on the file's own values alone, or no reading is certain.
    """
    leaning: dict[str, None] = {}
    try:
        return _judged(found, replace(request, redrawn=partial(_to_grade, request.seed, leaning)))
    except CannotTell as unsure:
        raise CannotTell(" ".join((str(unsure), *leaning)), unsure.code) from unsure


def _judged(found: Found, request: Request) -> Report:
    if request.examples is None:
        return judge(found, request)
    any_real = bool({recognized(found.name)[0], request.op} & set(OPS))
    for other, words in redrawn(request.examples, request.seed, any_real=any_real):
        with contextlib.suppress(NothingRan):
            return replace(judge(found, replace(request, examples=other)), inputs=words)
    judge(found, request)  # says so where nothing runs on the file's own values either
    raise CannotTell(f"the forward of {found.name} runs on the file's own EXAMPLES alone: there is nothing to grade")


def _to_grade(seed: int, leaning: dict[str, None], reading: Reading) -> Reading:
    """With parameters that the file cannot know, and with a note of each gradient that is not written by hand."""
    reading = _with_other_parameters(seed, reading)
    notes = leanings(reading.subject, reading.primals)
    leaning.update(dict.fromkeys(notes))
    return replace(reading, notes=(*reading.notes, *notes))


def _with_other_parameters(seed: int, reading: Reading) -> Reading:
    """The same with other values for the parameters that the constructor chose, where the forward takes them."""
    rng = np.random.default_rng([seed, 49979687])
    draw = partial(drawn, rng=rng, floats=anywhere)
    bind = reading.subject.bind
    if bind is None:
        held = (draw(np.asarray(value)) for value in reading.primals[reading.inputs :])
        others = replace(reading, primals=(*reading.primals[: reading.inputs], *held))
    else:

        def bind_others(*inputs: Any) -> tuple[Subject, dict[str, Any]]:
            bound, kept = bind(*inputs)
            return bound, {name: draw(np.asarray(value)) for name, value in kept.items()}

        others = replace(reading, subject=replace(reading.subject, bind=bind_others))
    return others if runs(others) else reading
