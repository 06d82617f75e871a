"""Functions that every course ships in a file of its own: where it is missing, their meaning is known by name."""

import linecache
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import reference

FORWARDS: Mapping[str, Callable[[Any], Any]] = {
    "sigmoid": reference.sigmoid,
    "relu": reference.relu,
    "tanh": reference.tanh,
    "softmax": reference.softmax,
}
# Of the gradient and what the forward kept, its input.
BACKWARDS: Mapping[str, Callable[[Any, Any], Any]] = {
    "sigmoid_backward": lambda gradient, x: gradient * reference.sigmoid(x) * (1 - reference.sigmoid(x)),
    "relu_backward": lambda gradient, x: gradient * (x > 0),
    "tanh_backward": lambda gradient, x: gradient * (1 - np.tanh(x) ** 2),
}


def known(name: str) -> Callable[..., Any] | None:
    """What a missing function of this name computes; None where the name does not say it."""
    if name in BACKWARDS:
        return BACKWARDS[name]
    return (lambda x: _as_asked(FORWARDS[name](np.asarray(x, float)), x, name)) if name in FORWARDS else None


def _as_asked(value: Any, x: Any, name: str) -> Any:
    """The value, or the value and the input to keep where the calling line takes two: `A, cache = relu(Z)`."""
    frame = sys._getframe(3)  # whoever called the stand-in that called `known`'s function
    line = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
    return (value, x) if re.search(rf"\w+\s*,\s*\w+\s*\)?\s*=\s*(\w+\.)*{name}\(", line) else value
