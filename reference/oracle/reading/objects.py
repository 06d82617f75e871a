"""Objects with a forward and a backward of any name, and how they are spoken to."""

import copy
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from reference.oracle.reading.calls import RATE, Ran, Way, call_with, upstreams
from reference.oracle.reading.collected import arranged, like
from reference.oracle.reading.optimizer import GradientDescent
from reference.oracle.reading.source import place_of_loss, returned_names, takes_any, uses
from reference.oracle.reading.vocabulary import plain
from reference.oracle.subjects import parameters
from reference.oracle.subjects.layers import Layer, living, training
from reference.oracle.subjects.parameters import Pair
from reference.oracle.subjects.subject import Pullback

RESULTS = (
    "out",
    "output",
    "loss",
    "y",
    "a",
    "outputs",
    "A",
    "value",
    "activation",
    "z",
    "Z",
    "y_hat",
    "y_pred",
    "cost",
)
INPUT_GRADIENTS = (
    "dx", "dX", "d_x", "dinputs", "dinput", "d_input", "grad_input", "input_grad", "input_gradient", "grad", "gradient",
    "dA", "delta", "grad_x", "dinputs_", "dA_prev", "dx_", "gradInput", "input_error",
)  # fmt: skip
RATES = ("lr", "learning_rate", "eta", "learningRate", "alpha")


@dataclass(frozen=True)
class Spoken(Layer):
    """A layer object whose methods have any name and any arguments; like a Layer, it is only ever copied."""

    names: tuple[str, ...] = ()
    forward_name: str = "forward"
    # None where the forward itself returns its gradients behind its value.
    backward_name: str | None = "backward"
    settled: Mapping[str, Any] = field(default_factory=dict)
    way: Way = field(default_factory=dict)
    # The backward gives f'(x), which is multiplied by the cotangent here.
    slope: bool = False
    # Parameters that the backward itself has already moved by a step against their gradient.
    stepped: tuple[str, ...] = ()

    def run(self, held: Any, inputs: tuple[Any, ...]) -> Ran:
        """Call the forward, in training mode."""
        given = {**self.settled, **dict(zip(self.names, inputs, strict=False))}
        returned = self._called(held, given, True)
        return Ran(given, returned, self._output(held, returned))

    def _called(self, held: Any, given: Mapping[str, Any], mode: bool) -> Any:
        method = getattr(held, self.forward_name)
        if takes_any(method):
            return method(*given.values())
        return method(**given, **{k: v for k, v in training(method, mode).items() if k not in given})

    def _output(self, held: Any, returned: Any) -> Any:
        if returned is None or returned is held:
            return next((getattr(held, name) for name in RESULTS if getattr(held, name, None) is not None), None)
        count = upstreams(self.way)
        if isinstance(returned, tuple) and count < len(returned):
            first = place_of_loss(getattr(type(held), self.forward_name))
            return returned[first] if count <= 1 else returned[:count]
        return returned

    def forward(self, *primals: Any) -> Any:
        """The output alone."""
        return self.run(self.holding(primals[self.inputs :]), primals[: self.inputs]).output

    def vjp(self, *primals: Any) -> tuple[Any, Pullback]:
        """Run the forward on one copy, and each backward on a copy of that."""
        held = self.holding(primals[self.inputs :])
        ran = self.run(held, primals[: self.inputs])
        named = zip(self.names, primals, strict=True)  # what the backward moves itself is its own
        handed = {id(p): p for name, p in named if isinstance(p, np.ndarray) and name not in self.stepped}
        return ran.output, Pullback(
            lambda cotangent: self.pulled(copy.deepcopy(held, dict(handed)), primals, ran, cotangent)
        )

    def came(self, held: Any, ran: Ran, cotangent: Any) -> Any:
        """What the backward returns."""
        if self.backward_name is None:
            return ran.returned[1:]
        count = upstreams(self.way)
        cotangents = cotangent if count > 1 else (cotangent,)
        arguments = {name: ran.value(source, cotangents, max(count, 1)) for name, source in self.way.items()}
        return call_with(getattr(held, self.backward_name), arguments)

    def pulled(self, held: Any, primals: tuple[Any, ...], ran: Ran, cotangent: Any) -> tuple[Any, ...]:
        """One gradient an argument, from what came back and from what the object then holds."""
        found = self.gathered(held, primals, self.came(held, ran, cotangent), cotangent)
        return tuple(found.get(name) for name in self.names)

    def gathered(self, held: Any, primals: tuple[Any, ...], came: Any, cotangent: Any) -> dict[str, Any]:
        """The gradients by argument."""
        found = self._returned(held, primals, np.asarray(cotangent) * came if self.slope else came)
        for pair, name, value in zip(self.pairs, self.names[self.inputs :], primals[self.inputs :], strict=True):
            now = parameters.read(held, pair.parameter)
            kept = kept_gradient(held, pair)
            if name in self.stepped:
                found[name] = (np.asarray(value) - np.asarray(now)) / self._rate(held)
            elif kept is not None:
                found[name] = like(value, kept)
            if name not in self.stepped:
                _copied_back(value, now)
        return found

    def _returned(self, held: Any, primals: tuple[Any, ...], came: Any) -> dict[str, Any]:
        if came is not None:
            hints = returned_names(getattr(type(held), self.backward_name or self.forward_name))
            hints = hints[1:] if self.backward_name is None else hints
            return arranged(came, self.names, primals, hints) or {}
        own = {plain(name): getattr(held, name) for name in INPUT_GRADIENTS if hasattr(held, name)}
        first = [value for value in own.values() if np.shape(value) == np.shape(primals[0])]
        return {self.names[0]: first[0]} if first and self.inputs else {}

    def _rate(self, held: Any) -> float:
        """The step's size: as handed over, the object's own where its methods name it, the optimizer's, or 1."""
        handed = next((s.key for s in self.way.values() if s.kind == "value" and isinstance(s.key, float)), None)
        if handed is not None:
            return handed
        own = [getattr(held, name) for name in _rates_named(type(held)) if isinstance(getattr(held, name, None), float)]
        stepping = any(isinstance(value, GradientDescent) for value in vars(held).values())
        return next(iter(own), RATE if stepping else 1.0)

    def living(self) -> "Living":
        """The same on one object that lives through all calls, as in a training loop."""
        return Living(**{f: getattr(self, f) for f in self.__dataclass_fields__}, object_with=living(self))


