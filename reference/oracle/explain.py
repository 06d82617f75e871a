"""Why the wrong gradients are wrong: asked of the diagnosis, in full view of every entry wherever that can be had.

A small input is in full view as it is. Of a large one only what is cheap is asked at once (a factor, a sign, a
transpose), where the whole true gradient is known; everything else is asked of the same code on a smaller input.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np

from reference.oracle.diagnosis.answer import ON_A_PART, ON_ALL
from reference.oracle.diagnosis.diagnose import diagnose
from reference.oracle.evidence.evidence import Evidence
from reference.oracle.questions import shrink
from reference.oracle.questions.base import Base
from reference.oracle.questions.forward import Agreement, agrees
from reference.oracle.questions.gradient import judge_gradient
from reference.oracle.questions.judged import Judged
from reference.oracle.report import Finding
from reference.oracle.subjects.vjp import Fault, Trial

# Up to this many entries in all every edit is tried at once, and as the last resort up to the second number.
AT_ONCE = 3000
AT_LAST = 60_000
# So many smaller inputs are judged.
TRIED = 3
_asked: ContextVar[bool] = ContextVar("asked", default=True)


@contextmanager
def nobody_asks() -> Iterator[None]:
    """Whoever only wants to know whether, and on which input, does not wait for why."""
    token = _asked.set(False)
    try:
        yield
    finally:
        _asked.reset(token)


def causes(
    trial: Trial, base: Base, judged: Sequence[Judged], agreement: Agreement | None, bent: Sequence[Finding]
) -> list[Finding]:
    """The diagnosis of wrong gradients that no earlier stage explains; an unexplained one is named as such."""
    deaf = {found.argument for found in bent if found.cause == "ignores_cotangent"}
    open_cases = [one for one in judged if one.wrong and not one.findings and one.name not in deaf]
    asked = open_cases if _asked.get() else []
    found = [one for one in _found(trial, base, asked, agreement) if one.argument not in deaf]
    explained = {one.argument for one in [*found, *bent]}
    return found + [one.unexplained() for one in open_cases if one.name not in explained]


def _found(trial: Trial, base: Base, open_cases: list[Judged], agreement: Agreement | None) -> list[Finding]:
    if not open_cases:
        return []
    size = sum(p.size for p in trial.primals if isinstance(p, np.ndarray))
    if size <= AT_ONCE and all(one.expected is not None for one in open_cases):
        return _in_order(trial, diagnose(_evidence(trial, base, open_cases, agreement)))
    simple = diagnose(_evidence(trial, base, open_cases, agreement), only=ON_ALL)
    found = [one for one in simple if [other.argument for other in simple].count(one.argument) == 1]
    if left := _left(open_cases, found):
        found += [_with_size(one, trial, base, left) for one in _on_less(trial, left, agreement)]
        found += [one for one in simple if one.argument in {case.name for case in _left(left, found)}]
    if left := _left(left, found):
        found += diagnose(_evidence(trial, base, left, agreement), only=() if size <= AT_LAST else ON_A_PART)
    return _in_order(trial, found)


def _in_order(trial: Trial, found: list[Finding]) -> list[Finding]:
    order = list(trial.names)
    return sorted(found, key=lambda one: order.index(one.argument) if one.argument in order else 0)


def _left(cases: list[Judged], found: list[Finding]) -> list[Judged]:
    explained = {one.argument for one in found}
    return [one for one in cases if one.name not in explained]


def _on_less(trial: Trial, cases: list[Judged], agreement: Agreement | None) -> list[Finding]:
    """The causes of the same arguments' errors on the first smaller input that shows them, and no others."""
    found: list[Finding] = []
    for small, small_base in islice(shrink.smaller(trial), TRIED):
        with suppress(Fault):
            found += _like(small, small_base, _left(cases, found), agreement)
        trial.aside += small.forwards
        if not _left(cases, found):
            break
    return found


def _with_size(found: Finding, trial: Trial, base: Base, cases: list[Judged]) -> Finding:
    """The finding of a large gradient that was searched, not measured: how far it is off where the search led to,
    which follows the larger error, as a share of the largest entry that came back."""
    case = next(case for case in cases if case.name == found.argument)
    got = base.got[trial.names.index(case.name)]
    largest = float(np.max(np.abs(np.asarray(got, np.float64)), initial=0.0))
    known = case.expected is None and largest > 0 and np.isfinite([largest, case.report.max_error]).all()
    return replace(found, off=case.report.max_error / largest) if known else found


def _like(small: Trial, base: Base, cases: list[Judged], agreement: Agreement | None) -> list[Finding]:
    """The diagnosis of a smaller trial, as findings of the large one."""
    try:
        same = agreement and agrees(small, base, agreement.op, agreement.statics)[0]
    except (TypeError, ValueError):
        return []  # The op refuses these sizes, though the code took them.
    wrong = [one for one in judge_gradient(small, base, same, "full") if one.wrong]
    by_name = {one.name: one for one in cases}
    alike = [one for one in wrong if one.name in by_name]
    if not alike:
        return []
    shapes = ", ".join(f"{n} {p.shape}" for n, p in zip(small.names, small.primals, strict=True) if p is not None)
    found = [said for one in alike for said in one.findings]
    found += diagnose(_evidence(small, base, [one for one in alike if not one.findings], same))
    return [_moved(one, by_name[one.argument], shapes) for one in found if one.argument in by_name]


def _moved(found: Finding, case: Judged, shapes: str) -> Finding:
    said = f"the same code on a smaller input ({shapes}), where every entry was measured: {found.evidence}"
    report = case.report
    return replace(found, evidence=said, index=report.worst_index, got=report.got, expected=report.expected)


def _evidence(trial: Trial, base: Base, cases: Sequence[Judged], agreement: Agreement | None) -> Evidence:
    op, statics = (agreement.op, agreement.statics) if agreement else (None, {})
    return evidence_of(trial, base, cases, op, statics)


def evidence_of(
    trial: Trial,
    base: Base,
    judged: Sequence[Judged],
    op: str | None,
    statics: dict[str, Any],
    primals: tuple[Any, ...] | None = None,
) -> Evidence:
    """What the diagnosis gets to see."""
    by_name = {one.name: one for one in judged}
    cases = [by_name.get(name) for name in trial.names]
    return Evidence(
        trial.answering(),
        trial.names,
        trial.primals if primals is None else primals,
        base.out,
        base.upstream(),
        base.got,
        tuple(case.expected if case else None for case in cases),
        tuple(case.noise if case else 0.0 for case in cases),
        tuple(bool(case and case.wrong and not case.findings) for case in cases),
        op,
        statics,
    )
