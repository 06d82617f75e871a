"""Inputs found by trying, where argument names say too little: whatever lets the code come a line further is kept."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from reference.oracle.reading.discover import Found
from reference.oracle.reading.filling import NETWORK_SIZES, SIZES, USUAL
from reference.oracle.reading.scene import Scene
from reference.oracle.reading.source import init_of, parameters, ranks_of, required
from reference.oracle.reading.trial import STAGES, DidNotRun, lines_run
from reference.oracle.reading.vocabulary import part_of, plain

# So many sets of inputs are tried, in so many rounds over the arguments; fewer of objects that hold many entries.
TRIALS, FEWEST, ROUNDS = 240, 24, 3
ENTRIES = 20_000
# By rank: pairwise different lengths first, then those that have to agree.
SHAPES: Mapping[int, Sequence[tuple[int, ...]]] = {
    2: ((3, 7), (3, 5), (7, 11), (11, 7), (3, 11), (7, 3), (7, 7), (7, 5)),
    3: ((3, 5, 7), (3, 7, 5), (7, 3, 5), (3, 5, 11), (3, 4, 7)),
    1: ((7,), (11,), (3,), (5,)),
    4: ((3, 7, 8, 10), (3, 8, 10, 7), (3, 2, 8, 8), (3, 8, 8, 2), (3, 5, 2, 7), (2, 3, 5, 7)),
    0: ((),),
}
EXTENTS = ((7,), (3, 7), (7, 8, 10), (8, 10, 7), (3, 7, 8, 10), (3, 8, 10, 7), (3, 5, 7), (5, 7),
           (5, 3, 3, 7), (5, 7, 3, 3))  # fmt: skip
NUMBERS = (7, 11, 2, 5, 0.5, (7,), (7, 11))
WINDOWS = {"window": (3, (3, 3), 2, (2, 2)), "stride": (1, (1, 1), 2), "pad": (0, 1, (1, 1))}
LENGTHS = (7, 11, 12, 5, 3, 2)
Progress = tuple[int, ...]


def searched(
    found: Found, start: Scene, seed: int, held: int, complaints_of: Callable[[Scene], Sequence[DidNotRun] | None]
) -> Scene | DidNotRun | None:
    """The first scene on which the code runs, found from where it came furthest; else what was in the way there.

    `complaints_of` runs the code on a scene: what was in the way, or None where nothing was. `held`: so many entries
    does an object have, which makes its trials dear.
    """
    moves, best, left = _walk(found, seed), None, max(FEWEST, TRIALS // (1 + held // ENTRIES))
    lacking = {
        key: value for key, value in _first_of_each(_walk(found, seed)).items() if part_of(key) not in start.values
    }
    scene = replace(start, values={**lacking, **start.values})
    for move in moves:
        other = replace(scene, values={**scene.values, **move}, given=(*scene.given, *move))
        complaints = complaints_of(other)
        if complaints is None:
            return found_by_trying(other)
        furthest = max(complaints, key=progress, default=None)
        if furthest and (best is None or progress(furthest) > progress(best)):
            scene, best = other, furthest
        left -= 1
        if not left or any("NotThere" in str(one) for one in complaints):
            break
    return best


def found_by_trying(scene: Scene) -> Scene:
    """The same, said to be what it is."""
    return replace(scene, name="what lets it run", statics={}, shapes="found by trying")


def _first_of_each(moves: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """A value for everything that may be chosen, to begin with."""
    values: dict[str, Any] = {}
    for move in moves:
        values = {**move, **values}
    return values


def _walk(found: Found, seed: int) -> Iterator[dict[str, Any]]:
    """The moves one by one, again from wherever they led, and then arrays and settings at once."""
    rng = np.random.default_rng([seed, 179424673])
    arrays, settings = list(_of_arrays(found, rng)), list(_of_settings(found))
    few = 0 < len(arrays) * len(settings) <= TRIALS
    for _ in range(1 if few else ROUNDS):
        yield from (*arrays, *settings)
    yield from ({**array, **setting} for setting in settings for array in arrays)


def progress(complaint: DidNotRun) -> Progress:
    """How far the code came: the stage, and the line in each of its functions that were being run."""
    return (STAGES.index(complaint.where), *lines_run(complaint.__cause__))


def _of_arrays(found: Found, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """What the forward may be given: another one of its arrays, or arrays of one shape."""
    known = ranks_of(found.forward)
    names = [name for name in required(found.forward) if _may_be_an_array(part_of(name))]
    for place, name in enumerate(names):
        yield from ({name: array} for array in _arrays(rng, known.get(name), place))
    for shape in (shape for group in SHAPES.values() for shape in group if len(names) > 1):
        yield {name: _normal(rng, shape) for name in names}


def _may_be_an_array(part: str | None) -> bool:
    return part not in USUAL and not (part or "").endswith("_param")


def _of_settings(found: Found) -> Iterator[dict[str, Any]]:
    """What the constructor may be given."""
    if found.style in ("object", "network"):
        yield {"stride": 1, "pad": 0}
        for place, parameter in enumerate(parameters(init_of(found.parts[0]))):
            yield from _settings(parameter, place)


def _settings(parameter: inspect.Parameter, place: int) -> Iterator[dict[str, Any]]:
    """The values that an argument of a constructor may have, under its name or the part that it plays.

    Those of which nothing is known begin with another number each.
    """
    part = SIZES.get(plain(parameter.name)) or part_of(parameter.name)
    if parameter.default is None and part == "input_shape":
        yield from ({parameter.name: extent} for extent in EXTENTS)
    elif part in WINDOWS and not isinstance(parameter.default, str):
        yield from ({part: setting} for setting in WINDOWS[part])
    elif parameter.default is parameter.empty and part in NETWORK_SIZES:
        yield from ({part: size} for size in (EXTENTS if part == "input_shape" else LENGTHS))
    elif parameter.default is parameter.empty and part is None:
        first = place % 3
        yield from ({parameter.name: number} for number in (*NUMBERS[first:], *NUMBERS[:first]))


def _arrays(rng: np.random.Generator, rank: int | None, place: int) -> Iterator[np.ndarray]:
    """Floating arrays of the rank that the code asks for, of any where it asks for none; and whole numbers.

    Each argument begins with another shape, so that no gradient can be taken for that of another.
    """
    for own, group in SHAPES.items():
        first = place % len(group)
        for shape in (*group[first:], *group[:first]) if rank in (None, own) else ():
            yield _normal(rng, shape)
    yield from (rng.integers(0, 3, size=shape) for shape in ((3,), (3, 5)) if rank in (None, len(shape)))


def _normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.asarray(rng.normal(size=shape)) if shape else np.asarray(0.7)
