"""Small networks of every model, for the tests of models."""

import importlib
from types import ModuleType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import functional_nn
from functional_nn.models import deep_convnet, mlp, resnet, simple_convnet, vgg
from functional_nn.models._network import Branch


class Example(NamedTuple):
    """A small network, the settings that make it, and whether it has dropout."""

    id: str
    model: ModuleType
    settings: dict[str, Any]

    @property
    def twin(self) -> ModuleType:
        return importlib.import_module(self.model.__name__.replace("functional_nn", "reference"))

    @property
    def config(self) -> Any:
        return self.model.Config(**self.settings)


EXAMPLES = (
    Example("mlp of relu", mlp, {"input_shape": (7,), "classes": 3, "hidden": (5, 4)}),
    Example("mlp of sigmoid", mlp, {"input_shape": (2, 3), "classes": 3, "hidden": (5,), "activation": "sigmoid"}),
    Example(
        "mlp of tanh with dropout",
        mlp,
        {"input_shape": (7,), "hidden": (11, 5), "activation": "tanh", "dropout_rate": 0.3},
    ),
    Example("mlp normalized", mlp, {"input_shape": (5,), "hidden": (7, 4), "batch_norm": True, "dropout_rate": 0.3}),
    Example("mlp without hidden layers", mlp, {"input_shape": (4, 4, 1), "classes": 5, "hidden": ()}),
    Example("simple_convnet on digits", simple_convnet, {"input_shape": (8, 8, 1), "filters": 3, "hidden": 7}),
    Example(
        "simple_convnet on odd colour",
        simple_convnet,
        {"input_shape": (9, 7, 3), "filters": 2, "window": 3, "hidden": 5},
    ),
    Example("deep_convnet on digits", deep_convnet, {"input_shape": (8, 8, 1), "filters": (2, 3, 4), "hidden": 7}),
    Example(
        "deep_convnet at its smallest",
        deep_convnet,
        {"input_shape": (4, 5, 2), "filters": (2, 3, 2), "hidden": 5, "dropout_rate": 0.0},
    ),
    Example("vgg on odd colour", vgg, {"input_shape": (7, 6, 3), "filters": ((2, 3), (4,)), "dropout_rate": 0.3}),
    Example("vgg of one stage", vgg, {"input_shape": (3, 2, 1), "classes": 3, "filters": ((4,),), "epsilon": 0.1}),
    Example("resnet on odd colour", resnet, {"input_shape": (7, 6, 3), "blocks": (1, 2), "filters": (2, 3)}),
    Example(
        "resnet of three short stages",
        resnet,
        {"input_shape": (5, 4, 1), "classes": 3, "blocks": (1, 1, 1), "filters": (3, 3, 2), "epsilon": 0.1},
    ),
)
every_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.id)
# One of each model, where the architecture adds nothing.
one_of_each = pytest.mark.parametrize(
    "example", [EXAMPLES[i] for i in (2, 6, 8, 9, 11)], ids=lambda example: example.id
)
BATCH = 3


def example_of(model: ModuleType) -> Example:
    """The first example of a model."""
    return next(example for example in EXAMPLES if example.model is model)


def arrange(example: Example, batch: int = BATCH):
    """float64 parameters with biases that are not zero, a state that has seen something, a batch and labels."""
    params, state = example.twin.init(0, example.twin.Config(**example.settings))
    rng = np.random.default_rng(0)
    params = jax.tree.map(lambda leaf: leaf + rng.normal(scale=0.1, size=leaf.shape), params)
    x = rng.normal(size=(batch, *example.config.input_shape))
    labels = rng.integers(0, example.config.classes, size=batch)
    arrays = {name: value for name, value in state.items() if name != "config"}
    seen = jax.tree.map(lambda leaf: leaf + rng.uniform(0.1, 0.5, size=leaf.shape), arrays)
    return params, {"config": example.config, **seen}, x, labels


def mean_loss(logits: jax.Array, targets: Any) -> jax.Array:
    return jnp.mean(functional_nn.softmax_cross_entropy(logits, targets))


def relative_error(got: Any, expected: Any) -> float:
    return float(np.abs(np.asarray(got) - expected).max() / max(np.abs(expected).max(), 1e-300))


def met_backwards(layers: Any) -> list[str]:
    """Every layer's name, from the last to the first; after a branch those on its two ways."""
    names = []
    for name, function in reversed(layers):
        ways = (function.layers, function.shortcut) if isinstance(function, Branch) else ()
        names += [name, *(inside for way in ways for inside in met_backwards(way))]
    return names


def with_noise(layers: Any, noise: Any) -> list[Any]:
    """The layers, with something added to what each returns, those inside of branches too."""

    def noisy(name: str, function: Any) -> list[Any]:
        if isinstance(function, Branch):
            ways = Branch(*(with_noise(way, noise) for way in function))
            return [(name, ways), (f"{name}'s sum", lambda x: x + noise[name])]
        return [(name, function), (f"{name}'s noise", lambda x: x + noise[name])]

    return [layer for name, function in layers for layer in noisy(name, function)]
