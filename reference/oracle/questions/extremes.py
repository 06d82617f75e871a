"""Primals that are no numbers or hardly numbers: NaN, and those below the normal range."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from reference._checks import is_floating
from reference.oracle.numerics import precision
from reference.oracle.questions.forward import reference_out
from reference.oracle.report import Finding
from reference.oracle.subjects import trees
from reference.oracle.subjects.vjp import Trial, finding, quiet


def beyond_numbers(trial: Trial, op: str | None, statics: Mapping[str, Any]) -> list[Finding]:
    """Where a primal holds NaN: whether the forward hands it on as the named op does; the rest is judged without it."""
    bad = [name for name, p in zip(trial.names, trial.primals, strict=True) if _holds_nan(p)]
    if not bad:
        return []
    if op is None:
        raise ValueError(f"oracle.check: no primal may hold NaN unless an op is named; got NaN in {', '.join(bad)}")
    wanted = trees.vector(reference_out(op, statics, trial.primals))
    found = trial.value(trial.primals, wanted.size)
    trial.primals = trial.measured = tuple(np.where(np.isnan(p), 0.5, p) if _holds_nan(p) else p for p in trial.primals)
    hidden = np.isnan(wanted) & ~np.isnan(found)
    if not hidden.any():
        return []
    at = int(np.flatnonzero(hidden)[0])
    said = f"entry {at} of the output is {found[at]:.6g}, that of {op} is nan"
    return [finding("forward", f"the forward hides a NaN in {', '.join(bad)}", said, blame="forward")]


def flushed(trial: Trial) -> list[str]:
    """Judge at zeros in place of subnormal numbers where the forward makes the same of both, as many processors do."""
    held = [name for name, p in zip(trial.names, trial.primals, strict=True) if np.any(_subnormal(p))]
    zeroed = tuple(np.where(_subnormal(p), np.zeros_like(p), p) if np.any(_subnormal(p)) else p for p in trial.primals)
    if not held:
        return []
    found = trees.vector(trial.forward())
    if not np.array_equal(found, trial.value(zeroed, found.size), equal_nan=True):
        return []
    trial.primals = trial.measured = zeroed
    whose = " and ".join(held)
    return [f"The forward makes the same of zeros as of the subnormal numbers in {whose}: they were judged as zeros."]


def _subnormal(primal: Any) -> Any:
    """Which entries are; False for what has no digits to lose."""
    if not isinstance(primal, np.ndarray) or not is_floating(primal.dtype):
        return False
    with quiet(None):
        return (primal != 0) & (np.abs(primal) < precision.limits(primal.dtype).smallest_normal)


def _holds_nan(primal: Any) -> bool:
    return isinstance(primal, np.ndarray) and is_floating(primal.dtype) and bool(np.isnan(primal).any())
