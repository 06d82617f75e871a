"""Layers that are a struct and free functions, forward(layer, x) and backward(layer, dout), read as methods."""

from collections.abc import Callable, Sequence
from typing import Any

from reference.oracle.reading.source import parameters
from reference.oracle.reading.vocabulary import part_of


def owner_of(forward: Callable[..., Any], backward: Callable[..., Any], structs: Sequence[type]) -> type | None:
    """The class of what both take first, forward(layer, x) and backward(layer, dout), with both as methods."""
    first, second = ([p.name for p in parameters(function)][:1] for function in (forward, backward))
    if not first or first != second or part_of(first[0]):
        return None
    annotation = parameters(forward)[0].annotation
    told = [s for s in structs if annotation in (s, s.__name__) or s.__name__.lower().endswith(first[0].lower())]
    methods = {function.__name__: function for function in (forward, backward)}
    made = [
        type(s.__name__, (s,), {**methods, "__module__": s.__module__, "__qualname__": s.__qualname__}) for s in told
    ]
    return made[0] if made else None


def of_struct(owner: type) -> bool:
    """Whether a class is one made here, with functions of its objects as methods."""
    return owner.__mro__[1].__qualname__ == owner.__qualname__ and owner.__mro__[1].__module__ == owner.__module__
