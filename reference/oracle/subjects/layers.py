"""Textbook layers as subjects: objects whose backward leaves the gradients of parameters in attributes."""

import copy
import inspect
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from reference.oracle.subjects import parameters
from reference.oracle.subjects.parameters import Pair
from reference.oracle.subjects.subject import Pullback, Subject, parameter_names
from reference.oracle.subjects.vjp import copies

TRAINING_FLAGS = ("train_flg", "train_flag", "train", "training", "is_train", "is_training")
GENERATORS = (np.random.Generator, np.random.RandomState, random.Random)
SEED = 512927377
TARGETS = ("t", "target", "targets", "label", "labels", "y_true", "ground_truth", "answer")


@dataclass(frozen=True)
class Layer:
    """A layer object: never called itself, always a copy of it that holds the given parameters."""

    layer: Any
    pairs: tuple[Pair, ...] = ()
    inputs: int = 1

    def holding(self, values: tuple[Any, ...]) -> Any:
        """A copy in which these arrays stand for the parameters, wherever the object refers to them."""
        memo = {
            id(current): value
            for pair, value in zip(self.pairs, values, strict=True)
            if isinstance(current := parameters.read(self.layer, pair.parameter), np.ndarray)
        }
        held = copy.deepcopy(self.layer, memo)
        for pair, value in zip(self.pairs, values, strict=True):
            if parameters.read(held, pair.parameter) is not value:
                parameters.write(held, pair.parameter, value)
        return held

    def forward(self, *primals: Any) -> Any:
        """The output, in training mode."""
        held = self.holding(primals[self.inputs :])
        return held.forward(*primals[: self.inputs], **training(held.forward, True))

    def vjp(self, *primals: Any) -> tuple[Any, Pullback]:
        """Run the forward on one copy, and each backward on a copy of that."""
        held = self.holding(primals[self.inputs :])
        out = held.forward(*primals[: self.inputs], **training(held.forward, True))
        handed = {id(primal): primal for primal in primals if isinstance(primal, np.ndarray)}
        return out, Pullback(lambda dout: self.backward(copy.deepcopy(held, dict(handed)), primals, dout))

    def backward(self, held: Any, primals: tuple[Any, ...], dout: Any) -> tuple[Any, ...]:
        """The gradients of inputs and parameters, after one backward of the copy."""
        returned = held.backward(*((dout,) if parameter_names(held.backward) != () else ()))
        for pair, value in zip(self.pairs, primals[self.inputs :], strict=True):
            current = parameters.read(held, pair.parameter)
            if current is not value and np.shape(current) == np.shape(value) and not np.array_equal(current, value):
                np.copyto(value, current)  # a parameter replaced by a new array is as much changed as one written into
        found = tuple(_gradient(held, pair) for pair in self.pairs)
        given = tuple(returned) if isinstance(returned, tuple | list) else (returned,)
        if found and len(given) == self.inputs + len(found):  # some layers return the parameters' gradients too
            return given[: self.inputs] + tuple(
                b if a is None or np.array_equal(a, b) else a for a, b in zip(found, given[self.inputs :], strict=True)
            )
        return given + (None,) * (self.inputs - len(given)) + found


def seeded(layer: Any) -> Any:
    """The layer; where it holds generators of its own, a copy in which they draw the same every time."""
    if not any(isinstance(value, GENERATORS) for value in getattr(layer, "__dict__", {}).values()):
        return layer
    held = copy.deepcopy(layer)
    for value in vars(held).values():
        if isinstance(value, np.random.Generator):
            value.bit_generator.state = type(value.bit_generator)(SEED).state
        elif isinstance(value, np.random.RandomState | random.Random):
            value.seed(SEED)
    return held


def from_layer(layer: Any, gradients: Mapping[str, str] | None = None) -> Subject:
    """The subject of a layer object: layer.forward(x[, targets]), layer.backward(dout), gradients in attributes.

    gradients maps parameters to the attributes of their gradients, {"W": "dW"} or {"params[0]": "grads[0]"}, and
    fixes their order; {} means none; None finds them by their usual names. The layer itself is never called.
    """
    for method in ("forward", "backward"):
        if not callable(getattr(layer, method, None)):
            raise TypeError(f"oracle.from_layer: layer must have a method {method}; got a {type(layer).__name__}")
    if inspect.isclass(layer):
        raise TypeError(f"oracle.from_layer: layer must be an object, not its class; got {layer.__name__}")
    layer = seeded(layer)

    def bind(*inputs: Any) -> tuple[Subject, dict[str, Any]]:
        after, out, returned = _rehearsed(layer, inputs)
        given = parameters.mapped(layer, gradients) if gradients is not None else parameters.discovered(layer, after)
        bound = Layer(layer, tuple(given), len(inputs))
        held = {pair.name: np.asarray(parameters.read(layer, pair.parameter)) for pair in given}
        names = _input_names(layer, len(inputs))
        subject = replace(
            unbound,
            forward=bound.forward,
            vjp=bound.vjp,
            names=(*names, *held),
            bind=None,
            constants=_constants(names, out, returned),
            shared=lambda: _shared(subject, bound),
            draws=any(isinstance(value, GENERATORS) for value in vars(layer).values()),
        )
        return subject, held

    plain = Layer(layer)
    unbound = Subject(
        type(layer).__name__,
        lambda *inputs: replace(plain, inputs=len(inputs)).forward(*inputs),
        lambda *inputs: replace(plain, inputs=len(inputs)).vjp(*inputs),
        _input_names(layer),
        getattr(type(layer), "backward", layer.backward),
        "layer",
        bind=bind,
        upstream=_upstream(layer.backward),
    )
    return unbound


