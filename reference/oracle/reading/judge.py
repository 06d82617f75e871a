"""Judging something found in a file: the ways to read it, one after the other, until one is right or one is certain."""

import contextlib
import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from reference.oracle.reading import constants, ties
from reference.oracle.reading.attempts import tried_readings
from reference.oracle.reading.certainty import CALLS, NAMELESS, WEIGHTS, Tried, accused, shows_little
from reference.oracle.reading.discover import Found
from reference.oracle.reading.elsewhere import averaged, averaging
from reference.oracle.reading.judged import checked
from reference.oracle.reading.request import Request
from reference.oracle.reading.settle import example_of, settling
from reference.oracle.reading.trial import STAGES, DidNotRun, Reading, runs
from reference.oracle.reading.variants import variants
from reference.oracle.reading.vocabulary import part_of
from reference.oracle.report import Report

# So many readings that run are judged of one thing on inputs of one kind.
MOST = 10
# Words for what is wrong that are second best.
BLURRED = (*NAMELESS, "wrong_operand", "wrong_derivative", "wrong_derivative (factor)")


class CannotTell(Exception):
    """No reading is certain; the message says how the code was read and why, `code` what settles it."""

    def __init__(self, words: str, code: str = ""):
        super().__init__(words)
        self.code = code


class NothingRan(CannotTell):
    """On no inputs that were tried did forward and backward run."""


def judge(found: Found, request: Request) -> Report:
    """The report of the first reading that is right, else of the certain one that is wrong.

    Raises:
        CannotTell: nothing ran, or no reading is certain.
    """
    report = _judge(found, request)
    others = variants(found) if report.verdict == "pass" and request.examples is None else ()
    for other in others:  # what is right as one thing may be wrong as another
        with contextlib.suppress(CannotTell):
            own = _judge(other, request)
            if own.verdict == "fail":
                ((name, text),) = other.fixed.items()
                return replace(own, subject=f"{found.name}({name}={text!r})")
    return report


def _judge(found: Found, request: Request) -> Report:
    tried: list[Tried] = []
    complaints: list[DidNotRun] = []
    for phase in tried_readings(found, request, complaints):
        for one in itertools.islice(phase, MOST):
            if one.report.verdict == "pass" and not shows_little(one, tried):
                return _with_every_gradient(found, one)
            if excused := _but_for_constants(one, request):
                return excused
            tried.append(_clearer(one, request))
        if accused(tried):
            break
    if excused := _but_for_ties(request, tried) or _but_for_the_mean(found, request, tried):
        return excused
    if (chosen := accused(tried)) and not chosen.given and (words := _right_where_meant(chosen.reading, request)):
        raise CannotTell(f"read as {chosen.reading.calls}: {words}", settling(found, chosen.reading))
    narrow = any(one.report.verdict == "pass" and one.on_one_column for one in tried)
    if chosen and not chosen.given and chosen.is_miscounted and narrow:
        words = f"right on one column, and wrong on several. {_says(chosen)}"
        raise CannotTell(f"read as {chosen.reading.calls}: {words}", settling(found, chosen.reading))
    if chosen:
        return _without_constants(chosen, request)
    raise _cannot_tell(found, tried, complaints, request)


def _right_where_meant(reading: Reading, request: Request) -> str:
    """What code that is wrong on rows may be meant for, and is right on: sequences of them, symmetric matrices."""
    first = reading.primals[0]
    if not isinstance(first, np.ndarray) or first.ndim != 2 or first.dtype.kind != "f" or reading.subject.bind:
        return ""
    rng = np.random.default_rng(request.seed)
    given = reading.primals[: max(reading.inputs, 1)]
    sequences = [rng.normal(size=(len(x), 5, *x.shape[1:])) if _is_batch(x, first) else x for x in given]
    meant = {"a batch of sequences, and wrong on a batch of rows": sequences}
    if first.shape[0] == first.shape[1]:
        symmetric = first @ first.T + np.eye(len(first))
        meant["a symmetric positive matrix, and wrong on others"] = [symmetric, *given[1:]]
    for words, inputs in meant.items():
        other = replace(reading, primals=(*inputs, *reading.primals[len(given) :]))
        if runs(other) and checked(other, request).verdict == "pass":
            return f"right on {words}"
    return ""


def _is_batch(x: object, first: np.ndarray) -> bool:
    """Whether it is a matrix of as many rows."""
    return isinstance(x, np.ndarray) and x.dtype.kind == "f" and x.ndim == 2 and len(x) == len(first)


