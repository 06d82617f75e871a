"""A function of JAX whose value and gradients a library computes, where there is one for the platform.

It becomes three primitives:

    forward(inputs)                       gives the results, and what is kept for the backward pass
    tangent(inputs, read, tangents)       gives the results' tangents, linear in the inputs' tangents
    cotangent(inputs, read, cotangents)   gives the inputs' cotangents: the transpose of `tangent`

where `read` are outputs of the first primitive that the third reads. The library has cotangent, and mostly
forward. What they mean, and every other derivative, is the function itself: all three lower to it where no library may
be called. A rule of jax.custom_vjp would forbid forward mode.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from functional_nn import _libraries
from functional_nn._bilinear import vary_alike
from functional_nn._jit import compiled

Function = Callable[..., Sequence[Any]]
# Of a primitive: its arrays, the axis of each that is mapped or None, and its statics; and how it is run.
BatchRule = Callable[..., tuple[Sequence[Any], Sequence[int]]]


@dataclass(frozen=True, eq=False)
class ByLibrary:
    """The function `meaning` of arrays, of which the first `differentiable` have gradients; it gives a tuple."""

    name: str
    meaning: Function
    inputs: int
    differentiable: int
    statics: tuple[str, ...]
    # The shapes and dtypes of what is kept, of inputs and statics; and the number of the first output that is read.
    kept: Function
    first_read: int
    # By platform: what has `backward`, perhaps `forward`, and the dtypes that it takes, `DTYPES`.
    libraries: Mapping[str, Any]
    # How the primitives are mapped over one more axis; as the meaning is, where nothing is said.
    batch: BatchRule | None = None

    def __call__(self, *arrays: jax.Array, **statics: Any) -> tuple[jax.Array, ...]:
        """The results, by a library wherever it can be."""
        outs = self.primitives[0].bind(*vary_alike(*arrays), **statics)
        return tuple(outs[: len(outs) - len(self.kept(*arrays, **statics))])

    @cached_property
    def primitives(self) -> tuple[Primitive, Primitive, Primitive]:
        """Forward, tangent and cotangent."""
        forward = self._primitive("forward", self.forward, "forward")
        tangent = self._primitive("tangent", self.tangent)
        cotangent = self._primitive("cotangent", self.cotangent, "backward")
        ad.primitive_jvps[forward] = self._forward_jvp
        ad.primitive_jvps[tangent] = partial(_jvp, self.tangent)
        ad.primitive_jvps[cotangent] = partial(_jvp, self.cotangent)
        ad.primitive_transposes[tangent] = self._transpose
        return forward, tangent, cotangent

    def forward(self, *arrays: jax.Array, **statics: Any) -> Sequence[Any]:
        """The results, and zeros for what the meaning need not keep."""
        kept = [jnp.zeros(each.shape, each.dtype) for each in self.kept(*arrays, **statics)]
        return *self.meaning(*arrays, **statics), *kept

    def tangent(self, *arrays: jax.Array, **statics: Any) -> Sequence[Any]:
        """The results' tangents; the last arrays are the inputs' tangents."""
        function, primals = self._of_differentiable(arrays, statics)
        return jax.jvp(function, primals, arrays[len(arrays) - self.differentiable :])[1]

    def cotangent(self, *arrays: jax.Array, **statics: Any) -> Sequence[Any]:
        """The cotangents of the differentiable inputs; the last arrays are the results' cotangents."""
        function, primals = self._of_differentiable(arrays, statics)
        outs, pullback = jax.vjp(function, *primals)
        return pullback(tuple(arrays[len(arrays) - len(outs) :]))

    def _of_differentiable(self, arrays: Sequence[Any], statics: Mapping[str, Any]) -> tuple[Function, Sequence[Any]]:
        primals, others = arrays[: self.differentiable], arrays[self.differentiable : self.inputs]
        return lambda *primals: tuple(self.meaning(*primals, *others, **statics)), primals

    def _forward_jvp(self, primals: Any, tangents: Any, **statics: Any) -> tuple[Any, Any]:
        """What is kept has no tangent: what is computed from it does not depend on it."""
        forward, tangent, _ = self.primitives
        outs = forward.bind(*primals, **statics)
        moving = map(ad.instantiate_zeros, tangents[: self.differentiable])
        moved = tangent.bind(*primals, *outs[self.first_read :], *moving, **statics)
        return outs, (*moved, *(ad.Zero(jax.typeof(each).to_tangent_aval()) for each in outs[len(moved) :]))

    def _transpose(self, cotangents: Any, *arrays: Any, **statics: Any) -> list[Any]:
        """Of the tangents among the arrays, which are linear; of the others there is none."""
        fixed, linear = arrays[: -self.differentiable], arrays[-self.differentiable :]
        if all(type(each) is ad.Zero for each in cotangents):
            found = [ad.Zero(each.aval) if ad.is_undefined_primal(each) else None for each in linear]
        else:
            found = self.primitives[2].bind(*fixed, *map(ad.instantiate_zeros, cotangents), **statics)
        linear_only = (a if ad.is_undefined_primal(of) else None for a, of in zip(found, linear, strict=True))
        return [None] * len(fixed) + list(linear_only)

    def _primitive(self, kind: str, meaning: Function, in_library: str = "") -> Primitive:
        primitive = Primitive(f"{self.name}_{kind}")
        primitive.multiple_results = True
        primitive.def_impl(compiled(primitive.bind, meaning, *self.statics))
        primitive.def_abstract_eval(partial(_abstract, meaning))
        batching.primitive_batchers[primitive] = partial(self.batch or _batch, primitive, meaning)
        everywhere = mlir.lower_fun(meaning, multiple_results=True)
        mlir.register_lowering(primitive, everywhere)
        for platform, library in self.libraries.items() if in_library else ():
            here = mlir.lower_fun(getattr(library, in_library, meaning), multiple_results=True)
            mlir.register_lowering(primitive, partial(_lower, library.DTYPES, here, everywhere), platform=platform)
        return primitive


