"""Points for hand-written backpropagation: one for each part that is right on every hidden input."""

from collections.abc import Sequence
from typing import NamedTuple

from reference.oracle.questions.power import unused
from reference.oracle.report import ArgumentReport, Report

# Causes that are no single gradient's fault.
BEHAVIOUR = {
    "accumulates",
    "buffer_reused",
    "cotangent_changed",
    "input_changed",
    "not_deterministic",
    "raises",
    "residuals_changed",
    "stale_state",
    "wrong_count",
}


class Part(NamedTuple):
    """One part of the work, the points it earned, and why not all of them."""

    name: str
    earned: int
    possible: int
    why: str


def grade(reports: Sequence[Report]) -> list[Part]:
    """One part for the forward (where an op was named), one an argument, one for leaving everything else alone.

    A gradient earns its point when no input shows it wrong and at least one tested it. One that could not have been
    wrong (zero all over, or below the noise) earns nothing: a backward that returns zeros would have passed too.
    """
    forward = [_forward(reports)] if any(report.op for report in reports) else []
    names = list(dict.fromkeys(argument.name for report in reports for argument in report.arguments))
    return [*forward, *(_gradient(name, reports) for name in names), _behaviour(reports, names)]


def points(parts: Sequence[Part]) -> tuple[int, int]:
    """Points earned, points possible."""
    return sum(part.earned for part in parts), sum(part.possible for part in parts)


def _forward(reports: Sequence[Report]) -> Part:
    faults = [
        finding.message
        for report in reports
        for finding in report.findings
        if finding.blame in ("forward", "convention") and finding.cause not in BEHAVIOUR
    ]
    return _part("forward", faults)


def _gradient(name: str, reports: Sequence[Report]) -> Part:
    seen = [(argument, report) for report in reports for argument in report.arguments if argument.name == name]
    faults = [_why_wrong(argument, report) for argument, report in seen if argument.verdict == "fail"]
    if not faults and len(seen) < len(reports):
        faults = [f"judged on {len(seen)} of {len(reports)} inputs"]
    if not faults and not any(_was_tested(argument, report) for argument, report in seen):
        faults = ["nothing of it was tested: it is zero, or below the noise"]
    return _part(f"gradient of {name}", faults)


def _was_tested(argument: ArgumentReport, report: Report) -> bool:
    return argument.verdict == "pass" and not any(said.startswith(unused(argument.name)) for said in report.power)


def _why_wrong(argument: ArgumentReport, report: Report) -> str:
    said = (finding.message for finding in report.findings if finding.argument == argument.name)
    return next(said, f"{argument.wrong_entries} of {argument.size} entries are wrong")


def _behaviour(reports: Sequence[Report], names: Sequence[str]) -> Part:
    """No changed inputs, no state that leaks, no exception."""
    faults = [finding.message for report in reports for finding in report.findings if finding.cause in BEHAVIOUR]
    return _part("no side effects", faults or ([] if names else ["there was no gradient to judge"]))


def _part(name: str, faults: Sequence[str]) -> Part:
    return Part(name, 0 if faults else 1, 1, faults[0] if faults else "")
