"""What finite precision excuses: on which primals to measure, and how far a right gradient may be off."""

from typing import Any

import numpy as np

from reference._checks import is_floating
from reference.oracle.numerics import precision, probes
from reference.oracle.questions.base import Base
from reference.oracle.questions.forward import widened
from reference.oracle.subjects import trees
from reference.oracle.subjects.vjp import Fault, Trial

# How far arguments and cotangents are moved to see a backward round to float32: a few roundings of that. A smooth
# gradient bends by less than float64 shows, one with fewer bits than float32 hardly moves at all.
NUDGE = 2.0**-21
NUDGES = 4
# A backward that rounds as float64 does stays below the first share of its largest entry. Beyond the second, a thousand
# roundings of float32, nobody could tell float32 from a mistake.
FINEST, COARSEST = 1e-9, 1e-4


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
        sway = _sway(wide, [m[position] for m in moved])
        sizes.append(64 * _run_epsilon(trial, base, got) * largest + sway + precision.TINY)
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


def single(trial: Trial, base: Base) -> tuple[float, ...]:
    """What each gradient may differ by where a backward of float64 arguments computes in float32; 0 elsewhere."""
    if precision.coarsest([p for p in trial.primals if isinstance(p, np.ndarray)]) > precision.EPSILON["float64"]:
        return (0.0,) * len(base.got)
    bends = [_bend(trial, base, number) for number in range(NUDGES)]
    found = []
    for position, got in enumerate(base.got):
        usable = isinstance(got, np.ndarray) and got.size and got.dtype.kind == "f" and np.isfinite(got).all()
        largest = float(np.max(np.abs(got))) if usable else 0.0
        bend = max((_most(bend[position]) for bend in bends if bend and usable), default=0.0)
        in_single = FINEST * largest < bend < COARSEST * largest
        found.append(8 * bend + 8 * precision.EPSILON["float32"] * largest if in_single else 0.0)
    return tuple(found)


def _bend(trial: Trial, base: Base, number: int) -> list[np.ndarray] | None:
    """g(p) - 2 g(p + d) + g(p + 2 d) for a tiny move d of arguments and cotangent: nothing, but for rounding.

    Not g(p - d): about a number that float32 holds, roundings to both sides cancel.
    """
    rng = probes.generator(trial.subject.name, [base.flat.shape], trial.seed, f"single {number}")
    moves = [NUDGE * rng.uniform(-1, 1, np.shape(primal)) for primal in trial.primals]
    turn = NUDGE * rng.uniform(-1, 1, base.cotangent.shape)
    ahead = []
    for steps in (1, 2):
        moved = tuple(
            (primal * (1 + steps * move)).astype(primal.dtype) if position in trial.differentiable else primal
            for position, (primal, move) in enumerate(zip(trial.primals, moves, strict=True))
        )
        try:
            _, pullback = trial.vjp(moved)
            ahead.append(trial.pull(pullback, base.upstream(base.cotangent * (1 + steps * turn))))
        except Fault:
            return None
    return [_second(*three) for three in zip(base.got, *ahead, strict=True)]


def _second(first: Any, second: Any, third: Any) -> np.ndarray:
    if not (isinstance(first, np.ndarray) and np.shape(second) == np.shape(third) == first.shape):
        return np.zeros(0)
    return np.abs(np.asarray(first, np.float64) - 2 * np.asarray(second, np.float64) + np.asarray(third, np.float64))


def _most(bend: np.ndarray) -> float:
    """What nine entries in ten stay below: a mask that flips at one entry does not count."""
    finite = bend[np.isfinite(bend)]
    return float(np.quantile(finite, 0.9)) if finite.size else 0.0


def _sway(got: np.ndarray, moved: list[Any]) -> float:
    """Eight times the change that nine entries in ten stay below: a mask that flips at one entry does not count."""
    gaps = [np.abs(np.asarray(m, np.float64) - got) for m in moved if np.shape(m) == got.shape]
    finite = [gap[np.isfinite(gap)] for gap in gaps]
    return max((8 * float(np.quantile(gap, 0.9)) for gap in finite if gap.size), default=0.0)
