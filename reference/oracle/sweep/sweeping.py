"""The order of a sweep: the ordinary input, unusual values, other axes, sizes; and the smallest that fails."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from reference.oracle.accuracy.asked import op_of
from reference.oracle.accuracy.handed import validated as dtype_of
from reference.oracle.numerics.budget import affordable
from reference.oracle.questions.forward import validated
from reference.oracle.report import Report, Verdict
from reference.oracle.subjects.subject import Subject
from reference.oracle.sweep.apart import apart
from reference.oracle.sweep.cases import Case, axed, sized, valued
from reference.oracle.sweep.judging import ORDINARY, Judging
from reference.oracle.sweep.makers import Maker, NotMade, by_example, by_function, by_row
from reference.oracle.sweep.narrow import in_dtype
from reference.oracle.sweep.report import SweepReport, Visit
from reference.oracle.sweep.smallest import shrunk

LARGEST, CHECKS = 128, 400
# How many times the budget of one question a sweep may cost, and the search of its smallest input.
SHARE, SHARE_OF_SMALLEST = 60, 2
APART = "equal sizes apart"


def sweep(
    subject: Subject,
    make_inputs: Callable[..., Any] | Sequence[Any] | np.ndarray | None = None,
    *,
    op: str | None = None,
    statics: Mapping[str, Any] | None = None,
    largest: int = LARGEST,
    checks: int = CHECKS,
    without: Sequence[str] = (),
    seed: int = 0,
    strict: bool = False,
    **options: Any,
) -> SweepReport:
    """Judge a hand-written backward at every size and in every regime, up to the smallest input on which it is wrong.

    Args:
        subject: what one of the `oracle.from_...` functions returned.
        make_inputs: a function whose parameters are the dimensions (`def make_inputs(rows, columns, rng)`) and that
            returns the primals; or the primals of one input, an array or a tuple of some, whose equal sizes are taken
            for one dimension unless the op takes them apart and the forward is right there. None where an op is named,
            as `op` or as `reference`: its row makes them.
        op, statics: as of `oracle.check`. Without an op the one that is recognized says which regimes there are.
        largest: sizes go to one above the last power of two up to this.
        checks: at most so many inputs are judged, and once one fails at most 60 more in search of the smallest; fewer
            where one call is dear.
        without: names of regimes to leave out, as the table prints them.
        seed, strict, options: as of `oracle.check`; with a dtype unusual values are those of that dtype. With strict a
            subject that raises for one input only is wrong.

    Returns:
        A SweepReport; whatever the subject does stands in it.

    Raises:
        ValueError, TypeError: the call itself makes no sense, as of `oracle.check`; there is no ordinary input.
    """
    op = op_of(options.get("reference"), op)
    known = validated(op, statics)
    for name, value in (("largest", largest), ("checks", checks)):
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"oracle.sweep: {name} must be a whole number of at least 1; got {value!r}")
    make_inputs = (make_inputs,) if hasattr(make_inputs, "shape") else make_inputs
    names = options.get("names") or subject.names or ()
    dtype = options.get("dtype")
    maker = _in_dtype(_maker(subject, make_inputs, op, known, names), dtype)
    judging = Judging(subject, maker, options, op, known, strict, seed)
    base = _ordinary(judging)
    if base[0].seen in ("raises", "outside", "cannot tell", "WRONG"):
        return _told(judging, [base[0]], base[1], base[0] if base[0].seen == "WRONG" else None, [])
    if not op and base[1].op:
        judging.recognized = base[1].op, base[1].statics
    if isinstance(make_inputs, tuple | list):
        finer = apart(make_inputs, names, judging.agrees)
        judging.maker = _in_dtype(finer, dtype) if finer else maker
    return _visited(judging, base, largest, checks, frozenset(without))


def _in_dtype(maker: Maker, dtype: Any) -> Maker:
    return maker if dtype is None else in_dtype(maker, dtype_of(dtype, ()))


def _maker(
    subject: Subject, make_inputs: Any, op: str | None, statics: Mapping[str, Any], names: Sequence[str]
) -> Maker:
    if make_inputs is None:
        if op is None:
            raise ValueError("oracle.sweep: make_inputs or op is needed; got neither")
        return by_row(op, statics, len(subject.names) if subject.names else None)
    if callable(make_inputs):
        return by_function(make_inputs)
    if isinstance(make_inputs, tuple | list):
        return by_example(make_inputs, names)
    raise TypeError(
        f"oracle.sweep: make_inputs must be a function, an array or a tuple of arrays; got {type(make_inputs)!r}"
    )


def _ordinary(judging: Judging) -> tuple[Visit, Report]:
    try:
        found = judging.visit(Case(ORDINARY, judging.maker.ordinary))
    except NotMade as refusal:
        raise ValueError(f"oracle.sweep: the ordinary sizes must make an input; got {refusal}") from refusal
    if found is None:
        raise ValueError(f"oracle.sweep: the ordinary input must be what {judging.op} takes; got another")
    return found


def _cases(judging: Judging, largest: int) -> Iterator[Case]:
    names = tuple(next(iter(judging.spec.cases)).arguments) if judging.spec else ()
    if judging.spec:  # the longest case has the names of all arguments
        names = max((tuple(case.arguments) for case in judging.spec.cases), key=len)
    return chain(
        valued(judging.maker, names, judging.spec),
        axed(judging.maker, judging.seed),
        sized(judging.maker, largest),
    )


def _visited(
    judging: Judging, base: tuple[Visit, Report], largest: int, checks: int, without: frozenset[str]
) -> SweepReport:
    visited = [base[0]]
    first = [Case(APART, judging.maker.ordinary)] if base[0].sizes != judging.maker.ordinary else []
    cases = [case for case in (*first, *_cases(judging, largest)) if case.regime not in without]
    for place, case in enumerate(cases):
        if judging.checks >= checks or not affordable(1, judging.spent, SHARE):
            return _told(judging, visited, base[1], None, cases[place:])
        found = judging.visit(case, why=False)
        if found and found[0].seen == "WRONG":
            if smallest := shrunk(case, found, judging.visit, _paid(judging)):
                return _told(judging, [*visited, found[0]], smallest[1], smallest[0], cases[place + 1 :])
            found = judging.visit(case)
        visited += [found[0]] if found else []
    return _told(judging, visited, base[1], None, [])


def _paid(judging: Judging) -> Callable[[], bool]:
    """Whether the search of the smallest input may go on."""
    before = judging.spent
    return lambda: affordable(1, judging.spent - before, SHARE_OF_SMALLEST)


def _told(
    judging: Judging, visited: list[Visit], report: Report, smallest: Visit | None, left: list[Case]
) -> SweepReport:
    verdict: Verdict = "fail" if smallest else "pass" if visited[0].seen in ("right", "right, but") else "cannot tell"
    known = (judging.op, judging.statics) if judging.op else judging.recognized or (None, {})
    seen = {visit.regime for visit in visited}
    return SweepReport(
        verdict,
        judging.subject.name,
        tuple(visited),
        report,
        smallest,
        len(left),
        left[0].regime if left else "",
        tuple(regime for regime in dict.fromkeys(judging.refused) if regime not in seen),
        known[0],
        dict(known[1]),
        judging.checks,
        judging.seed,
    )
