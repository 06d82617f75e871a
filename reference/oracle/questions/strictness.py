"""What is wrong, and what is only a matter of strictness; which causes can be that, `causes.toml` alone says."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from reference.oracle.causes import WITHIN
from reference.oracle.questions.judged import Judged
from reference.oracle.report import ArgumentReport, Finding


def measured(findings: Sequence[Finding], judged: Sequence[Judged]) -> list[Finding]:
    """Explanations of wrong gradients, with how far each is off, where that is not known already."""
    off = {one.name: _off(one) for one in judged}
    return [found if found.off is not None else replace(found, off=off.get(found.argument or "")) for found in findings]


def _off(judged: Judged) -> float | None:
    """The largest error as a share of the largest entry, where all of the truth is known."""
    largest = 0.0 if judged.expected is None else float(np.max(np.abs(judged.expected), initial=0.0))
    return judged.report.max_error / largest if largest > 0 and np.isfinite(judged.report.max_error) else None


def weighed(findings: Sequence[Finding], judged: Sequence[Judged], strict: bool) -> list[Finding]:
    """Every finding, marked where it is a matter of strictness.

    Of several explanations of one gradient's error, all of which fit, the innocent one counts. What the backward does
    besides is strict where every gradient is right, but for its own matters of strictness: it may be why one is wrong.
    """
    own = {found.argument: found.off for found in findings if found.argument and _small(found)}
    right = all(one.report.verdict != "fail" or one.name in own for one in judged)
    marked = [replace(found, strict=_is_strict(found, own, right)) for found in findings]
    if strict:  # then one is as wrong as the other, and the first found is the likeliest reason of the rest
        return marked
    return sorted(marked, key=lambda found: (found.strict, found.strict and not _small(found)))


def _is_strict(found: Finding, own: Mapping[str, float | None], right: bool) -> bool:
    if not found.argument:
        return _small(found) and (right or found.blame != "backward")
    return found.argument in own and found.off is not None and found.off == own[found.argument]


def _small(found: Finding) -> bool:
    return found.off is not None and found.off <= WITHIN.get(found.cause, -1.0)


def of_argument(report: ArgumentReport, findings: Sequence[Finding], strict: bool) -> ArgumentReport:
    """The figures of an argument, which passes where all that is said of it is a matter of strictness."""
    own = [found for found in findings if found.argument == report.name and found.blame != "check"]
    if not own or not all(found.strict for found in own):
        return report
    doubted = report.verdict == "cannot tell" and not strict
    return replace(report, verdict="fail" if strict else "cannot tell" if doubted else "pass", strict=True)
