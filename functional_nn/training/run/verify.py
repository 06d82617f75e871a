"""Whether the gradient that is about to be used is the one derived by hand."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import jax
import numpy as np

from functional_nn._twin import twin
from functional_nn.training.endings import GradientsDisagree
from functional_nn.training.setup import Network
from functional_nn.training.step.augment import augment
from functional_nn.training.step.state import TrainState, flatten
from functional_nn.training.step.step import StepRules, step_keys, value_and_gradients

# Largest difference over the largest entry of a layer's gradient. float32 differs from the twin's float64 by about
# 1e-6; a ReLU or a maximum that rounding tips over costs up to 1e-4; a wrong formula costs 1e-2 and more.
TOLERANCE = 1e-3


@dataclass(frozen=True)
class Difference:
    """The worst element of one layer's gradient, relative to the largest element of that gradient."""

    layer: str
    relative: float
    index: tuple[int, ...]
    got: float
    expected: float


def compare(gradients: Any, by_hand: Any) -> tuple[Difference, ...]:
    """One Difference a parameter, in the order of the network; both trees must hold the same names and shapes."""
    got, expected = flatten(gradients), flatten(by_hand)
    shapes, expected_shapes = ({name: leaf.shape for name, leaf in tree.items()} for tree in (got, expected))
    if shapes != expected_shapes:
        raise GradientsDisagree(f"the gradients differ in names or shapes: {shapes} here, {expected_shapes} by hand")
    return tuple(_worst(name, got[name], expected[name]) for name in got)


def require_agreement(differences: Sequence[Difference], tolerance: float = TOLERANCE) -> None:
    """Raise GradientsDisagree, naming layer and element, where a difference is too large or not a number."""
    for difference in differences:
        if not difference.relative <= tolerance:
            raise GradientsDisagree(
                f"the gradient of {difference.layer} at {difference.index} is {difference.got:.8g} "
                f"but {difference.expected:.8g} by hand ({difference.relative:.1e} of its largest entry, "
                f"at most {tolerance:.0e} is rounding)"
            )


def in_double(tree: Any) -> Any:
    """The same nested dictionary, or array, in float64: what the twin computes on; tokens stay integers."""

    def widened(leaf: Any) -> np.ndarray:
        array = np.asarray(leaf)
        return array if np.issubdtype(array.dtype, np.integer) else array.astype(np.float64)

    return jax.tree.map(widened, tree)


def _worst(layer: str, got: np.ndarray, expected: np.ndarray) -> Difference:
    got, expected = got.astype(np.float64), expected.astype(np.float64)
    error = np.abs(got - expected)
    flat = int(np.argmax(np.where(np.isnan(error), np.inf, error)))
    index = tuple(int(i) for i in np.unravel_index(flat, error.shape))
    scale = float(np.abs(expected).max()) or 1.0
    return Difference(layer, float(error[index]) / scale, index, float(got[index]), float(expected[index]))


def verify_step(network: Network, rules: StepRules, state: TrainState, x: Any, labels: Any) -> tuple[Difference, ...]:
    """Compare the gradients of the coming step with the twin's, on some examples of its batch, in float32 at its best.

    Raises GradientsDisagree where they part. A --precision below float32 is left out: rounding would hide a mistake.
    """
    augment_key, dropout_key = step_keys(state)
    x = augment(rules.augmentation, augment_key, x)
    with jax.default_matmul_precision("highest"):
        _, gradients = _gradients(
            network.apply, rules.label_smoothing, state.params, state.model_state, x, labels, dropout_key, factor=None
        )
    masks = jax.device_get(network.dropout_masks(dropout_key, *labels.shape))
    by_hand = gradients_by_hand(network, state.params, x, labels, rules.label_smoothing, masks)
    differences = compare(gradients, by_hand)
    require_agreement(differences)
    return differences


_gradients = jax.jit(value_and_gradients, static_argnums=(0, 1))


def gradients_by_hand(network: Network, params: Any, x: Any, labels: Any, label_smoothing: float, masks: Any) -> Any:
    """The twin's gradient of the mean loss, in float64, at the same parameters and dropout masks."""
    model, classes = twin(f"models.{network.name}"), network.classes
    model_state = {"config": model.Config(**asdict(network.config))}
    targets = (1.0 - label_smoothing) * np.eye(classes)[np.asarray(labels)] + label_smoothing / classes
    _, gradients = model.value_and_grad(in_double(params), model_state, in_double(x), targets, masks=masks)
    return gradients
