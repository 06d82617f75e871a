"""One shape for everybody's backpropagation: a name, and a function from primals to (out, pullback)."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Pullback:
    """A function from a cotangent to cotangents, beside what the forward saved for it."""

    apply: Callable[[Any], Any]
    residuals: Any = None

    def __call__(self, cotangent: Any) -> Any:
        """What the backward returns for this cotangent."""
        return self.apply(cotangent)


@dataclass(frozen=True)
class Subject:
    """Code under judgment.

    vjp(*primals) -> (out, pullback), where pullback(cotangent) -> tuple with one cotangent per primal (None where
    there is none). forward(*primals) -> out alone. The parameters of a layer object follow its inputs as primals.
    source is the user's function or method that computes the backward, for line numbers, where one is known.
    """

    name: str
    forward: Callable[..., Any]
    vjp: Callable[..., tuple[Any, Callable[[Any], Any]]]
    names: tuple[str, ...] | None = None
    source: Callable[..., Any] | None = None
    style: str = "vjp"
    # Arguments that carry no gradient although their dtype is floating (the targets of a layer with a loss).
    constants: tuple[str, ...] = ()
    # bind(*inputs) -> (subject of inputs and parameters, the parameters by name), where an object holds parameters.
    bind: Callable[..., tuple["Subject", dict[str, Any]]] | None = None
    # shared() -> the same code, all of whose calls go through one object, where that object has state.
    shared: Callable[[], "Subject"] | None = None
    # evaluate(*primals): a forward in evaluation mode, on the shared object.
    evaluate: Callable[..., Any] | None = None
    # The object owns a random generator; its copies draw the same.
    draws: bool = False
    # "free": any cotangent; "last": by default one, as of a loss; "one": the backward takes none.
    upstream: str = "free"


def from_forward_backward(forward: Callable[..., Any], backward: Callable[..., Any]) -> Subject:
    """The subject of forward(*primals) -> out and backward(cotangent, *primals) -> cotangents."""
    _callable("from_forward_backward", forward=forward, backward=backward)

    def vjp(*primals: Any) -> tuple[Any, Pullback]:
        return forward(*primals), Pullback(lambda cotangent: backward(cotangent, *primals))

    return Subject(name_of(forward), forward, vjp, parameter_names(forward), backward, "forward_backward")


def from_rule(fwd: Callable[..., Any], bwd: Callable[..., Any]) -> Subject:
    """The subject of fwd(*primals) -> (out, residuals) and bwd(residuals, cotangent) -> cotangents."""
    _callable("from_rule", fwd=fwd, bwd=bwd)

    def vjp(*primals: Any) -> tuple[Any, Pullback]:
        out, residuals = _pair("from_rule", "fwd", fwd(*primals), "(out, residuals)")
        return out, Pullback(lambda cotangent: bwd(residuals, cotangent), residuals)

    return Subject(name_of(fwd), _first(vjp), vjp, parameter_names(fwd), bwd, "rule")


def from_cache(forward: Callable[..., Any], backward: Callable[..., Any]) -> Subject:
    """The subject of forward(*primals) -> (out, cache) and backward(dout, cache) -> gradients."""
    _callable("from_cache", forward=forward, backward=backward)

    def vjp(*primals: Any) -> tuple[Any, Pullback]:
        out, cache = _pair("from_cache", "forward", forward(*primals), "(out, cache)")
        return out, Pullback(lambda dout: backward(dout, cache), cache)

    return Subject(name_of(forward), _first(vjp), vjp, parameter_names(forward), backward, "cache")


def from_vjp(vjp: Callable[..., Any]) -> Subject:
    """The subject of vjp(*primals) -> (out, pullback), the signature of jax.vjp applied to a function."""
    _callable("from_vjp", vjp=vjp)

    def pair(*primals: Any) -> tuple[Any, Callable[[Any], Any]]:
        out, pullback = _pair("from_vjp", "vjp", vjp(*primals), "(out, pullback)")
        if not callable(pullback):
            raise TypeError(f"from_vjp: vjp must return (out, pullback); got a {type(pullback).__name__} as pullback")
        return out, pullback

    return Subject(name_of(vjp), _first(pair), pair, parameter_names(vjp), vjp, "vjp")


def name_of(function: Any) -> str:
    """The name to report a function under."""
    return getattr(function, "__name__", None) or type(function).__name__


def parameter_names(function: Callable[..., Any]) -> tuple[str, ...] | None:
    """The names of the positional parameters, or None where the signature does not tell."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return None
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return tuple(parameter.name for parameter in parameters if parameter.kind in positional)


def _first(vjp: Callable[..., tuple[Any, Any]]) -> Callable[..., Any]:
    return lambda *primals: vjp(*primals)[0]


def _pair(op: str, name: str, value: Any, shape: str) -> tuple[Any, Any]:
    if not isinstance(value, tuple | list) or len(value) != 2:
        got = f"{type(value).__name__} of {len(value)}" if isinstance(value, tuple | list) else type(value).__name__
        raise TypeError(f"{op}: {name} must return {shape}; got {got}")
    return value[0], value[1]


def _callable(op: str, **functions: Any) -> None:
    for name, function in functions.items():
        if not callable(function):
            raise TypeError(f"oracle.{op}: {name} must be callable; got {type(function).__name__}")
