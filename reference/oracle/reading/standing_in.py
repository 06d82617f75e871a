"""A layer of our own, for code that is made of other layers or functions: the wrapper is judged, not what it wraps."""

from typing import Any

import numpy as np


class Tanh:
    """Whatever a layer or an activation is called by, in both directions; it remembers its input between the two."""

    trainable = False

    def __init__(self, slope: bool = False) -> None:
        self.params, self.grads, self.slope = [], [], slope

    def __call__(self, x: Any, *flags: Any, **named: Any) -> Any:
        """tanh; its derivative where one is asked for."""
        asked = self.slope or any(flag is True for flag in (*flags, *named.values()))
        return self.derivative(x) if asked else self.forward(x)

    def forward(self, x: Any, *_: Any, **__: Any) -> Any:
        """The value."""
        self.x = np.asarray(x)
        return np.tanh(self.x)

    def derivative(self, x: Any, *_: Any, **__: Any) -> Any:
        """The derivative at an input."""
        return 1 - np.tanh(x) ** 2

    def backward(self, dout: Any, *_: Any, **__: Any) -> Any:
        """The gradient behind the last forward."""
        return dout * self.derivative(self.x)

    forward_pass = forward_propagation = activate = function = func = forward
    backward_pass = backward_propagation = backprop = backward
    prime = gradient = grad = deriv = df = derivative