def _with_every_gradient(found: Found, one: Tried) -> Report:
    """The report of what is right; CannotTell where some parameters have a gradient and others have none."""
    reading = one.reading
    weights = any(part_of(name.rpartition(".")[2]) in WEIGHTS for name in reading.lacking)
    if reading.lacking and (weights or len(reading.names) > reading.inputs):
        kept = ", ".join(reading.names[0 if weights else reading.inputs :])
        words = f"no gradient of {', '.join(reading.lacking)} was found in what the backward returns or keeps"
        raise CannotTell(f"read as {reading.calls}: {words}; those of {kept} are right", settling(found, reading))
    return one.report


def _but_for_ties(request: Request, tried: Sequence[Tried]) -> Report | None:
    """The report of code that is right wherever no two entries tie for a maximum; None for other code."""
    near = next((one for one in tried if ties.only_ties(one.report)), None)
    if near is None or near.given or not ties.right_without(near.reading, lambda other: checked(other, request)):
        return None
    return ties.excused(near.report, request.strict)


def _but_for_the_mean(found: Found, request: Request, tried: Sequence[Tried]) -> Report | None:
    """The report of layers that take the mean over the batch, where the loss beside them leaves it to them."""
    one = next((one for one in tried if one.takes_the_mean and not one.given), None)
    place = averaged(found) if one else ""
    return averaging(one.report, one.wrong, place, request.strict) if one and place else None


def _but_for_constants(one: Tried, request: Request) -> Report | None:
    """The report of a reading that is right as soon as the small constants in the code are smaller; None for others."""
    if not constants.may_be(one.report):
        return None
    told, again = constants.without(one.reading, lambda: checked(one.reading, request))
    right = again is not None and again.verdict == "pass"
    return constants.excused(one.report, told, request.strict) if right else None


def _clearer(one: Tried, request: Request) -> Tried:
    """An uncertain reading, judged again without the small constants in the code where they hide what is right."""
    unsure = one.doubt and not one.reading.faulty and not one.reading.searched
    if not unsure or not constants.can_matter(one.reading, one.report):
        return one
    _, report = constants.without(one.reading, lambda: checked(one.reading, request))
    again = replace(one, report=report or one.report)
    return again if again.agrees_in_part and not again.doubt else one


def _without_constants(one: Tried, request: Request) -> Report:
    """The report of wrong code; where small constants blur what is wrong with it, named by the code without them."""
    report = one.report
    if not (one.first and one.first.key in BLURRED):
        return report
    again = constants.without(one.reading, lambda: checked(one.reading, request))[1] or report
    clear = again.verdict == "fail" and again.findings[0].key not in (*BLURRED, *CALLS)
    return replace(report, findings=again.findings) if clear else report


def _cannot_tell(found: Found, tried: Sequence[Tried], complaints: Sequence[DidNotRun], request: Request) -> CannotTell:
    if not tried and request.examples is not None and complaints:
        furthest = _furthest(complaints)
        return NothingRan(f"on the inputs of EXAMPLES the {furthest.where} of {found.name} raised {furthest}.")
    if not tried:
        return NothingRan(_nothing_ran(found, complaints), example_of(found))
    one = next((other for other in tried if other.designed or other.elsewhere), tried[0])
    if words := one.designed or one.elsewhere:
        return CannotTell(f"read as {one.reading.calls}: {words}", settling(found, one.reading))
    if any(other.report.verdict == "cannot tell" for other in tried):
        report = next(other.report for other in tried if other.report.verdict == "cannot tell")
        said = report.findings[0].message if report.findings else "too little of it could be measured"
        return CannotTell(f"read as {one.reading.calls}: {said}", settling(found, one.reading))
    doubt = one.doubt or "several readings fit it, and none is right"
    return CannotTell(
        f"read as {one.reading.calls}, it is not certain: {doubt}. {_says(one)}", settling(found, one.reading)
    )


def _says(one: Tried) -> str:
    return f"So read, {one.first.message}." if one.first else ""


def _nothing_ran(found: Found, complaints: Sequence[DidNotRun]) -> str:
    if not complaints:
        return f"no inputs were found for {found.name}: its arguments have names that say nothing."
    furthest = _furthest(complaints)
    return f"no inputs were found for {found.name}: the {furthest.where} raised {furthest}."


def _furthest(complaints: Sequence[DidNotRun]) -> DidNotRun:
    """What came nearest to running."""
    return max(complaints, key=lambda one: ("NotThere" in str(one), STAGES.index(one.where)))
