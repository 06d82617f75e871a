"""How a public op is compiled."""

from collections.abc import Callable, Hashable
from functools import wraps
from typing import ParamSpec, TypeVar, cast

import jax

P = ParamSpec("P")
R = TypeVar("R")


def jit_op(*statics: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Jit an op whose keyword arguments `statics` are compile-time constants; an unhashable one is a named TypeError.

    The op is inlined where another jitted function calls it, so a model's program reads as if it were written out.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        compiled = jax.jit(function, static_argnames=statics, inline=True)

        @wraps(function)
        def op(*args: P.args, **kwargs: P.kwargs) -> R:
            for name in statics:
                if name in kwargs and not isinstance(kwargs[name], Hashable):
                    got = f"{name}={kwargs[name]!r}"
                    raise TypeError(f"{function.__name__}: {name} must be hashable (a tuple, not a list); got {got}")
            return compiled(*args, **kwargs)

        return cast(Callable[P, R], op)

    return decorate
