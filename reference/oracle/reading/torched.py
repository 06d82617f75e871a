"""Code on tensors, read as code on arrays: its functions and methods are handed tensors, and give arrays back."""

import functools
import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from reference.oracle.reading.discover import Found
from reference.oracle.reading.vocabulary import SETUPS
from reference.oracle.subjects import trees
from reference.oracle.subjects.frameworks import array_of, computing, tensor_of

# An object's attributes, lists and dicts are walked this deep.
DEPTH = 6


def on_tensors(found: Found) -> Iterator[Found]:
    """The same on tensors of float64, then of float32, where it stands in a module that has PyTorch."""
    if found.style not in ("object", "network", "pair", "value_and_gradient") or not of_torch(found):
        return
    for dtype in ("float64", "float32"):
        owner, *names = found.parts
        if isinstance(owner, type):
            yield replace(found, parts=(_class_on_tensors(owner, names, dtype), *names))
        else:
            yield replace(found, parts=tuple(_function_on_tensors(part, Converted(dtype)) for part in found.parts))


def of_torch(found: Found) -> bool:
    """Whether the module that something stands in has anything of PyTorch, or calls what has."""
    part = inspect.unwrap(found.parts[0])
    methods = (value for base in getattr(part, "__mro__", ()) for value in vars(base).values())
    functions = (getattr(one, "__func__", one) for one in (part, *methods))
    spaces = [one.__globals__ for one in functions if isinstance(one, FunctionType)]
    called = (value for space in spaces for value in space.values() if isinstance(value, FunctionType))
    spaces += [function.__globals__ for function in called]
    return any(_is_torch(value) for space in spaces for value in space.values())


def holds_tensors(value: Any) -> bool:
    """Whether a tensor lies in nested tuples, lists and mappings, or in an object's attributes."""
    held = getattr(value, "__dict__", None)
    own = {} if held is None or isinstance(value, type | ModuleType | FunctionType) else dict(held)
    return any(hasattr(leaf, "detach") for leaf in [*trees.leaves(value), *trees.leaves(own)])


def _is_torch(value: Any) -> bool:
    name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
    return (
        isinstance(name, str) and name.split(".")[0] == "torch" and (isinstance(value, ModuleType) or callable(value))
    )


