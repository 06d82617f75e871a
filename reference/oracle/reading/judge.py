"""Judging something found in a file: the ways to read it, one after the other, until one is right or one is certain."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from reference import oracle
from reference.oracle.reading import constants, designed, ties
from reference.oracle.reading.certainty import CALLS, NAMELESS, Tried, accused, shows_little
from reference.oracle.reading.composed import composed
from reference.oracle.reading.discover import Found
from reference.oracle.reading.instances import held_arrays, shapes_of
from reference.oracle.reading.names import SCENE_OF_OP, recognized
from reference.oracle.reading.readings import given_reading, readings
from reference.oracle.reading.scenes import Scene, alike, fitting, scenes
from reference.oracle.reading.settle import example_of, settling
from reference.oracle.reading.source import parameters, required
from reference.oracle.reading.trial import DidNotRun, Reading, runs
from reference.oracle.reading.vocabulary import part_of
from reference.oracle.report import Report
from reference.oracle.specs import SPECS

# So many readings that run are judged of one thing, and so many of one meaning.
MOST, MOST_ALIKE = 10, 4
KEEPS_STATE = "Its output depends on the calls before it: each call was judged on a fresh copy."
# Words for what is wrong that are second best.
BLURRED = (*NAMELESS, "wrong_operand", "local_factor", "wrong_derivative")
STAGES = ("constructor", "forward", "backward")


class CannotTell(Exception):
    """No reading is certain; the message says how the code was read and why, `code` what settles it."""

    def __init__(self, words: str, code: str = ""):
        super().__init__(words)
        self.code = code


class NothingRan(CannotTell):
    """On no inputs that were tried did forward and backward run."""


@dataclass(frozen=True)
class Request:
    """What was asked for beside the code itself."""

    op: str | None = None
    statics: Mapping[str, Any] | None = None
    seed: int = 0
    strict: bool = False
    # The file's own inputs: EXAMPLES[name].
    examples: Any = None
    # Other values for the same reading, where the file must not know them.
    redrawn: Callable[[Reading], Reading] = field(default=lambda reading: reading)


def judge(found: Found, request: Request) -> Report:
    """The report of the first reading that is right, else of the certain one that is wrong.

    Raises:
        CannotTell: nothing ran, or no reading is certain.
    """
    tried: list[Tried] = []
    complaints: list[DidNotRun] = []
    for one in _tried(found, request, complaints):
        if one.report.verdict == "pass" and not shows_little(one, tried):
            return _with_every_gradient(found, one)
        if excused := _but_for_constants(one, request):
            return excused
        tried.append(one)
        if len(tried) >= MOST:
            break
    if excused := _but_for_ties(request, tried):
        return excused
    if (chosen := accused(tried)) and not chosen.given and _right_on_sequences(chosen.reading, request):
        words = f"read as {chosen.reading.calls}: right on a batch of sequences, and wrong on a batch of rows"
        raise CannotTell(words, settling(found, chosen.reading))
    if chosen:
        return _without_constants(chosen, request)
    raise _cannot_tell(found, tried, complaints)


def _right_on_sequences(reading: Reading, request: Request) -> bool:
    """Whether code that is wrong on rows is right on a batch of sequences of them, and may be meant for those."""
    first = reading.primals[0]
    if not isinstance(first, np.ndarray) or first.ndim != 2 or first.dtype.kind != "f" or reading.subject.bind:
        return False
    x = np.random.default_rng(request.seed).normal(size=(first.shape[0], 5, first.shape[1]))
    other = replace(reading, primals=(x, *reading.primals[1:]))
    return runs(other) and _check(other, request).verdict == "pass"


def _with_every_gradient(found: Found, one: Tried) -> Report:
    """The report of what is right; CannotTell where some parameters have a gradient and others have none."""
    reading = one.reading
    if reading.lacking and len(reading.names) > reading.inputs:
        kept = ", ".join(reading.names[reading.inputs :])
        words = f"no gradient of {', '.join(reading.lacking)} was found in what the backward returns or keeps"
        raise CannotTell(f"read as {reading.calls}: {words}; those of {kept} are right", settling(found, reading))
    return one.report


def _but_for_ties(request: Request, tried: Sequence[Tried]) -> Report | None:
    """The report of code that is right wherever no two entries tie for a maximum; None for other code."""
    near = next((one for one in tried if ties.only_ties(one.report)), None)
    if near is None or near.given or not ties.right_without(near.reading, lambda other: _check(other, request)):
        return None
    return ties.excused(near.report, request.strict)


def _but_for_constants(one: Tried, request: Request) -> Report | None:
    """The report of a reading that is right as soon as the small constants in the code are smaller; None for others."""
    if not constants.may_be(one.report):
        return None
    with constants.shrunk(constants.called(lambda: runs(one.reading))) as told:
        right = bool(told) and _check(one.reading, request).verdict == "pass"
    return constants.excused(one.report, told, request.strict) if right else None


def _without_constants(one: Tried, request: Request) -> Report:
    """The report of wrong code; where small constants blur what is wrong with it, named by the code without them."""
    report = one.report
    if not (one.first and one.first.cause in BLURRED):
        return report
    with constants.shrunk(constants.called(lambda: runs(one.reading))) as told:
        again = _check(one.reading, request) if told else report
    clear = again.verdict == "fail" and again.findings[0].cause not in (*BLURRED, *CALLS)
    return replace(report, findings=again.findings) if clear else report


def _tried(found: Found, request: Request, complaints: list[DidNotRun]) -> Iterator[Tried]:
    """The readings that run, judged, the likeliest first."""
    if request.examples is not None:
        given = given_reading(found, request.examples, complaints)
        yield from (_judged(found, reading, request, None, given=True) for reading in given)
        return
    any_ran = False
    for one in composed(found):
        for tried in () if any_ran else _tried_on_scenes(one, request, complaints):
            any_ran = True
            yield tried
    if not any_ran:
        yield from _tried_on_scenes(found, request, complaints)


def _tried_on_scenes(found: Found, request: Request, complaints: list[DidNotRun]) -> Iterator[Tried]:
    """The readings that run on inputs of ours."""
    # The scenes of a loss are made for it; shapes inferred from what it holds, often large, are a last resort.
    for inferred in (False, True) if found.is_loss else (True,):
        any_ran = False
        for meaning, group in _meanings(found, request).items():
            if any_ran and not (meaning and found.is_loss):
                continue
            chosen = _with_inferred(found, group, request.seed) if inferred else group
            scene, ran = _first_that_runs(found, chosen, complaints)
            for reading in ran[:MOST_ALIKE]:
                any_ran = True
                yield _judged(found, reading, request, scene, meaning=meaning)
        if any_ran:
            return


def _likely(found: Found, request: Request) -> str | None:
    """The scene of the op that was asked for, else the one that the name says."""
    return SCENE_OF_OP.get(request.op, request.op) if request.op in SPECS else recognized(found.name)[1]


def _meanings(found: Found, request: Request) -> dict[str, list[Scene]]:
    """The scenes by what a loss is given; the likely ones first, and for a loss those that are made for losses."""
    likely, seed = _likely(found, request), request.seed
    every = scenes(seed)
    if likely in SPECS and likely not in SCENE_OF_OP.values():
        every = [_op_scene(found, likely, seed), *every]
    kin = "pooling " if likely in ("max_pool", "avg_pool") else f"{likely} "
    # The name of a network says nothing of what its loss is given.
    ordered = sorted(every, key=lambda scene: (scene.name != likely, not scene.name.startswith(kin)))
    ordered.sort(key=lambda scene: bool(scene.meaning) != found.is_loss)
    ordered.append(alike(required(found.forward), seed))
    groups: dict[str, list[Scene]] = {}
    names = {p.name for p in parameters(found.forward)}
    for scene in ordered:
        if scene.needs and scene.needs not in names:
            continue
        groups.setdefault(scene.meaning, []).append(scene)
    return groups


def _first_that_runs(
    found: Found, group: Iterable[Scene], complaints: list[DidNotRun]
) -> tuple[Scene | None, list[Reading]]:
    """The readings on the first scene whose gradients fit their arguments; failing that, on the first that runs."""
    misfits: tuple[Scene | None, list[Reading]] = (None, [])
    for scene in group:
        ran = list(readings(found, scene, complaints))
        if fit := [reading for reading in ran if reading.fits]:
            return scene, fit
        misfits = misfits if misfits[1] else (scene, ran)
    return misfits


def _with_inferred(found: Found, group: Sequence[Scene], seed: int) -> Iterator[Scene]:
    """The scenes, and then those whose x has the shape that an object's own parameters ask for."""
    yield from group
    for scene in group:
        if arrays := held_arrays(found, replace(scene, small=False)):
            yield from fitting(replace(scene, small=False), shapes_of(found), arrays, seed)
            return


