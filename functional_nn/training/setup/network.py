"""Which network: a model's pure functions, shaped for the images at hand."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax

from functional_nn.models._network import outputs
from functional_nn.training.choices.values import numbers_of
from functional_nn.training.endings import BadInput


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


def build(name: str, image_shape: tuple[int, ...], classes: int, sizes: Mapping[str, Any] | None = None) -> Network:
    """The model of this name for images (height, width, channels) of so many classes, of these or its own sizes."""
    model = importlib.import_module(f"functional_nn.models.{name}")
    form = FORMS.get(name, {})
    chosen = {size: form.get(size, _as_it_is)(value) for size, value in (sizes or {}).items()}
    try:
        config = model.Config(input_shape=tuple(image_shape), classes=classes, **chosen)
    except ValueError as error:
        raise BadInput(f"--model {name} cannot be used on these images: {error}") from error
    return Network(name, config, model.apply, model)


def _as_it_is(value: Any) -> Any:
    return value


def _only_number(value: Any) -> int:
    (number,) = numbers_of(value)
    return number


# How a model takes the sizes of a configuration, where it does not take them as they are.
FORMS: dict[str, dict[str, Callable[[Any], Any]]] = {
    "simple_convnet": {"filters": _only_number, "hidden": _only_number},
    "deep_convnet": {"filters": numbers_of, "hidden": _only_number},
}
