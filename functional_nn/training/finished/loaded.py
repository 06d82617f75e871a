"""The network of a finished run, as it was learned: to predict with, and to export."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

from functional_nn.training.choices.saved import CONFIG, choices, read_description
from functional_nn.training.choices.values import from_lists, in_short, is_a
from functional_nn.training.endings import BadInput
from functional_nn.training.kept.weights import WEIGHTS, read_weights
from functional_nn.training.setup import Network, build
from functional_nn.training.step.state import named_leaves, unflatten


@dataclass(frozen=True)
class Finished:
    """A network with its weights, the shape of the images it takes and what its classes are called."""

    network: Network
    params: Any
    model_state: Any
    image_shape: tuple[int, ...]
    class_names: tuple[str, ...]

    def logits(self, x: Any) -> jax.Array:
        """One row an image."""
        return self.network.apply(self.params, self.model_state, x, train=False)[0]


def load_finished(run: Path) -> Finished:
    """Read a run folder; BadInput where it is none, is not finished, or its weights are of another network."""
    about = read_description(run, str(run))
    chosen = choices(about, str(run))
    if not (run / WEIGHTS).is_file():
        raise BadInput(f"{run} is not finished, it has no {WEIGHTS}; go on with: functional-nn train --resume {run}")
    shape, names = _images(run, about)
    arrays = read_weights(run / WEIGHTS)
    network = build(chosen.model, shape, len(names), chosen.sizes)
    params, model_state = jax.eval_shape(lambda: network.init(jax.random.key(0)))
    stored = {name.removeprefix("state."): array for name, array in arrays.items() if name.startswith("state.")}
    learned = {name: array for name, array in arrays.items() if not name.startswith("state.")}
    return Finished(network, _fitted(run, learned, params), _fitted(run, stored, model_state), shape, names)


def _images(run: Path, about: Mapping[str, Any]) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Shape of the images and names of the classes, as the description tells them."""
    shape, names = (from_lists(about.get(name)) for name in ("image_shape", "class_names"))
    if not is_a(shape, tuple[int, int, int]) or min(shape) < 1 or shape[-1] not in (1, 3):
        raise BadInput(f"{run}: {CONFIG} is damaged (image_shape cannot be {in_short(json.dumps(shape))})")
    if not is_a(names, tuple[str, ...]) or not names or not all(map(str.isprintable, names)):
        raise BadInput(f"{run}: {CONFIG} is damaged (class_names cannot be {in_short(json.dumps(names))})")
    return shape, names


def _fitted(run: Path, arrays: dict[str, np.ndarray], like: Any) -> Any:
    there = {name: array.shape for name, array in arrays.items()}
    here = {name: leaf.shape for name, leaf in named_leaves(like).items()}
    if there != here:
        name = next(name for name in [*here, *there] if there.get(name) != here.get(name))
        got, wanted = there.get(name, "missing"), here.get(name, "missing")
        raise BadInput(f"{run / WEIGHTS} is of another network: {name} is {got} there and {wanted} here")
    return unflatten(arrays, like)
