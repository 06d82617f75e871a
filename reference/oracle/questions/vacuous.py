"""Whether a gradient that is zero here is zero everywhere; if it is not, then nothing of it was tested here."""

from typing import Any

import numpy as np

from reference._checks import is_floating
from reference.oracle.numerics import probes
from reference.oracle.numerics.numerical import Measure
from reference.oracle.questions.base import Base
from reference.oracle.subjects.vjp import Trial

ELSEWHERE = 3


def alive_elsewhere(trial: Trial, base: Base, position: int) -> bool:
    """Whether the output depends smoothly on the argument at other inputs of the same shapes."""
    kept = trial.measured
    try:
        return any(_alive(trial, base, position, number) for number in range(ELSEWHERE))
    finally:
        trial.measured = kept


def _alive(trial: Trial, base: Base, position: int, number: int) -> bool:
    rng = probes.generator(trial.subject.name, [base.flat.shape], trial.seed, f"elsewhere {position} {number}")
    trial.measured = tuple(_another(rng, primal) for primal in trial.measured)
    flat = trial.value(trial.measured, base.flat.size)
    measure = Measure(trial, position, base.cotangent, flat)
    slope = measure.ladder(probes.signed(rng, measure.x.shape))
    return slope.known and abs(slope.value) > 8 * slope.error + 1e-6 * float(np.sum(np.abs(flat)))


def _another(rng: np.random.Generator, primal: Any) -> Any:
    """Another value of the same kind: signed numbers, other flags, the same integers."""
    if not isinstance(primal, np.ndarray):
        return primal
    if primal.dtype.kind == "b":
        return rng.random(primal.shape) < 0.5
    if not is_floating(primal.dtype):
        return primal
    wide = np.asarray(primal, np.float64)
    scale = max(1.0, float(np.sqrt(np.mean(wide**2))) if primal.size else 1.0)
    return (scale * probes.signed(rng, primal.shape)).astype(primal.dtype)
