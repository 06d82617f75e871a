"""How a public op is compiled, and what it takes."""

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Any, NamedTuple, ParamSpec, TypeVar, cast

import jax
import numpy as np

from functional_nn._checks import as_array, require_hashable

P = ParamSpec("P")
R = TypeVar("R")


def jit_op(*statics: str, check: Callable[..., None] | None = None) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Jit an op whose keyword arguments `statics` are compile-time constants; an unhashable one is a named TypeError.

    The op is inlined where another jitted function calls it, so a model's program reads as if it were written out.
    `check(op, **arrays)` is called before, where arrays that are not traced have values; with the statics it names.
    """
    checked = [name for name in statics if check and name in signature(check).parameters]

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        compiled = jax.jit(_of_statics(function), static_argnames=statics, inline=True)
        name, arrays = function.__name__, [name for name in signature(function).parameters if name not in statics]

        @wraps(function)
        def op(*args: P.args, **kwargs: P.kwargs) -> R:
            taken = [_argument(name, each, value) for each, value in zip(arrays, args, strict=False)]
            taken.extend(args[len(arrays) :])  # too many: Python says so
            named = {n: (_static if n in statics else _argument)(name, n, value) for n, value in kwargs.items()}
            if check:
                values = {n: named[n] for n in arrays if n in named} | {
                    n: named[n].value for n in checked if n in named
                }
                check(name, **dict(zip(arrays, taken, strict=False)), **values)
            return compiled(*taken, **named)

        return cast(Callable[P, R], op)

    return decorate


class _Static(NamedTuple):
    """A compile-time constant that is equal only to one of the same types: (1,) and (1.0,) are two."""

    types: Any
    value: Any


def _static(op: str, name: str, value: Any) -> _Static:
    require_hashable(op, name, value)
    value = _of_python(value)
    return _Static(_types(value), value)


def _of_python(value: Any) -> Any:
    """The same static with ints of Python for NumPy's, which overflow."""
    if isinstance(value, tuple):
        return tuple(map(_of_python, value))
    return int(value) if isinstance(value, np.integer) else value


def _types(value: Any) -> Any:
    return tuple(map(_types, value)) if isinstance(value, tuple) else type(value)


def _argument(op: str, name: str, value: Any) -> Any:
    # What no argument is for, None included, is refused by the op.
    return value if value is None else as_array(op, name, value)


def _of_statics(function: Callable[..., R]) -> Callable[..., R]:
    """The function of its statics' values."""

    @wraps(function)
    def of_values(*args: Any, **kwargs: Any) -> R:
        values = {n: v.value if isinstance(v, _Static) else v for n, v in kwargs.items()}
        with np.errstate(over="ignore"):  # a static may be larger than the arrays' dtype can say
            return function(*args, **values)

    return of_values


def compiled(bind: Callable[..., Any], meaning: Callable[..., Any], *statics: str) -> Callable[..., Any]:
    """How a primitive runs outside of jit: compiled, unless jit is disabled, where that would end here again."""
    by_jit = jax.jit(bind, static_argnames=statics)

    def run(*arrays: jax.Array, **chosen: Any) -> Any:
        return (meaning if getattr(jax.config, "jax_disable_jit", False) else by_jit)(*arrays, **chosen)

    return run
