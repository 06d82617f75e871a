"""Where a textbook object keeps its parameters and their gradients: attributes, lists, dicts, by their usual names."""

import ast
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from reference._checks import is_floating
from reference.oracle.subjects.subject import parameter_names

# A floating array under one of these names is a parameter even where no gradient is found for it.
USUAL = ("W", "b", "w", "gamma", "beta", "weight", "weights", "bias", "biases", "kernel", "Wx", "Wh")
CONTAINERS = (
    ("params", "grads"),
    ("parameters", "gradients"),
    ("params", "gradients"),
    ("parameters", "grads"),
    ("params", "grad"),
    ("weights", "gradients"),
    ("weights", "grads"),
)
GRADIENT_NAMES = (
    "d{}", "d_{}", "grad_{}", "{}_grad", "{}_gradient", "g{}", "del_{}", "delta_{}", "grad{}", "grads_{}",
    "{}_grads", "{}_gradients", "gradient_{}", "{}_delta", "dL_d{}", "dL{}", "dLd{}", "nabla_{}", "d{}s", "{}Grad",
    "{}_d", "der_{}",
)  # fmt: skip
HOLDERS = (("data", "grad"), ("value", "grad"), ("value", "gradient"), ("data", "gradient"), ("W", "dW"), ("w", "dw"))

Steps = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Pair:
    """A parameter and its gradient, as the way to each from the object; tied parameters have several gradients."""

    name: str
    parameter: Steps
    gradients: tuple[Steps, ...]


def read(owner: Any, steps: Steps, default: Any = None) -> Any:
    """What lies at the end of a path, or the default where there is nothing."""
    for kind, key in steps:
        try:
            owner = getattr(owner, key) if kind == "attribute" else owner[key]
        except (AttributeError, KeyError, IndexError, TypeError):
            return default
    return owner


def write(owner: Any, steps: Steps, value: Any) -> None:
    """Put a value at the end of a path."""
    owner = read(owner, steps[:-1])
    kind, key = steps[-1]
    if kind == "attribute":
        setattr(owner, key, value)
    else:
        owner[key] = value


def path(text: str) -> Steps:
    """The path written as `W`, `params[0]`, `grads['W']` or `cell.W`."""
    steps: list[tuple[str, Any]] = []
    for part in text.replace("]", "").split("."):
        name, *keys = part.split("[")
        steps += [("attribute", name)] if name else []
        steps += [("item", int(key) if key.lstrip("-").isdigit() else key.strip("'\"")) for key in keys]
    return tuple(steps)


def mapped(owner: Any, gradients: Mapping[str, str]) -> list[Pair]:
    """The pairs that a mapping from parameter to gradient names, in its order."""
    pairs = []
    for name, gradient in gradients.items():
        if read(owner, path(name)) is None:
            raise ValueError(f"oracle.from_layer: every key of gradients must be an attribute; got {name!r}")
        pairs.append(Pair(name, path(name), (path(gradient),)))
    return pairs


def discovered(before: Any, after: Any) -> list[Pair]:
    """The pairs of an object, found by their usual names; `after` has seen a forward and a backward."""
    pairs = [*_contained(before, after)] or [*_attributes(before, after)]
    merged: dict[int, Pair] = {}
    for pair in pairs:
        key = id(read(before, pair.parameter))
        known = merged.get(key)
        merged[key] = pair if known is None else Pair(known.name, known.parameter, known.gradients + pair.gradients)
    return list(merged.values())


def _contained(before: Any, after: Any) -> Iterator[Pair]:
    for params, grads in CONTAINERS:
        held, gradients = read(before, path(params)), read(after, path(grads))
        if not isinstance(held, list | tuple | Mapping) or not isinstance(gradients, list | tuple | Mapping):
            continue
        keys = list(held) if isinstance(held, Mapping) else range(len(held))
        for key in keys:
            if _is_parameter(held[key]):
                name = str(key) if isinstance(held, Mapping) else _name_of(before, held, key, f"{params}[{key}]")
                gradient = _key_of(gradients, key)
                yield Pair(name, (*path(params), ("item", key)), ((*path(grads), ("item", gradient)),))
        return


def _key_of(gradients: Any, key: Any) -> Any:
    """The key of a gradient: that of its parameter, or with a d before it."""
    if isinstance(gradients, Mapping) and key not in gradients and f"d{key}" in gradients:
        return f"d{key}"
    return key


def _name_of(owner: Any, held: Any, position: int, otherwise: str) -> str:
    """The attribute that is the same array, or the constructor's name where it lists what it was given, or the key."""
    attribute = next((name for name, value in _vars(owner).items() if value is held[position]), None)
    listed = next((names for names in _lists_of_arguments(type(owner)) if len(names) == len(held)), ())
    return attribute or (listed[position] if listed else otherwise)


@cache
def _lists_of_arguments(kind: type) -> tuple[tuple[str, ...], ...]:
    """The lists that a constructor makes of nothing but its own arguments: self.params = [W, b]."""
    try:
        text = inspect.getsource(kind.__init__)
        tree = ast.parse(f"if True:\n{text}" if text[:1].isspace() else text)
    except (OSError, TypeError, SyntaxError):
        return ()
    taken = parameter_names(kind.__init__) or ()
    lists = (node.elts for node in ast.walk(tree) if isinstance(node, ast.List) and node.elts)
    names = (tuple(getattr(part, "id", "") for part in parts) for parts in lists)
    return tuple(group for group in names if set(group) <= set(taken))


def _attributes(before: Any, after: Any) -> Iterator[Pair]:
    for name, value in _vars(before).items():
        holder = next((h for h in HOLDERS if _is_parameter(getattr(value, h[0], None)) and hasattr(value, h[1])), None)
        if holder and not isinstance(value, np.ndarray):
            yield Pair(name, path(f"{name}.{holder[0]}"), (path(f"{name}.{holder[1]}"),))
        elif _is_parameter(value) and (gradient := _gradient_of(name, before, after)):
            yield Pair(name, path(name), (gradient,))
        elif _is_parameter(value) and name in USUAL:
            yield Pair(name, path(name), (path(f"d{name}"),))
        elif isinstance(value, float) and (gradient := _gradient_of(name, before, after)):
            yield Pair(name, path(name), (gradient,))


def _gradient_of(name: str, before: Any, after: Any) -> Steps | None:
    missing = object()
    for pattern in GRADIENT_NAMES:
        candidate = path(pattern.format(name))
        if any(read(owner, candidate, missing) is not missing for owner in (before, after)):
            return candidate
    for container in ("grads", "gradients"):
        for key in (name, f"d{name}"):
            candidate = (("attribute", container), ("item", key))
            if isinstance(read(after, candidate[:1]), Mapping) and read(after, candidate) is not None:
                return candidate
    return None


def _is_parameter(value: Any) -> bool:
    return isinstance(value, np.ndarray) and is_floating(value.dtype)


def _vars(owner: Any) -> dict[str, Any]:
    return getattr(owner, "__dict__", {})
