"""Why every wrong argument is wrong: the edits that explain it, the shortest first."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

import numpy as np

from reference.oracle.diagnosis.diagnose import line_in, views
from reference.oracle.diagnosis.evidence import Evidence
from reference.oracle.diagnosis.judge import Match, match, to_findings
from reference.oracle.diagnosis.known.recognize import recognize
from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.view import View
from reference.oracle.edits.answer import answers
from reference.oracle.edits.search import searched
from reference.oracle.report import Finding

# At most this many explanations an argument, of causes that are different.
MOST = 3


def diagnose(evidence: Evidence) -> list[Finding]:
    """At most three explanations of every wrong argument, the shortest first; none where none is certain."""
    if not any(evidence.wrong):
        return []
    known = recognize(evidence)
    search = searched(evidence, known)
    findings = []
    for view in views(evidence, known):
        found = search.of(view) if search else []
        matches = list(islice(_accepted(view, found), MOST))
        findings += to_findings(view, matches, line_in(view) if matches else None)
    return findings


def _accepted(view: View, found: list) -> Iterator[Match]:
    """The explanations that leave nothing but noise, one a cause."""
    candidates = [(one.bits, number, one.model) for number, one in enumerate(found)]
    with np.errstate(all="ignore"):
        candidates += [(bits, number, model) for number, (bits, model) in enumerate(_asked(view))]
    causes: set[str] = set()
    for _, _, model in sorted(candidates, key=lambda one: one[:2]):
        if model.cause not in causes and (accepted := match(view, model)):
            causes.add(model.cause)
            yield accepted


def _asked(view: View) -> Iterator[tuple[float, Model]]:
    with suppress(ValueError, ArithmeticError, IndexError, TypeError):
        yield from answers(view)
