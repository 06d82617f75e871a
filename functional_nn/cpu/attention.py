"""Attention on a CPU by a C file, where it is compiled: scores of some queries and keys never leave its cache."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from functional_nn import _libraries
from functional_nn._attending import Sight
from functional_nn.cpu.compiler import ATTENTION
from functional_nn.cpu.native import Calls

DTYPES = (jnp.float32,)
CALLS = Calls(ATTENTION, "attention_forward", "attention_backward")
FORWARD, BACKWARD = "functional_nn_attention_forward", "functional_nn_attention_backward"
# Pairs of a query and a key from which on it is faster than XLA: at 16 of each as fast, from 64 on more than twice.
FEWEST_PAIRS = 2**10


def forward(query: jax.Array, key: jax.Array, value: jax.Array, *, sight: Sight, scale: float) -> Sequence[jax.Array]:
    """The result and, of each query (batch, heads, length), the largest score and one over the sum.

    All float32 with axes (batch, length, heads, depth); a query that sees no key gives 0.
    """
    batch, length, heads, _ = query.shape
    a_query = jax.ShapeDtypeStruct((batch, heads, length), jnp.float32)
    out = jax.ShapeDtypeStruct((batch, length, heads, value.shape[3]), jnp.float32)
    return jax.ffi.ffi_call(FORWARD, (out, a_query, a_query))(query * scale, key, value, sight=_told(sight))


def backward(query: jax.Array, *arrays: jax.Array, sight: Sight, scale: float) -> Sequence[jax.Array]:
    """The gradients of query, key and value, from these, what `forward` gave, and the result's gradient."""
    given = tuple(jax.ShapeDtypeStruct(array.shape, jnp.float32) for array in (query, *arrays[:2]))
    of_scaled, *others = jax.ffi.ffi_call(BACKWARD, given)(query * scale, *arrays, sight=_told(sight))
    return of_scaled * scale, *others


def takes(query: Any, key: Any) -> bool:
    """Whether attention of these queries and keys, all pairs of them or some by their place, is best computed here."""
    wanted = _libraries.wanted_on_cpu(query, key) and query.dtype in DTYPES
    return wanted and pays(query.shape[1], key.shape[1])


def pays(length: int, key_length: int) -> bool:
    """Whether it is faster than XLA on a CPU, and here."""
    return length * key_length >= FEWEST_PAIRS and _libraries.WANTED and unusable() is None


def unusable() -> str | None:
    """Why it is not used here, or None where it is."""
    return CALLS.unusable()


def _told(sight: Sight) -> Any:
    """What the C file reads of it; the lengths it has from the arrays."""
    return np.array([sight.causal, sight.window or 0], np.int64)
