"""Subjects of functions as found in a file: paired, with settings filled in, or returning value and gradient."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from reference import oracle
from reference.oracle.subjects.subject import Subject


def required(function: Callable[..., Any]) -> list[str]:
    """The names of the positional parameters without a default."""
    return [p.name for p in parameters(function) if p.default is p.empty]


def parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The positional parameters."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p for p in inspect.signature(function).parameters.values() if p.kind in kinds]


def settled_with(function: Callable[..., Any], settled: Mapping[int, Any], ahead: int) -> Callable[..., Any]:
    """The function of the remaining arguments; `ahead` arguments (the cotangent) come before the counted ones."""

    def settled_call(*arguments: Any) -> Any:
        rest = iter(arguments[ahead:])
        count = len(arguments) - ahead + len(settled)
        return function(
            *arguments[:ahead], *(settled[place] if place in settled else next(rest) for place in range(count))
        )

    settled_call.__name__ = getattr(function, "__name__", "function")
    signature = inspect.signature(function)
    left = [p for place, p in enumerate(signature.parameters.values()) if place - ahead not in settled]
    settled_call.__signature__ = signature.replace(parameters=left)  # pyright: ignore[reportFunctionMemberAccess] - PEP 362
    return settled_call


def subject_of(style: str, parts: Sequence[Any]) -> Subject:
    """The subject of the parts of something found, where no object has to be made first."""
    match style:
        case "subject":
            return parts[0]
        case "derivative":
            forward, derivative = parts
            return replace(oracle.from_forward_backward(*_elementwise(forward, derivative)), source=derivative)
        case "derivative_of_output":
            forward, derivative = parts
            pair = _elementwise(forward, lambda x: derivative(forward(x)))
            return replace(oracle.from_forward_backward(*pair), source=derivative)
        case "value_and_gradient":
            return _with_gradient(parts[0])
    return getattr(oracle, f"from_{style}")(*parts)


def _elementwise(forward: Callable[[Any], Any], derivative: Callable[[Any], Any]) -> tuple[Any, Any]:
    return forward, lambda cotangent, x: cotangent * derivative(x)


def _with_gradient(function: Callable[..., Any]) -> Subject:
    """A function that returns its loss and its gradients; arguments that no gradient fits are constants."""

    def vjp(*primals: Any) -> tuple[Any, Callable[[Any], Any]]:
        loss, *gradients = function(*primals)
        by_shape = {np.shape(gradient): gradient for gradient in gradients}
        several = gradients if len(gradients) > 1 else [by_shape.get(np.shape(primal)) for primal in primals]
        return loss, lambda cotangent: tuple(several)

    def bind(*primals: Any) -> tuple[Subject, dict[str, Any]]:
        _, *gradients = function(*primals)
        shapes = {np.shape(gradient) for gradient in gradients}
        lacking = (name for name, primal in zip(names, primals, strict=False) if np.shape(primal) not in shapes)
        return replace(subject, constants=tuple(lacking), bind=None), {}

    names = tuple(parameter.name for parameter in parameters(function))
    subject = replace(oracle.from_vjp(vjp), name=function.__name__, names=names, source=function, upstream="one")
    return replace(subject, bind=bind)
