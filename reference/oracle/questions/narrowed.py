"""Code that computes in single precision whatever it is given is judged as what it is: on arguments of float32."""

from typing import Any

import numpy as np

from reference._checks import is_floating
from reference.oracle.numerics import precision
from reference.oracle.questions.base import Base, base_of
from reference.oracle.report import Finding
from reference.oracle.subjects import trees
from reference.oracle.subjects.vjp import Fault, Trial, finding


def begun(trial: Trial) -> tuple[Base, list[Finding]]:
    """The base of a trial, in float32 where the code takes, or computes in, nothing finer; and the finding of that."""
    try:
        base = base_of(trial)
    except Fault as fault:
        narrow = _retried(trial) if fault.finding.cause == "raises" else None
        if narrow is None:
            raise
        message = f"the {fault.finding.blame} takes float32 only"
        return narrow, [_found(message, f"with float64 {fault.finding.message}", precision.EPSILON["float32"])]
    coarse, said = _rounds(trial, base)
    if not said:
        return base, []
    message = "the forward computes in a lower precision than its arguments have"
    return _retried(trial) or base, [_found(message, said, coarse)]


def _found(message: str, said: str, coarse: float) -> Finding:
    return finding("downcast", message, said, blame="forward", off=precision.beyond_single(coarse))


def _rounds(trial: Trial, base: Base) -> tuple[float, str]:
    """How coarsely, and in words how one sees it, the forward rounds what it was given in float64."""
    wide = [trial.primals[position] for position in trial.differentiable if _is_wide(trial.primals[position])]
    if not any(precision.long_mantissa(primal, 24).any() for primal in wide):
        return 0.0, ""
    for leaf in (array for array in map(np.asarray, trees.leaves(base.out)) if is_floating(array.dtype)):
        if precision.coarsest([leaf]) > precision.EPSILON["float64"]:
            return precision.coarsest([leaf]), f"the output has dtype {leaf.dtype}"
        if precision.rounded_to_float32(leaf):
            return precision.EPSILON["float32"], "all entries of the output end where float32 ends"
    return 0.0, ""


def _retried(trial: Trial) -> Base | None:
    """The base on float32 arguments, which the trial then has; None where they are not possible."""
    given = trial.primals
    narrow = tuple(primal.astype(np.float32) if _is_wide(primal) else primal for primal in given)
    if not all(map(_kept, given, narrow)) or all(new is old for new, old in zip(narrow, given, strict=True)):
        return None
    trial.primals = trial.measured = narrow
    try:
        return base_of(trial)
    except Fault:
        trial.primals = trial.measured = given
        return None


def _is_wide(primal: Any) -> bool:
    return isinstance(primal, np.ndarray) and primal.dtype == np.float64


def _kept(wide: Any, narrow: Any) -> bool:
    """Whether no entry is out of float32's range."""
    return wide is narrow or bool(
        np.all(np.isfinite(wide) <= np.isfinite(narrow)) and np.all((wide != 0) == (narrow != 0))
    )