def _op_scene(found: Found, op: str, seed: int) -> Scene:
    """The op's own example inputs, by the parts of its arguments and in the order of the forward's."""
    case = next((case for case in SPECS[op].cases if not case.statics), SPECS[op].cases[0])
    inputs = oracle.example_inputs(op, case.id, seed=seed)
    by_part = {part_of(name) or name: value for name, value in zip(inputs.names, inputs, strict=True)}
    in_order = dict(zip(required(found.forward), inputs, strict=False))
    settings = {"shift": by_part.get("bias"), **by_part, **in_order}
    return Scene(op, {part: value for part, value in settings.items() if value is not None}, dict(inputs.statics))


def _judged(
    found: Found, reading: Reading, request: Request, scene: Scene | None, *, meaning: str = "", given: bool = False
) -> Tried:
    by_name, likely = recognized(found.name)[0], _likely(found, request)
    reading = request.redrawn(reading)
    own = request.examples if isinstance(request.examples, Mapping) else {}
    named = request.op or own.get("op")
    suiting = scene.statics if scene is not None and scene.name == likely else None
    statics = request.statics if request.statics is not None else own.get("statics", suiting or {})
    if named and named != "none":
        report = _check(reading, request, op=named, statics=statics)
    elif by_name and not named and suiting is not None:
        report = _guessed(reading, request, by_name, suiting)
    else:
        report = _check(reading, request)
    report = replace(report, subject=found.name, inputs=_inputs(scene, likely),
                     acquittals=(*reading.notes, *report.acquittals))  # fmt: skip
    said, meant = given or bool(named and named != "none"), designed.by_design(reading, report)
    report = designed.said_of(report, meant) if said and meant else report
    return Tried(reading, report, said, meaning, found.several, meant)


