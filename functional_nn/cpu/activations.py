"""Activations and gated units by a C file, which reads each number once where XLA makes several passes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from functional_nn import _libraries
from functional_nn.cpu.compiler import ACTIVATIONS
from functional_nn.cpu.native import Calls

DTYPES = (jnp.float32, jnp.bfloat16)
CALLS = Calls(ACTIVATIONS, "activation_forward", "activation_backward")
FORWARD, BACKWARD = "functional_nn_activation_forward", "functional_nn_activation_backward"
# As the C file counts them: what is computed, and of what. A gate may lie in the second half of rows, or apart from x.
NAMES = ("sigmoid", "silu", "gelu", "gelu_tanh", "tanh", "softplus", "log_sigmoid", "elu", "leaky_relu")
FORMS = ("alone", "halves", "apart")
# Numbers from which on it is faster than XLA.
FEWEST = 2**13


@dataclass(frozen=True)
class Unit:
    """An activation of all entries alone, or of a gate, times x."""

    name: str
    form: str
    parameter: float = 0.0
    DTYPES = DTYPES

    def forward(self, *arrays: jax.Array) -> Sequence[jax.Array]:
        """What it gives."""
        *rows, last = arrays[0].shape
        shape = (*rows, last // 2) if self.form == "halves" else arrays[0].shape
        given = jax.ShapeDtypeStruct(shape, arrays[0].dtype)
        return (jax.ffi.ffi_call(FORWARD, given)(*arrays, told=self._told),)

    def backward(self, *arrays: jax.Array) -> Sequence[jax.Array]:
        """The gradients of the arrays; the last of them is that of the result."""
        given = tuple(jax.ShapeDtypeStruct(array.shape, array.dtype) for array in arrays[:-1])
        return jax.ffi.ffi_call(BACKWARD, given)(*arrays, told=self._told)

    @property
    def _told(self) -> Any:
        with np.errstate(over="ignore"):  # infinity, as for XLA
            bits = np.float32(self.parameter).view(np.uint32)
        return np.array([NAMES.index(self.name), FORMS.index(self.form), bits], np.int64)


def takes(name: str, x: Any) -> bool:
    """Whether an activation of so many entries is best computed here."""
    wanted = _libraries.wanted_on_cpu(x) and name in NAMES and x.dtype in DTYPES
    return wanted and x.size >= FEWEST and x.ndim > 0 and CALLS.unusable() is None
