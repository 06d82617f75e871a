"""Many large arguments: random directions of all of them at once test every gradient for the price of one."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from reference.oracle.numerics.numerical import Measure
from reference.oracle.questions.base import Base
from reference.oracle.questions.figures import DRAWN, Compared
from reference.oracle.questions.search import chance, directions, probe
from reference.oracle.report import ArgumentReport
from reference.oracle.subjects.vjp import Trial

# An error of this share of an argument's largest entry must show among all arguments; else it is measured alone.
SHARE = 1e-5
# Fewer arguments cost little one by one.
FEWEST = 4


@dataclass(frozen=True)
class Jointly(Measure):
    """<cotangent, forward> as a function of several arguments, side by side in one vector."""

    positions: tuple[int, ...] = ()

    @cached_property
    def x(self) -> np.ndarray:
        """The arguments where they are measured."""
        return np.concatenate([self.trial.measured[p].ravel() for p in self.positions])

    def moved(self, direction: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray]:
        """The output where every argument has moved, and the displacement that was really made, per step."""
        target = self.x + step * direction
        primals, start = list(self.trial.measured), 0
        for position in self.positions:
            held = primals[position]
            primals[position] = target[start : start + held.size].reshape(held.shape)
            start += held.size
        return self.trial.value(tuple(primals), self.base.size), (target - self.x) / step


@dataclass(frozen=True)
class Together:
    """What directions of all arguments say: which are right, each with the noise of that, or how far they are off."""

    right: dict[int, float]
    # As a share of the length of the gradient.
    off: float = 0.0


def together(trial: Trial, base: Base) -> Together:
    """The arguments whose gradients are right in every direction of all of them.

    Those alone that are in float64, and whose own error would be seen beside the others.
    """
    positions = tuple(p for p in trial.differentiable if _takes_part(trial, base, p))
    if len(positions) < FEWEST:
        return Together({})
    measure = Jointly(trial, positions[0], base.cotangent, base.flat, positions)
    got = np.concatenate([np.asarray(base.got[p], np.float64).ravel() for p in positions])
    ways = directions(measure, "all arguments")
    slope = measure.ladder(ways[0])
    if not slope.known:
        return Together({})
    missed = next((miss for way in ways if (miss := probe(measure, slope, got, way, 0.0))), None)
    if missed:
        return Together({}, abs(missed.error) / max(float(np.linalg.norm(got)), 1e-300))
    noise = slope.noise / slope.step + abs(slope.error - slope.noise / slope.step)
    seen = [p for p in positions if 8 * noise <= SHARE * np.max(np.abs(base.got[p]), initial=0.0)]
    return Together(dict.fromkeys(seen, noise))


def _takes_part(trial: Trial, base: Base, position: int) -> bool:
    primal, got = trial.measured[position], base.got[position]
    fits = isinstance(got, np.ndarray) and got.shape == primal.shape and got.dtype == primal.dtype == np.float64
    return fits and bool(primal.size and np.isfinite(primal).all() and np.isfinite(got).all())


def passed(trial: Trial, base: Base, position: int, noise: float) -> Compared:
    """The figures of an argument that was right together with the others."""
    got = base.got[position]
    report = ArgumentReport(
        trial.names[position], "pass", 0.0, None, None, None, noise, 0, got.size, shape=got.shape, dtype=got.dtype.name,
        error_map=np.zeros(got.shape) if got.size <= DRAWN else None,
    )  # fmt: skip
    measure = Measure(trial, position, base.cotangent, base.flat)
    return Compared(report, None, noise, (), f"all arguments at once, {chance(measure, noise)}")
