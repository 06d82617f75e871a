"""One input judged: what a check says of it, in the words of a sweep."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from reference.oracle.accuracy.reference import of_callable
from reference.oracle.check import check
from reference.oracle.explain import nobody_asks
from reference.oracle.numerics import budget, precision
from reference.oracle.opspec import OpSpec
from reference.oracle.questions.forward import matching, reference_out
from reference.oracle.questions.purity import asked_before
from reference.oracle.report import ArgumentReport, Report
from reference.oracle.specs import SPECS
from reference.oracle.subjects import trees
from reference.oracle.subjects.subject import Subject
from reference.oracle.subjects.vjp import copies, quiet
from reference.oracle.sweep.cases import Case
from reference.oracle.sweep.makers import Maker, NotMade, entries
from reference.oracle.sweep.report import Seen, Visit

# Of an input of at most so many entries each is measured.
FEW = 100
# Values differ by less than this of the largest, in any precision, where a forward takes an input for what it is.
LOOSE = 0.05


@dataclass
class Judging:
    """A subject, how its inputs are made, what every check of it is asked, and how many checks there were."""

    subject: Subject
    maker: Maker
    options: dict[str, Any] = field(default_factory=dict)
    op: str | None = None
    statics: Mapping[str, Any] = field(default_factory=dict)
    strict: bool = False
    seed: int = 0
    checks: int = 0
    # What the checks cost, as `numerics/budget.py` counts it.
    spent: float = 0.0
    # Whether products of the ordinary input stay finite: a mask may hold the largest number in every input.
    far: bool = True
    # The regimes whose inputs the reference does not take.
    refused: list[str] = field(default_factory=list)
    # The op that the forward was found to be, where none was named.
    recognized: tuple[str, Mapping[str, Any]] | None = None

    @property
    def spec(self) -> OpSpec | None:
        """The row of the named op, or of the recognized one."""
        name = self.op or (self.recognized[0] if self.recognized else None)
        return SPECS[name] if name else None

    def visit(self, case: Case, why: bool = True) -> tuple[Visit, Report] | None:
        """The input judged; None where there is none, or the named op or function does not take it.

        What seems wrong is asked for its reason, which takes longest, only if `why`: some reasons are no mistake. At
        another size nobody asks again whether a call depends on those before.
        """
        if why:
            return self._visit(case, whole=True)
        with nobody_asks(), asked_before() if case.sized else nullcontext():
            return self._visit(case, whole=False)

    def _visit(self, case: Case, whole: bool) -> tuple[Visit, Report] | None:
        try:
            primals = case.primals(self.maker, self.seed)
        except (NotMade, ValueError, TypeError, IndexError, ZeroDivisionError):
            if case.regime == ORDINARY:
                raise
            return None
        guessed = case.axes or (self._known() is not None and not self.maker.exact)
        if guessed and not self._takes(primals):
            return None
        if case.regime != ORDINARY and self._refused(primals):
            self.refused.append(case.regime)
            return None
        self.checks += 1
        mode = "directional" if case.sized and not whole and entries(primals) > FEW else "auto"
        report = self._report(primals, self.op, self.statics, mode)
        if report is None:
            return None
        if not self.op and self.recognized and self._overflows(primals):
            report = self._report(primals, *self.recognized) or report
        self.spent += self._cost(primals, report)
        far = precision.far_from_overflow(trees.arrays(primals))
        self.far = far if case.regime == ORDINARY else self.far
        seen, said = _seen(report, case, self._finite(primals), far or not self.far)
        if seen == "raises" and not self.maker.exact and not self._takes(primals):
            return None  # these sizes were a guess
        seen = "WRONG" if seen == "raises" and self.strict else seen
        shapes = dict(zip(self._names(report, primals), map(np.shape, primals), strict=False))
        error, in_ulp = largest_error(report) if seen in ("right", "right, but", "WRONG") else (None, False)
        return Visit(case.regime, dict(case.sizes), shapes, seen, error, in_ulp, said), report

    def _report(
        self, primals: tuple[Any, ...], op: str | None, statics: Mapping[str, Any], mode: str = "auto"
    ) -> Report | None:
        named: dict[str, Any] = {"op": op, "statics": dict(statics)} if op else {}
        asked = {"mode": mode, "seed": self.seed, "strict": self.strict, **named, **self.options}
        try:
            return check(self.subject, *primals, **asked)
        except ValueError:
            if named and self._reference(primals, op, statics) is None:
                return None  # the op does not take these, so nothing is asked of the subject
            raise

    def _cost(self, primals: tuple[Any, ...], report: Report) -> int:
        """The calls of a check times the work of one."""
        with quiet(self.seed):
            work = budget.work(lambda *given: self.subject.forward(*copies(given)), primals, ())
        return work * (report.forward_evaluations + report.backward_evaluations)

    def agrees(self, primals: tuple[Any, ...]) -> bool | None:
        """Whether the forward has the op's values; None where the op is not known, or does not take these."""
        known = self._known()
        expected = self._reference(primals, *known) if known else None
        if known is None or expected is None:
            return None
        try:
            with quiet(self.seed):
                found = trees.vector(self.subject.forward(*copies(primals)))
        except Exception:  # anybody's code may raise anything
            return False
        return matching(known[0], dict(known[1]), found, expected, LOOSE) is not None

    def _known(self) -> tuple[str, Mapping[str, Any]] | None:
        return (self.op, self.statics) if self.op else self.recognized

    def _takes(self, primals: tuple[Any, ...]) -> bool:
        known = self._known()
        return known is not None and self._reference(primals, *known) is not None

    def _refused(self, primals: tuple[Any, ...]) -> bool:
        """Whether the function that the subject is held to, if it is one, raises for these."""
        given = self.options.get("reference")
        if given is None or isinstance(given, str):
            return False
        try:
            of_callable(given, primals, ())
        except ValueError:
            return True
        return False

    def _reference(self, primals: tuple[Any, ...], op: str | None, statics: Mapping[str, Any]) -> np.ndarray | None:
        try:
            return trees.vector(reference_out(str(op), statics, primals)) if op else None
        except (TypeError, ValueError):
            return None

    def _finite(self, primals: tuple[Any, ...]) -> bool:
        """Whether the op's own values are finite there; not known is no."""
        known = self._known()
        out = self._reference(primals, *known) if known else None
        return out is not None and bool(np.isfinite(out).all())

    def _overflows(self, primals: tuple[Any, ...]) -> bool:
        """Whether the forward gives no finite numbers where the op that it computes gives some."""
        if self.subject.bind is not None or not self._finite(primals):
            return False
        try:
            with quiet(self.seed):
                return not np.isfinite(trees.vector(self.subject.forward(*copies(primals)))).all()
        except Exception:  # anybody's code may raise anything; the report says so
            return False

    def _names(self, report: Report, primals: Sequence[Any]) -> Sequence[str]:
        known = self.options.get("names") or self.subject.names or [argument.name for argument in report.arguments]
        return [*known, *(f"argument_{place}" for place in range(len(known), len(primals)))]