def _inputs(scene: Scene | None, likely: str | None) -> str:
    if scene is None:
        return "the file's own EXAMPLES"
    why = "going by the name" if scene.name == likely else "the first shapes that ran"
    meaning = f", {scene.meaning}" if scene.meaning else ""
    return f"random, {scene.shapes or f'of shapes that suit {scene.name}'}{meaning} ({why})"


def _check(reading: Reading, request: Request, **op: Any) -> Report:
    """The report; of an object whose output depends on the calls before, one of fresh copies."""
    report = _checked(reading, request, **op)
    if report.verdict != "cannot tell" or reading.subject.shared is None:
        return report
    alone = _checked(replace(reading, subject=replace(reading.subject, shared=None)), request, **op)
    if alone.verdict == "cannot tell":
        return report
    return replace(alone, acquittals=(KEEPS_STATE, *alone.acquittals))


def _checked(reading: Reading, request: Request, **op: Any) -> Report:
    with np.errstate(all="ignore"):
        return oracle.check(reading.subject, *reading.primals, names=reading.names, seed=request.seed,
                            strict=request.strict, **op)  # fmt: skip


def _guessed(reading: Reading, request: Request, op: str, statics: Mapping[str, Any]) -> Report:
    """Judged as the op that the name says; where it computes something else and its backward fits that, it is right."""
    try:
        as_op = _check(reading, request, op=op, statics=dict(statics))
    except (TypeError, ValueError):
        return _check(reading, request)
    if not any(finding.blame in ("forward", "convention") for finding in as_op.findings):
        return as_op
    alone = _check(reading, request)
    said = f"It is called like {op}, and computes something else."
    if alone.verdict == "pass":
        return replace(alone, acquittals=(said, *alone.acquittals))
    return alone if any(finding.blame == "convention" for finding in as_op.findings) else as_op


def _cannot_tell(found: Found, tried: Sequence[Tried], complaints: Sequence[DidNotRun]) -> CannotTell:
    if not tried:
        return NothingRan(_nothing_ran(found, complaints), example_of(found))
    one = next((other for other in tried if other.designed), tried[0])
    if one.designed:
        return CannotTell(f"read as {one.reading.calls}: {one.designed}", settling(found, one.reading))
    if any(other.report.verdict == "cannot tell" for other in tried):
        report = next(other.report for other in tried if other.report.verdict == "cannot tell")
        said = report.findings[0].message if report.findings else "too little of it could be measured"
        return CannotTell(f"read as {one.reading.calls}: {said}", settling(found, one.reading))
    doubt = one.doubt or "several readings fit it, and none is right"
    return CannotTell(
        f"read as {one.reading.calls}, it is not certain: {doubt}. {_says(one)}", settling(found, one.reading)
    )


def _says(one: Tried) -> str:
    return f"So read, {one.first.message}." if one.first else ""


def _nothing_ran(found: Found, complaints: Sequence[DidNotRun]) -> str:
    if not complaints:
        return f"no inputs were found for {found.name}: its arguments have names that say nothing."
    furthest = max(complaints, key=lambda one: ("NotThere" in str(one), STAGES.index(one.where)))
    return f"no inputs were found for {found.name}: the {furthest.where} raised {furthest}."
