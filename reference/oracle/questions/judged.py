"""One judged argument."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.oracle.questions.base import Base
from reference.oracle.questions.figures import Compared
from reference.oracle.report import ArgumentReport, Finding
from reference.oracle.subjects.vjp import Trial, finding


@dataclass(frozen=True)
class Judged:
    """One argument, judged."""

    name: str
    compared: Compared
    findings: tuple[Finding, ...] = ()
    # Words for the wrong gradient, in case the diagnosis has none.
    otherwise: tuple[str, str, str] | None = None
    probed: bool = False
    sentences: tuple[str, ...] = ()

    @property
    def report(self) -> ArgumentReport:
        """The figures."""
        return self.compared.report

    @property
    def wrong(self) -> bool:
        """Whether the gradient is wrong."""
        return self.compared.wrong

    @property
    def expected(self) -> np.ndarray | None:
        """The true gradient, where all of it is known."""
        return self.compared.expected

    @property
    def noise(self) -> float:
        """The error that the measurement of the truth may have."""
        return self.compared.noise

    def unexplained(self) -> Finding:
        """The finding for a wrong gradient that no known mistake explains."""
        cause, message, said = self.otherwise or ("unexplained", f"{self.name}_ct is wrong", self.compared.said)
        report = self.report
        said = said or f"{report.wrong_entries} of {report.size} entries differ by up to {report.max_error:.3g}"
        return finding(cause, message, said, argument=self.name, index=report.worst_index, got=report.got,
                       expected=report.expected)  # fmt: skip


def blank(trial: Trial, base: Base, position: int, verdict: Any) -> Compared:
    """The figures of an argument whose gradient was not compared."""
    primal, got = trial.primals[position], base.got[position]
    size = primal.size if verdict == "fail" else 0
    dtype = got.dtype.name if isinstance(got, np.ndarray) else None
    error = float("inf") if verdict == "fail" else 0.0
    shape = primal.shape
    return Compared(ArgumentReport(trial.names[position], verdict, error, None, None, None, 0.0, size, primal.size,
                                   shape=shape, dtype=dtype))  # fmt: skip
