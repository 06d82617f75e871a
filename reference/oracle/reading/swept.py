"""Something found in a file, judged at every size: read once, then on inputs like those that it was read on."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import islice
from types import ModuleType
from typing import Any

from reference import oracle
from reference.oracle.reading.attempts import tried_readings
from reference.oracle.reading.certainty import Tried
from reference.oracle.reading.discover import Found
from reference.oracle.reading.judge import MOST, judge
from reference.oracle.reading.request import Request
from reference.oracle.report import Report

# In a file: functions whose parameters are the dimensions, by the name of what they make inputs for.
OWN = "SWEEP"


def sweep_found(
    found: Found, request: Request, make_inputs: Any = None, dtype: str | None = None
) -> oracle.SweepReport | Report:
    """The sweep of the first reading that is right; the report alone where none is.

    Raises:
        CannotTell: as of `judge`.
    """
    one = _right(found, request)
    if one is None:
        return judge(found, request)
    reading, asked = one.reading, _asked(request, dtype)
    inputs = make_inputs or (reading.primals[: reading.inputs] if reading.subject.bind else reading.primals)
    # The names of all arguments, where an object holds some of them itself.
    known: dict[str, Any] = {} if reading.subject.bind else {"names": reading.names}
    return oracle.sweep(reading.subject, inputs, **asked, **known)


def report_in_dtype(found: Found, request: Request, dtype: str) -> Report:
    """The report in a dtype of the first reading that is right; that of float64 where none is.

    Raises:
        CannotTell: as of `judge`.
    """
    one = _right(found, request)
    if one is None:
        return judge(found, request)
    reading = one.reading
    report = oracle.check(reading.subject, *reading.primals, names=reading.names, **_asked(request, dtype))
    return replace(report, subject=found.name, inputs=one.report.inputs)


def _asked(request: Request, dtype: str | None) -> dict[str, Any]:
    """What a check or a sweep is asked beside code and inputs."""
    named = {"op": request.op, "statics": request.statics} if request.op not in (None, "none") else {}
    return {"seed": request.seed, "strict": request.strict, "dtype": dtype, **named}


def _right(found: Found, request: Request) -> Tried | None:
    for phase in tried_readings(found, request, []):
        for one in islice(phase, MOST):
            if one.report.verdict == "pass":
                return one
    return None


def own_maker(module: ModuleType, name: str) -> Callable[..., Any] | None:
    """The function that a file gives for inputs of any size.

    Raises:
        TypeError: what it gives is none.
    """
    listed = getattr(module, OWN, {})
    given = listed.get(name) if isinstance(listed, Mapping) else listed
    if given is not None and not callable(given):
        raise TypeError(f"{OWN} must be a dict from names to functions of the dimensions; got {given!r}")
    return given
