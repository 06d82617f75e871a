"""Finding hand-written backpropagation in a module: classes, pairs of functions, vjps, torch and JAX rules."""

import difflib
import inspect
import re
import tokenize
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from reference.oracle.reading.abstract import is_abstract, lacks, refuses
from reference.oracle.reading.pairing import (
    forward_beside,
    forward_of,
    key_of,
    lone,
    stem_of,
    switch_of,
    switched,
    with_loss_first,
)
from reference.oracle.reading.source import (
    keeps,
    method_of,
    methods_called,
    parameters,
    returns_several,
    undecorated,
    without_first,
)
from reference.oracle.reading.structs import owner_of
from reference.oracle.reading.vocabulary import (
    BACKWARD_METHODS,
    FORWARD_METHODS,
    LOSSES,
    part_of,
    plain,
    words_of,
)
from reference.oracle.subjects.frameworks import takes_context
from reference.oracle.subjects.subject import Subject

# Words of methods that give a derivative, and of those that only do something with one.
DERIVATIVES = {"derivative", "gradient", "grad", "prime", "deriv"}
CHORES = {"numerical", "zero", "check", "clip", "update", "apply", "reset", "flush", "set", "get", "acc", "accumulate"}
LEIBNIZ = re.compile(r"d_?([A-Za-z]\w*?)_?(?:by_?)?d_?[A-Za-z]\w*")
WAYS = "pair NAME_forward/NAME_backward or NAME/NAME_derivative, no NAME_vjp, no loss that returns its gradients"


class NotFound(Exception):
    """The file holds nothing to judge, or not what was asked for; the message is for the user."""


@dataclass(frozen=True)
class Found:
    """Something that has a backward: its name, how it is written, and its parts (forward first).

    The parts of an object are its class, the name of its forward and that of its backward; None in the place of the
    last where the forward returns its gradients behind its value.
    """

    name: str
    # object, network, pair, value_and_gradient, vjp, torch, jax or subject
    style: str
    parts: tuple[Any, ...]
    # A class with several methods by the name of a forward, or of a backward, and none plainly called either.
    several: bool = False
    # A reading with what else has to be known of it, or None: which loss a backward means where none is written.
    settle: Callable[[Any], Any] | None = None
    # What its constructor is given besides: one of the texts that it chooses by.
    fixed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def line(self) -> int:
        """Where it stands in the file; 0 where that cannot be told."""
        part = self.parts[0] if self.style in ("object", "network") else self.parts[-1]
        try:
            return inspect.getsourcelines(undecorated(part))[1]
        except (OSError, TypeError, SyntaxError, ValueError, tokenize.TokenError):
            return 0

    @property
    def is_loss(self) -> bool:
        """Whether it compares predictions with targets: by its name, or by those of its arguments."""
        names = [self.name, *(part for part in self.parts if isinstance(part, str))]
        words = [word.lower() for name in names for word in words_of(name)]
        said = self.style == "value_and_gradient" or any(loss in word for word in words for loss in LOSSES)
        return said or any(part_of(p.name) == "targets" for p in parameters(self.forward))

    @property
    def forward(self) -> Callable[..., Any]:
        """The forward, for its signature: of an object without self."""
        part = self.parts[0]
        if self.style in ("object", "network"):
            return method_of(part, self.parts[1])
        if self.style == "torch":
            return without_first(part.forward) if takes_context(part) else part.forward
        return _signature_of(part) if isinstance(part, Subject) else part


