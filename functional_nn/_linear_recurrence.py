"""The linear recurrence as a primitive of JAX, whose every derivative is a linear recurrence again.

after[t] = decay[t] after[t - 1] + x[t], from `initial`; or from the last step to the first. For given decays it is
linear in x and initial, and its transpose runs the other way. Differentiated as lax.scan or lax.associative_scan it
would keep what those make on the way; so only what is multiplied is kept, decay and after. A rule of jax.custom_jvp
would do for lax.scan alone: the transpose of lax.associative_scan is no such scan. A rule of jax.custom_vjp would
forbid forward mode.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from functional_nn._bilinear import vary_alike
from functional_nn._unroll import shifted


def recur(x: jax.Array, decay: jax.Array, initial: jax.Array, *, reverse: bool = False) -> jax.Array:
    """All states, the shape of x and decay (length, ...); the arrays have one dtype."""
    return _recurrence.bind(*vary_alike(x, decay, initial), reverse=reverse)


def _in_order(x: jax.Array, decay: jax.Array, initial: jax.Array, *, reverse: bool) -> jax.Array:
    """Step by step: on a CPU, with few cores, no way round is faster (docs/derivations/recurrent.md)."""

    def step(before: jax.Array, of_step: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        after = of_step[0] * before + of_step[1]
        return after, after

    return lax.scan(step, initial, (decay, x), reverse=reverse)[1]


def _in_parallel(x: jax.Array, decay: jax.Array, initial: jax.Array, *, reverse: bool) -> jax.Array:
    """In so many rounds as the length has binary digits; products of many decays may overflow or underflow."""
    if not len(x):
        return x
    first = -1 if reverse else 0
    x = x.at[first].add(decay[first] * initial)

    def join(one: Any, other: Any) -> Any:
        return other[0] * one[0], other[0] * one[1] + other[1]

    return lax.associative_scan(join, (decay, x), reverse=reverse)[1]


def _run(x: jax.Array, decay: jax.Array, initial: jax.Array, *, reverse: bool) -> jax.Array:
    """Outside of jit: compiled, unless jit is disabled, where that would end here again."""
    run = _in_order if getattr(jax.config, "jax_disable_jit", False) else _compiled
    return run(x, decay, initial, reverse=reverse)


def _jvp(primals: Any, tangents: Any, *, reverse: bool) -> tuple[jax.Array, jax.Array]:
    x, decay, initial = primals
    after = recur(x, decay, initial, reverse=reverse)
    x_tangent, decay_tangent, initial_tangent = tangents
    pushed = ad.instantiate_zeros(x_tangent)
    if not isinstance(decay_tangent, ad.Zero):
        pushed = pushed + decay_tangent * shifted(initial, after, reverse)
    return after, recur(pushed, decay, ad.instantiate_zeros(initial_tangent), reverse=reverse)


def _transpose(cotangent: Any, x: Any, decay: jax.Array, initial: Any, *, reverse: bool) -> Any:
    nothing = jnp.zeros_like(decay, shape=decay.shape[1:])
    x_ct = recur(ad.instantiate_zeros(cotangent), shifted(nothing, decay, not reverse), nothing, reverse=not reverse)
    first = -1 if reverse else 0
    initial_ct = decay[first] * x_ct[first] if len(decay) else nothing
    return x_ct if ad.is_undefined_primal(x) else None, None, initial_ct if ad.is_undefined_primal(initial) else None


def _batch(arrays: Any, dims: Any, *, reverse: bool) -> tuple[jax.Array, int]:
    """vmap's axis is one more that is carried along, behind the time."""
    size = next(array.shape[dim] for array, dim in zip(arrays, dims, strict=True) if dim is not None)
    x, decay, initial = (batching.bdim_at_front(array, dim, size) for array, dim in zip(arrays, dims, strict=True))
    return recur(jnp.swapaxes(x, 0, 1), jnp.swapaxes(decay, 0, 1), initial, reverse=reverse), 1


_recurrence = Primitive("linear_recurrence")
_compiled = jax.jit(_recurrence.bind, static_argnames="reverse")
_recurrence.def_impl(_run)
_recurrence.def_abstract_eval(lambda x, decay, initial, *, reverse: x)
ad.primitive_jvps[_recurrence] = _jvp
ad.primitive_transposes[_recurrence] = _transpose
batching.primitive_batchers[_recurrence] = _batch
mlir.register_lowering(_recurrence, mlir.lower_fun(_in_parallel, multiple_results=False))
mlir.register_lowering(_recurrence, mlir.lower_fun(_in_order, multiple_results=False), platform="cpu")
