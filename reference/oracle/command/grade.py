"""Points for hand-written backpropagation: one for each part that is right on every hidden input."""

from collections.abc import Sequence
from typing import NamedTuple

from reference.oracle.command.byhand import not_by_hand
from reference.oracle.questions.power import unused
from reference.oracle.report import ArgumentReport, Finding, Report

FORWARD, BESIDE = "forward", "no side effects"
Faults = dict[str, list[str]]

# Causes that are no single gradient's fault.
BEHAVIOUR = {"accumulates", "changed_in_place", "not_deterministic", "raises", "stale_state"}


class Part(NamedTuple):
    """One part of the work, the points it earned, and why not all of them."""

    name: str
    earned: int
    possible: int
    why: str


def grade(reports: Sequence[Report], strict: bool = False) -> list[Part]:
    """One part for the forward (where an op was named), one an argument, one for leaving everything else alone.

    A gradient earns its point when no input shows it wrong and at least one tested it. One that could not have been
    wrong (zero all over, or below the noise) earns nothing: a backward that returns zeros would have passed too. Nor
    does one that is not written by hand. Every finding for which a report fails costs the point of its part.
    """
    names = list(dict.fromkeys(argument.name for report in reports for argument in report.arguments))
    counted, forgiven = Faults(), Faults()
    for report in reports:
        for finding in report.findings:
            if finding.blame != "check":
                places = counted if strict or not finding.strict else forgiven
                places.setdefault(_place(finding, names), []).append(finding.message)
    forward = [FORWARD] if any(report.op for report in reports) or FORWARD in {*counted, *forgiven} else []
    for name in names:
        wrong = counted.get(_gradient(name), [])
        counted[_gradient(name)] = _by_others(name, reports) or wrong or _unseen(name, reports)
    if not names:
        counted.setdefault(BESIDE, ["there was no gradient to judge"])
    return [_part(part, counted, forgiven) for part in (*forward, *map(_gradient, names), BESIDE)]


def points(parts: Sequence[Part]) -> tuple[int, int]:
    """Points earned, points possible."""
    return sum(part.earned for part in parts), sum(part.possible for part in parts)


def _place(finding: Finding, names: Sequence[str]) -> str:
    """The part that a finding costs."""
    if finding.cause in BEHAVIOUR:
        return BESIDE
    if finding.blame in ("forward", "convention"):
        return FORWARD
    return _gradient(finding.argument) if finding.argument and finding.argument in names else BESIDE


def _gradient(name: str) -> str:
    return f"gradient of {name}"


def _by_others(name: str, reports: Sequence[Report]) -> list[str]:
    """By what a gradient was made, where that is not the file's own work."""
    said = (said for report in reports for said in report.acquittals if said.startswith(not_by_hand(name)))
    return [one.partition(": ")[2] for one in said]


def _unseen(name: str, reports: Sequence[Report]) -> list[str]:
    """Why a gradient that no finding accuses earns nothing all the same, if it does not."""
    seen = [(argument, report) for report in reports for argument in report.arguments if argument.name == name]
    if wrong := [argument for argument, _ in seen if argument.verdict == "fail"]:
        return [f"{argument.wrong_entries} of {argument.size} entries are wrong" for argument in wrong]
    if len(seen) < len(reports):
        return [f"judged on {len(seen)} of {len(reports)} inputs"]
    tested = any(_was_tested(argument, report) for argument, report in seen)
    return [] if tested else ["nothing of it was tested: it is zero, or below the noise"]


def _was_tested(argument: ArgumentReport, report: Report) -> bool:
    return argument.verdict == "pass" and not any(said.startswith(unused(argument.name)) for said in report.power)


def _part(name: str, counted: Faults, forgiven: Faults) -> Part:
    """All points or none, and why: what costs them, or what would with `strict`."""
    if faults := counted.get(name):
        return Part(name, 0, 1, faults[0])
    return Part(name, 1, 1, f"but {forgiven[name][0]}" if name in forgiven else "")
