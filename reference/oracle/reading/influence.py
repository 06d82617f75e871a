"""What an object holds that its output depends on: its parameters, wherever they lie, whatever they are called."""

import copy
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from reference._checks import is_floating
from reference.oracle.subjects import parameters, trees
from reference.oracle.subjects.parameters import Steps
from reference.oracle.subjects.vjp import quiet

# An object's attributes, lists and dicts are walked this deep, and at most so many arrays are tried.
DEPTH = 4
MOST = 40


def arrays_of(owner: Any) -> Iterator[tuple[Steps, np.ndarray]]:
    """Every floating array that an object holds and the way to it, each array once."""
    seen: set[int] = set()
    for steps, value in _walk(owner, (), 0, set()):
        if id(value) not in seen:
            seen.add(id(value))
            yield steps, value


def _walk(owner: Any, steps: Steps, depth: int, above: set[int]) -> Iterator[tuple[Steps, np.ndarray]]:
    if isinstance(owner, np.ndarray):
        if is_floating(owner.dtype):
            yield steps, owner
        return
    if depth > DEPTH or id(owner) in above or isinstance(owner, type | ModuleType | FunctionType | str | bytes):
        return
    inside = above | {id(owner)}
    if isinstance(owner, Mapping):
        parts = [(("item", key), value) for key, value in owner.items()]
    elif isinstance(owner, list | tuple):
        parts = [(("item", place), value) for place, value in enumerate(owner)]
    else:
        parts = [(("attribute", name), value) for name, value in getattr(owner, "__dict__", {}).items()]
    for step, value in parts:
        yield from _walk(value, (*steps, step), depth + 1, inside)


def text_of(steps: Steps) -> str:
    """A path as it is written: `layers[0].W`; of the object's own dict, `params['W1']`, the key alone says enough."""
    if len(steps) == 2 and steps[1][0] == "item" and not isinstance(steps[1][1], int):
        return str(steps[1][1])
    text = ""
    for kind, key in steps:
        text += f"[{key!r}]" if kind == "item" else f".{key}" if text else str(key)
    return text


def influential(owner: Any, run: Callable[[Any], Any]) -> list[Steps]:
    """The ways to the arrays whose change changes the output of `run`, each tried on a copy of the object."""
    found: list[Steps] = []
    before = _output(owner, run)
    for steps, array in list(arrays_of(owner))[:MOST]:
        if before is not None and array.size and not _same(_moved(owner, steps, run), before):
            found.append(steps)
    return found


def _moved(owner: Any, steps: Steps, run: Callable[[Any], Any]) -> np.ndarray | None:
    held = copy.deepcopy(owner)
    array = parameters.read(held, steps)
    try:
        array += np.asarray(0.125 + 0.25 * (np.arange(array.size) % 3), array.dtype).reshape(array.shape)
    except (TypeError, ValueError):  # read-only memory is nothing that a training step could change
        return None
    return _output(held, run, copied=True)


def _output(owner: Any, run: Callable[[Any], Any], copied: bool = False) -> np.ndarray | None:
    try:
        with quiet(0):  # the same draws in every run
            return trees.vector(run(owner if copied else copy.deepcopy(owner)))
    except (Exception, SystemExit):  # an object whose parameter has changed may refuse to run
        return None


def _same(moved: np.ndarray | None, before: np.ndarray) -> bool:
    """Unknown counts as unchanged: what makes the object refuse is no parameter."""
    return moved is None or (moved.shape == before.shape and np.array_equal(moved, before, equal_nan=True))
