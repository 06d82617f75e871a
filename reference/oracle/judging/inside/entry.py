"""The forward and the backward in a submission, as one subject."""

import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from reference.oracle.subjects import trees
from reference.oracle.subjects.frameworks import (
    array_of,
    from_jax,
    from_torch,
    from_torch_settled,
    takes_context,
    tensor_of,
)
from reference.oracle.subjects.subject import Subject, from_forward_backward, from_rule, parameter_names

# Two functions by these names, alone or behind a name and an underscore: what the second takes is said by its name.
PAIRS = {("forward", "backward"): from_forward_backward, ("fwd", "bwd"): from_rule}
NEEDED = "a torch.autograd.Function, a jax.custom_vjp, functions forward and backward, or fwd and bwd"


class NoEntry(Exception):
    """The submission has not what the task needs; the message says what it lacks."""


def loaded(path: Path) -> ModuleType:
    """The submission's module, run."""
    spec = importlib.util.spec_from_file_location("submission", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["submission"] = module
    spec.loader.exec_module(module)
    return module


def entry(module: ModuleType, name: str | None, framework: str) -> Subject:
    """What is to be judged: the thing of that name, or the only one that can be meant.

    Raises:
        NoEntry: there is none, or more than one.
    """
    held = vars(module)
    for (forward, backward), make in PAIRS.items():
        first, second = (f"{name}_{word}" if name else word for word in (forward, backward))
        if callable(held.get(first)) and callable(held.get(second)):
            return in_framework(make(held[first], held[second]), framework)
    if name is not None:
        if name not in held:
            raise NoEntry(f"has no {name}")
        return _of_thing(held[name])
    own = [value for value in held.values() if _is_rule(value) and _home(value) == module.__name__]
    if len(own) != 1:
        more = f"has {len(own)} of them: the task must name one" if own else "has none of them"
        raise NoEntry(f"needs {NEEDED}, and {more}")
    return _of_thing(own[0])


def _of_thing(thing: Any) -> Subject:
    if _is_jax(thing):
        return from_jax(thing)
    if "torch" in sys.modules and callable(thing):
        return from_torch(thing)
    raise NoEntry(f"needs {NEEDED}; it names a {type(thing).__name__}")


def _is_rule(thing: Any) -> bool:
    torch = sys.modules.get("torch")
    function = torch is not None and inspect.isclass(thing) and issubclass(thing, torch.autograd.Function)
    return bool(function) or _is_jax(thing)


def _is_jax(thing: Any) -> bool:
    return type(thing).__name__ == "custom_vjp" and type(thing).__module__.startswith("jax")


def _home(thing: Any) -> str:
    return getattr(thing, "__module__", None) or getattr(getattr(thing, "__wrapped__", None), "__module__", "")


def in_framework(subject: Subject, framework: str) -> Subject:
    """The subject of functions that take the arrays of a framework."""
    if framework == "numpy":
        return subject
    take, give = _ways(framework)

    def taken(values: Any) -> Any:
        return trees.mapped(take, values)

    def given(values: Any) -> Any:
        return trees.mapped(give, values)

    def vjp(*primals: Any) -> tuple[Any, Callable[[Any], Any]]:
        out, pullback = subject.vjp(*taken(primals))
        return given(out), lambda cotangent: given(pullback(taken(cotangent)))

    return Subject(
        subject.name, lambda *primals: given(subject.forward(*taken(primals))), vjp, subject.names,
        subject.source, framework,
    )  # fmt: skip


def _ways(framework: str) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    module = importlib.import_module(framework)
    if framework == "torch":
        return lambda value: tensor_of(module, value), array_of
    module.config.update("jax_enable_x64", True)
    numpy = importlib.import_module("numpy")
    asarray = importlib.import_module("jax.numpy").asarray
    return asarray, lambda value: numpy.asarray(value) if isinstance(value, module.Array) else value


def within(path: Path, module: ModuleType, name: str, settled: Mapping[str, Any]) -> Subject:
    """The Function of a benchmark's own file, with the submission's `backward` in the place that it leaves open."""
    backward = vars(module).get("backward")
    if not callable(backward):
        raise NoEntry("needs a function backward, and has none")
    spec = importlib.util.spec_from_file_location("task", path)
    assert spec is not None
    assert spec.loader is not None
    task = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(task)
    held: Mapping[str, Any] = vars(task)
    held[name].backward_fn = backward
    names = parameter_names(held[name].forward) or ()
    return from_torch_settled(held[name], names[takes_context(held[name]) :], settled)
