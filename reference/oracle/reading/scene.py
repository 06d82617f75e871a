"""One set of inputs that fit together, by the part that an argument plays."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Draw = Callable[..., np.ndarray]


@dataclass(frozen=True)
class Scene:
    """Values by part, and the statics that go with them where the code is judged as an op."""

    name: str
    values: dict[str, Any]
    statics: dict[str, Any] = field(default_factory=dict)
    # What is said of the shapes, where "that suit NAME" does not say it.
    shapes: str = ""
    # What a loss is given; "" for everything that is no loss.
    meaning: str = ""
    # The sizes of a network are given even where its constructor has its own.
    small: bool = False
    # For code that has an argument of this name alone.
    needs: str = ""
    # Arguments that are given although they have a default.
    given: tuple[str, ...] = ()


def normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return np.asarray(rng.normal(size=shape))
