"""What the oracle says: a verdict, findings with a cause, and figures for every argument."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from reference.oracle.causes import BUTS

Verdict = Literal["pass", "fail", "cannot tell"]
Blame = Literal["forward", "backward", "check", "convention"]
Kind = Literal["best", "right", "less", "wrong"]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, where it shows, why, and how to mend it.

    cause is a key of `oracle.CAUSES`; role says which of the things that this name covers was meant, where that is
    asked: `changed_in_place` of an "argument", the "cotangent", what was "saved" or a "buffer" that was returned,
    `scaled_by_count` of the "batch" or a "window" (`roles` in causes.toml lists them all). got and expected are the
    values at index; line is the line of the subject's source that the cause points to, where one can be named. off is
    how far the gradient is off by it beyond its rounding, as a share of its largest entry, where that is known. strict:
    the gradient is right all the same, and only `strict=True` fails it.
    """

    cause: str
    argument: str | None
    message: str
    evidence: str
    fix: str
    index: tuple[int, ...] | None = None
    got: float | None = None
    expected: float | None = None
    blame: Blame = "backward"
    line: int | None = None
    off: float | None = None
    strict: bool = False
    role: str = ""

    @property
    def key(self) -> str:
        """The cause, with its role where it has one: "scaled_by_count (batch)"."""
        return f"{self.cause} ({self.role})" if self.role else self.cause


@dataclass(frozen=True)
class ArgumentReport:
    """One argument: errors are absolute; the noise floor is the error that the noise of the forward allows.

    strict: what the findings say of it is a matter of strictness alone.
    """

    name: str
    verdict: Verdict
    max_error: float
    worst_index: tuple[int, ...] | None
    got: float | None
    expected: float | None
    noise_floor: float
    wrong_entries: int
    size: int
    # Worst error in units in the last place of the entry, or of the root mean square where that is more; 16 or 32 bits.
    ulp: float | None = None
    shape: tuple[int, ...] | None = None
    dtype: str | None = None
    # |got - expected| in the argument's shape, kept while it is small enough to be drawn (up to 65,536 entries).
    error_map: np.ndarray | None = field(default=None, repr=False, compare=False)
    strict: bool = False


@dataclass(frozen=True)
class Accuracy:
    """How far the output, or a gradient, is off against float64, and how far a plain computation in its dtype is.

    kind: "best" where only the last rounding is left, "right", "less" accurate than plain, or "wrong". Both errors are
    root mean squares in ulp of the array's own root mean square; factor is the first by the second.
    """

    name: str
    kind: Kind
    ulp: float
    plain_ulp: float
    factor: float


@dataclass(frozen=True)
class Report:
    """The judgment of one subject on one input."""

    verdict: Verdict
    findings: tuple[Finding, ...]
    arguments: tuple[ArgumentReport, ...]
    subject: str
    op: str | None = None
    statics: dict[str, Any] = field(default_factory=dict)
    # Why correct code that looks unusual is correct (another convention), one sentence each.
    acquittals: tuple[str, ...] = ()
    # What this input could not have exposed, one sentence each (batch of 1, ones as cotangent, a square kernel, ...).
    power: tuple[str, ...] = ()
    forward_evaluations: int = 0
    backward_evaluations: int = 0
    # Further forward calls, on a smaller input of a few hundred entries, made in search of the cause alone.
    small_evaluations: int = 0
    seed: int = 0
    mode: str = "full"
    # Where the inputs came from, when the caller did not give them.
    inputs: str = ""
    # Where the answers were held against a reference in float64: how accurate they are.
    accuracy: tuple[Accuracy, ...] = ()

    @property
    def status(self) -> str:
        """More than the verdict: "right", "right, but ...", "wrong", or "cannot tell"; the same with strict=True.

        Against a reference in float64 also "as accurate as can be" and "less accurate than plain (3.2 times)".
        """
        if self.verdict == "cannot tell":
            return self.verdict
        if self.accuracy and (said := self._accurate()):
            return said
        accused = any(found.blame != "check" and not found.strict for found in self.findings)
        if accused or any(argument.verdict == "fail" and not argument.strict for argument in self.arguments):
            return "wrong"
        # Of several explanations of one gradient the first counts.
        strict = [found for found in self.findings if found.strict]
        best = [found for place, found in enumerate(strict) if found.argument not in _arguments(strict[:place])]
        buts = dict.fromkeys(BUTS[found.cause] for found in best)
        return f"right, but {' and '.join(buts)}" if buts else "right"

    def _accurate(self) -> str:
        """What the accuracies say, where no mistake says more."""
        kinds = {one.kind for one in self.accuracy}
        if "wrong" in kinds or (self.verdict == "fail" and "less" not in kinds):
            return ""
        if "less" in kinds:
            times = max(one.factor for one in self.accuracy if one.kind == "less")
            return f"less accurate than plain ({times:.2g} times)"
        best = kinds == {"best"} and not self.findings
        return "as accurate as can be" if best else ""

    def __str__(self) -> str:
        """The report as plain text of 80 columns; its first line says what matters most."""
        return self.text()

    def text(self, language: str = "en", width: int = 80) -> str:
        """The report as plain text in English ("en") or Japanese ("ja"), in lines of `width` columns."""
        from reference.oracle.rendering.language import saying
        from reference.oracle.rendering.text import render_text

        return render_text(self, width, saying(language))

    def to_json(self) -> str:
        """The report as JSON; NaN and the infinities become the strings "nan", "inf" and "-inf"."""
        from reference.oracle.rendering.as_json import render_json

        return render_json(self)

    def to_html(self, language: str = "en") -> str:
        """The report as one HTML page that needs no network, with a picture of where the errors sit."""
        from reference.oracle.rendering.html import render_html

        return render_html(self, language)


def _arguments(findings: list[Finding]) -> set[str]:
    return {found.argument for found in findings if found.argument is not None}
