"""Convolution and its two gradients as primitives of JAX: three sums, each the transpose of the others.

A convolution relates three arrays, x, kernel and out: out[p] sums x[p + k] kernel[k] over k. The sum over any two of
them that belongs to the third is linear in both, so the derivatives of each of these sums are the other two:

    correlate(x, kernel)   gives out: the convolution
    spread(out, kernel)    gives x: the gradient with respect to x, which is the transposed convolution
    gather(x, out)         gives kernel: the gradient with respect to the kernel

Differentiation of any order and in both modes stays among the three. Each lowers to `_lax`, and on a CPU to what
`cpu/lowerings.py` chooses. A rule of jax.custom_vjp could choose as well, but would forbid forward mode.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from functional_nn._geometry import Line, Spec
from functional_nn._jit import compiled
from functional_nn._lax import LAX
from functional_nn.cpu.lowerings import on_cpu

# The two arrays that each primitive takes, and the one that it gives.
ROLES = {"correlate": ("x", "kernel", "out"), "spread": ("out", "kernel", "x"), "gather": ("x", "out", "kernel")}


def correlate(x: jax.Array, kernel: jax.Array, lines: tuple[Line, ...], groups: int, layout: str) -> jax.Array:
    """The convolution of x with the kernel."""
    return _bind("correlate", x, kernel, _spec(lines, groups, layout))


def spread(out: jax.Array, kernel: jax.Array, lines: tuple[Line, ...], groups: int, layout: str) -> jax.Array:
    """The convolution's gradient with respect to x, from that with respect to its output."""
    return _bind("spread", out, kernel, _spec(lines, groups, layout))


def _spec(lines: tuple[Line, ...], groups: int, layout: str) -> Spec:
    # Read here, as lax does, so that the derivatives keep the precision of the convolution they belong to.
    return Spec(lines, groups, layout, getattr(jax.config, "jax_default_matmul_precision", None))


def _bind(name: str, left: jax.Array, right: jax.Array, spec: Spec) -> jax.Array:
    return _PRIMITIVES[name].bind(*vary_alike(left, right), spec=spec)


def vary_alike(*arrays: jax.Array) -> list[jax.Array]:
    """The arrays for a primitive: inside shard_map they vary over the same axes of the mesh, as lax ensures too."""
    axes = frozenset[str]().union(*map(_varying, arrays))
    missing = [axes - _varying(array) for array in arrays]
    return [jax.lax.pcast(a, tuple(m), to="varying") if m else a for a, m in zip(arrays, missing, strict=True)]


def _varying(array: jax.Array) -> frozenset[str]:
    return frozenset(jax.typeof(array).manual_axis_type.varying)


def _folds(layout: str) -> dict[frozenset[str], dict[str, tuple[int, bool]]]:
    """By the arrays that vmap's axis is in: which axis of each it joins, and whether inside each group's block of it.

    The axis makes more examples, input channels, output channels, or groups.
    """
    channel, inputs, outputs = (-1, -2, -1) if layout == "channels_last" else (1, 1, 0)
    return {
        frozenset({"x", "out"}): {"x": (0, False), "out": (0, False)},
        frozenset({"x", "kernel"}): {"x": (channel, True), "kernel": (inputs, False)},
        frozenset({"kernel", "out"}): {"kernel": (outputs, True), "out": (channel, True)},
        frozenset({"x", "kernel", "out"}): {"x": (channel, False), "kernel": (outputs, False), "out": (channel, False)},
    }


def _batch(name: str, arrays: Any, dims: Any, *, spec: Spec) -> tuple[jax.Array, int]:
    """The primitive over one more axis, as one larger primitive of the same kind."""
    *taken, given = ROLES[name]
    at = {role: dim for role, dim in zip(taken, dims, strict=True) if dim is not None}
    mapped = frozenset({*at, given})
    fold = _folds(spec.layout)[mapped]
    named = dict(zip(taken, arrays, strict=True))
    role, dim = next(iter(at.items()))
    size = named[role].shape[dim]
    if size == 0:
        example = {role: jnp.zeros(_without(a.shape, at.get(role)), a.dtype) for role, a in named.items()}
        out = jax.eval_shape(lambda left, right: _bind(name, left, right, spec), *example.values())
        return jnp.zeros((0, *out.shape), out.dtype), 0
    left, right = (_join(a, at[role], *fold[role], spec.groups) if role in at else a for role, a in named.items())
    out = _bind(name, left, right, spec.times(size) if len(mapped) == 3 else spec)
    return _part(out, size, *fold[given], spec.groups), 0


def _join(array: jax.Array, dim: int, axis: int, in_groups: bool, groups: int) -> jax.Array:
    """The array with its axis `dim` made the outer part of another axis, or of each group's block of that axis."""
    first = jnp.moveaxis(array, dim, 0)
    axis %= array.ndim - 1
    before, length, after = first.shape[1 : axis + 1], first.shape[axis + 1], first.shape[axis + 2 :]
    blocks = groups if in_groups else 1
    split = first.reshape(len(first), *before, blocks, length // blocks, *after)
    return jnp.moveaxis(split, 0, axis + 1).reshape(*before, len(first) * length, *after)


def _part(array: jax.Array, size: int, axis: int, in_groups: bool, groups: int) -> jax.Array:
    """The inverse of `_join`, with the parted axis in front."""
    axis %= array.ndim
    before, length, after = array.shape[:axis], array.shape[axis], array.shape[axis + 1 :]
    blocks = groups if in_groups else 1
    split = array.reshape(*before, blocks, size, length // blocks // size, *after)
    return jnp.moveaxis(split, axis + 1, 0).reshape(size, *before, length // size, *after)


def _without(shape: tuple[int, ...], dim: int | None) -> tuple[int, ...]:
    return shape if dim is None else shape[:dim] + shape[dim + 1 :]


def _primitive(name: str, left_ct: Callable[..., jax.Array], right_ct: Callable[..., jax.Array]) -> Primitive:
    """A bilinear primitive, given its transposes as functions of the cotangent and both arguments."""
    primitive = Primitive(f"convolution_{name}")
    primitive.def_impl(compiled(primitive.bind, LAX[name], "spec"))
    primitive.def_abstract_eval(partial(_abstract, name))
    ad.defbilinear(primitive, left_ct, right_ct)
    batching.primitive_batchers[primitive] = partial(_batch, name)
    mlir.register_lowering(primitive, mlir.lower_fun(LAX[name], multiple_results=False))
    mlir.register_lowering(primitive, on_cpu(name), platform="cpu")
    return primitive


def _abstract(name: str, left: Any, right: Any, *, spec: Spec) -> Any:
    out = jax.make_jaxpr(partial(LAX[name], spec=spec))(left, right).out_avals[0]
    # The shape that a transpose is asked for does not say that it varies inside shard_map; both arguments do.
    return out.update(manual_axis_type=left.manual_axis_type)


_PRIMITIVES = {
    "correlate": _primitive(
        "correlate",
        lambda ct, x, kernel, *, spec: _bind("spread", ct, kernel, spec),
        lambda ct, x, kernel, *, spec: _bind("gather", x, ct, spec),
    ),
    "spread": _primitive(
        "spread",
        lambda ct, out, kernel, *, spec: _bind("correlate", ct, kernel, spec),
        lambda ct, out, kernel, *, spec: _bind("gather", ct, out, spec),
    ),
    "gather": _primitive(
        "gather",
        lambda ct, x, out, *, spec: _bind("spread", out, ct, spec),
        lambda ct, x, out, *, spec: _bind("correlate", x, ct, spec),
    ),
}
