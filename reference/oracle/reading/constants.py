"""A small constant on one side only: the code once more with its small constants smaller, to see what they explain.

A recorded forward shows an epsilon that it adds; this shows one in any code, behind any call, and as any default: where
the gradient is right as soon as the constants are smaller, nothing else was wrong with it.
"""

import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from reference.oracle.causes import WITHIN
from reference.oracle.questions.base import base_of
from reference.oracle.questions.gradient import ENTRIES
from reference.oracle.questions.jointly import Together, together
from reference.oracle.reading.trial import DidNotRun, Reading, called_once, runs
from reference.oracle.report import Finding, Report
from reference.oracle.subjects import trees
from reference.oracle.subjects.arguments import trial_of
from reference.oracle.subjects.vjp import Fault, finding

# What counts as small, and what becomes of it: so small that it no longer shows, and still no zero to divide by.
SMALL = 1e-3
SHRUNK = 1e-9
# By so much more than what they change altogether may one gradient be off.
MATTERS = 1e3


def called(run: Callable[[], Any]) -> set[CodeType]:
    """The code of every function that runs while `run` does."""
    seen: set[CodeType] = set()
    before = sys.getprofile()
    sys.setprofile(lambda frame, event, argument: seen.add(frame.f_code) if event == "call" else None)
    try:
        run()
    finally:
        sys.setprofile(before)
    return seen


@contextmanager
def shrunk(of: set[CodeType]) -> Iterator[list[str]]:
    """These of the user's functions with their small constants made smaller, for this long; yields the constants."""
    mine = (function for function in _functions() if function.__code__ in of and _small(function))
    changed = [(function, function.__code__, function.__defaults__) for function in mine]
    told = {text for function, *_ in changed for text in _said(function)}
    try:
        for function, code, defaults in changed:
            function.__code__ = _smaller(code)
            function.__defaults__ = tuple(map(_shrink, defaults)) if defaults else defaults
        yield sorted(told)
    finally:
        for function, code, defaults in changed:
            function.__code__, function.__defaults__ = code, defaults


def can_matter(reading: Reading, report: Report) -> bool:
    """Whether the small constants change enough for some wrong gradient to be right without them."""
    wrong = [one for one in report.arguments if one.verdict == "fail" and one.got is not None]
    off = min((one.max_error / max(abs(one.got or 0.0), abs(one.expected or 0.0), 1e-300) for one in wrong), default=0)
    as_is = _answers(reading)
    with shrunk(called(lambda: runs(reading))) as told:
        other = _answers(reading) if told else None
    if as_is is None or other is None:
        return bool(told)
    sizes = np.maximum(np.abs(as_is).max(initial=0.0), 1e-300)
    return bool(np.abs(as_is - other).max(initial=0.0) / sizes * MATTERS > off)


def _answers(reading: Reading) -> np.ndarray | None:
    """The output and all gradients in one row; None where they do not come."""
    try:
        out, back = called_once(reading.subject, reading.primals)
        leaves = [leaf for leaf in (*trees.leaves(out), *trees.leaves(back)) if leaf is not None]
        flat = [np.ravel(np.asarray(leaf, np.float64)) for leaf in leaves]
    except (DidNotRun, TypeError, ValueError):
        return None
    return np.concatenate(flat) if flat else None


def without(reading: Reading, check: Callable[[], Report]) -> tuple[list[str], Report | None]:
    """The small constants of the code that runs in a reading, and its report without them, if there are any."""
    with shrunk(called(lambda: runs(reading))) as told:
        return told, check() if told else None


def excused(report: Report, constants: list[str], strict: bool) -> Report:
    """The report of code that is right but for its small constants."""
    wrong = [argument.name for argument in report.arguments if argument.verdict == "fail"]
    kept = [found for found in report.findings if found.argument not in wrong]
    first = {found.argument: found for found in reversed(report.findings)}
    findings = [_finding(name, constants, **_figures(first[name])) for name in wrong]
    return strictly(replace(report, findings=(*findings, *kept)), wrong, strict)


def strictly(report: Report, wrong: list[str], strict: bool) -> Report:
    """The report with what is said of these arguments as a matter of strictness."""
    verdict = "fail" if strict else "pass"
    arguments = tuple(
        replace(argument, strict=True, verdict=verdict) if argument.name in wrong else argument
        for argument in report.arguments
    )
    return replace(report, verdict=verdict, arguments=arguments)


