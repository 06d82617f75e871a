"""Recording in NumPy: a layer object, whose forward and backward are called by turns."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from reference.oracle.recorder.call import Call, described
from reference.oracle.recorder.held import held
from reference.oracle.recorder.keeper import Keeper
from reference.oracle.recorder.names import named
from reference.oracle.subjects.layers import TRAINING_FLAGS, from_layer
from reference.oracle.subjects.subject import Subject, parameter_names

LAYER = "numpy layer"
METHODS = ("forward", "backward")


class Layer:
    """A layer whose calls are recorded: each forward with the backward that comes after it."""

    def __init__(self, layer: Any, keeper: Keeper):
        self.layer, self.keeper = layer, keeper
        self.own = {method: getattr(layer, method) for method in METHODS}
        self.before = {method: vars(layer)[method] for method in METHODS if method in vars(layer)}
        self.waiting: Call | None = None
        layer.forward, layer.backward = self._forward, self._backward

    def restore(self) -> None:
        """Leave the layer as it was."""
        for method in METHODS:
            del vars(self.layer)[method]
        vars(self.layer).update(self.before)

    def _forward(self, *inputs: Any, **by_name: Any) -> Any:
        self.waiting = None
        number = self.keeper.wanted()
        if number is not None:
            try:
                self.waiting = self._call(number, inputs, by_name)
            except Exception as error:
                self.keeper.stop(error)
        return self.own["forward"](*inputs, **by_name)

    def _backward(self, *cotangent: Any, **by_name: Any) -> Any:
        call, self.waiting = self.waiting, None
        if call is not None:
            self._kept(call, [*cotangent, *by_name.values()])
        return self.own["backward"](*cotangent, **by_name)

    def _call(self, number: int, inputs: tuple[Any, ...], by_name: Mapping[str, Any]) -> Call:
        names = [name for name in parameter_names(self.own["forward"]) or () if name not in TRAINING_FLAGS]
        arguments = dict(zip(named(names, len(inputs)), inputs, strict=True))
        arguments |= {name: value for name, value in by_name.items() if name not in TRAINING_FLAGS}
        plain = copy.copy(self.layer)
        for method in METHODS:
            del vars(plain)[method]
        vars(plain).update(self.before)
        parameters = bound(plain, list(arguments.values()))[1]
        tree, arrays = described({**arguments, **parameters}, is_array)
        about = {"training step": self.keeper.step, "framework": f"numpy {np.__version__}", "inputs": list(arguments)}
        return Call(type(self.layer).__name__, LAYER, number, tree, arrays, (), about)

    def _kept(self, call: Call, cotangents: list[Any]) -> None:
        try:
            back = tuple(held(np.asarray(one)) for one in cotangents)
            self.keeper.keep(Call(call.target, LAYER, call.number, call.arguments, call.arrays, back, call.about))
        except Exception as error:
            self.keeper.stop(error)


def record_layer(layer: Any, keeper: Keeper) -> Callable[[], None]:
    """Record a layer; what is returned leaves it as it was."""
    return Layer(layer, keeper).restore


def bound(layer: Any, inputs: list[Any]) -> tuple[Subject, dict[str, np.ndarray]]:
    """The subject of a layer's inputs and parameters, and its parameters by name."""
    subject = from_layer(layer)
    assert subject.bind is not None
    return subject.bind(*(np.array(one) if is_array(one) else one for one in inputs))


def is_layer(target: Any) -> bool:
    """Whether a target is an object with a forward and a backward, which can be put others in their place."""
    methods = all(callable(getattr(target, method, None)) for method in METHODS)
    return methods and not isinstance(target, type) and hasattr(target, "__dict__")


def is_array(value: Any) -> bool:
    """Whether a value is an array of NumPy."""
    return isinstance(value, np.ndarray | np.generic)
