"""What each kernel is judged on: arguments without blind spots, and friendly ones that hide mistakes of size and rank.

The functions of `in_triton` and `in_pallas` have the same names and arguments, so one table serves both.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

Draw = Callable[..., np.ndarray]


@dataclass(frozen=True)
class Case:
    """A public function of the kernels' modules, the op that it computes, and its arguments."""

    file: str
    function: str
    # Each makes the arguments by name, given a function that draws an array of a shape.
    arguments: Callable[[Draw], dict[str, np.ndarray]]
    friendly: Callable[[Draw], dict[str, np.ndarray]]
    # What `oracle.check` should hold the forward to; None where the library has no op of this name.
    op: str | None = None
    statics: dict[str, Any] = field(default_factory=dict)
    # Where there is no op: the same in NumPy, of the arguments alone.
    reference: Callable[..., Any] | None = None
    # Keyword arguments of the function, and arrays that it takes behind the arguments, without a gradient.
    options: dict[str, Any] = field(default_factory=dict)
    tables: tuple[np.ndarray, ...] = ()
    # Arguments with sums as long as an inaccurate one takes to show; None where the usual ones have them.
    long: Callable[[Draw], dict[str, np.ndarray]] | None = None
    # Arguments of one block, for what has nothing to do with blocks, where more of them take long; None where few do.
    short: Callable[[Draw], dict[str, np.ndarray]] | None = None

    def subject(self, module: ModuleType) -> Callable[..., Any]:
        """The function of a module, of the arguments alone; the tables come in the dtype and the place of the first."""
        function = getattr(module, self.function)
        if not (self.tables or self.options):
            return function
        return lambda *arrays: function(*arrays, *(_like(arrays[0], table) for table in self.tables), **self.options)


def drawn(arguments: Callable[[Draw], dict[str, np.ndarray]], dtype: str = "float32", seed: int = 0) -> dict[str, Any]:
    """The arguments in a dtype; whole numbers stay what they are."""
    rng = np.random.default_rng(seed)
    made = arguments(lambda *shape: rng.normal(size=shape))
    return {name: value.astype(dtype) if value.dtype.kind == "f" else value for name, value in made.items()}


def _like(array: Any, table: np.ndarray) -> Any:
    if hasattr(array, "new_tensor"):
        return array.new_tensor(table)
    import jax.numpy as jnp

    return jnp.asarray(table, array.dtype)


def normed(x: np.ndarray, residual: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """RMS norm behind a residual addition, and the sum."""
    total = x + residual
    return total / np.sqrt(np.mean(total * total, axis=-1, keepdims=True) + 1e-6) * scale, total


def turned(x: np.ndarray) -> np.ndarray:
    """The two halves of every head turned together, each by its own angles, of which there are some for each place."""
    if x.shape[1::2] != ANGLES.shape:
        raise ValueError(f"turned: x must have {ANGLES.shape} places and entries; got {x.shape[1::2]}")
    a, b = x[..., :3], x[..., 3:]
    (cosine_a, cosine_b), (sine_a, sine_b) = (
        (table[:, None, :3], table[:, None, 3:]) for table in (np.cos(ANGLES), np.sin(ANGLES))
    )
    return np.concatenate([a * cosine_a - b * sine_a, b * cosine_b + a * sine_b], axis=-1)


# Angles of the two halves that differ, as where axes of an image share a head.
ANGLES = np.random.default_rng(1).uniform(0, 3, size=(3, 6))
CASES = (
    Case("softmax", "softmax", lambda n: {"x": n(3, 2, 5)}, lambda n: {"x": n(4, 8)}, "softmax"),
    Case(
        "layer_norm", "layer_norm",
        lambda n: {"x": n(3, 3, 5), "scale": n(5), "bias": n(5)},
        lambda n: {"x": n(8, 8), "scale": n(8), "bias": n(8)},
        "layer_norm",
        long=lambda n: {"x": n(40, 5), "scale": n(5), "bias": n(5)},
    ),
    Case(
        "rms_norm", "rms_norm",
        lambda n: {"x": n(3, 3, 5), "scale": n(5)},
        lambda n: {"x": n(4, 8), "scale": n(8)},
        "rms_norm",
    ),
    Case(
        "rms_norm", "add_rms_norm",
        lambda n: {"x": n(3, 2, 3), "residual": n(3, 2, 3), "scale": n(3)},
        lambda n: {"x": n(4, 4), "residual": n(4, 4), "scale": n(4)},
        reference=normed,
    ),
    Case(
        "swiglu", "swiglu",
        lambda n: {"x": n(3, 11), "gate": n(3, 11)},
        lambda n: {"x": n(4, 8), "gate": n(4, 8)},
        "glu", {"activation": "silu"},
    ),
    Case(
        "rotary", "rotary", lambda n: {"x": n(2, 3, 3, 6)}, lambda n: {"x": n(2, 3, 4, 6)},
        reference=turned, tables=(np.cos(ANGLES), np.sin(ANGLES)),
    ),
    Case(
        "cross_entropy", "cross_entropy",
        lambda n: {"logits": n(5, 7), "labels": np.array([2, 0, -100, 6, 5])},
        lambda n: {"logits": n(4, 8), "labels": np.array([2, 0, 7, 5])},
        "softmax_cross_entropy", {"ignore_label": -100},
    ),
    Case(
        "cross_entropy", "soft_cross_entropy",
        lambda n: {"logits": n(5, 7), "targets": np.abs(n(5, 7))},
        lambda n: {"logits": n(4, 8), "targets": np.eye(8)[[2, 0, 7, 5]]},
        "softmax_cross_entropy",
    ),
    Case(
        "attention", "attention",
        lambda n: {"query": n(1, 17, 4, 3), "key": n(1, 17, 2, 3), "value": n(1, 17, 2, 3)},
        lambda n: {"query": n(1, 16, 2, 4), "key": n(1, 16, 2, 4), "value": n(1, 16, 2, 4)},
        "attention", {"causal": True, "softcap": 2.0}, options={"causal": True, "softcap": 2.0},
        short=lambda n: {"query": n(1, 5, 4, 3), "key": n(1, 5, 2, 3), "value": n(1, 5, 2, 3)},
    ),
)  # fmt: skip
CASE = {case.function: case for case in CASES}
