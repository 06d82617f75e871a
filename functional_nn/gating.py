"""Gated units: one half of a layer lets through as much of the other as an activation of it says."""

from collections.abc import Callable, Mapping
from functools import partial

import jax
import jax.numpy as jnp

from functional_nn._checks import require, require_floating
from functional_nn._entrywise import by_c_file
from functional_nn._jit import jit_op
from functional_nn._numerics import in_float32
from functional_nn.activations import gelu, relu, sigmoid, silu
from functional_nn.cpu import activations as c_file

ACTIVATIONS: Mapping[str, Callable[[jax.Array], jax.Array]] = {
    "sigmoid": sigmoid,
    "silu": silu,
    "gelu": gelu,
    "relu": relu,
    "identity": lambda gate: gate,
}


@jit_op("activation")
def glu(x: jax.Array, gate: jax.Array, *, activation: str = "sigmoid") -> jax.Array:
    """The gated linear unit: x weighted, entry by entry, by an activation of a gate.

    glu(x, gate) = x a(gate), x_ct = ct a(gate) and gate_ct = ct x a'(gate). With "silu" it is known as SwiGLU, with
    "gelu" (the exact one) as GeGLU, with "relu" as ReGLU, with "identity" as the bilinear unit.

    As accurate as the activation; in 16 bits the product is formed in float32 and rounded once. At the kink of relu
    the derivative is relu's, 0.

    Args:
        x: any shape, a floating dtype.
        gate: the shape of x. Both usually come from dense layers of the same input.
        activation: "sigmoid", "silu", "gelu", "relu" or "identity".

    Returns:
        The shape of x, in the dtype that the arguments promote to.

    Raises:
        ValueError: gate.shape is not x.shape, or activation is none of these.
        TypeError: an argument is not a floating array.

    References:
        Dauphin et al., Language Modeling with Gated Convolutional Networks, arXiv:1612.08083; Shazeer, GLU Variants
        Improve Transformer, arXiv:2002.05202; docs/derivations/gating.md.

    >>> print(glu(jnp.array([2.0, 4.0]), jnp.array([0.0, 100.0])))
    [1. 4.]
    """
    require_floating("glu", x=x, gate=gate)
    x, gate = jnp.asarray(x), jnp.asarray(gate)
    require(gate.shape == x.shape, "glu", "gate.shape must equal x.shape", f"{gate.shape=}, {x.shape=}")
    rule = f"activation must be one of {', '.join(ACTIVATIONS)}"
    require(activation in ACTIVATIONS, "glu", rule, f"activation={activation!r}")
    if x.dtype == gate.dtype and c_file.takes(activation, x):
        return _APART[activation](x, gate)[0]
    return in_float32(FORMULAS[activation], x, gate)


def _weighted(activation: str, x: jax.Array, gate: jax.Array) -> jax.Array:
    return x * ACTIVATIONS[activation](gate)


# Of x and gate, by the activation.
FORMULAS = {name: partial(_weighted, name) for name in ACTIVATIONS}
_APART = {name: by_c_file(name, "apart", FORMULAS[name]) for name in ACTIVATIONS if name in c_file.NAMES}