def _copied(layer: Any) -> Any:
    try:
        return copy.deepcopy(layer)
    except Exception as error:
        rule = "layer must be something that copy.deepcopy can copy"
        got = f"a {type(layer).__name__}: {type(error).__name__}: {error}"
        raise TypeError(f"oracle.from_layer: {rule}, because every call is made on a copy; got {got}") from error


def _rehearsed(layer: Any, inputs: tuple[Any, ...]) -> tuple[Any, Any, Any]:
    """A copy after one forward and backward, the output, and what came back; what fails here fails again later."""
    held, out, returned = _copied(layer), None, None
    try:
        out = held.forward(*copies(inputs), **training(held.forward, True))
        dout = (np.ones_like(out),) if parameter_names(held.backward) != () else ()
        returned = held.backward(*dout)
    except (Exception, SystemExit):  # judged, and reported, when the trial makes the same calls
        pass
    return held, out, returned


def _constants(names: tuple[str, ...], out: Any, returned: Any) -> tuple[str, ...]:
    """The inputs that carry no gradient: the targets of a loss whose backward returns one array."""
    if isinstance(returned, tuple | list) and len(returned) > 1:
        return ()
    return tuple(name for name in names[1:] if name in TARGETS or np.size(out) == 1)


def living(bound: Layer) -> Callable[[tuple[Any, ...]], Any]:
    """Hands out one object that lives through all calls, as in a training loop, with the parameters given."""
    held: list[Any] = []

    def object_with(values: tuple[Any, ...]) -> Any:
        if not held:
            held.append(bound.holding(values))
        for pair, value in zip(bound.pairs, values, strict=True):
            array = parameters.read(held[0], pair.parameter)
            np.copyto(array, value) if isinstance(array, np.ndarray) else parameters.write(
                held[0], pair.parameter, value
            )
        return held[0]

    return object_with


def _shared(subject: Subject, bound: Layer) -> Subject:
    """The same subject on one living object."""
    object_with = living(bound)

    def forward(*primals: Any, train: bool = True) -> Any:
        layer = object_with(primals[bound.inputs :])
        return layer.forward(*primals[: bound.inputs], **training(layer.forward, train))

    def vjp(*primals: Any) -> tuple[Any, Pullback]:
        out, layer = forward(*primals), object_with(primals[bound.inputs :])
        return out, Pullback(lambda dout: bound.backward(layer, primals, dout))

    evaluate = (lambda *primals: forward(*primals, train=False)) if training(bound.layer.forward, False) else None
    return replace(subject, forward=forward, vjp=vjp, evaluate=evaluate)


def training(method: Callable[..., Any], value: bool) -> dict[str, bool]:
    """The keyword that puts a method into training or evaluation mode, where it takes one."""
    return {name: value for name in parameter_names(method) or () if name in TRAINING_FLAGS}


def _input_names(layer: Any, count: int | None = None) -> tuple[str, ...]:
    names = tuple(name for name in parameter_names(layer.forward) or () if name not in TRAINING_FLAGS)[:count]
    missing = range(len(names), count or 0)
    return names + tuple("x" if not position else f"x_{position}" for position in missing)


def _upstream(backward: Callable[..., Any]) -> str:
    """Whether a backward takes a cotangent, and whether it has one of its own by default."""
    try:
        taken = list(inspect.signature(backward).parameters.values())
    except (TypeError, ValueError):
        return "free"
    if not taken:
        return "one"
    return "last" if taken[0].default is not inspect.Parameter.empty else "free"


def _gradient(held: Any, pair: Pair) -> Any:
    found = [parameters.read(held, steps) for steps in pair.gradients]
    # Copies: a gradient in an attribute is meant to be overwritten by the next backward.
    found = [np.array(value) for value in found if value is not None]
    return sum(found[1:], found[0]) if found else None
