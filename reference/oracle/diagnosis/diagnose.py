"""The search through the table of hypotheses for every wrong argument."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from reference.oracle.diagnosis import hypotheses
from reference.oracle.diagnosis.evidence import Evidence
from reference.oracle.diagnosis.judge import Match, rank, to_findings, uncertain
from reference.oracle.diagnosis.known import Known, known_mistakes, recognize
from reference.oracle.diagnosis.known.conventions import one_sided, plain_backward
from reference.oracle.diagnosis.model import Hypothesis, Model
from reference.oracle.diagnosis.pullbacks import Pullbacks
from reference.oracle.diagnosis.source import line_of
from reference.oracle.diagnosis.traced.search import Traced, traced
from reference.oracle.diagnosis.view import View
from reference.oracle.report import Finding

# At most this many explanations an argument.
MOST = 3


@dataclass(frozen=True)
class Background:
    """What the forward was recognized as, an op or an op under a convention; and its steps."""

    evidence: Evidence
    known: list[Known]
    one_sided: list[tuple[str, str, Known]]

    @cached_property
    def traced(self) -> Traced | None:
        """The forward's own steps, where they can be followed, or those of another forward with its values."""
        return traced(self.evidence)


def diagnose(evidence: Evidence, *, only: tuple[Hypothesis, ...] = ()) -> list[Finding]:
    """At most three explanations of every wrong argument, the simplest first; none where none is certain.

    only names the hypotheses to try; hypotheses.SIMPLE and hypotheses.LOCAL are cheap on arrays of any size.
    """
    if not any(evidence.wrong):
        return []
    background = Background(evidence, [], []) if only else _recognized(evidence)
    findings = []
    for view in views(evidence, background.known):
        matches = rank(view, _models_of(view, only), MOST) if only else _explained(view, background)
        findings += to_findings(view, matches, line_in(view) if matches else None)
    return findings


def _first(certain: list[Match], others: list[Match]) -> list[Match]:
    """The certain explanations before the others, one a cause."""
    causes = {match.model.cause for match in certain}
    return [*certain, *(match for match in others if match.model.cause not in causes)][:MOST]


def _recognized(evidence: Evidence) -> Background:
    if known := recognize(evidence):
        return Background(evidence, known, [])
    return Background(evidence, [], one_sided(evidence))


def line_in(view: View) -> int | None:
    evidence = view.evidence
    return line_of(evidence.subject.source, view.name, view.position, len(evidence.primals))


def views(evidence: Evidence, known: list[Known]) -> Iterator[View]:
    evidence = sharpened(evidence, known[0]) if known else evidence
    ask = Pullbacks(evidence, known[0].pull if known else None)
    statics = tuple(known[0].statics.items()) if known else ()
    for position, wrong in enumerate(evidence.wrong):
        got, expected = evidence.got[position], evidence.expected[position]
        if (
            wrong
            and got is not None
            and expected is not None
            and np.size(expected)
            and np.isfinite(got).all()
            and np.isfinite(expected).all()
        ):
            yield View(evidence, position, ask, statics)


def sharpened(evidence: Evidence, known: Known) -> Evidence:
    """The recognized op's own gradients where none were measured, or too coarsely to tell causes apart."""
    try:
        exact = known.gradients()
    except Exception:  # the reference refuses these arguments
        return evidence
    expected, noise = list(evidence.expected), list(evidence.noise)
    for position, (measured, own) in enumerate(zip(expected, exact, strict=False)):
        if own is not None and evidence.wrong[position]:
            size = float(np.max(np.abs(own), initial=0.0))
            coarse = measured is None or noise[position] > 1e-6 * size
            if coarse and np.shape(own) == np.shape(evidence.primals[position]):
                expected[position], noise[position] = np.asarray(own, np.float64), 1e-12 * size
    return replace(evidence, expected=tuple(expected), noise=tuple(noise))


def _models_of(view: View, tried: tuple[Hypothesis, ...]) -> Iterator[Model]:
    for hypothesis in tried:
        yield from _asked(hypothesis(view))


def _explained(view: View, background: Background) -> list[Match]:
    """One mistake in a step of the forward; else another array in one of them; else how the error behaves."""
    if background.traced and (found := rank(view, _asked(background.traced.logarithms(view)), 1)):
        return found  # so small an error, if it is one, is many a mistake's
    matches = rank(view, _certain(view, background), MOST)
    if background.traced and uncertain(matches):
        matches = _first(rank(view, _asked(background.traced.rarer(view)), MOST), matches)
    if not matches:
        matches = rank(view, _models_of(view, hypotheses.CONSTANT), MOST)
    if not matches and background.traced:
        matches = rank(view, _asked(background.traced.replaced(view)), 1)
    matches = rank(view, _models_of(view, hypotheses.BEHAVIOUR), MOST, matches)
    if uncertain(matches) and not (matches and matches[0].model.cause in hypotheses.MOVED):
        matches = _first(rank(view, _models_of(view, hypotheses.NEIGHBOURS), 1), matches)
    if not matches:
        matches = rank(view, _models_of(view, hypotheses.LAST), 1)
    return rank(view, _vague(view, background), MOST, matches)


def _certain(view: View, background: Background) -> Iterator[Model]:
    yield from _models_of(view, hypotheses.SIMPLE)
    for op in background.known:
        yield from _asked(known_mistakes(view, op))
    yield from _asked(plain_backward(view, background.one_sided))
    yield from _models_of(view, hypotheses.CLEAR)
    if background.traced:
        yield from _asked(background.traced.defaults(view))
    yield from _models_of(view, hypotheses.FORMULAS)
    if background.traced:
        yield from _asked(background.traced.models(view))


def _vague(view: View, background: Background) -> Iterator[Model]:
    yield from _models_of(view, hypotheses.VAGUE)
    if background.traced:
        yield from _asked(background.traced.shares(view))


def _asked(models: Iterator[Model]) -> Iterator[Model]:
    """The predictions up to one that cannot be made of these values or shapes: it explains nothing here."""
    with suppress(ValueError, ArithmeticError, IndexError, TypeError):
        yield from models
