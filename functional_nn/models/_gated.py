"""A gated unit of one array, as a dense layer gives it: the values, and then as many gates."""

from functools import partial

import jax
import jax.numpy as jnp

from functional_nn._entrywise import by_c_file
from functional_nn.cpu import activations
from functional_nn.gating import FORMULAS, glu


def glu_of_halves(x: jax.Array, *, activation: str) -> jax.Array:
    """glu of the first half of the last axis, gated by the second; its gradient is not put together of two."""
    if activation in _BY_C_FILE and activations.takes(activation, x):
        return _BY_C_FILE[activation](x)[0]
    return glu(*jnp.split(x, 2, -1), activation=activation)


def _of_halves(activation: str, x: jax.Array) -> jax.Array:
    return FORMULAS[activation](*jnp.split(x, 2, -1))


_BY_C_FILE = {
    name: by_c_file(name, "halves", partial(_of_halves, name)) for name in FORMULAS if name in activations.NAMES
}
