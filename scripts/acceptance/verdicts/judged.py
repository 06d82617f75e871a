"""The oracle's verdict of every subject beside its label, and the counts."""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference import oracle
from scripts.acceptance.verdicts.subjects import Subject, label, question


@dataclass(frozen=True)
class Judged:
    """What one subject is, and what the oracle says; expected: whether the first cause is one of its mistake's."""

    name: str
    function: str
    precision: str
    label: str
    verdict: str
    status: str
    causes: tuple[str, ...]
    expected: bool
    seconds: float

    @property
    def agrees(self) -> bool:
        """Whether the verdict is that of the label."""
        return self.verdict == {"right": "pass", "wrong": "fail"}[self.label]

    @property
    def named(self) -> bool:
        """Whether a wrong one was found, with a cause."""
        return self.verdict == "fail" and bool(set(self.causes) - {"unexplained"})


def by_oracle(subject: Subject) -> oracle.Report:
    """The report on a subject at its numbers, told the dtype or not."""
    function = subject.function
    asked = question(function, subject.precision, subject.long)
    given: dict[str, Any] = {"names": tuple(asked.primals), "statics": function.statics}
    rule, primals = oracle.from_rule(*subject.rule()), asked.primals.values()
    if subject.asked:
        low: dict[str, Any] = {"reference": function.op, "dtype": subject.precision}
        return oracle.check(rule, *primals, **given, **low, cotangent=asked.cotangent)
    single = [one.astype(np.float32) if one.dtype.kind == "f" else one for one in primals]
    return oracle.check(rule, *single, **given, op=function.op, cotangent=asked.cotangent.astype(np.float32))


def judged(subject: Subject, known: str | None = None) -> Judged:
    """A subject, its label and the oracle's verdict."""
    started = time.process_time()
    report = by_oracle(subject)
    seconds = time.process_time() - started
    causes = tuple(found.cause for found in report.findings)
    expected = bool(subject.causes.intersection(causes[:1]))
    precision = subject.precision if subject.asked else f"{subject.precision}, not said"
    return Judged(
        subject.name, subject.function.name, precision, known or label(subject),
        report.verdict, report.status, causes, expected, seconds,
    )  # fmt: skip


def table(found: Sequence[Judged], between: int) -> str:
    """The counts by precision and by function, as a table."""
    head = ["", "right", "pass", "wrong", "fail", "named", "as expected"]
    groups = [*dict.fromkeys(one.precision for one in found), *dict.fromkeys(one.function for one in found), "all"]
    rows = [
        _counted(group, [one for one in found if group in (one.precision, one.function, "all")]) for group in groups
    ]
    lines = "\n".join("| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows))
    seconds = sum(one.seconds for one in found)
    agree = sum(one.agrees for one in found)
    said = f"{agree} of {len(found)} verdicts agree with the label; {between} left out by the rule; {seconds:.0f} s."
    return f"{lines}\n\n{said}"


def _counted(group: str, some: Iterable[Judged]) -> list[str]:
    counts: Counter[str] = Counter()
    for one in some:
        counts.update([one.label, f"{one.label} {one.verdict}"])
        if one.label == "wrong":
            counts.update({"named": one.named, "expected": one.named and one.expected})
    return [group, *(str(counts[key]) for key in ("right", "right pass", "wrong", "wrong fail", "named", "expected"))]
