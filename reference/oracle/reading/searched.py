"""Inputs found by trying, where argument names say too little: whatever lets the code come a line further is kept."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

import reference
from reference.oracle.reading.discover import Found
from reference.oracle.reading.filling import NETWORK_SIZES, SIZES, USUAL
from reference.oracle.reading.scene import Scene
from reference.oracle.reading.source import init_of, parameters, ranks_of, required
from reference.oracle.reading.trial import STAGES, DidNotRun
from reference.oracle.reading.vocabulary import part_of, plain

# So many sets of inputs are tried, in so many rounds over the arguments.
TRIALS, ROUNDS = 160, 3
OURS = str(Path(reference.__file__).parent)
# By rank: pairwise different lengths first, then those that have to agree.
SHAPES: Mapping[int, Sequence[tuple[int, ...]]] = {
    2: ((3, 7), (3, 5), (7, 11), (11, 7), (3, 11), (7, 3), (7, 7), (7, 5)),
    3: ((3, 5, 7), (3, 7, 5), (7, 3, 5), (3, 5, 11), (3, 4, 7)),
    1: ((7,), (11,), (3,), (5,)),
    4: ((3, 7, 8, 10), (3, 8, 10, 7), (3, 2, 8, 8), (3, 8, 8, 2), (3, 5, 2, 7), (2, 3, 5, 7)),
    0: ((),),
}
EXTENTS = ((7,), (3, 7), (7, 8, 10), (8, 10, 7), (3, 7, 8, 10), (3, 8, 10, 7), (3, 5, 7), (5, 7))
NUMBERS = (2, 7, 11, 0.5, (7,), (7, 11))
LENGTHS = (7, 11, 12, 5, 3)
Progress = tuple[int, ...]


def searched(
    found: Found, start: Scene, seed: int, complaints_of: Callable[[Scene], Sequence[DidNotRun] | None]
) -> Scene | DidNotRun | None:
    """The first scene on which the code runs, found from where it came furthest; else what was in the way there.

    `complaints_of` runs the code on a scene: what was in the way, or None where nothing was.
    """
    scene, best, left = start, None, TRIALS
    open_to = list(_coordinates(found, seed))
    for _ in range(ROUNDS):
        before = best
        for key, candidate in ((key, candidate) for key, candidates in open_to for candidate in candidates):
            other = replace(scene, values={**scene.values, key: candidate}, given=(*scene.given, key))
            complaints = complaints_of(other)
            if complaints is None:
                return replace(other, name="what lets it run", statics={}, shapes="found by trying")
            furthest = max(complaints, key=progress, default=None)
            if furthest and (best is None or progress(furthest) > progress(best)):
                scene, best = other, furthest
            left -= 1
            if not left or any("NotThere" in str(one) for one in complaints):
                return best
        if best is before:
            break
    return best


def progress(complaint: DidNotRun) -> Progress:
    """How far the code came: the stage, and the line in each of its functions that were being run."""
    error = complaint.__cause__
    lines = [line for file, line in _frames(error.__traceback__ if error else None) if not file.startswith(OURS)]
    return (STAGES.index(complaint.where), *lines)


def _frames(traceback: TracebackType | None) -> Iterator[tuple[str, int]]:
    while traceback is not None:
        yield traceback.tb_frame.f_code.co_filename, traceback.tb_lineno
        traceback = traceback.tb_next


def _coordinates(found: Found, seed: int) -> Iterator[tuple[str, list[Any]]]:
    """What may be chosen, and out of what: arrays for the forward, sizes for the constructor."""
    rng = np.random.default_rng([seed, 179424673])
    known = ranks_of(found.forward)
    for name in required(found.forward):
        if part_of(name) not in USUAL:
            yield name, list(_arrays(rng, known.get(name)))
    for parameter in parameters(init_of(found.parts[0])) if found.style in ("object", "network") else ():
        part = SIZES.get(plain(parameter.name)) or part_of(parameter.name)
        if parameter.default is None and part == "input_shape":
            yield parameter.name, list(EXTENTS)
        elif parameter.default is parameter.empty and part in NETWORK_SIZES:
            yield part, list(EXTENTS if part == "input_shape" else LENGTHS)
        elif parameter.default is parameter.empty and part is None:
            yield parameter.name, list(NUMBERS)


def _arrays(rng: np.random.Generator, rank: int | None) -> Iterator[np.ndarray]:
    """Floating arrays of the rank that the code asks for, of any where it asks for none; and whole numbers."""
    shapes = [shape for own, group in SHAPES.items() if rank in (None, own) for shape in group]
    yield from (np.asarray(rng.normal(size=shape)) if shape else np.asarray(0.7) for shape in shapes)
    yield from (rng.integers(0, 3, size=shape) for shape in ((3,), (3, 5)) if rank in (None, len(shape)))
