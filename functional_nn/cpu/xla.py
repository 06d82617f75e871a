"""What XLA for the CPU has to be told beside the mathematics."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from functional_nn.cpu import onednn

# XLA for the CPU drops its own barrier before it fuses, until jax 0.12; a call into a library it cannot look into.
XLA_KEEPS_ITS_OWN = jax.__version_info__ >= (0, 12)


def barrier(x: jax.Array) -> jax.Array:
    """The same x, not computed again as part of what follows: what it was computed from can be forgotten.

    Where XLA drops its barriers, this holds only in programs that may call the library of `onednn`.
    """
    return lax.optimization_barrier(x) if XLA_KEEPS_ITS_OWN else _BARRIER.bind(x)


def is_positive(x: jax.Array) -> jax.Array:
    """x > 0 by its bits: to XLA for the CPU numbers below the smallest normal one equal 0."""
    return lax.bitcast_convert_type(x, jnp.dtype(f"int{8 * x.dtype.itemsize}")) > 0


def _lower(context: Any, x: Any) -> Any:
    return (_by_call if onednn.may_be_called(context) else _by_xla)(context, x)


_BARRIER = Primitive("barrier")
_BARRIER.def_impl(lambda x: x)
_BARRIER.def_abstract_eval(lambda x: x)
ad.primitive_jvps[_BARRIER] = lambda primals, tangents: (_BARRIER.bind(*primals), *tangents)
batching.defvectorized(_BARRIER)
_by_xla, _by_call = (mlir.lower_fun(form, multiple_results=False) for form in (lax.optimization_barrier, onednn.keep))
mlir.register_lowering(_BARRIER, _by_xla)
mlir.register_lowering(_BARRIER, _lower, platform="cpu")
