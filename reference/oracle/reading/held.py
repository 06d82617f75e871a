"""The parameters that an object holds, wherever it keeps them, and the way to the gradient of each."""

import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from reference.oracle.reading.collected import argument_of, arranged
from reference.oracle.reading.influence import arrays_of, influential, text_of
from reference.oracle.reading.objects import Spoken, kept_gradient
from reference.oracle.reading.source import returned_names
from reference.oracle.reading.vocabulary import plain
from reference.oracle.subjects import parameters
from reference.oracle.subjects.parameters import Pair, Steps


@dataclass(frozen=True)
class Moments:
    """An object before the forward, after it and after the backward, and what came of the last."""

    fresh: Any
    warm: Any
    after: Any
    came: Any
    # The arrays that the output depends on.
    matter: list[Steps]


def with_parameters(spoken: Spoken, inputs: tuple[Any, ...], cotangent: Any) -> tuple[Spoken, tuple[str, ...]]:
    """The same with the parameters of its object and the way to their gradients; and the parameters that have none.

    Raises whatever the forward or the backward raises.
    """
    moments = _moments(spoken, inputs, cotangent)
    pairs, stepped, lacking = _sorted(moments, inputs)
    returned = _also_returned(moments.came, spoken, inputs, moments.fresh, lacking)
    lacking = [pair for pair in lacking if pair not in returned]
    chosen = (*pairs, *stepped, *returned)
    names = _distinct([pair.name for pair in chosen], spoken.names)
    moved = [*stepped, *(pair for pair in pairs if _is_stepped(moments, pair))]
    by_step = tuple(name for name, pair in zip(names, chosen, strict=True) if pair in moved)
    bound = replace(spoken, layer=moments.fresh, pairs=chosen, names=(*spoken.names, *names), stepped=by_step)
    return bound, tuple(pair.name for pair in lacking)


def _moments(spoken: Spoken, inputs: tuple[Any, ...], cotangent: Any) -> Moments:
    warm = copy.deepcopy(spoken.layer)
    spoken.run(warm, inputs)
    after = copy.deepcopy(spoken.layer)
    came = spoken.came(after, spoken.run(after, inputs), cotangent)
    fresh = spoken.layer
    matter = influential(fresh, lambda held: spoken.run(held, inputs).output)
    later = influential(warm, lambda held: spoken.run(held, inputs).output)
    if not matter and later and len(list(arrays_of(fresh))) < len(list(arrays_of(warm))):
        fresh, matter = warm, later  # parameters that the first forward makes: whatever else it keeps has no gradient
    return Moments(fresh, warm, after, came, matter)


def _sorted(moments: Moments, inputs: tuple[Any, ...]) -> tuple[list[Pair], list[Pair], list[Pair]]:
    """The parameters with a gradient kept somewhere, those that the backward moves itself, and those with neither."""
    fresh, after, warm = moments.fresh, moments.after, moments.warm
    found = [pair for pair in parameters.discovered(fresh, after) if _matters(fresh, after, pair, moments.matter)]
    pairs = [pair for pair in found if not _is_input(parameters.read(warm, pair.parameter), inputs)]
    known = {id(parameters.read(fresh, pair.parameter)) for pair in pairs}
    stepped, lacking = [], []
    for steps in moments.matter:
        if id(parameters.read(fresh, steps)) in known:
            continue
        taken = [path for pair in pairs for path in pair.gradients]
        if fresh is not warm and _has_moved(fresh, after, steps):
            stepped.append(Pair(text_of(steps), steps, ()))
        elif gradient := _gradient_beside(fresh, after, warm, steps, taken):
            pairs.append(Pair(text_of(steps), steps, (gradient,)))
        else:
            lacking.append(Pair(text_of(steps), steps, ()))
    return pairs, stepped, lacking


def _is_stepped(moments: Moments, pair: Pair) -> bool:
    """Whether a parameter with a place for its gradient was moved, and no gradient is there."""
    made = not (pair.gradients and _never_made(moments.after, pair))
    return (
        made and _has_moved(moments.fresh, moments.after, pair.parameter) and kept_gradient(moments.after, pair) is None
    )


def _matters(owner: Any, after: Any, pair: Pair, matter: list[Steps]) -> bool:
    """Whether a pair is one: its gradient has a place, and was made, or the output depends on its parameter."""
    held, missing = parameters.read(owner, pair.parameter), object()
    if all(parameters.read(after, steps, missing) is missing for steps in pair.gradients):
        return False
    made = not _never_made(after, pair) or not isinstance(held, np.ndarray)
    return made or any(parameters.read(owner, steps) is held for steps in matter)


def _is_input(held: Any, inputs: tuple[Any, ...]) -> bool:
    """Whether an object holds what it was given: self.x beside self.grad_x is no parameter."""
    return isinstance(held, np.ndarray) and any(np.array_equal(np.ravel(held), np.ravel(value)) for value in inputs)


def _never_made(after: Any, pair: Pair) -> bool:
    return all(parameters.read(after, steps) is None for steps in pair.gradients)


def _has_moved(before: Any, after: Any, steps: Steps) -> bool:
    old, new = parameters.read(before, steps), parameters.read(after, steps)
    return isinstance(new, np.ndarray) and np.shape(old) == new.shape and not np.array_equal(old, new)


def _gradient_beside(before: Any, after: Any, warm: Any, steps: Steps, taken: list[Steps]) -> Steps | None:
    """An array of the parameter's shape that the backward made or changed, under a name that says gradient.

    None of those that another parameter has.
    """
    shape = np.shape(parameters.read(before, steps))
    held = {path: array for path, array in arrays_of(after) if array.shape == shape and path != steps}
    free = {path: array for path, array in held.items() if path not in taken}
    new = [path for path, array in free.items() if not _equal(parameters.read(warm, path), array)]
    said = [path for path in new if any(_says_gradient(str(key)) for kind, key in path if kind == "attribute")]
    return min(said, key=lambda path: (*_strangeness(steps, path), len(path)), default=None)


def _strangeness(steps: Steps, path: Steps) -> tuple[bool, bool]:
    """How little a path looks like that to the gradient of a parameter: by its name, and by whose it is."""
    mine = str(steps[-1][1])
    owner = next(place for place in range(len(steps) + 1) if steps[:place] != path[:place] or place == len(steps)) - 1
    return argument_of(str(path[-1][1]), [mine]) is None, owner < len(steps) - 1


def _says_gradient(name: str) -> bool:
    word = plain(name)
    return word.startswith(("d", "grad", "g", "nabla")) or "grad" in word or "delta" in word


def _equal(old: Any, new: np.ndarray) -> bool:
    return isinstance(old, np.ndarray) and old.shape == new.shape and np.array_equal(old, new)


def _also_returned(came: Any, spoken: Spoken, inputs: tuple[Any, ...], owner: Any, lacking: list[Pair]) -> list[Pair]:
    """The parameters whose gradients the backward returns beside those of its inputs."""
    names = (*spoken.names, *(pair.name for pair in lacking))
    values = (*inputs, *(parameters.read(owner, pair.parameter) for pair in lacking))
    hints = returned_names(getattr(type(owner), spoken.backward_name or spoken.forward_name))
    hints = hints[1:] if spoken.backward_name is None else hints
    found = (arranged(came, names, values, hints) or {}) if came is not None else {}
    return [pair for pair in lacking if found.get(pair.name) is not None]


def _distinct(names: list[str], taken: tuple[str, ...]) -> tuple[str, ...]:
    """Names that no input has."""
    return tuple(f"self.{name}" if name in taken else name for name in names)
