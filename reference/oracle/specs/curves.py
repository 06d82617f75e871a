"""Functions that people know by name, as textbooks print them: of single entries, and of all entries along axes."""

from collections.abc import Callable, Mapping

import numpy as np

Curve = Callable[[np.ndarray], np.ndarray]


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


CURVES: Mapping[str, Curve] = {
    "sigmoid": _sigmoid,
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "softplus": lambda x: np.logaddexp(0, x),
    "silu": lambda x: x * _sigmoid(x),
    "quick gelu": lambda x: x * _sigmoid(1.702 * x),
    "exp": np.exp,
    "abs": np.abs,
    "gelu": lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
}
# Those that say nothing where all values lie on one side of their kink.
KINKED = ("relu", "abs")
# Over some axes: the function that makes shares of scores, and that of its logarithm.
SHARES, LOGARITHMS = "softmax", "log_softmax"


def shares(x: np.ndarray, axes: int | tuple[int, ...]) -> np.ndarray:
    """What the first of these two gives."""
    raised = np.exp(x - x.max(axis=axes, keepdims=True))
    return raised / raised.sum(axis=axes, keepdims=True)
