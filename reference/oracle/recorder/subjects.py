"""The subject of a recorded call: the code under judgment, and the arrays that it was given then."""

import copy
import importlib
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from reference.oracle.recorder.call import Call, handed, rebuilt
from reference.oracle.recorder.held import entries, laid_out
from reference.oracle.recorder.in_jax import JAX
from reference.oracle.recorder.in_numpy import LAYER, bound, is_layer
from reference.oracle.recorder.in_torch import FUNCTION, MODULE
from reference.oracle.recorder.record import owner_of
from reference.oracle.subjects import trees
from reference.oracle.subjects.frameworks import from_jax, from_torch, from_torch_settled, takes_context, tensor_of
from reference.oracle.subjects.subject import Pullback, Subject, name_of, parameter_names

VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class DoesNotFit(ValueError):
    """A recording of another function than the one to be judged; the message says what differs."""


def subject_of(target: Any, call: Call) -> tuple[Subject, dict[str, np.ndarray]]:
    """The subject to judge at a recorded call, and its arguments by name.

    Raises:
        DoesNotFit: the call is one of another function: its arguments have other names, or another number.
    """
    target = owner_of(target)
    arrays = {name: entries(one) for name, one in call.arrays.items()}
    buffers = set(call.about.get("buffers", ()))
    primals = {name: array for name, array in arrays.items() if name not in buffers}
    subject = _made(target, call, arrays, primals)
    constants = tuple(name for name, one in call.arrays.items() if not one.wanted)
    return replace(subject, names=tuple(primals), constants=(*subject.constants, *constants)), primals


def _made(target: Any, call: Call, arrays: Mapping[str, Any], primals: dict[str, Any]) -> Subject:
    """A subject whose primals are these; those that are no arguments by themselves are settled, and leave them."""
    if call.kind == MODULE and _is_module(target):
        return _of_module(target, call, arrays)
    if call.kind == LAYER and is_layer(target):
        return _of_layer(target, call, arrays)
    _require_fit(target, call)
    if isinstance(target, Subject):
        return _placed(target, call)
    if call.kind == FUNCTION and isinstance(target, type):
        alone = {name for name, tree in call.arguments.items() if "array" in tree}
        torch = importlib.import_module("torch")
        tensors = {name: tensor_of(torch, array) for name, array in arrays.items()}
        others = {name: rebuilt(tree, tensors) for name, tree in call.arguments.items() if name not in alone}
        for name in set(primals) - alone:
            del primals[name]
        return from_torch_settled(target, list(call.arguments), others) if others else from_torch(target)
    way = from_jax if call.kind == JAX else from_torch
    if all("array" in tree for tree in call.arguments.values()):
        return way(target)
    source = getattr(target, "bwd", None) or target
    return replace(way(_of_leaves(target, call, list(primals))), name=name_of(target), source=source)


def _of_leaves(function: Callable[..., Any], call: Call, names: Sequence[str]) -> Callable[..., Any]:
    """A function of the arrays in the arguments, in order."""

    def called(*arrays: Any) -> Any:
        by_place, by_name = handed(call, list(call.arguments), dict(zip(names, arrays, strict=True)))
        return function(*by_place, **by_name)

    return called


def _of_module(module: Any, call: Call, arrays: Mapping[str, np.ndarray]) -> Subject:
    """A module as a function of its inputs and parameters; its buffers are copied anew for every call."""
    torch, module = importlib.import_module("torch"), copy.deepcopy(module)
    about = call.about
    module.train(about["training"])
    inside = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    shapes = {name: tuple(one.shape) for name, one in inside.items()}
    recorded = {name: call.arrays[name].shape for name in call.arguments if name not in about["inputs"]}
    if shapes != recorded:
        raise DoesNotFit(f"{call.file} was recorded of a {call.target} that holds {recorded}; this one holds {shapes}")
    names = [name for name in arrays if name not in about["buffers"]]

    def called(*tensors: Any) -> Any:
        by_name = dict(zip(names, tensors, strict=True))
        wide = next((one.dtype for one in tensors if one.is_floating_point()), None)
        for name in about["buffers"]:
            own = tensor_of(torch, np.array(arrays[name]))
            by_name[name] = own.to(wide) if own.is_floating_point() else own
        by_place, named = handed(call, about["inputs"], by_name)
        # Parameters are always contiguous, and PyTorch's own batch_norm misreads one that is not.
        inner = {name: by_name[name].contiguous() for name in recorded}
        return torch.func.functional_call(module, inner, tuple(by_place), named)

    return replace(from_torch(called), name=call.target, source=type(module).forward)


