"""Functions on boxes, read as functions on arrays: `__call__` takes and gives objects that hold an array and a grad."""

import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import FunctionType
from typing import Any

import numpy as np

from reference.oracle.reading.discover import Found
from reference.oracle.subjects import trees

# The attribute in which a box holds its array.
HELD = ("data", "value", "array", "_data")


def on_boxes(found: Found) -> Iterator[Found]:
    """The same, called on the boxes that its module has: its backward is handed boxes, or plain arrays."""
    owner = found.parts[0]
    if found.style != "object" or found.parts[2] is None or not _is_called(owner):
        return
    for box, held in boxes_of(owner):
        for both in (True, False):
            yield replace(found, parts=(_on_arrays(owner, found.parts[2], box, held, both), "__call__", found.parts[2]))


def _is_called(owner: Any) -> bool:
    return any("__call__" in vars(base) for base in getattr(owner, "__mro__", ()))


@functools.cache
def boxes_of(owner: type) -> list[tuple[type, str]]:
    """The classes beside the methods of a class whose objects hold an array and a grad, and where the array lies."""
    methods = (value for base in owner.__mro__ for value in vars(base).values() if isinstance(value, FunctionType))
    known: dict[int, Any] = {id(v): v for method in methods for v in method.__globals__.values() if inspect.isclass(v)}
    others = [value for value in known.values() if value not in owner.__mro__]
    return [(value, held) for value in others if (held := _held_by(value))]


def _held_by(box: type) -> str | None:
    """The attribute under which an object made of an array alone has that array."""
    array = np.ones((2, 3))
    try:
        made = box(array)
        if not hasattr(made, "grad"):
            return None
        return next((name for name in HELD if getattr(made, name, None) is array), None)
    except (Exception, SystemExit):  # anybody's constructor may raise anything
        return None


def _on_arrays(owner: type, backward: str, box: type, held: str, both: bool) -> type:
    """A class whose objects box what they are called with, and unbox what they give."""

    def unboxed(tree: Any) -> Any:
        return trees.mapped(lambda leaf: getattr(leaf, held) if isinstance(leaf, box) else leaf, tree)

    def boxed(value: Any) -> Any:
        return box(value) if isinstance(value, np.ndarray) else value

    @functools.wraps(owner.__call__)
    def call(self: Any, *arguments: Any, **named: Any) -> Any:
        outputs = owner.__call__(self, *map(boxed, arguments), **{key: boxed(value) for key, value in named.items()})
        self.outputs_alive = outputs  # a function may know its outputs by weak references alone
        return unboxed(tuple(outputs) if isinstance(outputs, list) else outputs)

    named = {"__module__": owner.__module__, "__qualname__": owner.__qualname__, "__doc__": owner.__doc__}
    back = _unboxing(getattr(owner, backward), boxed if both else lambda value: value, unboxed)
    return type(owner)(owner.__name__, (owner,), {**named, "__call__": call, backward: back})


def _unboxing(
    method: Callable[..., Any], boxed: Callable[[Any], Any], unboxed: Callable[[Any], Any]
) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(self: Any, *arguments: Any, **named: Any) -> Any:
        came = method(self, *map(boxed, arguments), **{key: boxed(value) for key, value in named.items()})
        return unboxed(came)

    return call
