"""A barrier for XLA: what is computed before it is not computed again as part of what follows."""

from typing import Any

import jax
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from functional_nn import _onednn

# XLA for the CPU drops its own barrier before it fuses, until jax 0.12; a call into a library it cannot look into.
XLA_KEEPS_ITS_OWN = jax.__version_info__ >= (0, 12)


def barrier(x: jax.Array) -> jax.Array:
    """The same x; where XLA drops its barriers, only in programs that may call the library of `_onednn`."""
    return lax.optimization_barrier(x) if XLA_KEEPS_ITS_OWN else _BARRIER.bind(x)


def _lower(context: Any, x: Any) -> Any:
    return (_by_call if _onednn.may_be_called(context) else _by_xla)(context, x)


_BARRIER = Primitive("barrier")
_BARRIER.def_impl(lambda x: x)
_BARRIER.def_abstract_eval(lambda x: x)
ad.primitive_jvps[_BARRIER] = lambda primals, tangents: (_BARRIER.bind(*primals), *tangents)
batching.defvectorized(_BARRIER)
_by_xla, _by_call = (mlir.lower_fun(form, multiple_results=False) for form in (lax.optimization_barrier, _onednn.keep))
mlir.register_lowering(_BARRIER, _by_xla)
mlir.register_lowering(_BARRIER, _lower, platform="cpu")