def _of_layer(layer: Any, call: Call, arrays: Mapping[str, np.ndarray]) -> Subject:
    """A layer as a function of its inputs and parameters."""
    inputs = [rebuilt(call.arguments[name], arrays) for name in call.about["inputs"]]
    subject, parameters = bound(layer, inputs)
    recorded = [name for name in call.arguments if name not in call.about["inputs"]]
    if list(parameters) != recorded:
        was, now = ", ".join(recorded), ", ".join(parameters)
        raise DoesNotFit(f"{call.file} was recorded of a {call.target} with the parameters {was}; this one has {now}")
    return _placed(subject, call)


def _placed(subject: Subject, call: Call) -> Subject:
    """A subject whose arguments are put where they were, between those that were no arrays."""
    kept = [name for name, tree in call.arguments.items() if "array" in tree]
    if len(kept) == len(call.arguments):
        return subject
    if len(kept) < len(call.arrays):
        raise DoesNotFit(f"{call.file} holds arrays in tuples or dicts: give the function itself, and no Subject")

    def all_of(arrays: Sequence[Any]) -> list[Any]:
        by_name = dict(zip(kept, arrays, strict=True))
        return [rebuilt(tree, by_name) for tree in call.arguments.values()]

    def vjp(*arrays: Any) -> tuple[Any, Pullback]:
        out, pullback = subject.vjp(*all_of(arrays))

        def pulled(cotangent: Any) -> Any:
            found = pullback(cotangent)
            if not isinstance(found, tuple | list) or len(found) != len(call.arguments):
                return found
            return tuple(one for name, one in zip(call.arguments, found, strict=True) if name in kept)

        return out, Pullback(pulled, getattr(pullback, "residuals", None))

    return replace(subject, forward=lambda *arrays: subject.forward(*all_of(arrays)), vjp=vjp)


def in_memory_of(call: Call, subject: Subject, names: Sequence[str]) -> Subject:
    """The subject, which is handed its arguments and its cotangent in memory like that of the call."""

    def laid(primals: Sequence[Any]) -> list[Any]:
        return [laid_out(array, call.arrays[name]) for name, array in zip(names, primals, strict=True)]

    def vjp(*primals: Any) -> tuple[Any, Pullback]:
        out, pullback = subject.vjp(*laid(primals))
        floating = iter(call.cotangents)

        def like_then(leaf: Any, of: Any) -> Any:
            one = next(floating, None) if trees.carries_cotangent(of) else None
            return leaf if one is None else laid_out(leaf, one)

        def pulled(cotangent: Any) -> Any:
            nonlocal floating
            floating = iter(call.cotangents)
            return pullback(trees.mapped(like_then, cotangent, out))

        return out, Pullback(pulled, getattr(pullback, "residuals", None))

    return replace(subject, forward=lambda *primals: subject.forward(*laid(primals)), vjp=vjp)


def _require_fit(target: Any, call: Call) -> None:
    """The arguments of a call are the first ones of the target, and all that it needs."""
    frameworks = {"torch": _is_torch(target), "jax": _is_jax(target)}
    of = call.kind.split()[0]
    if any(frameworks.values()) and not frameworks[of]:
        other = next(name for name, is_one in frameworks.items() if is_one)
        raise DoesNotFit(f"{call.file} was recorded in {of}; {_name(target)} is code in {other}")
    takes, needs = _arguments(target)
    given = list(call.about.get("inputs", call.arguments))
    if takes is not None and not (given == takes[: len(given)] and needs <= len(given)):
        was, now = ", ".join(given), ", ".join(takes)
        raise DoesNotFit(f"{call.file} was recorded of {call.target}({was}); {_name(target)} takes ({now})")


def _arguments(target: Any) -> tuple[list[str] | None, int]:
    """The names of the arguments that a target takes, None where nobody knows them, and how many it needs."""
    if isinstance(target, Subject):
        return list(target.names) if target.names else None, 0
    function = target.forward if isinstance(target, type) else target
    try:
        own = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return None, 0
    own = own[isinstance(target, type) and takes_context(target) :]
    if parameter_names(function) is None or any(one.kind in VARIADIC for one in own):
        return None, 0
    return [one.name for one in own], sum(one.default is one.empty for one in own)


def _name(target: Any) -> str:
    return target.name if isinstance(target, Subject) else name_of(target)


def _is_module(target: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(target, torch.nn.Module)


def _is_torch(target: Any) -> bool:
    style = isinstance(target, Subject) and target.style == "torch"
    return style or _is_module(target) or isinstance(target, type)


def _is_jax(target: Any) -> bool:
    jax = sys.modules.get("jax")
    return jax is not None and isinstance(target, jax.custom_vjp)
