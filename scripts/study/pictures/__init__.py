"""The pictures of the study site, by name: functions from "ja" or "en" to SVG text."""

from . import (
    activations,
    boundaries,
    descents,
    differences,
    gradients,
    layers,
    live_network,
    losses,
    networks,
    photographs,
    rules,
    scores,
    signals,
    training,
    windows,
)
from .canvas import Picture

_FAMILIES = (activations, boundaries, descents, differences, gradients, layers, losses)
_MORE = (live_network, networks, photographs, rules, scores, signals, training, windows)
PICTURES = {name: it for module in _FAMILIES + _MORE for name, it in vars(module).items() if isinstance(it, Picture)}

__all__ = ["PICTURES"]
