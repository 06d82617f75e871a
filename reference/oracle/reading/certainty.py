"""Only a certain reading may accuse: whether what a report holds against code could be the fault of how it was read."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reference.oracle.reading.names import recognized
from reference.oracle.reading.trial import Reading, shapes_collide
from reference.oracle.reading.vocabulary import DATA, part_of
from reference.oracle.report import Finding, Report
from reference.oracle.specs import SPECS

# What a call that was not meant looks like.
CALLS = ("raises", "wrong_shape (number)", "not_finite", "downcast (form)")
# Words that the diagnosis uses where it recognizes nothing.
NAMELESS = ("unexplained", "not_linear", "wrong_shape", "wrong_shape (number)", "forward", "stale_state", "raises")
# A mean over the batch; and all that a gradient is off by where the entries of an example are not counted.
MEANS = ("scaled_by_count (batch)", "scaled_by_count (mean)")
COUNTS = (*MEANS, "scaled_by_count (size)")
# What a loss is given where it is used: the line does not say what it takes it for.
AS_USED = "as it is used"
NONE_AGREES = "none of its gradients agrees with what the forward does"

# The parts of arguments that are parameters.
WEIGHTS = ("kernel", "recurrent", "bias", "scale", "shift")


@dataclass(frozen=True)
class Tried:
    """A reading, and the report of the code so read."""

    reading: Reading
    report: Report
    # The file said how it is called, or on what.
    given: bool = False
    # What the loss was taken to compare; "" for what is no loss.
    meaning: str = ""
    # The class has several methods by the name of a forward, or of a backward.
    several: bool = False
    # What makes a failed backward look meant, in words.
    designed: str = ""
    # What is missing from the gradient of a loss and may be done in the layers beside it, in words.
    elsewhere: str = ""
    # Made, or given inputs, as on a line of its author's.
    used: bool = False

    @property
    def doubt(self) -> str:
        """Why the reading is not certain, in words; "" where it is."""
        report = self.report
        unsure = self.reading.searched or self.used
        if report.verdict == "pass" and unsure and (left := self._without_gradient):
            return f"no gradient of {', '.join(left)} came back, which may be data or forgotten"
        if self.given or report.verdict != "fail":
            return ""
        lacking = self.reading.subject.constants or any(found.key == "missing" for found in report.findings)
        if self.reading.searched and lacking and shapes_collide(self.reading):
            return "what some arguments are is a guess, and two of them have one shape"
        if self.designed or self.elsewhere:
            return self.designed or self.elsewhere
        if self.reading.faulty:
            return ""
        if refused := [f for f in report.findings if f.key in CALLS and f.argument is None]:
            return "" if self._computes_its_op else f"on inputs that were made up, {refused[0].message}"
        if all(found.key == "missing" for found in report.findings) and not self.reading.guessed:
            return ""
        if not self.reading.fits and not self._all_but_one_agree:
            return "what comes back does not have the shapes of the arguments"
        if self._affine:
            return "the gradient is not zero for a cotangent of zero: it may be given targets, and no cotangent"
        if self.several and not self.agrees_in_part:
            return "several of its methods could be its forward or its backward"
        if self.reading.guessed and not self.agrees_in_part:
            return "what some arguments of the backward are is a guess"
        if self.takes_the_mean:
            said = " and ".join(self.wrong)
            return f"{said} are all 1/N of the true gradient: right where that of the loss is not divided by N as well"
        if self._hands_on:
            return "the cotangent comes back unchanged: right where the loss's gradient is one by what goes in here"
        if self._all_but_one_agree or self._explained:
            return ""
        if any(found.key in ("not_linear", "ignores_cotangent") for found in report.findings):
            return "no gradient agrees, and they are not linear in the cotangent"
        return NONE_AGREES

    @property
    def _without_gradient(self) -> list[str]:
        """The floating arguments of a layer that were taken for data although their names do not say so."""
        if self.reading.subject.upstream != "free":
            return []
        known = (*self.reading.idle, *(name for name in self.reading.names if part_of(name) in DATA))
        return [name for name in self.reading.subject.constants if name not in known]

    @property
    def wrong(self) -> list[str]:
        """The arguments whose gradients are wrong."""
        return [argument.name for argument in self.report.arguments if argument.verdict == "fail"]

    @property
    def _all_but_one_agree(self) -> bool:
        count = len(self.report.arguments)
        return len(self.wrong) <= 1 and (count > 1 or self.reading.fits)

    @property
    def right_throughout(self) -> bool:
        """Whether every gradient is right, whatever else the report holds against the code."""
        return all(argument.verdict == "pass" for argument in self.report.arguments)

    @property
    def on_one_column(self) -> bool:
        """Whether the predictions of a loss have one column, on which a mean over all is one over the batch."""
        one = bool(self.meaning) and np.shape(self.reading.primals[0])[1:] in ((1,), ())
        return one and not self.on_chances_alone

    @property
    def on_chances_alone(self) -> bool:
        """Whether a regression was given chances, of which it says little."""
        return self.meaning.startswith("prob") and recognized(self.report.subject)[1] == "regression"

    @property
    def is_miscounted(self) -> bool:
        """Whether the first thing wrong is how many entries there are."""
        return self.first is not None and self.first.key in COUNTS

    @property
    def agrees_in_part(self) -> bool:
        """Whether one of several gradients is right."""
        return 0 < len(self.wrong) < len(self.report.arguments)

    @property
    def _explained(self) -> bool:
        """Every wrong argument has a named cause: the gradient that came back was made again from the true one.

        Where a step hears nothing of the next one, that alone makes every gradient wrong.
        """
        keys = {found.key for found in self.report.findings}
        named = {found.argument for found in self.report.findings if found.key not in NAMELESS}
        alone = "time_not_carried" in keys and not keys & {"not_linear", "forward"}
        return alone or all(name in named for name in self.wrong)

    @property
    def is_loss_of_several(self) -> bool:
        """A number that is given its targets, with gradients of the arguments' shapes: little is left to guess."""
        reading = self.reading
        number = bool(self.meaning) and reading.subject.upstream != "free" and not reading.searched
        return number and reading.fits and not reading.guessed and len(self.report.arguments) > 1

    @property
    def _computes_its_op(self) -> bool:
        return self.report.op is not None and not any(found.blame == "forward" for found in self.report.findings)

    @property
    def _affine(self) -> bool:
        return any(found.cause == "not_linear" and "for zero" in found.evidence for found in self.report.findings)

    @property
    def takes_the_mean(self) -> bool:
        """All parameters, two or more, are divided by the batch, and nothing else is wrong."""
        names, inputs = self.reading.names, self.reading.inputs
        held = set(names[inputs:]) or {name for name in names if part_of(name) in WEIGHTS}
        best = {found.argument: found.key for found in reversed(self.report.findings)}
        shares = all(best.get(name) in MEANS for name in self.wrong)
        return len(held) > 1 and held == set(self.wrong) and shares

    @property
    def _hands_on(self) -> bool:
        """A softmax whose backward does nothing: people write so where the loss differentiates both at once."""
        return (
            self.report.op in SPECS
            and SPECS[self.report.op].left_to_the_loss
            and any(found.key == "derivative_missing (identity)" for found in self.report.findings)
        )

    @property
    def first(self) -> Finding | None:
        """The foremost finding."""
        return self.report.findings[0] if self.report.findings else None