class Converted:
    """Arrays as tensors and back, each once: what was one object stays one."""

    def __init__(self, dtype: str):
        self.torch = importlib.import_module("torch")
        self.dtype = dtype
        self.inside = False
        self._known: dict[int, tuple[Any, Any]] = {}

    def tensors(self, tree: Any) -> Any:
        """A tree with tensors in the place of its arrays, on the same memory unless their dtype is another."""
        return trees.mapped(self._tensor, tree)

    def arrays(self, tree: Any) -> Any:
        """A tree with arrays in the place of its tensors."""
        return trees.mapped(self._array, tree)

    def _tensor(self, leaf: Any) -> Any:
        if not isinstance(leaf, np.ndarray) or leaf.dtype == object:
            return leaf
        if id(leaf) not in self._known:
            plain = np.ascontiguousarray(leaf) if any(step < 0 for step in leaf.strides) else leaf
            tensor = tensor_of(self.torch, plain)
            tensor = tensor.to(getattr(self.torch, self.dtype)) if leaf.dtype == np.float64 else tensor
            self._remember(leaf, tensor, both=tensor.dtype == self.torch.float64 or leaf.dtype != np.float64)
        return self._known[id(leaf)][1]

    def _array(self, leaf: Any) -> Any:
        if not isinstance(leaf, self.torch.Tensor):
            return leaf
        if id(leaf) not in self._known:
            self._remember(leaf, array_of(leaf), both=True)
        return self._known[id(leaf)][1]

    def _remember(self, one: Any, other: Any, both: bool) -> None:
        self._known[id(one)] = (one, other)
        if both:
            self._known[id(other)] = (other, one)

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Within, tensors that are made of plain numbers have this precision."""
        self.inside = True
        try:
            with computing(self.torch, [np.empty(0, self.dtype)]):
                yield
        finally:
            self.inside = False
            self._known.clear()


def _function_on_tensors(function: Callable[..., Any], converted: Converted) -> Callable[..., Any]:
    """A function, handed tensors for arrays; what it calls itself goes on with tensors."""

    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        if converted.inside:
            return function(*arguments, **named)
        with converted.computing():
            return converted.arrays(function(*converted.tensors(arguments), **converted.tensors(named)))

    return call


def _method_on_tensors(method: Callable[..., Any], converted: Converted) -> Callable[..., Any]:
    """A method during which its object holds tensors, and at whose end it holds arrays."""

    @functools.wraps(method)
    def call(self: Any, *arguments: Any, **named: Any) -> Any:
        if converted.inside:
            return method(self, *arguments, **named)
        with converted.computing():
            _exchange(self, converted.tensors)
            try:
                returned = method(self, *converted.tensors(arguments), **converted.tensors(named))
            finally:
                _exchange(self, converted.arrays)
            return converted.arrays(returned)

    return call


def _class_on_tensors(owner: type, names: list[Any], dtype: str) -> type:
    """A class whose objects hold arrays between the calls, and tensors within."""
    converted = Converted(dtype)
    held: dict[str, Any] = {
        "__module__": owner.__module__,
        "__qualname__": owner.__qualname__,
        "__doc__": owner.__doc__,
    }
    for name in ("__init__", "__call__", *SETUPS, *filter(None, names)):
        method = inspect.getattr_static(owner, name, None)
        if isinstance(method, staticmethod | classmethod):
            held[name] = type(method)(_function_on_tensors(method.__func__, converted))
        elif isinstance(method, FunctionType):
            held[name] = _method_on_tensors(method, converted)
    return type(owner)(owner.__name__, (owner,), held)


def _exchange(owner: Any, convert: Callable[[Any], Any], depth: int = 0, above: frozenset[int] = frozenset()) -> None:
    """Convert what an object holds, in its attributes, lists and dicts and in those of the objects there, in place."""
    if depth > DEPTH or id(owner) in above:
        return
    inside = above | {id(owner)}
    for key, value in list(_slots(owner)):
        if _is_leaf(value) or isinstance(value, tuple):
            new = convert(value)
            if new is not value:
                _put(owner, key, new)
        else:
            _exchange(value, convert, depth + 1, inside)


def _is_leaf(value: Any) -> bool:
    return isinstance(value, np.ndarray) or (hasattr(value, "detach") and hasattr(value, "is_floating_point"))


def _slots(owner: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(owner, Mapping):
        yield from owner.items()
    elif isinstance(owner, list):
        yield from enumerate(owner)
    elif not isinstance(owner, type | ModuleType | FunctionType | str | bytes):
        yield from getattr(owner, "__dict__", {}).items()


def _put(owner: Any, key: Any, value: Any) -> None:
    if isinstance(owner, dict | list):
        owner[key] = value
    elif not isinstance(owner, Mapping):
        owner.__dict__[key] = value


def plain_arrays(value: Any) -> Any:
    """A tensor as an array; anything else as it is."""
    return array_of(value)


def numbers_as_tensors(given: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments with tensors in the place of floating numbers, as some save them; empty where there are none."""
    if not any(isinstance(value, float) for value in given.values()):
        return {}
    torch = importlib.import_module("torch")
    number = functools.partial(torch.tensor, dtype=torch.float64)
    return {name: number(value) if isinstance(value, float) else value for name, value in given.items()}


def narrowed(primals: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same in float32, for code that takes nothing else."""
    wide = [isinstance(value, np.ndarray) and value.dtype == np.float64 for value in primals]
    return tuple(value.astype(np.float32) if one else value for value, one in zip(primals, wide, strict=True))
