"""Whether an error persists where the arguments move a little: a mistake's does, that of rounding does not."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from reference._checks import is_floating
from reference.oracle.accuracy.plain import Situation
from reference.oracle.questions.forward import widened
from reference.oracle.subjects import trees
from reference.oracle.subjects.vjp import Fault

# So many neighbours of the arguments, each entry this share of it away: far for every rounding, near for a mistake.
NEIGHBOURS, AWAY = 12, 2.0**-6
# What persists is so many times what would be left of chance, in mean squares.
BEYOND_CHANCE = 3.0
# What persists of one entry's error is so many times what is left of its own chance.
ENTRY_BEYOND_CHANCE = 8.0

Errors = dict[int | None, list[np.ndarray]]


@dataclass(frozen=True)
class Persistent:
    """The part of an error that stays, and what is left of the chance of every entry."""

    stays: np.ndarray
    left: np.ndarray

    @property
    def chance(self) -> float:
        """What is left of chance, in root mean square."""
        return float(np.sqrt(np.mean(np.square(self.left))))

    @property
    def mostly(self) -> bool:
        """Whether more of the error stays than goes."""
        return bool(np.mean(np.square(self.stays)) > NEIGHBOURS * self.chance**2)

    @property
    def lasting(self) -> np.ndarray:
        """The entries of which more stays than chance leaves."""
        return np.abs(self.stays) > ENTRY_BEYOND_CHANCE * self.left

    @property
    def systematic(self) -> bool:
        """Whether more stays than chance leaves."""
        return bool(np.mean(np.square(self.stays)) > BEYOND_CHANCE * self.chance**2)


def persistent(at: Situation) -> dict[int | None, Persistent]:
    """What persists of the error of every argument's gradient, and of the output (under None)."""
    rng, errors = at.generator("neighbours"), {}
    for _ in range(NEIGHBOURS):
        for key, error in _errors_at(at, *_moved(at, rng)).items():
            errors.setdefault(key, []).append(error)
    return {key: _persistent(found) for key, found in errors.items() if len(found) > NEIGHBOURS // 2}


def _persistent(errors: list[np.ndarray]) -> Persistent:
    each = np.array(errors)
    return Persistent(each.mean(axis=0), np.std(each, axis=0, ddof=1) / np.sqrt(len(errors)))


def _moved(at: Situation, rng: np.random.Generator) -> tuple[tuple[Any, ...], np.ndarray]:
    """Neighbours of the primals, in their dtypes, and of the cotangent; whole numbers, as of masks, stay."""

    def moved(values: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            wide = np.asarray(values, np.float64)
            share = AWAY * rng.uniform(-1, 1, wide.shape)
            return at.format.rounded(np.where(wide == np.rint(wide), wide, wide * (1 + share)))

    floating = set(at.trial.differentiable)
    primals = tuple(
        moved(p).astype(p.dtype) if k in floating and is_floating(p.dtype) else p
        for k, p in enumerate(at.trial.primals)
    )
    return primals, moved(at.cotangent)


def _errors_at(at: Situation, primals: tuple[Any, ...], cotangent: np.ndarray) -> dict[int | None, np.ndarray]:
    """The errors of the kernel's output and gradients there; none where it, or the reference, refuses."""
    try:
        out, pullback = at.trial.vjp(primals)
        upstream = trees.like(out, cotangent)
        got = at.trial.pull(pullback, upstream)
        truth, gradients = at.reference.answer(tuple(map(widened, primals)), trees.vector(upstream))
    except (Fault, ValueError, TypeError):
        return {}
    pairs = [(None, trees.vector(out), truth), *((k, got[k], g) for k, g in enumerate(gradients))]
    found = {}
    for key, one, true in pairs:
        if one is not None and true is not None and np.shape(one) == np.shape(true):
            with np.errstate(all="ignore"):
                error = np.asarray(one, np.float64) - np.asarray(true, np.float64)
            found[key] = np.where(np.isfinite(error), error, 0.0)
    return found
