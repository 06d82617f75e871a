"""Gated units by a C file, which reads each number once where XLA makes several passes."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from functional_nn import _libraries
from functional_nn.cpu.compiler import GATED
from functional_nn.cpu.native import Calls

DTYPES = (jnp.float32,)
CALLS = Calls(GATED, "gated_forward", "gated_backward")
FORWARD, BACKWARD = "functional_nn_gated_forward", "functional_nn_gated_backward"
# As the C file counts them.
ACTIVATIONS = ("sigmoid", "silu")
# Numbers from which on it is faster than XLA.
FEWEST = 2**13


def forward(*arrays: jax.Array, activation: str) -> Sequence[jax.Array]:
    """The unit of x and a gate, or of the halves of the rows of one array."""
    first = arrays[0]
    shape = first.shape if len(arrays) == 2 else (*first.shape[:-1], first.shape[-1] // 2)
    return (jax.ffi.ffi_call(FORWARD, jax.ShapeDtypeStruct(shape, jnp.float32))(*arrays, kind=_told(activation)),)


def backward(*arrays: jax.Array, activation: str) -> Sequence[jax.Array]:
    """The gradients of these arrays; the last of them is the unit's."""
    given = tuple(jax.ShapeDtypeStruct(array.shape, jnp.float32) for array in arrays[:-1])
    return jax.ffi.ffi_call(BACKWARD, given)(*arrays, kind=_told(activation))


def takes(x: Any, activation: str) -> bool:
    """Whether the unit of such an array is best computed here."""
    wanted = _libraries.WANTED and activation in ACTIVATIONS and x.dtype in DTYPES and x.size >= FEWEST
    return wanted and jax.default_backend() == "cpu" and CALLS.unusable() is None


def _told(activation: str) -> Any:
    return np.array([ACTIVATIONS.index(activation)], np.int64)
