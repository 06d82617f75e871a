"""What a sweep says: every input that was visited, and the whole report of the smallest one that fails."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from reference.oracle.report import Report, Verdict

# "raises": the subject refuses the input; "outside": its value is no finite number there, as the mathematics may be.
Seen = Literal["right", "right, but", "WRONG", "cannot tell", "raises", "outside"]


@dataclass(frozen=True)
class Visit:
    """One input: its regime, the shapes of the arguments, what was seen, and the largest error.

    error is in units in the last place where `in_ulp`, else relative to the true entry, None where nothing was
    compared. said: why, where the verdict is not "right".
    """

    regime: str
    sizes: Mapping[str, int]
    shapes: Mapping[str, tuple[int, ...]]
    seen: Seen
    error: float | None = None
    in_ulp: bool = False
    said: str = ""


@dataclass(frozen=True)
class SweepReport:
    """The judgment of one subject in every regime that was visited.

    smallest is the visit of the smallest input that was found to fail, `report` the whole report of it; of a subject
    that nowhere fails `report` is that of the ordinary input.
    """

    verdict: Verdict
    subject: str
    visited: tuple[Visit, ...]
    report: Report
    smallest: Visit | None = None
    # Inputs that there would have been after the last check that was allowed, and what the first of them is.
    left: int = 0
    next: str = ""
    # The regimes whose inputs the reference refuses, so that there is nothing to judge them by.
    refused: tuple[str, ...] = ()
    op: str | None = None
    statics: dict[str, Any] = field(default_factory=dict)
    checks: int = 0
    seed: int = 0

    def __str__(self) -> str:
        """The table of what was visited, and above it the report of the smallest input that fails."""
        return self.text()

    def text(self, language: str = "en", width: int = 80) -> str:
        """The same in English ("en") or Japanese ("ja"), in lines of `width` columns."""
        from reference.oracle.rendering.language import saying
        from reference.oracle.sweep.shown import as_text

        return as_text(self, width, saying(language))

    def to_json(self) -> str:
        """The sweep as one JSON object: its fields, "format" and "headline"; `report` as Report.to_json has it."""
        import json

        from reference.oracle.sweep.shown import as_dict

        return json.dumps(as_dict(self), indent=2, allow_nan=False)
