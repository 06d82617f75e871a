"""How cases in PyTorch and JAX are declared from a forward and a backward that stand side by side."""

import inspect
from collections.abc import Callable
from typing import Any

from .case import Family


def custom_vjp(family: Family) -> Callable[..., Any]:
    """Declares a backward that belongs to a forward, which returns (out, residuals), of a jax.custom_vjp."""

    def made(forward: Callable[..., Any], backward: Callable[..., Any]) -> Any:
        import jax

        function = jax.custom_vjp(lambda *primals: forward(*primals)[0])
        function.defvjp(forward, backward)
        return function

    return _declaring(family, "jax", made, before=0)


def autograd_function(family: Family) -> Callable[..., Any]:
    """Declares a backward that belongs to the forward, which takes ctx first, of a torch.autograd.Function."""

    def made(forward: Callable[..., Any], backward: Callable[..., Any]) -> Any:
        import torch

        class Written(torch.autograd.Function):
            pass

        Written.forward, Written.backward = staticmethod(forward), staticmethod(backward)
        return Written

    return _declaring(family, "torch", made, before=1)


def _declaring(family: Family, style: Any, made: Callable[..., Any], before: int) -> Callable[..., Any]:
    def wrong(forward: Callable[..., Any], inputs: Any, cause: str, argument: str, **more: Any) -> Callable[..., Any]:
        names = tuple(inspect.signature(forward).parameters)[before:]

        def add(backward: Callable[..., Any]) -> Any:
            def build() -> Any:
                return made(forward, backward)

            build.__name__ = backward.__name__
            case = family.whole(
                "", "wrong backward", style, inputs, cause=cause, argument=argument, names=names, **more
            )
            return case(build)

        return add

    return wrong
