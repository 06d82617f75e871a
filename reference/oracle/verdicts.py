"""The check as an assertion."""

from typing import Any

from reference.oracle.check import check
from reference.oracle.report import Report
from reference.oracle.subjects.subject import Subject


class GradientMismatch(AssertionError):
    """A backward that did not pass; the report is its text and its attribute."""

    def __init__(self, report: Report):
        super().__init__(str(report))
        self.report = report


def assert_correct(subject: Subject, *primals: Any, **options: Any) -> Report:
    """The report of `check`, if it passes; otherwise a GradientMismatch with the report in it.

    options are those of `check`: strict=True rejects also what is "right, but ...".
    """
    report = check(subject, *primals, **options)
    if report.verdict != "pass":
        raise GradientMismatch(report)
    return report
