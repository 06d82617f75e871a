"""Ties for a maximum: code that is right wherever entries differ, and gives each of several equal ones the whole."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from reference._checks import is_floating
from reference.oracle.reading.trial import Reading, runs
from reference.oracle.report import Report

TIES = "all_ties"


def only_ties(report: Report) -> bool:
    """Whether whatever is wrong is said to be a matter of ties."""
    wrong = {argument.name for argument in report.arguments if argument.verdict == "fail"}
    said = {found.argument for found in report.findings if found.key == TIES}
    others = [found for found in report.findings if found.argument not in wrong and not found.strict]
    return bool(wrong) and wrong <= said and not others


def right_without(reading: Reading, check: Callable[[Reading], Report]) -> bool:
    """Whether the same code is right where no two entries are equal."""
    apart = replace(reading, primals=tuple(map(_apart, reading.primals)))
    return runs(apart) and check(apart).verdict == "pass"


def _apart(primal: Any) -> Any:
    """The same array with every entry moved by another small amount."""
    if not isinstance(primal, np.ndarray) or not is_floating(primal.dtype):
        return primal
    order = np.random.default_rng(primal.size).permutation(primal.size).reshape(primal.shape)
    return primal + 1e-3 * order


def excused(report: Report, strict: bool) -> Report:
    """The report of code that is right but for ties."""
    verdict = "fail" if strict else "pass"
    findings = tuple(replace(found, strict=True) for found in report.findings if found.key == TIES or found.strict)
    arguments = tuple(
        replace(argument, strict=True, verdict=verdict) if argument.verdict == "fail" else argument
        for argument in report.arguments
    )
    return replace(report, verdict=verdict, findings=findings, arguments=arguments)