@dataclass(frozen=True)
class Living(Spoken):
    """A spoken-to object that lives through all calls."""

    object_with: Any = None

    def vjp(self, *primals: Any) -> tuple[Any, Pullback]:
        """Forward and backward on the one object."""
        held = self.object_with(primals[self.inputs :])
        ran = self.run(held, primals[: self.inputs])
        return ran.output, Pullback(lambda cotangent: self.pulled(held, primals, ran, cotangent))

    def forward(self, *primals: Any) -> Any:
        """The forward of the one object."""
        return self.run(self.object_with(primals[self.inputs :]), primals[: self.inputs]).output

    def evaluate(self, *primals: Any) -> Any:
        """The forward in evaluation mode."""
        held = self.object_with(primals[self.inputs :])
        return self._called(held, dict(zip(self.names, primals[: self.inputs], strict=False)), False)


@cache
def _rates_named(owner: type) -> list[str]:
    """The rates that the methods of a class name, but for those of Python's own, which may only keep one."""
    methods = [getattr(owner, name) for name in dir(owner) if not name.startswith("__")]
    return [rate for rate in RATES if any(uses(method, rate) for method in methods if inspect.isroutine(method))]


def kept_gradient(held: Any, pair: Pair) -> Any:
    """The gradient that the object keeps; copies, as the next backward is meant to overwrite it."""
    found = [parameters.read(held, steps) for steps in pair.gradients]
    found = [np.array(value) for value in found if value is not None]
    return sum(found[1:], found[0]) if found else None


def _copied_back(value: Any, now: Any) -> None:
    """A parameter replaced by a new array is as much changed as one written into."""
    same = now is value or np.shape(now) != np.shape(value) or np.array_equal(now, value)
    if isinstance(value, np.ndarray) and not same:
        np.copyto(value, now)
