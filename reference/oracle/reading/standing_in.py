"""A layer of our own, for code that is made of other layers or functions: the wrapper is judged, not what it wraps."""

from collections.abc import Sequence
from typing import Any

import numpy as np

# What a method is called that adds a layer.
ADDING = ("add", "add_layer", "addLayer", "append", "add_module")


class Tanh:
    """Whatever a layer or an activation is called by, in both directions; it remembers its input between the two."""

    trainable = False

    def __init__(self, slope: bool = False, *, switched: bool = True) -> None:
        self.params, self.grads, self.slope, self.switched = [], [], slope, switched

    def __call__(self, x: Any, *flags: Any, **named: Any) -> Any:
        """The value; the derivative where a switch asks for it, which a layer in a container has for another use."""
        asked = self.slope or (self.switched and any(flag is True for flag in (*flags, *named.values())))
        return self.derivative(x) if asked else self.forward(x)

    def forward(self, x: Any, *_: Any, **__: Any) -> Any:
        """The value."""
        self.x = np.asarray(x)
        return self.of(self.x)

    def derivative(self, x: Any, *_: Any, **__: Any) -> Any:
        """The derivative at an input."""
        return self.slope_of(x)

    def backward(self, dout: Any, *_: Any, **__: Any) -> Any:
        """The gradient behind the last forward."""
        return dout * self.derivative(self.x)

    def of(self, x: Any) -> Any:
        """The function."""
        return np.tanh(x)

    def slope_of(self, x: Any) -> Any:
        """Its derivative."""
        return 1 - np.tanh(x) ** 2

    forward_pass = forward_propagation = activate = function = func = forward
    feedforward = feed_forward = forward_propagate = forward_prop = fprop = forward
    backward_pass = backward_propagation = backprop = backward
    back_propagation = backpropagation = back_propagate = backpropagate = back_prop = bprop = backward
    prime = gradient = grad = deriv = df = derivative


class Sine(Tanh):
    """Another one, so that the order of two of them shows."""

    def of(self, x: Any) -> Any:
        """The function."""
        return np.sin(x)

    def slope_of(self, x: Any) -> Any:
        """Its derivative."""
        return np.cos(x)


def two_layers() -> list[Any]:
    """What a container holds."""
    return [Tanh(switched=False), Sine(switched=False)]


def fill(container: Any, names: Sequence[str]) -> None:
    """Put two layers into an object that holds none yet, by its own method where it has one."""
    held = getattr(container, "__dict__", {})
    empty = [name for name in names if isinstance(held.get(name), list) and not held[name]]
    add = next((method for name in ADDING if callable(method := getattr(container, name, None))), None)
    for layer in two_layers() if empty else ():
        if add is not None:
            add(layer)
        else:
            held[empty[0]].append(layer)
