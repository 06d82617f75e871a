"""What a layer wants before it can be trained: the mode for it, and an optimizer whose steps can be read."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from reference.oracle.reading.calls import RATE
from reference.oracle.reading.vocabulary import part_of, words_of


class GradientDescent:
    """Whatever a layer calls of its optimizer, this does: a step, or it keeps the gradients beside the parameters."""

    learning_rate = RATE

    def update(self, parameter: Any, gradient: Any = None, *_: Any) -> Any:
        """The parameters after one step, lists in place; of a layer and a dict of gradients, the dict kept on it."""
        if isinstance(gradient, Mapping) and hasattr(parameter, "__dict__"):
            parameter.gradients_handed = dict(gradient)
        elif isinstance(parameter, list | tuple) and isinstance(gradient, list | tuple):
            for one, its_gradient in zip(parameter, gradient, strict=False):
                one -= RATE * np.asarray(its_gradient)
        elif gradient is not None:
            return parameter - RATE * np.asarray(gradient)
        return parameter

    def init_params(self, *_: Any) -> None:
        """Nothing has to be kept from step to step."""


def equip(layer: Any) -> None:
    """Turn training on, and give an optimizer where one is waited for, or one whose steps are no gradients: Adam's."""
    for name, value in list(getattr(layer, "__dict__", {}).items()):
        if value is False and part_of(name) == "training":
            setattr(layer, name, True)
        words = {word.lower() for word in words_of(name)}
        if words & {"optimizer", "optim", "opt"} and (value is None or callable(getattr(value, "update", None))):
            setattr(layer, name, GradientDescent())
