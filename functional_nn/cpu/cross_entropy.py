"""Cross-entropy of softmax for labels by a C file: one reading of a row where XLA takes four, and exponentials once."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from functional_nn import _libraries
from functional_nn.cpu.compiler import CROSS_ENTROPY
from functional_nn.cpu.native import Calls

DTYPES = (jnp.float32,)
CALLS = Calls(CROSS_ENTROPY, "cross_entropy_forward", "cross_entropy_backward")
FORWARD, BACKWARD = "functional_nn_cross_entropy_forward", "functional_nn_cross_entropy_backward"
# Scores from which on it is faster than XLA.
FEWEST = 2**12


def forward(scores: jax.Array, labels: jax.Array) -> Sequence[jax.Array]:
    """The loss of each row, its largest score, and the sum of the exponentials of the others less that."""
    a_row = jax.ShapeDtypeStruct(labels.shape, jnp.float32)
    return jax.ffi.ffi_call(FORWARD, (a_row, a_row, a_row))(scores, labels)


def backward(
    scores: jax.Array, labels: jax.Array, peak: jax.Array, rest: jax.Array, ct: jax.Array
) -> Sequence[jax.Array]:
    """The gradient of the scores."""
    given = jax.ShapeDtypeStruct(scores.shape, jnp.float32)
    return (jax.ffi.ffi_call(BACKWARD, given)(scores, labels, peak, rest, ct),)


def takes(scores: Any) -> bool:
    """Whether the loss of these rows of scores is best computed here."""
    wanted = _libraries.WANTED and scores.ndim == 2 and scores.dtype in DTYPES and scores.size >= FEWEST
    return wanted and jax.default_backend() == "cpu" and CALLS.unusable() is None
