"""The readings of something found that run, judged, the likeliest first."""

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from reference import oracle
from reference.oracle.reading.as_used import made_as_used, takes, tried_as_used
from reference.oracle.reading.asked_shapes import held_arrays, shapes_of
from reference.oracle.reading.certainty import Tried
from reference.oracle.reading.composed import composed
from reference.oracle.reading.discover import Found
from reference.oracle.reading.judged import judged, likely_scene
from reference.oracle.reading.readings import given_reading, readings
from reference.oracle.reading.request import Request
from reference.oracle.reading.scene import Scene
from reference.oracle.reading.scenes import alike, fitting, scenes
from reference.oracle.reading.searched import found_by_trying, progress, searched
from reference.oracle.reading.source import parameters, required
from reference.oracle.reading.trial import DidNotRun, Reading, floating, forgets_a_sum, shapes_collide, shows_something
from reference.oracle.reading.vocabulary import part_of
from reference.oracle.specs import SPECS

# So many readings of one meaning that run are judged.
MOST_ALIKE = 4


def tried_readings(found: Found, request: Request, complaints: list[DidNotRun]) -> Iterator[Iterator[Tried]]:
    """The readings that run, judged, the likeliest first; by what their inputs are, the surest first.

    Those of the file's own, where it brings any; else ours that suit the names; those of the lines that use it; and,
    where nothing ran on any of these, inputs found by trying.
    """
    if request.examples is not None:
        one = next((other for other in composed(found) if takes(other, request.examples)), found)
        given = given_reading(one, request.examples, complaints)
        yield (judged(one, reading, request, None, given=True) for reading in given)
        return
    any_ran: list[Tried] = []
    yield _noted(_whole_or_parts(found, request, complaints, _on_scenes), any_ran)
    used = list(made_as_used(found))
    parts = functools.partial(_whole_or_parts, on=_on_scenes)
    yield _noted(tried_as_used(used, request, complaints, parts), any_ran)
    for one in () if any_ran else (*(one for one, _ in used), found):
        yield _noted(_whole_or_parts(one, request, complaints, _on_searched), any_ran)
        if any_ran:
            return


def _noted(phase: Iterator[Tried], notes: list[Tried]) -> Iterator[Tried]:
    for tried in phase:
        notes.append(tried)
        yield tried


def _whole_or_parts(
    found: Found, request: Request, complaints: list[DidNotRun], on: Callable[..., Iterator[Tried]]
) -> Iterator[Tried]:
    """The readings of a network together with its loss; where none runs, of the network alone."""
    any_ran = False
    for one in (*composed(found), found):
        for tried in () if any_ran else on(one, request, complaints):
            any_ran = True
            yield tried


def _on_scenes(found: Found, request: Request, complaints: list[DidNotRun]) -> Iterator[Tried]:
    """The readings that run on inputs of ours."""
    # The scenes of a loss are made for it; shapes inferred from what it holds, often large, are a last resort.
    for inferred in (False, True) if found.is_loss else (True,):
        any_ran = False
        for meaning, group in meanings(found, request).items():
            if any_ran and not (meaning and found.is_loss):
                continue
            chosen = with_inferred(found, group, request.seed) if inferred else group
            scene, ran = first_that_runs(found, chosen, complaints)
            for reading in ran[:MOST_ALIKE]:
                any_ran = True
                yield judged(found, reading, request, scene, meaning=meaning)
        if any_ran:
            return


def _on_searched(found: Found, request: Request, complaints: list[DidNotRun]) -> Iterator[Tried]:
    """The readings that run on inputs found by trying: a guess, as nothing says that they are what was meant."""
    second_best: list[tuple[Scene, list[Reading]]] = []
    ran: list[Reading] = []

    def complaints_of(scene: Scene) -> list[DidNotRun] | None:
        own: list[DidNotRun] = []
        ran[:] = [reading for reading in readings(found, scene, own) if reading.fits and shows_something(reading)]
        if ran and shapes_collide(ran[0]):
            second_best.append((scene, list(ran)))
        fewer = bool(ran and second_best) and len(floating(ran[0])) < len(floating(second_best[0][1][0]))
        return None if ran and not shapes_collide(ran[0]) and not fewer else own

    known = [(one, one.scene) for one in complaints if one.scene is not None]
    start = max(known, key=lambda pair: progress(pair[0]))[1] if known else scenes(request.seed)[1]
    held = sum(array.size for array in held_arrays(found, start))
    scene = searched(found, start, request.seed, held, complaints_of)
    if not isinstance(scene, Scene) and second_best:
        scene, ran = found_by_trying(second_best[0][0]), second_best[0][1]
    if isinstance(scene, DidNotRun):
        complaints.append(scene)
    if not isinstance(scene, Scene):
        return
    for reading in ran[:MOST_ALIKE]:
        yield judged(found, replace(reading, guessed=True, searched=True), request, scene)


def meanings(found: Found, request: Request) -> dict[str, list[Scene]]:
    """The scenes by what a loss is given; the likely ones first, and for a loss those that are made for losses."""
    likely, seed = likely_scene(found, request), request.seed
    every = scenes(seed)
    if likely in SPECS and all(scene.name != likely for scene in every):
        every = [_op_scene(found, likely, seed), *every]
    kin = "pooling " if likely in SPECS and SPECS[likely].family == "pooling" else f"{likely} "
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


def first_that_runs(
    found: Found, group: Iterable[Scene], complaints: list[DidNotRun]
) -> tuple[Scene | None, list[Reading]]:
    """The readings on the first scene whose gradients fit their arguments, or do but for a sum over the examples that
    is forgotten; failing that, on the first that runs."""
    misfits: tuple[Scene | None, list[Reading]] = (None, [])
    for scene in group:
        before = len(complaints)
        ran = list(readings(found, scene, complaints))
        for complaint in complaints[before:]:
            complaint.scene = scene
        fit = [reading for reading in ran if reading.fits]
        if fit := fit or [reading for reading in ran if forgets_a_sum(reading)]:
            return scene, fit
        misfits = misfits if misfits[1] else (scene, ran)
    return misfits


def with_inferred(found: Found, group: Sequence[Scene], seed: int) -> Iterator[Scene]:
    """The scenes, and then those whose x has the shape that an object's own parameters ask for."""
    yield from group
    for scene in group:
        own = replace(scene, small=False)
        arrays, shapes = held_arrays(found, own), shapes_of(found, own)
        if arrays or shapes:
            lone = wanted if len(wanted := required(found.forward)) == 1 else []
            yield from fitting(own, shapes, arrays, seed, ("x", "predictions", *lone))
            return


def _op_scene(found: Found, op: str, seed: int) -> Scene:
    """The op's own example inputs, by the parts of its arguments and in the order of the forward's."""
    case = next((case for case in SPECS[op].cases if not case.statics), SPECS[op].cases[0])
    inputs = oracle.example_inputs(op, case.id, seed=seed)
    by_part = {part_of(name) or name: value for name, value in zip(inputs.names, inputs, strict=True)}
    in_order = dict(zip(required(found.forward), inputs, strict=False))
    settings = {"shift": by_part.get("bias"), **by_part, **in_order}
    return Scene(op, {part: value for part, value in settings.items() if value is not None}, dict(inputs.statics))
