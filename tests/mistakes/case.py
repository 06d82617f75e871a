"""One mistake, or one piece of correct code, written in a style that people use."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

Kind = Literal["wrong backward", "wrong forward", "impure", "control"]
# The ways to write backpropagation, named after the oracle's adapters; "network" is a class with loss and gradient.
Style = Literal["forward_backward", "rule", "cache", "layer", "vjp", "network", "torch", "jax"]
Size = Literal["small", "realistic"]
Inputs = Callable[[str, int], tuple[Any, ...]]


@dataclass(frozen=True)
class Mistake:
    """A forward and a backward, inputs that expose what is wrong with them, and what a judge should say.

    number is the line of `catalogue.md`, the list of real mistakes ("F3" and the like: correct code reported as wrong).
    build returns fresh code: a pair of functions, a vjp, or a class that is made from its parameters. inputs returns
    the primals, parameters last. cause is the one name that the definitions in `reference/oracle/causes.toml` give,
    also a second one where they give two; expected_argument holds the names of the arguments that may be blamed (empty
    where the whole function is to blame).
    """

    id: str
    family: str
    number: int | str
    kind: Kind
    style: Style
    build: Callable[[], Any]
    inputs: Inputs
    names: tuple[str, ...]
    cause: str = ""
    also: str = ""
    expected_argument: tuple[str, ...] = ()
    op: str | None = None
    statics: Mapping[str, Any] = field(default_factory=dict)
    # Judged without a named op ("plain"), with one ("named"), or both.
    judged: tuple[str, ...] = ("plain",)
    # Of a layer: how many primals its forward takes, and which attributes hold its parameters and their gradients.
    inputs_of_layer: int = 1
    gradients: Mapping[str, str] = field(default_factory=dict)
    # Floating arguments that are data: no gradient is wanted for them.
    constants: tuple[str, ...] = ()
    # A layer or network that ends in a loss: its backward takes no useful cotangent, so the cotangent is 1.
    ends_in_loss: bool = False
    # Where the code itself works in single precision.
    precision: Literal["float64", "float32"] = "float64"
    # The domain ends so near to an entry that differences take steps relative to it.
    near_an_edge: bool = False
    sizes: tuple[Size, ...] = ("small", "realistic")


class Family:
    """The cases of one file, in the order they are written; each function's name becomes the id."""

    def __init__(self, name: str):
        self.name = name
        self.cases: list[Mistake] = []

    def wrong(self, number: int | str, forward: Callable[..., Any], inputs: Inputs, **more: Any):
        """Decorate a backward that does not fit its forward."""
        return self._pair(number, "wrong backward", forward, inputs, **more)

    def impure(self, number: int | str, forward: Callable[..., Any], inputs: Inputs, **more: Any):
        """Decorate a backward whose result may be right, and which changes something that is not its own."""
        return self._pair(number, "impure", forward, inputs, **more)

    def control(self, number: int | str, forward: Callable[..., Any], inputs: Inputs, **more: Any):
        """Decorate a backward that fits its forward."""
        return self._pair(number, "control", forward, inputs, **more)

    def wrong_forward(self, number: int | str, backward: Callable[..., Any], inputs: Inputs, **more: Any):
        """Decorate a forward that is not the op it claims to be, though the backward fits it."""

        def add(forward: Callable[..., Any]):
            pair = (forward, backward)
            return self._add(forward, number, "wrong forward", lambda: pair, inputs, judged=("named",), **more)

        return add

    def whole(self, number: int | str, kind: Kind, style: Style, inputs: Inputs, **more: Any):
        """Decorate a class, a vjp, or a function without parameters that makes a pair."""

        def add(code: Any):
            makes_it = style in ("torch", "jax") or more.pop("factory", False)
            build = code if makes_it else lambda: code
            return self._add(code, number, kind, build, inputs, style=style, **more)

        return add

    def _pair(self, number: int | str, kind: Kind, forward: Callable[..., Any], inputs: Inputs, **more: Any):
        def add(backward: Callable[..., Any]):
            pair = (forward, backward)
            names = more.pop("names", None) or tuple(inspect.signature(forward).parameters)
            return self._add(backward, number, kind, lambda: pair, inputs, names=names, **more)

        return add

    def _add(self, code: Any, number: int | str, kind: Kind, build: Callable[[], Any], inputs: Inputs, **more: Any):
        argument, op = more.pop("argument", ()), more.get("op")
        more.setdefault("style", "forward_backward")
        more.setdefault("judged", ("plain", "named") if op else ("plain",))
        more["names"] = more.get("names") or _names(code, more)
        more["expected_argument"] = tuple(argument.split()) if isinstance(argument, str) else tuple(argument)
        family = more.pop("family", self.name)
        id = f"{family}/{more.pop('id', code.__name__.lower())}"
        self.cases.append(Mistake(id, family, number, kind, build=build, inputs=inputs, **more))
        return code


def _names(code: Any, more: Mapping[str, Any]) -> tuple[str, ...]:
    if more["style"] in ("layer", "network"):
        method = code.forward if more["style"] == "layer" else code.loss
        arguments = tuple(inspect.signature(method).parameters)[1 : 1 + more.get("inputs_of_layer", 1)]
        return arguments + tuple(more.get("gradients", {}))
    return tuple(inspect.signature(code).parameters)


def normal(seed: int, *shapes: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """One array of normal values a shape."""
    rng = np.random.default_rng(seed)
    return tuple(rng.normal(size=shape) for shape in shapes)


def sized(small: tuple[tuple[int, ...], ...], realistic: tuple[tuple[int, ...], ...]) -> Inputs:
    """Normal arrays of the given shapes."""
    return lambda size, seed: normal(seed, *(small if size == "small" else realistic))
