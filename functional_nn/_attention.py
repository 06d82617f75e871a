"""Attention as a primitive of JAX, beside its tangent and its cotangent, where a library computes it.

    forward(query, key, value)              gives the result, and two numbers a query for the backward pass
    tangent(..., three tangents)            gives the result's tangent, linear in the three
    cotangent(..., the result's cotangent)  gives three cotangents: the transpose of `tangent`

The libraries have forward and cotangent: a C file on a CPU, cuDNN on a GPU. What they mean, and every other derivative,
is `_attending.attend`: all three lower to it where no library may be called. A rule of jax.custom_vjp would forbid
forward mode.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from functional_nn import _libraries
from functional_nn._attending import Sight, attend
from functional_nn._bilinear import vary_alike
from functional_nn._jit import compiled
from functional_nn._numerics import in_float32
from functional_nn.cpu import attention as c_file
from functional_nn.gpu import attention as cudnn

Function = Callable[..., Sequence[Any]]
LIBRARIES: dict[str, Any] = {"cpu": c_file, "cuda": cudnn}


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
    """Attention of arrays as the op takes them, with sums in float32 or wider."""
    by_place_alone = mask is None and cap is None

    def of_wide(*arrays: jax.Array) -> jax.Array:
        if by_place_alone and c_file.takes(*arrays[:2]):
            return _by_library(*arrays, sight=sight, scale=scale)
        return attend(*arrays, mask, sight=sight, scale=scale, cap=cap)

    if by_place_alone and cudnn.takes(query, key, value, sight):
        return _by_library(query, key, value, sight=sight, scale=scale)
    return in_float32(of_wide, query, key, value)


def _by_library(*arrays: jax.Array, sight: Sight, scale: float) -> jax.Array:
    return _FORWARD.bind(*vary_alike(*arrays), sight=sight, scale=scale)[0]


def _meaning(sight: Sight, scale: float) -> Callable[..., jax.Array]:
    """Attention of arrays of one dtype."""
    return partial(in_float32, lambda *arrays: attend(*arrays, None, sight=sight, scale=scale, cap=None))


def _forward(query: jax.Array, key: jax.Array, value: jax.Array, *, sight: Sight, scale: float) -> Sequence[Any]:
    out = _meaning(sight, scale)(query, key, value)
    unread = jnp.zeros_like(query, shape=(query.shape[0], query.shape[2], query.shape[1]))
    return out, unread, unread


def _tangent(*arrays: jax.Array, **statics: Any) -> Sequence[Any]:
    return [jax.jvp(_meaning(**statics), arrays[:3], arrays[6:])[1]]


def _cotangent(*arrays: jax.Array, **statics: Any) -> Sequence[Any]:
    return jax.vjp(_meaning(**statics), *arrays[:3])[1](arrays[6])


def _forward_jvp(primals: Any, tangents: Any, **statics: Any) -> tuple[Any, Any]:
    """The two numbers a query have no tangents: what is computed from them does not depend on them."""
    outs = _FORWARD.bind(*primals, **statics)
    moved = _TANGENT.bind(*primals, *outs, *map(ad.instantiate_zeros, tangents), **statics)
    return outs, (*moved, *(ad.Zero(jax.typeof(each).to_tangent_aval()) for each in outs[1:]))


def _transpose(cotangents: Any, *arrays: Any, **statics: Any) -> list[Any]:
    (cotangent,), linear = cotangents, arrays[6:]
    if type(cotangent) is ad.Zero:
        return [None] * 6 + [ad.Zero(each.aval) if ad.is_undefined_primal(each) else None for each in linear]
    found = _COTANGENT.bind(*arrays[:6], cotangent, **statics)
    return [None] * 6 + [each if ad.is_undefined_primal(of) else None for each, of in zip(found, linear, strict=True)]


def _batch(primitive: Primitive, arrays: Any, dims: Any, **statics: Any) -> tuple[Any, Any]:
    """One more axis makes more examples."""
    size = next(array.shape[dim] for array, dim in zip(arrays, dims, strict=True) if dim is not None)
    first = [
        jnp.broadcast_to(array, (size, *array.shape)) if dim is None else jnp.moveaxis(array, dim, 0)
        for array, dim in zip(arrays, dims, strict=True)
    ]
    outs = primitive.bind(*(a.reshape(size * a.shape[1], *a.shape[2:]) for a in first), **statics)
    parted = [out.reshape(size, first[0].shape[1], *out.shape[1:]) for out in outs]
    return parted, [0] * len(parted)


def _primitive(name: str, meaning: Function, in_library: str | None = None) -> Primitive:
    """With the name that the libraries' modules have for it."""
    primitive = Primitive(f"attention_{name}")
    primitive.multiple_results = True
    primitive.def_impl(compiled(primitive.bind, meaning, "sight", "scale"))
    primitive.def_abstract_eval(partial(_abstract, meaning))
    batching.primitive_batchers[primitive] = partial(_batch, primitive)
    everywhere = mlir.lower_fun(meaning, multiple_results=True)
    mlir.register_lowering(primitive, everywhere)
    for platform, library in LIBRARIES.items() if in_library else ():
        here = mlir.lower_fun(getattr(library, in_library), multiple_results=True)
        mlir.register_lowering(primitive, partial(_lower, library.DTYPES, here, everywhere), platform=platform)
    return primitive


def _lower(dtypes: Sequence[Any], here: Any, everywhere: Any, context: Any, *arrays: Any, **statics: Any) -> Any:
    may_be_called = context.avals_in[0].dtype in dtypes and _libraries.stays_here(context)
    return (here if may_be_called else everywhere)(context, *arrays, **statics)


def _abstract(meaning: Function, *arrays: Any, **statics: Any) -> list[Any]:
    outs = jax.make_jaxpr(partial(meaning, **statics))(*arrays).out_avals
    return [out.update(manual_axis_type=arrays[0].manual_axis_type) for out in outs]


def _by_meaning(meaning: Function) -> Callable[..., Any]:
    """A derivative's own derivative: of its arguments as the meaning reads them."""

    def jvp(primals: Any, tangents: Any, **statics: Any) -> tuple[Any, Any]:
        return jax.jvp(partial(meaning, **statics), primals, tuple(map(ad.instantiate_zeros, tangents)))

    return jvp


_FORWARD = _primitive("forward", _forward, "forward")
_TANGENT = _primitive("tangent", _tangent)
_COTANGENT = _primitive("cotangent", _cotangent, "backward")
ad.primitive_jvps[_FORWARD] = _forward_jvp
ad.primitive_jvps[_TANGENT], ad.primitive_jvps[_COTANGENT] = _by_meaning(_tangent), _by_meaning(_cotangent)
ad.primitive_transposes[_TANGENT] = _transpose
