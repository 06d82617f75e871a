"""Code of which no precision was asked: where it must be held against plain computations all the same."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from reference.oracle.accuracy.asked import Asked
from reference.oracle.accuracy.comparison import MANY_TIMES, Comparison, comparison
from reference.oracle.accuracy.imprecision import rounds_factors
from reference.oracle.accuracy.plain import Situation, answers, situation
from reference.oracle.accuracy.reference import OfOp
from reference.oracle.numerics import precision
from reference.oracle.questions import forward
from reference.oracle.questions.base import Base
from reference.oracle.questions.forward import Agreement
from reference.oracle.subjects import trees
from reference.oracle.subjects.vjp import Trial

# Values that are an op's but for rounding factors to TF32 differ by less, as a share of the largest.
ROUNDED = 2.0**-8


def in_single(trial: Trial, base: Base, op: str | None, statics: Mapping[str, Any]) -> Asked | None:
    """What code in float32 is held against whose forward has an op's values but for what rounding makes of them.

    That is more than usual where TF32 rounds the factors, or where the arguments are ill-conditioned, so that a plain
    computation in float32 is as far off.
    """
    coarse = precision.coarsest([primal for primal in trial.primals if isinstance(primal, np.ndarray)])
    if coarse != precision.EPSILON["float32"]:
        return None
    try:
        near = _nearly(trial, base, op, statics)
    except (TypeError, ValueError):  # the primals are not what the op takes, which is said elsewhere
        return None
    if near is None:
        return None
    reference = OfOp(near.op, near.statics, near.factor)
    at = situation(trial, reference, "float32", base.cotangent)
    if rounds_factors(at, base.flat):
        return Asked(near.op, near.statics, "tf32", trial.subject)
    (plain,) = _beside_plain(at, base, [None])
    return Asked(near.op, near.statics, "float32", trial.subject) if plain and not plain.doubtful else None


def like_plain(trial: Trial, base: Base, agreement: Agreement | None, wrong: Sequence[int]) -> Asked | None:
    """What code in float32 or float64 is held against whose gradients seem wrong, where plain ones may be so, too."""
    coarse = precision.coarsest([primal for primal in trial.primals if isinstance(primal, np.ndarray)])
    dtype = next((name for name in ("float32", "float64") if precision.EPSILON[name] == coarse), None)
    if agreement is None or dtype is None:
        return None
    at = situation(trial, OfOp(agreement.op, agreement.statics, agreement.factor), dtype, base.cotangent)
    near = all(plain and plain.factor <= MANY_TIMES for plain in _beside_plain(at, base, wrong))
    return Asked(agreement.op, agreement.statics, dtype, trial.subject) if near else None


def _beside_plain(at: Situation, base: Base, places: Sequence[int | None]) -> Iterator[Comparison | None]:
    """The output (None) or gradients beside plain computations in the same dtype; None for one of another form."""
    (truth, gradients), runs = at.reference.answer(at.primals, base.cotangent), answers(at, at.recorded())
    for place in places:
        got, true = (base.flat, truth) if place is None else (base.got[place], gradients[place])
        if not isinstance(got, np.ndarray) or true is None or got.shape != true.shape:
            yield None
            continue
        plain = [out if place is None else found.get(place, np.zeros(true.shape)) for out, found in runs]
        yield comparison("", got, true, plain, at.format)


def _nearly(trial: Trial, base: Base, op: str | None, statics: Mapping[str, Any]) -> Agreement | None:
    """The op whose values the forward has up to the rounding of TF32, but not up to that of float32.

    Where products overflow a plain computation may be off by everything, so a named op is near whatever its values.
    """
    if op is None:
        return None if forward.recognized(trial, base) else forward.recognized(trial, base, ROUNDED)
    loose = ROUNDED if precision.far_from_overflow(trees.arrays(trial.primals)) else np.inf
    exact, near = (forward.agrees(trial, base, op, statics, by)[0] for by in (None, loose))
    return None if exact else near
