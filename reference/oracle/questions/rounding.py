"""What finite precision excuses: on which primals to measure, and how far a right gradient may be off."""

from typing import Any

import numpy as np

from reference._checks import is_floating
from reference.oracle.numerics import precision, probes
from reference.oracle.questions.base import Base
from reference.oracle.questions.forward import widened
from reference.oracle.subjects import trees
from reference.oracle.subjects.vjp import Fault, Trial

# Below the normal range numbers have no digits left to agree in.
TINY = 4 * float(np.finfo(np.float64).tiny)


def measured(trial: Trial, base: Base) -> tuple[Any, ...]:
    """The primals in float64, if the subject computes in what it is given: then its rounding hides nothing."""
    floats = [p for p in trial.primals if isinstance(p, np.ndarray) and is_floating(p.dtype)]
    coarse = precision.coarsest(floats)
    if coarse == precision.EPSILON["float64"]:
        return trial.primals
    wide = tuple(map(widened, trial.primals))
    try:
        found, elsewhere = trees.vector(trial.forward(wide)), trial.forward(_with_long_mantissas(trial, wide))
    except Fault:
        return trial.primals
    if _rounds(elsewhere) or found.size != base.flat.size:
        return trial.primals
    scale = float(np.max(np.abs(found), initial=0.0))
    return wide if np.allclose(found, base.flat, rtol=0, atol=256 * coarse * scale) else trial.primals


def _with_long_mantissas(trial: Trial, wide: tuple[Any, ...]) -> tuple[Any, ...]:
    """Neighbours of the primals that need all digits of float64, so that a forward which drops some shows."""
    rng = probes.generator(trial.subject.name, [np.shape(p) for p in wide], trial.seed, "digits")
    floating = set(trial.differentiable)
    return tuple(p * (1 + 1e-3 * rng.uniform(size=p.shape)) if k in floating else p for k, p in enumerate(wide))


def _rounds(out: Any) -> bool:
    coarse = precision.coarsest([np.asarray(leaf) for leaf in trees.leaves(out)])
    return coarse > precision.EPSILON["float64"] or precision.rounded_to_float32(trees.vector(out))


def excused(trial: Trial, base: Base) -> tuple[float, ...]:
    """What each gradient may differ by because it was computed in a finite precision."""
    moved = _nudged(trial, base)
    sizes = []
    for position, got in enumerate(base.got):
        if not isinstance(got, np.ndarray) or not got.size or got.dtype.kind == "c":
            sizes.append(0.0)
            continue
        wide = np.asarray(got, np.float64)
        largest = float(np.max(np.abs(wide), initial=0.0, where=np.isfinite(wide)))
        sizes.append(64 * _run_epsilon(trial, base, got) * largest + _sway(wide, [m[position] for m in moved]) + TINY)
    return tuple(sizes)


def _run_epsilon(trial: Trial, base: Base, got: np.ndarray) -> float:
    floats = [p for p in (*trial.primals, *map(np.asarray, trees.leaves(base.out)), got) if isinstance(p, np.ndarray)]
    coarse = precision.coarsest(floats)
    return max(coarse, precision.EPSILON["float32"]) if precision.rounded_to_float32(got) else coarse


def _nudged(trial: Trial, base: Base) -> list[tuple[Any, ...]]:
    """The gradients at inputs rounded differently: how far rounding can carry them. Only below float64."""
    floats = [p for p in trial.primals if isinstance(p, np.ndarray) and is_floating(p.dtype)]
    if precision.coarsest(floats) == precision.EPSILON["float64"]:
        return []
    answers = []
    for number in range(2):
        rng = probes.generator(trial.subject.name, [base.flat.shape], trial.seed, f"nudge {number}")
        nudged = tuple(
            (p.astype(np.float64) * (1 + precision.epsilon(p.dtype) * rng.choice((-1, 1), p.shape))).astype(p.dtype)
            if position in trial.differentiable
            else p
            for position, p in enumerate(trial.primals)
        )
        try:
            _, pullback = trial.vjp(nudged)
            answers.append(trial.pull(pullback, base.upstream()))
        except Fault:
            continue
    return answers


def _sway(got: np.ndarray, moved: list[Any]) -> float:
    """Eight times the change that nine entries in ten stay below: a mask that flips at one entry does not count."""
    gaps = [np.abs(np.asarray(m, np.float64) - got) for m in moved if np.shape(m) == got.shape]
    finite = [gap[np.isfinite(gap)] for gap in gaps]
    return max((8 * float(np.quantile(gap, 0.9)) for gap in finite if gap.size), default=0.0)