ORDINARY = "ordinary"
SEEN: Mapping[str, Seen] = {"pass": "right", "cannot tell": "cannot tell", "fail": "WRONG"}


def _seen(report: Report, case: Case, finite: bool, far: bool) -> tuple[Seen, str]:
    """The verdict in the words of a sweep, and why, where it is not right.

    far: from where products overflow; nearer, right code of another order of operations gives other numbers.
    """
    first = report.findings[0] if report.findings else None
    said = "" if report.verdict == "pass" or first is None else first.message
    if first is not None and first.cause == "raises" and (first.blame == "forward" or case.axes):
        return "raises", f"{first.message}; {first.evidence}"
    if first is not None and first.cause == "not_finite" and first.blame == "forward" and not finite:
        return "outside", ""
    if _beyond_measure(report) or (report.verdict == "fail" and not far):
        return "cannot tell", said
    if report.status.startswith("right, but"):
        return ("right, but", report.status.partition("but ")[2]) if report.verdict == "pass" else ("WRONG", said)
    return SEEN[report.verdict], said


def _beyond_measure(report: Report) -> bool:
    """Whether gradients are only not finite, where not even the forward could be measured beside this input."""
    accused = [found.cause for found in report.findings if found.blame != "check"]
    unmeasured = any(argument.verdict == "cannot tell" for argument in report.arguments)
    return bool(accused) and set(accused) == {"not_finite"} and unmeasured


def largest_error(report: Report) -> tuple[float | None, bool]:
    """The largest error of output and gradients: in ulp where that is known, else relative to the true entry."""
    held = [one.ulp for one in report.accuracy]
    if in_ulp := held or [argument.ulp for argument in report.arguments if argument.ulp is not None]:
        return max(in_ulp), True
    relative = [_relative(argument) for argument in report.arguments if argument.size]
    return (max(relative), False) if relative else (None, False)


def _relative(argument: ArgumentReport) -> float:
    expected = abs(argument.expected or 0.0)
    return argument.max_error / expected if expected else argument.max_error
