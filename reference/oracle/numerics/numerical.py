"""Derivatives of <cotangent, forward> by differences, with a step and an error taken from the forward itself.

Nothing here is a fixed tolerance. Along a direction the central difference is taken at ever smaller steps: first its
error falls with the square of the step, then the forward's rounding takes over and it grows again. The bottom of
that valley is the step, its far slope is the noise.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from reference.oracle.numerics.precision import epsilon
from reference.oracle.subjects.vjp import Trial

RATIO = 8.0
# After the bottom of the valley this many more steps show its far slope.
PAST_BOTTOM = 3
# From 0.1 to 1e-14 of an argument near 1 are 15 steps; of one near 1e20 twice as many.
RUNGS = 40
DISAGREE = 1e6


@dataclass(frozen=True)
class Slope:
    """A directional derivative: value, its error, the step and the forward's noise that it was measured with."""

    value: float
    error: float
    step: float
    noise: float
    # How fast the Taylor remainder of a predicted slope falls: 2 where the prediction is right, 1 where it is wrong.
    steps: tuple[float, ...] = ()
    rises: tuple[float, ...] = ()

    @property
    def known(self) -> bool:
        """Whether any step gave a finite difference."""
        return bool(np.isfinite(self.value))


@dataclass(frozen=True)
class Interval:
    """A directional derivative at a kink: everything between the one-sided derivatives, output by output."""

    low: float
    high: float
    error: float
    kinked: bool

    @property
    def middle(self) -> float:
        """The derivative, where the forward is smooth."""
        return (self.low + self.high) / 2

    def holds(self, value: float, rounding: float) -> bool:
        """Whether a value is legal."""
        slack = self.error + rounding
        return bool(self.low - slack <= value <= self.high + slack)


