"""One argument's gradient against the truth, entry by entry."""

from dataclasses import dataclass

import numpy as np

from reference.oracle.numerics.numerical import Measure, Slope
from reference.oracle.questions.figures import Compared, compared
from reference.oracle.questions.kinks import Settled, settle
from reference.oracle.questions.search import by_probes

# The reference's gradient and another right one differ by rounding, at most this much of the largest entry.
AGREEING = 2e-10
# So many differences from the reference are measured one by one.
MANY = 24


@dataclass(frozen=True)
class Elements:
    """The derivative by every single entry: values, errors, and where the one-sided derivatives part."""

    values: np.ndarray
    errors: np.ndarray
    bends: np.ndarray


def by_elements(
    measure: Measure, slope: Slope, name: str, got: np.ndarray, truth: np.ndarray | None, rounding: float
) -> Compared:
    """Judge every entry by its own difference quotient; only what looks wrong is measured a second time."""
    found = elements(measure, slope)
    wide = np.asarray(got, np.float64)
    with np.errstate(all="ignore"):
        doubtful = ~(np.abs(wide - found.values) <= found.errors + rounding)
    settled = settle(measure, slope, wide, found.values, found.errors + rounding, doubtful, found.bends, rounding)
    expected = _expected(wide, settled, found, truth)
    noise = float(np.median(np.where(np.isfinite(settled.errors), settled.errors, found.errors)))
    return compared(name, got, expected, settled, noise)


def by_truth(
    measure: Measure, slope: Slope, name: str, got: np.ndarray, truth: np.ndarray, rounding: float
) -> Compared:
    """Judge every entry against the reference's own gradient; only what looks wrong is measured."""
    wide = np.asarray(got, np.float64)
    errors = np.full(truth.shape, AGREEING * float(np.max(np.abs(truth), initial=0.0)))
    with np.errstate(all="ignore"):
        doubtful = ~(np.abs(wide - truth) <= errors + rounding)
    many = doubtful.sum() > MANY
    if many and _bent(measure, slope, wide, doubtful, rounding):
        return by_probes(measure, slope, name, got, rounding)
    bends, confirmed = np.zeros_like(doubtful), errors + rounding
    settled = settle(
        measure, slope, wide, truth, confirmed, doubtful, bends, rounding, trusted=True, enough=1 if many else None
    )
    expected = np.where(settled.wrong | ~doubtful, truth, wide)
    return compared(name, got, expected, settled, float(np.max(errors, initial=0.0)))


def _bent(measure: Measure, slope: Slope, got: np.ndarray, doubtful: np.ndarray, rounding: float) -> bool:
    """Whether some of the doubtful entries are legal at a kink: then the reference only follows another rule there."""
    sample = np.zeros_like(doubtful)
    chosen = np.flatnonzero(doubtful)
    sample.flat[chosen[:: max(1, chosen.size // 3)][:3]] = True
    zero = np.zeros(got.shape)
    look = settle(measure, slope, got, np.full(got.shape, np.inf), zero, sample, sample & False, rounding, trusted=True)
    return bool(look.excused.any())


def elements(measure: Measure, slope: Slope) -> Elements:
    """Central differences by every entry at one step."""
    shape, size = measure.x.shape, measure.x.size
    values, bends = np.full(size, np.nan), np.zeros(size)
    for flat in range(size):
        unit = np.zeros(size)
        unit[flat] = 1.0
        values[flat], bends[flat] = _element(measure, unit.reshape(shape), slope.step)
    truncation = 8 * max(slope.error - slope.noise / slope.step, 0.0)
    errors = np.full(size, 8 * slope.noise / slope.step + truncation)
    scale = float(np.max(np.abs(values), initial=0.0, where=np.isfinite(values)))
    bent = bends > errors + 1e-3 * scale
    return Elements(values.reshape(shape), errors.reshape(shape), bent.reshape(shape))


def _element(measure: Measure, unit: np.ndarray, step: float) -> tuple[float, float]:
    ahead, forth = measure.moved(unit, step)
    behind, back = measure.moved(unit, -step)
    made = float(np.sum((forth + back) * unit)) / 2
    if made == 0:
        return 0.0, 0.0
    rise, fall = measure.rise(measure.base, ahead), measure.rise(behind, measure.base)
    return measure.rise(behind, ahead) / (2 * step * made), abs(rise - fall) / step


def _expected(got: np.ndarray, settled: Settled, found: Elements, truth: np.ndarray | None) -> np.ndarray:
    """The reference's value where it agrees with the measurement, the measured one elsewhere, at a kink a legal one."""
    expected = np.where(np.isfinite(settled.values), settled.values, found.values)
    if truth is not None:
        with np.errstate(all="ignore"):
            near = np.abs(truth - expected) <= 4 * found.errors + 1e-6 * np.abs(truth)
        expected = np.where(near, truth, expected)
    return np.where(settled.excused, got, expected)
