"""The right backward at other statics than the forward's: a stride, slope, axis or epsilon that got lost."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from reference.oracle.evidence.evidence import Evidence
from reference.oracle.evidence.model import Model
from reference.oracle.evidence.view import View
from reference.oracle.recognition.geometries import geometries
from reference.oracle.recognition.recognize import Known, triple

CAUSE_OF = {
    "approximate": "wrong_derivative",
    "count_include_pad": "scaled_by_count",
    "epsilon": "epsilon_one_side",
    "axis": "wrong_axis",
    "groups": "wrong_index",
    "negative_slope": "scaled_by_constant",
    "alpha": "scaled_by_constant",
}


def other_statics(view: View, known: Known) -> Iterator[tuple[int, Model]]:
    """The gradient that the op would have with one static at another value, or with its windows elsewhere; and how many
    right gradients would be wrong so."""
    defaults = default_statics(known.op)
    for name, value in alternatives(view, known):
        cause = CAUSE_OF.get(name, "static_ignored")
        yield from _changed(view, known, cause, {name: value}, {name: value})
    for said, statics in geometries(known, tuple(defaults)):
        cause = "shifted" if set(said) == {"padding"} else "static_ignored"
        yield from _changed(view, known, cause, said, statics)


def _changed(
    view: View, known: Known, cause: str, said: Mapping[str, Any], statics: Mapping[str, Any]
) -> Iterator[tuple[int, Model]]:
    gradients = gradients_with(known, statics)
    predicted = gradients[view.position] if view.position < len(gradients) else None
    if predicted is not None:
        others = " and ".join(f"{name}={value}" for name, value in said.items())
        own = " and ".join(f"{name}={known.statics.get(name, 'its default')}" for name in said)
        spoilt = sum(
            _spoilt(view.evidence, number, other) for number, other in enumerate(gradients[: len(view.evidence.got)])
        )
        yield spoilt, Model(cause, f"is the gradient for {others}; the forward has {own}", predicted)


def _spoilt(evidence: Evidence, position: int, gradient: np.ndarray | None) -> bool:
    got = evidence.got[position]
    if evidence.wrong[position] or got is None or gradient is None or evidence.expected[position] is None:
        return False
    return np.shape(got) != gradient.shape or not np.allclose(got, gradient, rtol=1e-4, atol=1e-6)


def alternatives(view: View, known: Known) -> Iterator[tuple[str, Any]]:
    """Every other value of every static but those of windows that people leave at its default or forget."""
    defaults = default_statics(known.op)
    for name, default in defaults.items():
        now = known.statics.get(name, default)
        for value in _values(name, default, now, known):
            if differs(value, now) and value is not inspect.Parameter.empty:
                yield name, value


def differs(one: Any, other: Any) -> bool:
    """Whether two values of a static are not the same; one may be an array."""
    return not np.array_equal(one, other)


def default_statics(op: str) -> Mapping[str, Any]:
    """The statics of an op and their defaults."""
    parameters = inspect.signature(triple(op)[0]).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}


def _values(name: str, default: Any, now: Any, known: Known) -> Iterator[Any]:
    ndim = known.primals[0].ndim
    match name:
        case "approximate" | "count_include_pad" | "ceil_mode":
            yield not now
        case "axis":
            yield from (axis for axis in range(ndim) if isinstance(now, int) and axis != now % ndim)
        case "epsilon":
            yield from (1e-300, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-10, 1e-12)
        case "negative_slope" | "alpha":
            yield from (1.0, default, 0.0, 0.2, -now, now * now, 1 / now if now else 1.0)
        case "delta":
            yield from (1.0, 2.0, 0.5, 1e9)
        case "reverse":
            yield not now
        case "lengths":
            yield None
        case "label_smoothing":
            yield from (0.0, now / 2, 2 * now)


def gradients_with(known: Known, changed: Mapping[str, Any]) -> Sequence[np.ndarray | None]:
    """The gradients at changed statics; the cotangent placed at the start of another size."""
    try:
        out, _ = known.forward(**changed)
        return known.gradients(cotangent=placed(known.cotangent, out.shape), **changed)
    except Exception:  # the reference refuses what does not fit
        return ()


def placed(cotangent: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The cotangent in the first corner of an array of another shape, cropped where that is smaller."""
    if cotangent.shape == shape or cotangent.ndim != len(shape):
        return cotangent
    there = np.zeros(shape)
    corner = tuple(slice(0, min(a, b)) for a, b in zip(cotangent.shape, shape, strict=True))
    there[corner] = cotangent[corner]
    return there