def _lower(dtypes: Sequence[Any], here: Any, everywhere: Any, context: Any, *arrays: Any, **statics: Any) -> Any:
    may_be_called = context.avals_in[0].dtype in dtypes and _libraries.stays_here(context)
    return (here if may_be_called else everywhere)(context, *arrays, **statics)


def _abstract(meaning: Function, *arrays: Any, **statics: Any) -> list[Any]:
    outs = jax.make_jaxpr(partial(meaning, **statics))(*arrays).out_avals
    return [out.update(manual_axis_type=arrays[0].manual_axis_type) for out in outs]


def _jvp(meaning: Function, primals: Any, tangents: Any, **statics: Any) -> tuple[Any, Any]:
    """A derivative's own derivative: of its arguments as the meaning reads them."""
    return jax.jvp(partial(meaning, **statics), primals, tuple(map(ad.instantiate_zeros, tangents)))


def _batch(primitive: Primitive, meaning: Function, arrays: Any, dims: Any, **statics: Any) -> tuple[Any, Any]:
    outs = jax.vmap(partial(meaning, **statics), tuple(dims))(*arrays)
    return outs, [0] * len(outs)


def merge_examples(primitive: Primitive, meaning: Function, arrays: Any, dims: Any, **statics: Any) -> tuple[Any, Any]:
    """Where the first axis of all arrays counts examples, one more axis makes more of them."""
    size = next(array.shape[dim] for array, dim in zip(arrays, dims, strict=True) if dim is not None)
    first = [
        jnp.broadcast_to(array, (size, *array.shape)) if dim is None else jnp.moveaxis(array, dim, 0)
        for array, dim in zip(arrays, dims, strict=True)
    ]
    outs = primitive.bind(*(a.reshape(size * a.shape[1], *a.shape[2:]) for a in first), **statics)
    parted = [out.reshape(size, first[0].shape[1], *out.shape[1:]) for out in outs]
    return parted, [0] * len(parted)
