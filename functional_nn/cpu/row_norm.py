"""Layer and RMS normalization of rows by a C file: XLA adds up a row one number after the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from functional_nn import _libraries
from functional_nn.cpu.compiler import ROW_NORM
from functional_nn.cpu.native import Calls

# Numbers of x from which on it is faster than XLA.
FEWEST = 2**13


@dataclass(frozen=True)
class RowNorm:
    """A normalization of rows, and its gradients."""

    name: str
    DTYPES = (jnp.float32, jnp.bfloat16)

    def forward(self, x: jax.Array, scale: jax.Array, *bias: jax.Array, epsilon: float) -> Sequence[jax.Array]:
        """What the op gives for x (rows, features), in its dtype; scale and bias are float32."""
        return (self._call("forward", _like(x))(x, scale, jnp.float32(epsilon), *bias),)

    def backward(self, x: jax.Array, scale: jax.Array, *arrays: jax.Array, epsilon: float) -> Sequence[jax.Array]:
        """The gradients of x, scale and the bias, if there is one (docs/derivations/normalization.md)."""
        *bias, y_ct = arrays
        given = tuple(map(_like, (x, scale, *bias)))
        return self._call("backward", given)(x, scale, jnp.float32(epsilon), y_ct)

    def _call(self, kind: str, given: Any) -> Any:
        return jax.ffi.ffi_call(f"functional_nn_{self.name}_{kind}", given)


LAYER_NORM, RMS_NORM = RowNorm("layer_norm"), RowNorm("rms_norm")
CALLS = Calls(ROW_NORM, *(f"{norm.name}_{kind}" for norm in (LAYER_NORM, RMS_NORM) for kind in ("forward", "backward")))


def takes(x: Any) -> bool:
    """Whether the rows of x are best normalized here."""
    wanted = _libraries.wanted_on_cpu(x) and x.dtype in RowNorm.DTYPES
    return wanted and x.size >= FEWEST and CALLS.unusable() is None


def _like(array: jax.Array) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(array.shape, array.dtype)