def _signature_of(subject: Subject) -> Callable[..., Any]:
    """A function with the arguments of a subject's inputs."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    names = subject.names or tuple(p.name for p in parameters(subject.forward)) or ("x",)

    def call(*primals: Any) -> Any:
        return subject.forward(*primals)

    call.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in names])  # pyright: ignore
    return call


def find(module: ModuleType, wanted: str | None = None) -> list[Found]:
    """Everything in the module that can be judged, in the order of the file; or the one of a name.

    Raises:
        NotFound: nothing there, or no such name; with the nearest names.
    """
    everything = sorted(_everything(module), key=lambda found: found.line)
    if wanted is None:
        if not everything:
            raise NotFound(f"nothing to judge: no class with forward and backward, no {WAYS}")
        return everything
    if named := [found for found in everything if wanted in (found.name, *map(_name, found.parts))]:
        return named
    near = difflib.get_close_matches(wanted, [found.name for found in everything], n=1, cutoff=0.4)
    hint = f" Did you mean {near[0]}?" if near else ""
    listed = ", ".join(found.name for found in everything) or "nothing that has a backward"
    raise NotFound(f"there is no {wanted} to judge.{hint} The file has: {listed}")


def _name(part: Any) -> str:
    return part if isinstance(part, str) else getattr(part, "__name__", "")


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
    structs = [value for value in own.values() if inspect.isclass(value) and not any(_of_class("", value))]
    yield from _of_functions(functions, module.__name__, rules, structs)


def _is_own(value: Any, module: ModuleType) -> bool:
    """Defined here, or an object made here (which has no module of its own)."""
    if inspect.isclass(value) or inspect.isroutine(value):
        return getattr(undecorated(value), "__module__", module.__name__) == module.__name__
    if _is_jax_rule(value):
        return getattr(getattr(value, "__wrapped__", None), "__module__", None) == module.__name__
    return isinstance(value, Subject) or (callable(value) and not inspect.ismodule(value))


def _is_jax_rule(value: Any) -> bool:
    return type(value).__name__ == "custom_vjp" and type(value).__module__.startswith("jax")


def _of_class(name: str, value: type) -> Iterator[Found]:
    """A class by the first of its methods that compute and the first that differentiate; abstract bases are none."""
    if any(base.__module__.startswith("torch.autograd") for base in value.__mro__):
        if not lacks(value, value.forward):  # the base of others, which fill in what it calls
            yield Found(name, "torch", (value,))
        return
    forward, backward = _named(value, FORWARD_METHODS), _named(value, BACKWARD_METHODS)
    if not backward and (hidden := _named(value, [f"_{method}" for method in BACKWARD_METHODS])):
        forward, backward = _named(value, [f"_{method}" for method in FORWARD_METHODS]) or forward, hidden
    backward = backward or _misspelled(value)
    if not backward and (by_leibniz := _by_leibniz(value)):
        forward, backward = by_leibniz
    if backward in ("gradient", "gradients", "grad") and _has(value, "loss") and forward != "forward":
        yield Found(name, "network", (value, "loss", backward))
    elif forward and backward and forward != backward and not _is_base(value, forward, backward):
        yield Found(name, "object", (value, _entrance(value, forward), backward), _several(value, backward))
    else:
        yield from _switched_methods(name, value)
    if not backward:
        losses = (m for m in ("loss", "cost", "compute_loss", "loss_and_grads") if _has(value, m))
        yield from (Found(name, "object", (value, m, None)) for m in losses if returns_several(getattr(value, m)))


def _named(owner: type, names: Sequence[str]) -> str | None:
    """The first of these methods that a class has."""
    return next((method for method in names if _has(owner, method)), None)


def _by_leibniz(owner: type) -> tuple[str, str] | None:
    """Methods that are called as on paper: y and dydx, E and dE_dy."""
    notation = ((LEIBNIZ.fullmatch(name), name) for name in dir(owner))
    pairs = ((match[1].strip("_"), name) for match, name in notation if match)
    return next(((forward, name) for forward, name in pairs if _has(owner, forward) and _has(owner, name)), None)


def _misspelled(owner: type) -> str | None:
    """The method that is all but called backward: backword, backwrad."""
    near = difflib.get_close_matches("backward", [name for name in vars(owner) if _has(owner, name)], 1, cutoff=0.85)
    return near[0] if near else None


def _switched_methods(name: str, owner: type) -> Iterator[Found]:
    """Methods that give their derivative where a switch is set: Activation.tanh(x, deriv=False)."""
    for method in [own for own, value in vars(owner).items() if inspect.isroutine(getattr(owner, own, value))]:
        if switch := switch_of(method_of(owner, method)):
            function = getattr(object.__new__(owner), method)
            yield Found(f"{name}.{method}", "pair", (function, switched(function, switch)))


def _several(owner: type, backward: str) -> bool:
    """Whether another method than the one that was taken may be the derivative, where none is called a backward."""
    about = {name: {plain(word).rstrip("s") for word in words_of(name)} for name in dir(owner) if name[0] != "_"}
    others = [name for name, words in about.items() if words & DERIVATIVES and not words & CHORES and _has(owner, name)]
    return len(others) > 1 and not backward.startswith(("back", "bprop", "bwd"))


def _is_base(owner: type, *methods: str) -> bool:
    """Whether a class waits for another to fill in what its forward or backward calls."""
    called = [name for method in methods for name in methods_called(getattr(owner, method))]
    return inspect.isabstract(owner) or any(refuses(getattr(owner, name, None)) for name in called)


def _entrance(owner: type, forward: str) -> str:
    """The forward, or the __call__ around it that keeps what the backward needs."""
    around = vars(next((base for base in owner.__mro__ if "__call__" in vars(base)), object)).get("__call__")
    return "__call__" if forward == "forward" and forward in methods_called(around) and keeps(around) else forward


def _has(owner: type, method: str) -> bool:
    """Whether a class has a method of this name that does something; type's own __call__ is none."""
    value = getattr(owner, method, None)
    if method == "__call__" and not any("__call__" in vars(base) for base in owner.__mro__):
        return False
    return inspect.isroutine(value) and not is_abstract(value)


def _of_functions(functions: dict[str, Any], module: str, rules: set[str], structs: Sequence[type]) -> Iterator[Found]:
    by_name = {key_of(name): name for name in reversed(functions)}
    for name, function in list(functions.items()):
        if not forward_of(name, by_name) and (beside := forward_beside(name, function)):
            functions = {**functions, beside.__name__: beside}
            by_name.setdefault(key_of(beside.__name__), beside.__name__)
        words = [word.lower() for word in words_of(name)]
        if forward := forward_of(name, by_name):
            stem = stem_of(name, forward) or module
            if owner := owner_of(functions[forward], function, structs):
                yield Found(stem, "object", (owner, functions[forward].__name__, function.__name__))
            elif stem not in rules:
                yield Found(stem, "pair", (functions[forward], function))
        elif name.endswith("_vjp") or name.startswith("vjp_"):
            yield Found(name, "vjp", (function,))
        elif {"loss", "cost", "objective"} & set(words) and returns_several(function):
            yield Found(name, "value_and_gradient", (function,))
        elif loss_first := with_loss_first(function):
            yield Found(name, "value_and_gradient", (loss_first,))
        elif switch := switch_of(function):
            yield Found(name, "pair", (function, switched(function, switch)))
        elif op := lone(name, function):
            yield Found(name, "pair", (op, function))
