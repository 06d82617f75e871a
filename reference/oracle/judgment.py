"""What was asked of a check, what has been found so far, and the report that is made of it."""

from dataclasses import dataclass, field
from typing import Any

from reference.oracle.accuracy.asked import Asked
from reference.oracle.explain import evidence_of
from reference.oracle.questions.base import Base
from reference.oracle.questions.forward import Agreement
from reference.oracle.questions.judged import Judged
from reference.oracle.questions.power import power, regimes_left_out
from reference.oracle.questions.strictness import of_argument
from reference.oracle.recognition.acquittals import acquit
from reference.oracle.report import Accuracy, Finding, Report, Verdict
from reference.oracle.subjects.vjp import Trial

# Of a forward: it has no one output of which there could be a gradient.
UNSTEADY = ("not_deterministic", "stale_state")
MOST_FINDINGS = 3


@dataclass(frozen=True)
class Request:
    """The choices of a check, as `oracle.check` explains them."""

    op: str | None
    statics: dict[str, Any]
    mode: str
    strict: bool
    repeats: int | None
    convention: str | None


@dataclass
class Judgment:
    """What has been found so far."""

    # What it is held against in float64, where that was asked.
    asked: Asked | None = None
    findings: list[Finding] = field(default_factory=list)
    acquittals: list[str] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)
    agreement: Agreement | None = None
    # Of a forward that computes in float32 whatever comes; said after what was done in place.
    narrowed: list[Finding] = field(default_factory=list)
    accuracy: list[Accuracy] = field(default_factory=list)
    # What could not be seen or compared, in sentences.
    unseen: list[str] = field(default_factory=list)

    def report(self, trial: Trial, base: Base | None, request: Request) -> Report:
        """The report; base is None where the first calls already failed."""
        arguments = tuple(of_argument(judged.report, self.findings, request.strict) for judged in self.judged)
        verdict = _verdict(self.findings, [argument.verdict for argument in arguments], request.strict)
        recognized = self.agreement if request.op is None else None
        op = recognized.op if recognized else request.op
        statics = recognized.statics if recognized else request.statics
        acquittals, blind = tuple(self.acquittals), ()
        if base is not None:
            blind = self._blind(trial, base, op, statics)
            if verdict == "pass":
                acquittals += tuple(acquit(evidence_of(trial, base, self.judged, op, statics)))
        return Report(
            verdict,
            tuple(_foremost(self.findings)),
            arguments,
            trial.subject.name,
            op,
            statics,
            acquittals,
            blind,
            trial.forwards,
            trial.backwards,
            trial.aside,
            trial.seed,
            "directional" if any(judged.probed for judged in self.judged) else "full",
            accuracy=tuple(self.accuracy),
        )

    def _blind(self, trial: Trial, base: Base, op: str | None, statics: dict[str, Any]) -> tuple[str, ...]:
        """What this check could not show."""
        return (
            *power(trial.answering(), trial.names, trial.primals, base.upstream(), op, statics),
            *regimes_left_out(op, trial.primals),
            *(sentence for judged in self.judged for sentence in judged.sentences),
            *self.unseen,
        )


def _foremost(findings: list[Finding]) -> list[Finding]:
    """Of each argument the first three findings, each cause once: a longer list helps nobody."""
    kept: list[Finding] = []
    for found in findings:
        keys = [other.key for other in kept if other.argument == found.argument]
        if found.argument is None or (len(keys) < MOST_FINDINGS and found.key not in keys):
            kept.append(found)
    return kept


def _verdict(findings: list[Finding], arguments: list[Verdict], strict: bool) -> Verdict:
    """Fail for anything wrong; "cannot tell" where only the check itself was at fault, or no gradient was asked for."""
    accused = [found for found in findings if found.blame != "check" and (strict or not found.strict)]
    if accused:
        unsteady = all(found.cause in UNSTEADY and found.blame == "forward" for found in accused)
        return "cannot tell" if unsteady else "fail"
    if "fail" in arguments:
        return "fail"
    doubted = not arguments or "cannot tell" in arguments or any(found.blame == "check" for found in findings)
    return "cannot tell" if doubted else "pass"
