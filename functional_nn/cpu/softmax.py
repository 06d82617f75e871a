"""Softmax of rows, its logarithm, and its cross-entropy with labels by a C file, in which a row stays in the cache: XLA
reads it once for each of its sums."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from functional_nn import _libraries
from functional_nn.cpu.compiler import SOFTMAX
from functional_nn.cpu.native import Calls

NAMES = ("softmax", "log_softmax", "cross_entropy")
CALLS = Calls(SOFTMAX, *(f"{name}_{kind}" for name in NAMES for kind in ("forward", "backward")))
# Scores from which on it is faster than XLA, and classes, of softmax alone: what a row costs beside its numbers.
FEWEST, FEWEST_CLASSES = 2**12, 16


@dataclass(frozen=True)
class OfScores:
    """What is computed of rows of scores, and its gradient."""

    name: str
    DTYPES = (jnp.float32, jnp.bfloat16)

    def forward(self, scores: jax.Array, *labels: jax.Array) -> Sequence[jax.Array]:
        """The result, each row's largest score, and the sum of the exponentials of the others less that."""
        a_row = jax.ShapeDtypeStruct(scores.shape[:1], jnp.float32)
        result = a_row if labels else jax.ShapeDtypeStruct(scores.shape, scores.dtype)
        return self._call("forward", (result, a_row, a_row))(scores, *labels)

    def backward(self, scores: jax.Array, *arrays: jax.Array) -> Sequence[jax.Array]:
        """The gradient of the scores: of labels, if there are any, what was kept, and the result's cotangent."""
        return (self._call("backward", jax.ShapeDtypeStruct(scores.shape, scores.dtype))(scores, *arrays),)

    def _call(self, kind: str, given: Any) -> Any:
        return jax.ffi.ffi_call(f"functional_nn_{self.name}_{kind}", given)


def takes(name: str, scores: Any) -> bool:
    """Whether this is best computed here of these rows of scores."""
    wanted = _libraries.wanted_on_cpu(scores) and scores.ndim == 2 and scores.dtype in OfScores.DTYPES
    fewest = FEWEST_CLASSES if name == "softmax" else 1
    return wanted and scores.size >= FEWEST and scores.shape[-1] >= fewest and CALLS.unusable() is None
