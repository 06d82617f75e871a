"""One reading judged: as the op that was asked for, as the one that its name says, or as it is."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from reference import oracle
from reference.oracle.reading import constants, designed, elsewhere
from reference.oracle.reading.certainty import Tried
from reference.oracle.reading.discover import Found
from reference.oracle.reading.names import SCENE_OF_OP, recognized
from reference.oracle.reading.request import Request
from reference.oracle.reading.scene import Scene
from reference.oracle.reading.trial import Reading
from reference.oracle.report import Report
from reference.oracle.specs import SPECS

KEEPS_STATE = "Its output depends on the calls before it: each call was judged on a fresh copy."


def judged(
    found: Found, reading: Reading, request: Request, scene: Scene | None, *, meaning: str = "", given: bool = False
) -> Tried:
    by_name, likely = recognized(found.name)[0], likely_scene(found, request)
    reading = request.redrawn(reading)
    own = request.examples if isinstance(request.examples, Mapping) else {}
    named = request.op or own.get("op")
    suiting = scene.statics if scene is not None and scene.name == likely else None
    statics = request.statics if request.statics is not None else own.get("statics", suiting or {})
    if named and named != "none":
        report = checked(reading, request, op=named, statics=statics)
    elif by_name and not named and suiting is not None:
        report = _guessed(reading, request, by_name, suiting)
    else:
        report = constants.first_of_all(reading, lambda: checked(reading, request), request.seed, request.strict)
        report = report or checked(reading, request)
    report = replace(report, subject=found.name, inputs=_inputs(scene, likely),
                     acquittals=(*reading.notes, *report.acquittals))  # fmt: skip
    meant, divided = designed.by_design(reading, report), elsewhere.divided(found, reading, report)
    said = given or bool(named and named != "none")
    report = designed.said_of(report, meant or divided) if said and (meant or divided) else report
    return Tried(reading, report, said, meaning, found.several, meant, divided)


def likely_scene(found: Found, request: Request) -> str | None:
    """The scene of the op that was asked for, else the one that the name says."""
    return SCENE_OF_OP.get(request.op, request.op) if request.op in SPECS else recognized(found.name)[1]


def _inputs(scene: Scene | None, likely: str | None) -> str:
    if scene is None:
        return "the file's own EXAMPLES"
    why = "going by the name" if scene.name == likely else "the first shapes that ran"
    meaning = f", {scene.meaning}" if scene.meaning else ""
    return f"random, {scene.shapes or f'of shapes that suit {scene.name}'}{meaning} ({why})"


def checked(reading: Reading, request: Request, **op: Any) -> Report:
    """The report; of an object whose output depends on the calls before, one of fresh copies."""
    report = _checked_as_it_is(reading, request, **op)
    if report.verdict != "cannot tell" or reading.subject.shared is None:
        return report
    alone = _checked_as_it_is(replace(reading, subject=replace(reading.subject, shared=None)), request, **op)
    if alone.verdict == "cannot tell":
        return report
    return replace(alone, acquittals=(KEEPS_STATE, *alone.acquittals))


def _checked_as_it_is(reading: Reading, request: Request, **op: Any) -> Report:
    with np.errstate(all="ignore"):
        return oracle.check(reading.subject, *reading.primals, names=reading.names, seed=request.seed,
                            strict=request.strict, **op)  # fmt: skip


def _guessed(reading: Reading, request: Request, op: str, statics: Mapping[str, Any]) -> Report:
    """Judged as the op that the name says; where it computes something else and its backward fits that, it is right."""
    try:
        as_op = checked(reading, request, op=op, statics=dict(statics))
    except (TypeError, ValueError):
        return checked(reading, request)
    if not any(finding.blame in ("forward", "convention") for finding in as_op.findings):
        return as_op
    alone = checked(reading, request)
    said = f"It is called like {op}, and computes something else."
    if alone.verdict == "pass":
        return replace(alone, acquittals=(said, *alone.acquittals))
    return alone if any(finding.blame == "convention" for finding in as_op.findings) else as_op
