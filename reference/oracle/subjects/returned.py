"""What a backward returned: one entry an argument, of the argument's shape, in a dtype that can hold a gradient."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from reference._checks import is_floating


def aligned(returned: Any, names: tuple[str, ...], differentiable: tuple[int, ...]) -> tuple[tuple[Any, ...], str]:
    """The gradients in the order of the arguments, and a complaint where their number does not fit."""
    if isinstance(returned, Mapping):
        return _by_name(returned, names)
    if not isinstance(returned, tuple | list) or _is_array_written_as_list(returned):
        returned = (returned,)
    while len(returned) > len(names) and returned[-1] is None:  # for an optional argument that was not given
        returned = returned[:-1]
    if len(returned) == len(names):
        return tuple(map(as_gradient, returned)), ""
    if len(returned) == len(differentiable):
        by_position = dict(zip(differentiable, map(as_gradient, returned), strict=True))
        return tuple(by_position.get(position) for position in range(len(names))), ""
    if _is_nested_list(returned):
        return (), "the backward returns nested lists; a gradient must be an array"
    count = f"{len(differentiable)}" if len(differentiable) == len(names) else f"{len(differentiable)} or {len(names)}"
    given = "1 cotangent" if len(returned) == 1 else f"{len(returned)} cotangents"
    given = "None" if len(returned) == 1 and returned[0] is None else given
    return (), f"the backward returns {given}; {count} {'is' if count == '1' else 'are'} needed"


def _is_array_written_as_list(returned: Any) -> bool:
    return isinstance(returned, list) and bool(returned) and all(isinstance(item, int | float) for item in returned)


def _is_nested_list(returned: Any) -> bool:
    rows = isinstance(returned, list) and bool(returned) and all(isinstance(item, list) for item in returned)
    return rows and isinstance(as_gradient(returned), np.ndarray)


def _by_name(returned: Mapping[Any, Any], names: tuple[str, ...]) -> tuple[tuple[Any, ...], str]:
    if strangers := [str(key) for key in returned if key not in names]:
        return (), f"the backward returns a gradient for {', '.join(strangers)}, which is no argument"
    return tuple(as_gradient(returned.get(name)) for name in names), ""


def as_gradient(value: Any) -> Any:
    """An array for whatever can be one (a scalar, a list of numbers); None and everything else as it is."""
    if value is None or isinstance(value, np.ndarray):
        return value
    try:
        array = np.asarray(value)
    except Exception:  # an object may raise anything when it is looked at
        return value
    return array if array.dtype.kind in "biufcV" else value


def complaint(primal: np.ndarray, gradient: Any) -> tuple[str, str] | None:
    """The cause and words of what is wrong with a gradient's form, or None; None is a missing gradient."""
    if gradient is None:
        return "missing", "is missing: None is returned for a floating argument"
    if not isinstance(gradient, np.ndarray):
        return "downcast", f"is a {type(gradient).__name__}, not an array"
    if not is_floating(gradient.dtype):
        return "downcast", f"has dtype {gradient.dtype}, which cannot hold a gradient of {primal.dtype}"
    if gradient.shape != primal.shape:
        return "wrong_shape", f"has shape {gradient.shape}; its argument has shape {primal.shape}"
    return None
