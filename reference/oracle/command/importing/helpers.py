"""Functions that every course ships in a file of its own: where it is missing, their meaning is known by name."""

import linecache
import re
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from reference.oracle.opspec import OpSpec
from reference.oracle.specs import SPECS


def known(name: str) -> Callable[..., Any] | None:
    """What a missing function of this name computes; None where the name does not say it."""
    spec = SPECS.get(name.removesuffix("_backward"))
    if spec is None or not spec.called or spec.scene != "elementwise":
        return None
    if spec.name == name:
        return lambda x: _as_asked(spec.reference()(np.asarray(x, float)), x, name)
    return (lambda gradient, x: gradient * _slope(spec, np.asarray(x, float))) if spec.entry_by_entry else None


def _slope(spec: OpSpec, x: np.ndarray) -> np.ndarray:
    """The derivative at what the forward kept, its input."""
    _, residuals = spec.reference("_fwd")(x)
    return spec.reference("_bwd")(residuals, np.ones_like(x))[0]


def _as_asked(value: Any, x: Any, name: str) -> Any:
    """The value, or the value and the input to keep where the calling line takes two: `A, cache = relu(Z)`."""
    frame = sys._getframe(3)  # whoever called the stand-in that called `known`'s function
    line = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
    return (value, x) if re.search(rf"\w+\s*,\s*\w+\s*\)?\s*=\s*(\w+\.)*{name}\(", line) else value
