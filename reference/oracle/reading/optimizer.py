"""An optimizer for layers that want one: a step of a known size, or the gradients kept, so that both can be read."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from reference.oracle.reading.calls import RATE


class GradientDescent:
    """Whatever a layer calls of its optimizer, this does: a step, or it keeps the gradients beside the parameters."""

    learning_rate = RATE

    def update(self, parameter: Any, gradient: Any, *_: Any) -> Any:
        """The parameter after one step; of a layer and a dict of gradients, the dict kept on the layer."""
        if isinstance(gradient, Mapping) and hasattr(parameter, "__dict__"):
            parameter.gradients_handed = dict(gradient)
            return parameter
        return parameter - RATE * np.asarray(gradient)

    def init_params(self, *_: Any) -> None:
        """Nothing has to be kept from step to step."""


def equip(layer: Any) -> None:
    """Give an optimizer to an object whose attribute for one holds None."""
    for name, value in list(getattr(layer, "__dict__", {}).items()):
        if value is None and name.lower().strip("_") in ("optimizer", "optim", "opt"):
            setattr(layer, name, GradientDescent())