def shows_little(one: Tried, tried: Sequence[Tried]) -> bool:
    """A pass on a batch of one, or of a regression on chances alone, where a wider reading is certain of a mistake.

    And one that is doubted, or is given less than others were that are wrong.
    """
    if one.doubt:
        return True
    if one.used and any(one.reading.inputs < other.reading.inputs for other in tried):
        return True
    certain = [other for other in tried if other.report.verdict == "fail" and (other.elsewhere or not other.doubt)]
    shares = any(other.first and other.first.key in MEANS for other in certain)
    if np.shape(one.reading.primals[0])[:1] == (1,) and shares:
        return True
    if one.on_one_column and any(other.is_miscounted for other in certain):
        return True
    return one.on_chances_alone and any(other.meaning == "values" for other in certain)


def _right_elsewhere(tried: Sequence[Tried], meaning: str) -> bool:
    """Whether another way to call the code makes every gradient right, and only something else is wrong with it."""
    same = [one for one in tried if one.meaning == meaning]
    return any(one.report.arguments and one.right_throughout for one in same[1:])


def accused(tried: Sequence[Tried]) -> Tried | None:
    """The report that may be given: of the likeliest reading where it is certain, and no other meaning contradicts it.

    A less likely way to call the same code may acquit it; it accuses only where some gradient agrees with it.
    """
    if any(one.elsewhere and not one.given for one in tried):
        return None
    likeliest = {one.meaning: one for one in reversed(tried) if one.meaning != AS_USED}
    certain = [one for one in tried if one.report.verdict == "fail" and not one.doubt]
    said = [one for one in certain if one.given or (one.used and one.meaning != AS_USED)]
    certain = [one for one in certain if one in said or one is likeliest.get(one.meaning) or one.agrees_in_part]
    certain = certain or [one for one in tried if one.doubt == NONE_AGREES and one.is_loss_of_several]
    if not certain or (_right_elsewhere(tried, certain[0].meaning) and not certain[0].given):
        return None
    if certain[0].given or len({one.meaning for one in certain}) == 1:
        return certain[0]
    return next((one for one in certain if any(_agree(one, other) for other in certain)), None)


def _agree(one: Tried, other: Tried) -> bool:
    """Whether two meanings of what a loss is given show the same mistake."""
    return one.meaning != other.meaning and _key(one) == _key(other)


def _key(one: Tried) -> str:
    return one.first.key if one.first else ""
