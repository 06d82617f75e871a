"""Functions of every entry by itself, in float32 or wider: by a C file of the CPU where it takes the arrays."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from functional_nn._by_library import ByLibrary
from functional_nn._checks import require_floating
from functional_nn._numerics import in_float32
from functional_nn.cpu import activations

_ALONE: dict[tuple[str, float], ByLibrary] = {}


def elementwise(
    op: str, function: Callable[[jax.Array], jax.Array], x: jax.Array, unit: str = "", parameter: float = 0.0
) -> jax.Array:
    """An op's formula, applied to x; a TypeError unless x is a floating array.

    `unit` is the C file's name of it, where that is not the op's own, and `parameter` the number that it depends on.
    """
    require_floating(op, x=x)
    x, name = jnp.asarray(x), unit or op
    if activations.takes(name, x):
        # These have one formula, whichever call brought it.
        made = _ALONE.setdefault((name, parameter), by_c_file(name, "alone", function, parameter))
        return made(x)[0]
    return in_float32(function, x)


def by_c_file(name: str, form: str, function: Callable[..., jax.Array], parameter: float = 0.0) -> ByLibrary:
    """The activation, or unit of this form, with this formula."""
    arrays = 2 if form == "apart" else 1
    return ByLibrary(
        f"{name}_{form}",
        lambda *arrays: (in_float32(function, *arrays),),
        inputs=arrays,
        differentiable=arrays,
        statics=(),
        kept=lambda *_, **__: (),
        first_read=1,
        libraries={"cpu": activations.Unit(name, form, parameter)},
    )
