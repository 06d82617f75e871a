"""Attention as a primitive of JAX, beside its tangent and its cotangent, where a CPU computes it by a library.

    forward(query, key, value)              gives the result, and two numbers a query for the backward pass
    tangent(..., three tangents)            gives the result's tangent, linear in the three
    cotangent(..., the result's cotangent)  gives three cotangents: the transpose of `tangent`

The library has forward and cotangent. What they mean, and every other derivative, is `_attending.attend`: all three
lower to it where no library may be called. A rule of jax.custom_vjp would forbid forward mode.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from functional_nn._attending import Sight, attend
from functional_nn._bilinear import vary_alike
from functional_nn.cpu import attention as library
from functional_nn.cpu.onednn import stays_here

Function = Callable[..., Sequence[Any]]


def attention(
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    mask: jax.Array | None,
    *,
    sight: Sight,
    scale: float,
    cap: float | None,
) -> jax.Array:
    """Attention of arrays as the op takes them, of one dtype that is wide enough to sum in."""
    if mask is None and cap is None and library.takes(query, key):
        return _FORWARD.bind(*vary_alike(query * scale, key, value), sight=sight)[0]
    return attend(query, key, value, mask, sight=sight, scale=scale, cap=cap)


def _meaning(sight: Sight) -> Callable[..., jax.Array]:
    """Attention of scaled queries."""
    return lambda query, key, value: attend(query, key, value, None, sight=sight, scale=1.0, cap=None)


def _forward(query: jax.Array, key: jax.Array, value: jax.Array, *, sight: Sight) -> Sequence[Any]:
    out = _meaning(sight)(query, key, value)
    unread = jnp.zeros_like(query, shape=(query.shape[0], query.shape[2], query.shape[1]))
    return out, unread, unread


def _tangent(*arrays: jax.Array, sight: Sight) -> Sequence[Any]:
    return [jax.jvp(_meaning(sight), arrays[:3], arrays[6:])[1]]


def _cotangent(*arrays: jax.Array, sight: Sight) -> Sequence[Any]:
    return jax.vjp(_meaning(sight), *arrays[:3])[1](arrays[6])


def _forward_jvp(primals: Any, tangents: Any, *, sight: Sight) -> tuple[Any, Any]:
    """The two numbers a query have no tangents: what is computed from them does not depend on them."""
    outs = _FORWARD.bind(*primals, sight=sight)
    moved = _TANGENT.bind(*primals, *outs, *map(ad.instantiate_zeros, tangents), sight=sight)
    return outs, (*moved, *(ad.Zero(jax.typeof(each).to_tangent_aval()) for each in outs[1:]))


def _transpose(cotangents: Any, *arrays: Any, sight: Sight) -> list[Any]:
    (cotangent,), linear = cotangents, arrays[6:]
    if type(cotangent) is ad.Zero:
        return [None] * 6 + [ad.Zero(each.aval) if ad.is_undefined_primal(each) else None for each in linear]
    found = _COTANGENT.bind(*arrays[:6], cotangent, sight=sight)
    return [None] * 6 + [each if ad.is_undefined_primal(of) else None for each, of in zip(found, linear, strict=True)]


def _batch(primitive: Primitive, arrays: Any, dims: Any, *, sight: Sight) -> tuple[Any, Any]:
    """One more axis makes more examples."""
    size = next(array.shape[dim] for array, dim in zip(arrays, dims, strict=True) if dim is not None)
    first = [
        jnp.broadcast_to(array, (size, *array.shape)) if dim is None else jnp.moveaxis(array, dim, 0)
        for array, dim in zip(arrays, dims, strict=True)
    ]
    outs = primitive.bind(*(a.reshape(size * a.shape[1], *a.shape[2:]) for a in first), sight=sight)
    parted = [out.reshape(size, first[0].shape[1], *out.shape[1:]) for out in outs]
    return parted, [0] * len(parted)


def _primitive(name: str, meaning: Function, by_library: Function | None) -> Primitive:
    primitive = Primitive(f"attention_{name}")
    primitive.multiple_results = True
    primitive.def_impl(partial(_run, meaning, jax.jit(primitive.bind, static_argnames="sight")))
    primitive.def_abstract_eval(partial(_abstract, meaning))
    batching.primitive_batchers[primitive] = partial(_batch, primitive)
    everywhere = mlir.lower_fun(meaning, multiple_results=True)
    mlir.register_lowering(primitive, everywhere)
    if by_library:
        here = mlir.lower_fun(by_library, multiple_results=True)

        def on_cpu(context: Any, *arrays: Any, sight: Sight) -> Any:
            return (here if stays_here(context) else everywhere)(context, *arrays, sight=sight)

        mlir.register_lowering(primitive, on_cpu, platform="cpu")
    return primitive


def _run(meaning: Function, compiled: Function, *arrays: jax.Array, sight: Sight) -> Sequence[Any]:
    """The primitive outside of jit: compiled, unless jit is disabled, where that would end here again."""
    return (meaning if getattr(jax.config, "jax_disable_jit", False) else compiled)(*arrays, sight=sight)


def _abstract(meaning: Function, *arrays: Any, sight: Sight) -> list[Any]:
    outs = jax.make_jaxpr(partial(meaning, sight=sight))(*arrays).out_avals
    return [out.update(manual_axis_type=arrays[0].manual_axis_type) for out in outs]


def _by_meaning(meaning: Function) -> Callable[..., Any]:
    """A derivative's own derivative: of its arguments as the meaning reads them."""

    def jvp(primals: Any, tangents: Any, *, sight: Sight) -> tuple[Any, Any]:
        return jax.jvp(partial(meaning, sight=sight), primals, tuple(map(ad.instantiate_zeros, tangents)))

    return jvp


_FORWARD = _primitive("forward", _forward, library.forward)
_TANGENT = _primitive("tangent", _tangent, None)
_COTANGENT = _primitive("cotangent", _cotangent, library.backward)
ad.primitive_jvps[_FORWARD] = _forward_jvp
ad.primitive_jvps[_TANGENT], ad.primitive_jvps[_COTANGENT] = _by_meaning(_tangent), _by_meaning(_cotangent)
ad.primitive_transposes[_TANGENT] = _transpose
