"""From what the caller of `check` hands over to a trial: everything refused here is the caller's mistake."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from reference._checks import is_floating
from reference.oracle.subjects.subject import Subject
from reference.oracle.subjects.vjp import Trial, quiet

MODES = ("auto", "full", "directional")


def trial_of(subject: Subject, primals: tuple[Any, ...], names: Sequence[str] | None, seed: int, mode: str) -> Trial:
    """The trial of a subject on private copies of the primals."""
    if not isinstance(subject, Subject):
        raise TypeError(f"oracle.check: subject must come from an oracle.from_... function; got {_kind(subject)}")
    _require(mode in MODES, f"mode must be one of {', '.join(MODES)}", f"mode={mode!r}")
    _require(isinstance(seed, int) and seed >= 0, "seed must be an integer of at least 0", f"seed={seed!r}")
    _require(bool(primals) or subject.bind is not None, "at least one primal is needed", "none")
    inputs = _named(subject.names, len(primals)) if names is None else tuple(names)
    arrays = tuple(private(name, value) for name, value in zip(_labels(inputs, len(primals)), primals, strict=True))
    if subject.bind is None:
        return Trial(subject, _checked(inputs, len(arrays)), arrays, seed)
    with quiet(seed):
        bound, parameters = subject.bind(*(np.array(a) if isinstance(a, np.ndarray) else a for a in arrays))
    bound = replace(bound, constants=(*bound.constants, *subject.constants))
    arrays += tuple(private(name, value) for name, value in parameters.items())
    return Trial(bound, _bound_names(bound, names, len(primals), len(arrays)), arrays, seed)


def _bound_names(bound: Subject, names: Sequence[str] | None, inputs: int, arguments: int) -> tuple[str, ...]:
    """Names given may be those of the inputs alone, or of inputs and parameters."""
    own = _named(bound.names, arguments)
    if names is None:
        return _checked(own, arguments)
    given = tuple(names)
    return _checked(given + own[inputs:] if len(given) == inputs else given, arguments)


def private(name: str, value: Any) -> Any:
    """A copy as an array; None stays None."""
    if value is None:
        return None
    if isinstance(value, list | tuple | Mapping | str | bytes) or not (
        hasattr(value, "__array__") or hasattr(value, "dtype") or isinstance(value, int | float)
    ):
        raise TypeError(f"oracle.check: every primal must be an array; got {_kind(value)} for {name}")
    try:
        array = np.array(value)
    except Exception as error:
        raise TypeError(f"oracle.check: every primal must be an array; got {name}: {error}") from error
    if not (array.dtype.kind in "biu" or is_floating(array.dtype)):
        raise TypeError(f"oracle.check: every primal must hold real numbers; got {name}.dtype={array.dtype}")
    return array


def _named(names: tuple[str, ...] | None, count: int) -> tuple[str, ...]:
    """The names that the signature gives, numbers where it gives too few."""
    known = (names or ())[:count]
    return known + tuple(f"argument_{position}" for position in range(len(known), count))


def _labels(names: tuple[str, ...], count: int) -> tuple[str, ...]:
    return names[:count] + tuple(f"argument_{position}" for position in range(len(names), count))


def _checked(names: tuple[str, ...], count: int) -> tuple[str, ...]:
    _require(all(isinstance(name, str) for name in names), "names must be texts", f"names={names!r}")
    _require(len(names) == count, "names must name every argument", f"{len(names)} names for {count} arguments")
    _require(len(set(names)) == count, "names must differ from each other", f"names={names!r}")
    return names


def _require(condition: bool, rule: str, got: str) -> None:
    if not condition:
        raise ValueError(f"oracle.check: {rule}; got {got}")


def _kind(value: Any) -> str:
    return f"a {type(value).__name__}"
