"""The figures of one judged argument."""

from dataclasses import dataclass

import numpy as np

from reference.oracle.numerics.precision import ulp_error
from reference.oracle.questions.kinks import Settled
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


def compared(name: str, got: np.ndarray, expected: np.ndarray, settled: Settled, noise: float) -> Compared:
    """The figures of one argument."""
    wide = np.asarray(got, np.float64)
    with np.errstate(all="ignore"):
        error = np.abs(wide - expected)
    error = np.where(np.isnan(error), np.inf, error)
    error = np.where((wide == expected) | settled.excused, 0.0, error)
    worst = None
    if error.size and error.any():
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