@dataclass(frozen=True)
class Measure:
    """<cotangent, forward> as a function of one argument."""

    trial: Trial
    position: int
    cotangent: np.ndarray
    base: np.ndarray

    @cached_property
    def x(self) -> np.ndarray:
        """The argument where it is measured."""
        return self.trial.measured[self.position]

    @cached_property
    def scale(self) -> float:
        """The root mean square of the argument's finite entries; 1 for zeros."""
        finite = np.asarray(self.x, np.float64)[np.isfinite(self.x)]
        return _norm(finite) / np.sqrt(finite.size) if finite.any() else 1.0

    def moved(self, direction: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray]:
        """The output at x + step * direction, and the displacement that was really made, per step."""
        start = self.x.astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            target = (start + step * direction).astype(self.x.dtype)
            made = np.where(np.isfinite(start), target.astype(np.float64) - start, 0.0) / step
        return self.trial.value(self.trial.replaced(self.position, target), self.base.size), made

    def rise(self, left: np.ndarray, right: np.ndarray) -> float:
        """<cotangent, right - left>; the difference comes first, so that nothing large cancels in the sum."""
        with np.errstate(all="ignore"):
            return float(self.cotangent @ (right - left))

    def central(self, direction: np.ndarray, step: float) -> tuple[float, np.ndarray]:
        """The central difference per step asked for, and the displacement really made per such step."""
        ahead, forth = self.moved(direction, step)
        behind, back = self.moved(direction, -step)
        return self.rise(behind, ahead) / (2 * step), (forth + back) / 2

    def differences(self, direction: np.ndarray, step: float) -> tuple[float, float]:
        """The central difference along a direction, and the one-sided one that is finite, if any is."""
        ahead, forth = self.moved(direction, step)
        behind, back = self.moved(direction, -step)
        made = (forth + back) / 2
        # Divided by the step that was really made, which rounding keeps from being the one asked for.
        step *= float(np.sum(made * direction) / np.sum(direction * direction)) or np.inf
        right, left = self.rise(self.base, ahead) / step, self.rise(behind, self.base) / step
        return self.rise(behind, ahead) / (2 * step), right if np.isfinite(right) else left

    def ladder(self, direction: np.ndarray) -> Slope:
        """The derivative at the step where the differences agree best."""
        steps, values = self._rungs(direction)
        if not np.isfinite(values).any():
            return Slope(np.nan, np.inf, steps[-1], np.inf)
        jumps = _jumps(np.where(self._below_resolution(steps, values), np.nan, values), steps / self.scale)
        best = int(np.argmin(jumps)) if np.isfinite(jumps).any() else int(np.argmax(np.isfinite(values)))
        better = values[best]
        if best and np.isfinite(values[best - 1]):
            better += (values[best] - values[best - 1]) / (RATIO**2 - 1)
        past = np.abs(values[best + 1 :] - better) * steps[best + 1 :]
        noise = max(float(np.max(past, initial=0.0, where=np.isfinite(past))), self.rounding)
        error = abs(better - values[best]) + noise / steps[best]
        return Slope(float(better), float(error), float(steps[best]), noise, tuple(steps), tuple(values))

    def _below_resolution(self, steps: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Which differences are zero only because the forward, in a coarser precision, does not see the step.

        Where a real change ends (a jump is no longer crossed) the last rise before was a visible part of the output.
        """
        rises = np.flatnonzero(np.isfinite(values) & (values != 0))
        if not rises.size:
            return np.zeros(values.shape, bool)
        smallest = abs(values[rises[-1]]) * 2 * steps[rises[-1]]
        visible = max(1e-4, 16 * epsilon(self.x.dtype))
        if smallest > visible * float(np.sum(np.abs(np.nan_to_num(self.cotangent * self.base)))):
            return np.zeros(values.shape, bool)
        return np.arange(values.size) > rises[-1]

    @cached_property
    def rounding(self) -> float:
        """The noise of a forward that rounds each output once."""
        finite = np.where(np.isfinite(self.base), self.base, 0.0)
        return float(np.finfo(np.float64).eps * _norm(self.cotangent * finite))

    def _rungs(self, direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Steps and differences; one-sided ones only at the edge of the domain, where no step has two sides."""
        steps: list[float] = []
        central: list[float] = []
        one_sided: list[float] = []
        step, last = 0.1 * max(1.0, self.scale), 1e-14 * min(1.0, self.scale)
        while step > last and (len(steps) < RUNGS or self.scale < 1) and not _past_bottom(central, steps):
            both, one = self.differences(direction, step)
            steps.append(step)
            central.append(both)
            one_sided.append(one)
            step /= RATIO
        return np.array(steps), np.array(central if np.isfinite(central).any() else one_sided)

    def interval(self, direction: np.ndarray, step: float, noise: float) -> Interval:
        """The legal derivatives along a direction: one where the forward is smooth, an interval at a kink."""
        right, left = self._sides(direction, step)
        nearer_right, nearer_left = self._sides(direction, step / RATIO)
        with np.errstate(all="ignore"):
            gap, nearer_gap = np.abs(right - left), np.abs(nearer_right - nearer_left)
            floor = 8 * noise * RATIO / step / np.maximum(np.abs(self.cotangent), 1e-300)
            kinked = (nearer_gap > gap / 2) & (nearer_gap > floor)
            smooth, nearer = (right + left) / 2, (nearer_right + nearer_left) / 2
            low = self.cotangent * np.where(kinked, nearer_right, smooth)
            high = self.cotangent * np.where(kinked, nearer_left, smooth)
            drift = float(self.cotangent @ np.where(kinked, 0.0, smooth - nearer))
            bounds = float(np.sum(np.minimum(low, high))), float(np.sum(np.maximum(low, high)))
        # The sides of a kink come from the nearer step, in which noise weighs more.
        finest = step / RATIO if kinked.any() else step
        return Interval(*bounds, abs(drift) + 4 * noise / finest, bool(kinked.any()))

    def _sides(self, direction: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray]:
        ahead, behind = self.moved(direction, step)[0], self.moved(direction, -step)[0]
        with np.errstate(all="ignore"):
            right, left = (ahead - self.base) / step, (self.base - behind) / step
        return np.where(np.isfinite(right), right, left), np.where(np.isfinite(left), left, right)


def _norm(values: np.ndarray) -> float:
    """The Euclidean norm, of values whose squares no float holds too."""
    with np.errstate(all="ignore"):
        largest = float(np.max(np.abs(values), initial=0.0))
        return largest * float(np.sqrt(np.sum((values / largest) ** 2))) if largest else 0.0


def _jumps(values: np.ndarray, relative: np.ndarray) -> np.ndarray:
    """How far each value lies from its neighbours: small only where both agree.

    Values that differ by more than half their size do not agree at all, however small they are: with steps far beyond
    the function's own scale, differences of a bounded function are all small, the more so the longer the steps are
    beside the argument.
    """
    differences = np.abs(np.diff(values, prepend=np.nan, append=np.nan))
    with np.errstate(all="ignore"):
        jumps = np.fmax(differences[:-1], differences[1:])
        jumps[0] = np.inf if np.isfinite(jumps[1:-1]).any() else jumps[0]  # one neighbour agrees too easily
        jumps = np.where(jumps > np.abs(values) / 2, DISAGREE * np.maximum(relative, 1) * jumps, jumps)
    return np.where(np.isfinite(jumps), jumps, np.inf)


def _past_bottom(values: list[float], steps: list[float]) -> bool:
    """Whether the differences have been growing for a while, as noise does and as crossed kinks do not."""
    if len(values) < PAST_BOTTOM + 3:
        return False
    differences = np.abs(np.diff(np.array(values)))
    if not np.isfinite(differences).any():
        return False
    bottom = int(np.nanargmin(np.where(np.isfinite(differences), differences, np.nan)))
    grown = not differences[-1] < max(RATIO**PAST_BOTTOM / 8 * differences[bottom], differences[-2])
    # What is as large as the function's rises is no noise: the steps are still longer than the function's own scale.
    rises = np.abs(np.array(values)) * 2 * np.array(steps)
    noise = not differences[-1] * steps[-1] > np.max(rises, initial=0.0, where=np.isfinite(rises)) / 32
    return bottom < len(differences) - PAST_BOTTOM and grown and noise


def taylor_order(slope: Slope, predicted: float) -> float | None:
    """The power of the step with which rise - step * predicted falls; None where noise hides it.

    A second opinion on a gradient: 2 or more for the true slope (central differences: 3), 1 for a wrong one.
    """
    steps, rises = np.array(slope.steps), np.array(slope.rises)
    remainder = np.abs(steps * (rises - predicted))
    usable = np.isfinite(remainder) & (remainder > 16 * slope.noise)
    if usable.sum() < 3:
        return None
    first = np.flatnonzero(usable)[-4:]
    return float(np.polyfit(np.log(steps[first]), np.log(remainder[first]), 1)[0])
