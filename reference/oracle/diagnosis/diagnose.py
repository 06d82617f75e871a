"""Why every wrong argument is wrong: the edits that explain it, the shortest first."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np

from reference.oracle.causes import CAUSES
from reference.oracle.diagnosis.answer import ALL, Row
from reference.oracle.diagnosis.match import Match, match, to_findings
from reference.oracle.diagnosis.mending import mending
from reference.oracle.diagnosis.naming import may_overwrite, overwritten_or_alone
from reference.oracle.diagnosis.search import GUARDS, Found, searched
from reference.oracle.evidence.evidence import Evidence
from reference.oracle.evidence.model import Model
from reference.oracle.evidence.pullbacks import Pullbacks
from reference.oracle.evidence.source import line_of
from reference.oracle.evidence.view import View
from reference.oracle.recognition.recognize import Known, recognize
from reference.oracle.report import Finding

# At most this many explanations an argument, of causes that are different.
MOST = 3
# Explanations that take so many bits more than the shortest are not said beside it.
LONGER = 3.0
# Of those that take as few, the cause that stands first in the vocabulary: the particular before the general.
ALIKE = 0.1
# What a count costs where a number that is no count is the same.
COUNTED = 3.0
SCALES = ("scaled_by_count", "scaled_by_constant")


def diagnose(evidence: Evidence, *, only: tuple[Row, ...] = ()) -> list[Finding]:
    """At most three explanations of every wrong argument, the shortest first; none where none is certain.

    only names the rows of the answer that are tried, and nothing else is: ON_ALL and ON_A_PART are cheap.
    """
    if not any(evidence.wrong):
        return []
    known = [] if only else recognize(evidence)
    evidence = sharpened(evidence, known[0]) if known else evidence
    search = None if only else searched(evidence, known)
    mend = None if only else mending(search.evidence if search else evidence)
    findings = []
    for view in views(search.evidence if search else evidence, known):
        found = [one for way in (search, mend) if way for one in way.of(view)]
        matches = _accepted(view, found, only or ALL)[:MOST]
        if not matches and search:  # what came back may be no more exact than the measurement
            view = replace(view, evidence=evidence)
            matches = _accepted(view, found, only or ALL)[:MOST]
        findings += to_findings(view, matches, line_in(view) if matches else None)
    return findings


def _accepted(view: View, found: Sequence[Found], rows: tuple[Row, ...]) -> list[Match]:
    """The explanations that leave nothing but noise, one a cause; in the words of the answer where it has them."""
    named = (lambda model: model) if may_overwrite(view.evidence) else overwritten_or_alone
    told = [(bits, named(model)) for row in rows for bits, model in _asked(view, row)]
    found = _settled(view, found, told)
    dearer = COUNTED if any(model.cause == "scaled_by_count" for _, model in told) and _holds(view, found) else 0.0
    told = [(bits + dearer * (model.cause == "scaled_by_count"), model) for bits, model in told]
    ranked = sorted([*((one.bits, one.model) for one in found), *told], key=lambda one: one[0])
    accepted: dict[str, tuple[float, Match]] = {}
    shortest = np.inf
    for bits, model in ranked:
        if bits <= shortest + LONGER and model.cause not in accepted and (fits := match(view, model)):
            near = [other for more, other in ranked if other.cause == model.cause and more <= bits + LONGER]
            answers = [other for more, other in told if other.cause == model.cause and more < GUARDS]
            accepted[model.cause] = bits, _in_better_words(view, answers, near) or fits
            shortest = min(shortest, bits)
    order = list(CAUSES)
    first = [cause for cause, (bits, _) in accepted.items() if bits <= shortest + ALIKE]
    return [accepted[cause][1] for cause in dict.fromkeys([*sorted(first, key=order.index), *accepted])]


def _settled(view: View, found: Sequence[Found], told: Sequence[tuple[float, Model]]) -> Sequence[Found]:
    """What mends a number, called a count or a constant as one more example says, where it says one of the two."""
    causes = {model.cause for _, model in told if model.cause in SCALES and not model.freedom and match(view, model)}
    if len(causes) != 1:
        return found
    (cause,) = causes
    other = [one.model.mends and one.model.cause in SCALES for one in found]
    return [
        replace(one, model=replace(one.model, cause=cause)) if renamed else one
        for one, renamed in zip(found, other, strict=True)
    ]


def _in_better_words(view: View, answers: list[Model], near: list[Model]) -> Match | None:
    """Of explanations of one cause the one that says most: the answer's, with what mends the user's line beside it."""
    answer = next((found for model in answers if (found := match(view, model))), None)
    mended = next((found for model in near if model.mends and (found := match(view, model))), None)
    if answer is None or mended is None:
        return answer or mended
    return replace(answer, model=replace(answer.model, line=mended.model.line, mend=mended.model.message))


def _holds(view: View, found: Sequence[Found]) -> bool:
    """Whether a number that stands in a program, and is no size there, explains the argument: then it is no count."""
    sizes = {size for array in view.arrays.values() for size in array.shape}
    counts = tuple(f"in place of {size} " for size in sizes)
    constants = (one.model for one in found if one.model.cause == "scaled_by_constant" and not one.model.freedom)
    plain = (model for model in constants if model.mends or not any(words in model.message for words in counts))
    return any(match(view, model) for model in plain)


def _asked(view: View, row: Row) -> Iterator[tuple[float, Model]]:
    """The predictions of a row up to one that cannot be made of these values or shapes: it explains nothing here."""
    with suppress(ValueError, ArithmeticError, IndexError, TypeError), np.errstate(all="ignore"):
        yield from row(view)


def line_in(view: View) -> int | None:
    evidence = view.evidence
    return line_of(evidence.subject.source, view.name, view.position, len(evidence.primals))


def views(evidence: Evidence, known: list[Known]) -> Iterator[View]:
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
            apart = 0.0 if measured is None else float(np.max(np.abs(measured - own), initial=0.0))
            if coarse and np.shape(own) == np.shape(evidence.primals[position]) and apart <= 8 * noise[position]:
                expected[position] = np.asarray(own, np.float64)
                noise[position] = max(1e-12 * size, evidence.rounded(position))
    return replace(evidence, expected=tuple(expected), noise=tuple(noise))
