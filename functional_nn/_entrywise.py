"""Functions of every entry by itself, in float32 or wider: by a C file of the CPU where it takes the arrays."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from functional_nn._by_library import ByLibrary
from functional_nn._checks import require_floating
from functional_nn._numerics import in_float32
from functional_nn.cpu import activations

_ALONE: dict[str, ByLibrary] = {}


def elementwise(op: str, function: Callable[[jax.Array], jax.Array], x: jax.Array) -> jax.Array:
    """An op's formula, applied to x; a TypeError unless x is a floating array."""
    require_floating(op, x=x)
    x = jnp.asarray(x)
    if activations.takes(op, x):
        # An op has one formula, whichever call brought it.
        return _ALONE.setdefault(op, by_c_file(op, "alone", function))(x)[0]
    return in_float32(function, x)


def by_c_file(name: str, form: str, function: Callable[..., jax.Array]) -> ByLibrary:
    """The activation, or unit of this form, with this formula."""
    arrays = 2 if form == "apart" else 1
    return ByLibrary(
        f"{name}_{form}",
        lambda *arrays: (function(*arrays),),
        inputs=arrays,
        differentiable=arrays,
        statics=(),
        kept=lambda *_, **__: (),
        first_read=1,
        libraries={"cpu": activations.Unit(name, form)},
    )
