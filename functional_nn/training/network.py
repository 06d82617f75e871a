"""Which network: a model's pure functions, shaped for the images at hand."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax

from functional_nn.models._network import outputs
from functional_nn.training.errors import BadInput


@dataclass(frozen=True)
class Network:
    """A model and its configuration: apply(params, state, x, *, train, key) -> (logits, state) is the model's own."""

    name: str
    config: Any
    apply: Callable[..., tuple[jax.Array, Any]]
    _model: Any

    def init(self, key: jax.Array) -> tuple[Any, Any]:
        """Random parameters and the first state of the layers."""
        return self._model.init(key, self.config)

    def outputs(self, params: Any, x: jax.Array) -> dict[str, jax.Array]:
        """The output of every layer, by its name: without dropout, and normalized by the batch itself."""
        return outputs(self._model.layers(self.config), params, x)

    @property
    def layer_names(self) -> tuple[str, ...]:
        """The layers in the order in which they are applied."""
        return tuple(name for name, _ in self._model.layers(self.config))

    def dropout_masks(self, key: jax.Array, batch: int) -> Any:
        """The masks that `apply` draws from this key in training."""
        return self._model.dropout_masks(key, self.config, batch)


def build(name: str, image_shape: tuple[int, ...], classes: int) -> Network:
    """The model of this name for images (height, width, channels) of so many classes."""
    model = importlib.import_module(f"functional_nn.models.{name}")
    try:
        config = model.Config(input_shape=tuple(image_shape), classes=classes)
    except ValueError as error:
        raise BadInput(f"--model {name} cannot be used on these images: {error}") from error
    return Network(name, config, model.apply, model)
