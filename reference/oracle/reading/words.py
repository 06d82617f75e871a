"""How code was called, in words for a report and as Python that can be pasted."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from reference.oracle.reading.calls import Source, Way, upstreams
from reference.oracle.reading.discover import Found
from reference.oracle.reading.settle import called, expression, value
from reference.oracle.reading.structs import of_struct
from reference.oracle.reading.trial import Written


def call(function: Callable[..., Any], given: Mapping[str, Any]) -> str:
    """A call by the names of its arguments."""
    return f"{getattr(function, '__name__', 'call')}({', '.join(given)})"


def backward_call(backward: Callable[..., Any], way: Way) -> str:
    """A call of a backward: what each of its arguments is given."""
    return f"{getattr(backward, '__name__', 'backward')}({', '.join(_said(n, s) for n, s in way.items())})"


def _said(name: str, source: Source) -> str:
    words = {
        "cotangent": "the cotangent",
        "cache": "what the forward saved",
        "output": "the output",
        "primal": str(source.key),
        "returned": f"result {source.key} of the forward",
        "value": repr(source.key),
    }[source.kind]
    return name if words == name else f"{name} = {words}"


def object_calls(found: Found, made: Mapping[str, Any], given: Mapping[str, Any], way: Way) -> str:
    """The calls of an object: made, forward, backward."""
    owner, forward_name, backward_name = found.parts
    first = f"{owner.__name__}({', '.join(made)}).{forward_name}({', '.join(given)})"
    if backward_name is None:
        return f"{first} -> (value, gradients)"
    return f"{first}, then {backward_name}({', '.join(_said(n, s) for n, s in way.items())})"


def written(
    before: tuple[str, ...],
    setup: tuple[str, ...],
    forward: str,
    backward: str | None,
    given: Mapping[str, Any],
    way: Way,
    slope: bool,
) -> Written | None:
    """The reading as Python; None where something that is handed over cannot be written."""
    arguments = {name: name if isinstance(value, np.ndarray) else repr(value) for name, value in given.items()}
    if any("<" in text for text in arguments.values()) or "<lambda>" in (forward, backward):
        return None
    count = upstreams(way)
    output = "returned[0] if isinstance(returned, tuple) else returned" if count <= 1 else f"returned[:{count}]"
    if backward is None:
        return Written(before, setup, called(forward, arguments), "returned[0]", "returned[1]")
    call = called(backward, {name: expression(source, count) for name, source in way.items()})
    return Written(before, setup, called(forward, arguments), output, f"cotangent * {call}" if slope else call)


def written_object(
    found: Found, made: Mapping[str, Any], given: Mapping[str, Any], way: Way, slope: bool
) -> Written | None:
    """The calls of an object as Python."""
    owner, forward_name, backward_name = found.parts
    mine = {name: f"{owner.__name__}_{name}" for name, given in made.items() if isinstance(given, np.ndarray)}
    before = tuple(f"{own} = {value(made[name])}" for name, own in mine.items())
    arguments = {name: f"{mine[name]}.copy()" if name in mine else repr(given) for name, given in made.items()}
    setup = called(owner.__name__, arguments)
    if "<" in setup:
        return None
    back = f"layer.{backward_name}" if backward_name else None
    said = written(before, ("np.random.seed(0)", f"layer = {setup}"), f"layer.{forward_name}", back, given, way, slope)
    return said if said is None or not of_struct(owner) else _with_functions(said)


def _with_functions(said: Written) -> Written:
    """The calls of functions of a layer: forward(layer, x=x)."""
    calls = {text: re.sub(r"layer\.(\w+)\(", r"\1(layer, ", text) for text in (said.forward, said.backward)}
    return replace(said, forward=calls[said.forward], backward=calls[said.backward])
