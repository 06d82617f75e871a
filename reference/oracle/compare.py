"""One argument's gradient against the truth, entry by entry."""

from dataclasses import dataclass, replace

import numpy as np

from reference.oracle.kinks import Settled, settle
from reference.oracle.numerical import Measure, Slope
from reference.oracle.precision import ulp_error
from reference.oracle.report import ArgumentReport, Finding, Verdict

# An error map is kept up to this size, to be drawn.
DRAWN = 65_536


@dataclass(frozen=True)
class Compared:
    """The judgment of one argument, and the truth as far as it is known."""

    report: ArgumentReport
    expected: np.ndarray | None = None
    noise: float = 0.0
    findings: tuple[Finding, ...] = ()
    # A sentence of evidence, where the search found one.
    said: str = ""

    @property
    def wrong(self) -> bool:
        """Whether the gradient is wrong."""
        return self.report.verdict == "fail"


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
    scale = float(np.max(np.abs(truth), initial=0.0))
    errors = np.full(truth.shape, 2e-10 * scale)
    with np.errstate(all="ignore"):
        doubtful = ~(np.abs(wide - truth) <= errors + rounding)
    settled = settle(measure, slope, wide, truth, errors + rounding, doubtful, np.zeros_like(doubtful), rounding,
                     trusted=True)  # fmt: skip
    expected = np.where(settled.wrong | ~doubtful, truth, wide)
    return compared(name, got, expected, settled, 2e-10 * scale)


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


def compared(name: str, got: np.ndarray, expected: np.ndarray, settled: Settled, noise: float) -> Compared:
    """The figures of one argument."""
    wide = np.asarray(got, np.float64)
    with np.errstate(all="ignore"):
        error = np.abs(wide - expected)
    error = np.where(np.isnan(error), np.inf, error)
    error = np.where((wide == expected) | settled.excused, 0.0, error)
    worst = None
    if error.size:
        ranked = np.where(settled.wrong, error, -1.0) if settled.wrong.any() else error
        worst = tuple(int(i) for i in np.unravel_index(int(np.argmax(ranked)), error.shape))
    wrong = int(settled.wrong.sum())
    verdict: Verdict = "fail" if wrong else "pass"
    report = ArgumentReport(
        name,
        verdict,
        float(np.max(error, initial=0.0)),
        worst,
        None if worst is None else float(wide[worst]),
        None if worst is None else float(expected[worst]),
        noise,
        wrong,
        got.size,
        ulp=ulp_error(got, expected, noise),
        shape=got.shape,
        dtype=got.dtype.name,
        error_map=error if error.size <= DRAWN else None,
    )
    return Compared(report, expected, noise, settled.findings(name))


def unjudged(compared_: Compared) -> Compared:
    """The same figures, with the verdict withheld."""
    return replace(compared_, report=replace(compared_.report, verdict="cannot tell"))
