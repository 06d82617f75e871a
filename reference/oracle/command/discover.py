"""Finding hand-written backpropagation in a file: classes, pairs of functions, vjps, torch and JAX rules."""

import ast
import difflib
import inspect
import re
import textwrap
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from reference.oracle.subjects.subject import Subject

BACKWARD = ("backward", "backprop", "bwd", "grad", "derivative", "deriv", "prime")
FORWARD = ("forward", "fwd")
CACHES = {"cache", "residuals", "residual", "res", "ctx", "context", "saved", "tape", "memory", "cached"}


class NotFound(Exception):
    """The file holds nothing to judge, or not what was asked for; the message is for the user."""


@dataclass(frozen=True)
class Found:
    """Something that has a backward: its name, how it is written, and its parts (forward first)."""

    name: str
    # layer, network, forward_backward, cache, rule, derivative, value_and_gradient, vjp, torch, jax or subject
    style: str
    parts: tuple[Any, ...]

    @property
    def line(self) -> int:
        """Where it stands in the file; 0 where that cannot be told."""
        part = getattr(self.parts[-1], "__wrapped__", self.parts[-1])
        try:
            return inspect.getsourcelines(part)[1]
        except (OSError, TypeError, SyntaxError, tokenize.TokenError):
            return 0


def find(module: ModuleType, wanted: str | None = None) -> list[Found]:
    """Everything in the module that can be judged, in the order of the file; or the one of a name.

    Raises:
        NotFound: nothing there, or no such name; with the nearest names.
    """
    everything = sorted(_everything(module), key=lambda found: found.line)
    if wanted is None:
        if not everything:
            raise NotFound(f"nothing to judge: no class with forward and backward, no {_ways()}")
        return everything
    if named := [found for found in everything if wanted in (found.name, *map(_name, found.parts))]:
        return named
    near = difflib.get_close_matches(wanted, [found.name for found in everything], n=1, cutoff=0.4)
    hint = f" Did you mean {near[0]}?" if near else ""
    listed = ", ".join(found.name for found in everything) or "nothing that has a backward"
    raise NotFound(f"there is no {wanted} to judge.{hint} The file has: {listed}")


def _ways() -> str:
    return "pair NAME_forward/NAME_backward or NAME_fwd/NAME_bwd, no NAME_vjp, no network with loss and gradient"


def _name(part: Any) -> str:
    return getattr(part, "__name__", "")


def _everything(module: ModuleType) -> Iterator[Found]:
    own = {name: value for name, value in vars(module).items() if _is_own(value, module) and not name.startswith("__")}
    rules = {name for name, value in own.items() if _is_jax_rule(value)}
    for name, value in own.items():
        if isinstance(value, Subject):
            yield Found(name, "subject", (value,))
        elif name in rules:
            yield Found(name, "jax", (value,))
        elif inspect.isclass(value):
            yield from _of_class(name, value)
    functions = {name: value for name, value in own.items() if callable(value) and not inspect.isclass(value)}
    yield from _of_functions(functions, module.__name__, rules)


def _is_own(value: Any, module: ModuleType) -> bool:
    """Defined here, or an object made here (which has no module of its own)."""
    if inspect.isclass(value) or inspect.isroutine(value):
        return getattr(value, "__module__", module.__name__) == module.__name__
    if _is_jax_rule(value):
        return getattr(getattr(value, "__wrapped__", None), "__module__", None) == module.__name__
    return isinstance(value, Subject) or (callable(value) and not inspect.ismodule(value))


def _is_jax_rule(value: Any) -> bool:
    return type(value).__name__ == "custom_vjp" and type(value).__module__.startswith("jax")


def _of_class(name: str, value: type) -> Iterator[Found]:
    if any(base.__module__.startswith("torch.autograd") for base in value.__mro__):
        yield Found(name, "torch", (value,))
    elif callable(getattr(value, "forward", None)) and callable(getattr(value, "backward", None)):
        yield Found(name, "layer", (value,))
    elif callable(getattr(value, "loss", None)) and callable(getattr(value, "gradient", None)):
        yield Found(name, "network", (value,))


def _of_functions(functions: dict[str, Any], module: str, rules: set[str]) -> Iterator[Found]:
    for name, function in functions.items():
        if forward := _forward_of(name, functions):
            stem = _stem(name) or module
            if stem not in rules:
                yield Found(stem, _pair_style(functions[forward], function), (functions[forward], function))
        elif name.endswith("_vjp") or name.startswith("vjp_"):
            yield Found(name, "vjp", (function,))
        elif "loss" in name.split("_") and _returns_several(function):
            yield Found(name, "value_and_gradient", (function,))


def _returns_several(function: Any) -> bool:
    """Whether the source returns a tuple: softmax_loss(x, y) -> (loss, dx), as in CS231n."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError, tokenize.TokenError):
        return False
    return any(isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) for node in ast.walk(tree))


def _forward_of(name: str, functions: dict[str, Any]) -> str | None:
    """The name of the forward that belongs to a backward's name: affine_backward, relu_bwd, tanh_grad, d_tanh."""
    words = name.split("_")
    for place, word in enumerate(words):
        if word in BACKWARD:
            options = [[*words[:place], other, *words[place + 1 :]] for other in FORWARD]
            options.append([*words[:place], *words[place + 1 :]])
            joined = ["_".join(option) for option in options if option]
            return next((option for option in joined if option in functions), None)
    return None


def _stem(name: str) -> str:
    return re.sub(rf"(^|_)({'|'.join(BACKWARD)})(?=_|$)", "", name).strip("_")


def _pair_style(forward: Any, backward: Any) -> str:
    """How a pair talks: (residuals, cotangent), (dout, cache), (dout, *primals), or f'(x) alone."""
    taken = _parameters(backward)
    if len(taken) == 1:
        return "derivative"
    if taken and taken[0].lower() in CACHES:
        return "rule"
    if len(taken) == 2 and taken[1].lower() in CACHES:
        return "cache"
    if len(taken) == 1 + len(_parameters(forward)):
        return "forward_backward"
    return "cache"


def _parameters(function: Any) -> list[str]:
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return []
