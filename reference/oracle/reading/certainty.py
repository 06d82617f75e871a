"""Only a certain reading may accuse: whether what a report holds against code could be the fault of how it was read."""

from collections.abc import Sequence
from dataclasses import dataclass

from reference.oracle.reading.readings import Reading
from reference.oracle.report import Finding, Report

# What a call that was not meant looks like.
CALLS = ("raises", "wrong_count", "not_finite", "wrong_dtype")
# Words that the diagnosis uses where it recognizes nothing.
NAMELESS = ("unexplained", "not_linear", "wrong_shape", "forward", "stale_state", "wrong_count", "raises")


@dataclass(frozen=True)
class Tried:
    """A reading, and the report of the code so read."""

    reading: Reading
    report: Report
    # The file said how it is called, or on what.
    given: bool = False
    # What the loss was taken to compare; "" for what is no loss.
    meaning: str = ""

    @property
    def doubt(self) -> str:
        """Why the reading is not certain, in words; "" where it is."""
        report = self.report
        if self.given or report.verdict != "fail":
            return ""
        if refused := [f for f in report.findings if f.cause in CALLS and f.argument is None]:
            return "" if self._computes_its_op else f"on inputs that were made up, {refused[0].message}"
        if not self.reading.fits and not self._all_but_one_agree:
            return "what comes back does not have the shapes of the arguments"
        if self._affine:
            return "the gradient is not zero for a cotangent of zero: it may be given targets, and no cotangent"
        if self._all_but_one_agree or self._explained:
            return ""
        if any(found.cause in ("not_linear", "ignores_cotangent") for found in report.findings):
            return "no gradient agrees, and they are not linear in the cotangent"
        return "none of its gradients agrees with what the forward does"

    @property
    def _wrong(self) -> list[str]:
        return [argument.name for argument in self.report.arguments if argument.verdict == "fail"]

    @property
    def _all_but_one_agree(self) -> bool:
        count = len(self.report.arguments)
        return len(self._wrong) <= 1 and (count > 1 or self.reading.fits)

    @property
    def _explained(self) -> bool:
        """Every wrong argument has a named cause: the gradient that came back was made again from the true one."""
        named = {found.argument for found in self.report.findings if found.cause not in NAMELESS}
        return all(name in named for name in self._wrong)

    @property
    def _computes_its_op(self) -> bool:
        return self.report.op is not None and not any(found.blame == "forward" for found in self.report.findings)

    @property
    def _affine(self) -> bool:
        return any(found.cause == "not_linear" and "for zero" in found.evidence for found in self.report.findings)

    @property
    def first(self) -> Finding | None:
        """The foremost finding."""
        return self.report.findings[0] if self.report.findings else None


def accused(tried: Sequence[Tried]) -> Tried | None:
    """The report that may be given: of the likeliest certain reading, where no other certain one says another thing."""
    certain = [one for one in tried if one.report.verdict == "fail" and not one.doubt]
    if not certain:
        return None
    causes = [one.first.cause if one.first else "" for one in certain if one.meaning == certain[0].meaning]
    others = [one.first.cause if one.first else "" for one in certain if one.meaning != certain[0].meaning]
    if others and causes[0] not in others and not certain[0].given:
        return None
    return certain[0]