def first_of_all(reading: Reading, check: Callable[[], Report], seed: int, strict: bool) -> Report | None:
    """The report of a large reading without its small constants, before a long look at what they make wrong.

    Right but for them, or wrong in some gradients all the same; None where they do not tell these apart.
    """
    as_is = None if reading.faulty else _together(reading, seed)
    if as_is is None or not as_is.off:
        return None
    told, report = without(reading, check)
    if report is None or all(argument.verdict != "pass" for argument in report.arguments):
        return None
    if report.verdict == "fail":
        return report
    if report.verdict != "pass" or as_is.off > WITHIN["epsilon_one_side"]:
        return None
    wrong = [argument.name for argument in report.arguments]
    findings = tuple(_finding(name, told, off=as_is.off) for name in wrong)
    return strictly(replace(report, findings=(*findings, *report.findings)), wrong, strict)


def _together(reading: Reading, seed: int) -> Together | None:
    """What directions of all arguments say of a large reading; None where forward or backward refuses."""
    subject, primals = reading.subject, reading.primals
    try:
        trial = trial_of(subject, primals, reading.names if subject.bind is None else None, seed, "auto")
        large = sum(trial.primals[p].size for p in trial.differentiable) > ENTRIES
        return together(trial, base_of(trial)) if large else None
    except (Fault, TypeError, ValueError):
        return None


def may_be(report: Report) -> bool:
    """Whether every wrong gradient is off by little enough for a small constant, and nothing else is wrong."""
    wrong = {argument.name for argument in report.arguments if argument.verdict == "fail"}
    others = [found for found in report.findings if found.argument not in wrong and not found.strict]
    off = [_off(found) for found in report.findings if found.argument in wrong]
    return bool(off) and not others and max(off) <= WITHIN["epsilon_one_side"]


def _off(found: Finding) -> float:
    """How far a gradient is off, as a share of its largest entry, or of the entry that is named."""
    if found.off is not None or found.got is None or not found.expected:
        return np.inf if found.off is None else found.off
    return abs(found.got - found.expected) / abs(found.expected)


def _figures(found: Finding) -> dict[str, Any]:
    return {name: getattr(found, name) for name in ("index", "got", "expected", "line", "off")}


def _finding(name: str, constants: list[str], *, off: float | None, **figures: Any) -> Finding:
    message = f"{name}_ct is that of a forward without its small constant ({', '.join(constants[:3])})"
    evidence = "with the small constants of the code made smaller the gradient is right"
    made = finding("epsilon_one_side", message, evidence, argument=name, **figures)
    return replace(made, off=off, strict=True)


def _functions() -> Iterator[FunctionType]:
    """The functions and methods of every module that is the user's own: none that is installed, none of ours."""
    ours = str(Path(__file__).resolve().parents[2])
    installed = (ours, sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), sysconfig.get_path("purelib"))
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if not isinstance(file, str) or file.startswith(installed) or "site-packages" in file:
            continue
        for value in list(vars(module).values()):
            members = list(vars(value).values()) if isinstance(value, type) else [value]
            for member in members:
                function = getattr(member, "__func__", member)
                if isinstance(function, FunctionType) and function.__module__ == module.__name__:
                    yield function


def _is_small(value: Any) -> bool:
    return isinstance(value, float) and 0 < abs(value) < SMALL


def _shrink(value: Any) -> Any:
    return value * SHRUNK if _is_small(value) else value


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _smaller(code: CodeType) -> CodeType:
    constants = tuple(_smaller(c) if isinstance(c, CodeType) else _shrink(c) for c in code.co_consts)
    return code.replace(co_consts=constants)


def _small(function: FunctionType) -> bool:
    inside = any(_is_small(constant) for code in _codes(function.__code__) for constant in code.co_consts)
    return inside or any(map(_is_small, function.__defaults__ or ()))


def _said(function: FunctionType) -> Iterator[str]:
    constants = [c for code in _codes(function.__code__) for c in code.co_consts if _is_small(c)]
    for constant in (*constants, *filter(_is_small, function.__defaults__ or ())):
        yield f"{constant:g} in {function.__name__}"
