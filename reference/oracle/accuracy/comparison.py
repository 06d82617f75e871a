"""One array of a kernel's answer against float64, beside what plain computations make of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reference.oracle.accuracy.formats import Format

# The root mean square of a right error is at most so many times the plain one, as in flash-attention's own tests.
TIMES = 2.0
# Beyond so many times the plain error nobody's other order of sums explains what has no name.
MANY_TIMES = 16.0
# One entry is off by at most so many times what the plain error of this entry is on average, and a unit of its own.
SPREADS = 6.0
# An entry that plain computations never round is off by at most this share of the usual plain error.
SHARE = 0.02
# Half a unit, and what float32 on the way leaves of it: nothing that is stored in this dtype comes nearer.
NEAREST, BEFORE = 0.5 + 1 / 32, 2.0**-20


@dataclass(frozen=True)
class Comparison:
    """The errors of a kernel and of plain computations, entry by entry."""

    name: str
    got: np.ndarray
    truth: np.ndarray
    # The root mean square of the plain errors of every entry, and the unit in the last place of every entry.
    spread: np.ndarray
    place: np.ndarray
    unit: float

    @property
    def error(self) -> np.ndarray:
        """The kernel's error; infinite where what came back is no number, 0 where that has no right value."""
        with np.errstate(all="ignore"):
            error = np.abs(self.got - self.truth)
        return np.where(self.known, np.where(np.isfinite(self.got), error, np.inf), 0.0)

    @property
    def known(self) -> np.ndarray:
        """The entries that have a right value in this dtype."""
        return np.isfinite(self.truth) & np.isfinite(self.spread)

    @property
    def typical(self) -> float:
        """The plain error, in root mean square, at least that of one rounding."""
        return max(_rms(self.spread[self.known]), 0.29 * _rms(self.place[self.known]), np.finfo(float).tiny)

    @property
    def factor(self) -> float:
        """How many times the plain error the kernel's is, in root mean square."""
        return _rms(self.error) / self.typical

    @property
    def allowed(self) -> np.ndarray:
        """How far every entry may be off."""
        return SPREADS * self.spread + self.place + SHARE * self.typical

    @property
    def outside(self) -> np.ndarray:
        """The entries that are further off than a plain computation's would be."""
        return self.error > self.allowed

    @property
    def only_lost(self) -> int:
        """How many entries are infinite or NaN and should not be, where nothing else is wrong; else 0."""
        lost = self.known & ~np.isfinite(self.got)
        return 0 if (self.outside & ~lost).any() else int(lost.sum())

    @property
    def times(self) -> float:
        """How many times less accurate than plain: by the root mean square, or by the worst entry where that is more.

        An entry that is off by as much as is allowed counts as a root mean square that is.
        """
        return self.times_beside(np.False_)

    def times_beside(self, larger: np.ndarray | np.bool_) -> float:
        """The same where these entries may be off as the largest may be: terms that cancel leave so much."""
        allowed = np.where(larger, np.maximum(self.allowed, SPREADS * self.typical), self.allowed)
        with np.errstate(all="ignore"):
            entries = TIMES * self.error[self.known] / allowed[self.known]
        return max(self.factor, float(np.max(entries, initial=0.0)) if self.outside.any() else 0.0)

    @property
    def doubtful(self) -> bool:
        """Whether the error is larger than a right kernel's."""
        return bool(self.factor > TIMES or self.outside.any())

    @property
    def best(self) -> bool:
        """Whether nothing but the last rounding is left of the error."""
        largest = float(np.max(np.abs(self.truth), initial=0.0, where=self.known))
        return bool(np.all(self.error <= NEAREST * self.place + BEFORE * self.unit + BEFORE**2 * largest))

    @property
    def in_units(self) -> tuple[float, float]:
        """The errors of the kernel and of a plain computation, in root mean square, in units of the array's size."""
        return _rms(self.error) / self.unit, self.typical / self.unit


def comparison(name: str, got: np.ndarray, truth: np.ndarray, plain: Sequence[np.ndarray], dtype: Format) -> Comparison:
    """The comparison of one array with what plain computations gave."""
    got, truth = (np.asarray(one, np.float64) for one in (got, truth))
    with np.errstate(all="ignore"):
        runs = np.array([np.asarray(one, np.float64) - truth for one in plain])
        spread = np.sqrt(np.mean(np.square(runs), axis=0)) if len(runs) else np.zeros(truth.shape)
        known = np.isfinite(truth) & np.isfinite(spread)
        size = _rms(truth[known])
        truth = np.where(np.abs(truth) < dtype.largest, truth, np.inf)
    # Where the right value is 0, the unit of numbers of order 1, as arguments and cotangents are whose terms cancel.
    place = dtype.ulp(np.where(known & (truth != 0), truth, 0.5))
    return Comparison(name, got, truth, spread, place, float(dtype.ulp(size)))


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values)))) if values.size else 0.0
