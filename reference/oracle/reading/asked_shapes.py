"""What an object asks of the shape of its input: by the arrays that it holds, and by what it keeps of shapes."""

import contextlib
import copy
from typing import Any

import numpy as np

from reference.oracle.reading.discover import Found
from reference.oracle.reading.filling import filled
from reference.oracle.reading.influence import arrays_of
from reference.oracle.reading.scene import Scene
from reference.oracle.reading.source import init_of, parameters
from reference.oracle.reading.torched import holds_tensors, on_tensors
from reference.oracle.reading.trial import DidNotRun, trying


def held_arrays(found: Found, scene: Scene) -> list[np.ndarray]:
    """The floating arrays of an object made in a scene; none where it cannot be made, or is no object."""
    return [array for _, array in arrays_of(_made_in(found, scene))]


def _made_in(found: Found, scene: Scene) -> Any:
    """The object that is made in a scene, of arrays; None where it cannot be made, or is none."""
    objects = found.style in ("object", "network")
    if not objects or (made := filled(init_of(found.parts[0]), scene, constructor=True)) is None:
        return None
    for owner in (found.parts[0], *(one.parts[0] for one in on_tensors(found))):
        with contextlib.suppress(DidNotRun):
            layer = trying("constructor", owner, **copy.deepcopy(made))
            if not holds_tensors(layer):
                return layer
    return None


def shapes_of(found: Found, scene: Scene) -> list[tuple[int, ...]]:
    """The shapes that a constructor has as defaults, input_dim=(1, 28, 28), and those that an object says it wants."""
    defaults = [p.default for p in parameters(init_of(found.parts[0]))]
    kept = getattr(_made_in(found, scene), "__dict__", {})
    wanted = [value for name, value in kept.items() if "shape" in name.lower() or name.lower().startswith("in")]
    tuples = [tuple(value) for value in (*defaults, *wanted) if isinstance(value, tuple | list) and len(value) > 1]
    return [shape for shape in tuples if all(isinstance(length, int | np.integer) and length > 0 for length in shape)]
