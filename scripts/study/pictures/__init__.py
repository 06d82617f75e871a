"""The pictures of the study site, by name: functions from "ja" or "en" to SVG text."""

from . import (
    activations,
    batches,
    boundaries,
    columns,
    descents,
    differences,
    gradients,
    graphs,
    layers,
    live_network,
    losses,
    networks,
    photographs,
    rules,
    scores,
    sequences,
    signals,
    training,
    valleys,
    windows,
)
from .canvas import Picture

_FAMILIES = (activations, batches, boundaries, columns, descents, differences, gradients, graphs, layers, live_network)
_MORE = (losses, networks, photographs, rules, scores, sequences, signals, training, valleys, windows)
PICTURES = {name: it for module in _FAMILIES + _MORE for name, it in vars(module).items() if isinstance(it, Picture)}

__all__ = ["PICTURES"]
