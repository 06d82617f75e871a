"""Whether the gradient that is about to be used is the one derived by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from functional_nn.training.errors import GradientsDisagree
from functional_nn.training.run_folder import flatten

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


def in_double(tree: Mapping[str, Any]) -> Any:
    """The same nested mapping with every array as a float64 NumPy array: what the twin computes on."""
    return {k: in_double(v) if isinstance(v, Mapping) else np.asarray(v, np.float64) for k, v in tree.items()}


def _worst(layer: str, got: np.ndarray, expected: np.ndarray) -> Difference:
    got, expected = got.astype(np.float64), expected.astype(np.float64)
    error = np.abs(got - expected)
    flat = int(np.argmax(np.where(np.isnan(error), np.inf, error)))
    index = tuple(int(i) for i in np.unravel_index(flat, error.shape))
    scale = float(np.abs(expected).max()) or 1.0
    return Difference(layer, float(error[index]) / scale, index, float(got[index]), float(expected[index]))
