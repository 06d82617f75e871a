"""A pullback is linear: nothing in, nothing out; twice in, twice out; sums of cotangents give sums of gradients."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from reference._checks import is_floating
from reference.oracle.numerics import precision, probes
from reference.oracle.questions.base import Base, rounded
from reference.oracle.questions.judged import Judged
from reference.oracle.report import Accuracy, Finding
from reference.oracle.subjects.vjp import Trial, finding

SMALLEST = 1e-290
# A gradient that is this much smaller than that of another argument, or by so many of its roundings, is what rounding
# left of a zero; never more than a thousandth, which in 16 bits are fewer roundings.
NOISE, LEFT, SMALL = 1e-13, 8, 1e-3
# Sums of gradients may differ by so many roundings of the largest entry.
ROUNDINGS = 64
# A gradient within this factor of the largest number may overflow where it is doubled or added up.
NEAR_OVERFLOW = 1024
# Four roundings of TF32's 11 digits.
TF32 = 2.0**-9


def ignores(trial: Trial, base: Base) -> list[str]:
    """The arguments whose gradient is the same, and not zero, for every cotangent."""
    other = _pull(trial, base, -2.0 * base.cotangent)
    return [name for name, got, new in _pairs(trial, base.got, other) if _counts(got) and _near(got, new, got)]


def judge(trial: Trial, base: Base, coarse: float = 0.0) -> list[Finding]:
    """Findings for every argument whose gradient is not linear in the cotangent.

    coarse: the epsilon of the dtype in which the code computes, where its arrays do not show it.
    """
    if not base.cotangent.size:
        return []
    deaf = ignores(trial, base)
    found = [_deaf(trial, base, name) for name in deaf]
    rng = probes.generator(trial.subject.name, [base.flat.shape], trial.seed, "linearity")
    other = rounded(base.out, probes.signed(rng, base.cotangent.size))
    answers = {
        "zero": (_pull(trial, base, 0 * base.cotangent), 0.0, 0.0),
        "twice the cotangent": (_pull(trial, base, 2 * base.cotangent), 2.0, 0.0),
        "the sum of two cotangents": (_pull(trial, base, base.cotangent + other), 1.0, 1.0),
    }
    second = _pull(trial, base, other)
    broken = (_broken(trial, base, name, second, answers, coarse) for name in trial.names if name not in deaf)
    return found + [one for one in broken if one]


def _broken(trial: Trial, base: Base, name: str, second: Any, answers: Any, coarse: float) -> Finding | None:
    position = trial.names.index(name)
    got, also = base.got[position], second[position]
    if not _usable(got) or not _usable(also) or also.shape != got.shape or not _finite(got):
        return None
    noise = max(NOISE, min(LEFT * precision.coarsest([got]), SMALL))
    if max(_largest(got), _largest(also)) <= noise * max(map(_largest, base.got)):
        return None  # nothing but rounding: the true gradient is zero, as of a bias before a normalization
    if got.dtype.kind in "biu":
        return None  # whole numbers are cut off: that, and not the cotangent, is what is wrong
    rounds = _rounds_factors(trial, got, answers["twice the cotangent"][0][position])
    for words, (answer, own, others) in answers.items():
        wanted = own * np.asarray(got, np.float64) + others * np.asarray(also, np.float64)
        if _overflows(answer[position], got, also):
            continue
        new, loose = answer[position], max(TF32 if rounds and others else 0.0, min(64 * coarse, 0.25))
        if _usable(new) and new.shape == wanted.shape and not _near(wanted, new, np.abs(got) + np.abs(also), loose):
            gap = float(np.nanmax(np.abs(new - wanted)))
            message = f"{name}_ct is not linear in the cotangent"
            return finding("not_linear", message, f"for {words} it is off by {gap:.3g}", argument=name)
    return None


def above_noise(bent: Sequence[Finding], judged: Sequence[Judged]) -> list[Finding]:
    """Those findings whose gradients could be tested: of one that drowns in noise the sums differ by that noise."""
    drowned = {one.name for one in judged if one.report.verdict == "cannot tell" and one.noise > 0}
    return [one for one in bent if one.cause != "not_linear" or one.argument not in drowned]


def above_rounding(bent: Sequence[Finding], accurate: Sequence[Accuracy]) -> list[Finding]:
    """Those whose gradients are accurate to the digits that are asked: of others the sums are off by their errors."""
    coarse = (one for one in accurate if one.kind != "wrong" and max(one.ulp, one.plain_ulp) > ROUNDINGS)
    drowned = {one.name for one in coarse}
    return [one for one in bent if one.cause != "not_linear" or f"{one.argument}_ct" not in drowned]


def _deaf(trial: Trial, base: Base, name: str) -> Finding:
    message = f"{name}_ct does not depend on the cotangent"
    return finding("ignores_cotangent", message, "minus twice the cotangent gives the same gradient", argument=name)


def _pull(trial: Trial, base: Base, cotangent: np.ndarray) -> tuple[Any, ...]:
    return trial.pull(base.pullback, base.upstream(cotangent))


def _pairs(trial: Trial, left: Any, right: Any) -> list[tuple[str, np.ndarray, np.ndarray]]:
    triples = zip(trial.names, left, right, strict=True)
    return [(name, a, b) for name, a, b in triples if _usable(a) and _usable(b) and a.shape == b.shape]


def _usable(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.size > 0 and (value.dtype.kind in "biu" or is_floating(value.dtype))


def _largest(value: Any) -> float:
    return float(np.max(np.abs(np.asarray(value, np.float64)), initial=0.0)) if _usable(value) else 0.0


def _counts(got: np.ndarray) -> bool:
    """Whether there is anything to compare: numbers, and not all so small that they have no digits."""
    return _finite(got) and bool(np.max(np.abs(np.asarray(got, np.float64)), initial=0.0) > SMALLEST)


def _finite(got: np.ndarray) -> bool:
    return bool(np.isfinite(np.asarray(got, np.float64)).all())


def _overflows(new: Any, *given: np.ndarray) -> bool:
    """Whether numbers that are not finite come of gradients near the largest number of their dtype."""
    if not _usable(new) or not is_floating(new.dtype) or _finite(new):
        return False
    return max(map(_largest, given)) > precision.limits(new.dtype).max / NEAR_OVERFLOW


def _rounds_factors(trial: Trial, got: np.ndarray, twice: Any) -> bool:
    """Whether this may be float32 code whose products round their factors, as TF32 does: to the bit twice for twice.

    Such code is linear but for that rounding, which a sum of two cotangents changes and a power of two does not.
    """
    floats = [primal for primal in trial.primals if isinstance(primal, np.ndarray)]
    single = precision.coarsest([*floats, got]) == precision.EPSILON["float32"]
    return single and _usable(twice) and np.array_equal(2 * np.asarray(got, np.float64), np.asarray(twice, np.float64))


def _near(wanted: np.ndarray, new: np.ndarray, sized: np.ndarray, loose: float = 0.0) -> bool:
    """Equality up to the rounding of sums; NaN is somebody else's finding."""
    loose = max(min(ROUNDINGS * precision.coarsest([new]), 0.25), 1e-5, loose)
    wanted, new = np.asarray(wanted, np.float64), np.asarray(new, np.float64)
    scale = float(np.nanmax(np.abs(np.asarray(sized, np.float64)), initial=0.0))
    with np.errstate(all="ignore"):
        gap = np.abs(new - wanted)
    return bool(np.all(np.isnan(gap) | (gap <= loose * max(scale, 1e-300))))
