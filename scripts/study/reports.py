"""A page's common mistakes: the wrong line and the right one out of the code, and the oracle's real report."""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from reference.oracle.report import Report
from tests.mistakes import corpus, judges
from tests.mistakes.case import Mistake as Case

from .excerpt import Function, functions_in, spans
from .page import Mistake
from .refusal import Refusal
from .source import Source
from .textbook import file_of, shown

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Line:
    """A statement, and where it stands."""

    file: str
    number: int
    text: str


@dataclass(frozen=True)
class Story:
    """A mistake with its lines and what the oracle says of it."""

    mistake: Mistake
    wrong: Line
    right: Line
    report: Report


def story(mistake: Mistake, source: Source) -> Story:
    """The whole story of a mistake, or a Refusal that says what of it is not there."""
    with source.located((*mistake.path, "case")):
        case, report = _case(mistake.case), _report(mistake.case)
    home = Path(inspect.getfile(_parts(case)[0]))
    with source.located((*mistake.path, "wrong")):
        wrong = _first(mistake.wrong, (function_of(part) for part in _parts(case)), f"the code of {mistake.case}")
    with source.located((*mistake.path, "right")):
        book = file_of(source.file, "numpy")
        where = "the page's textbook, or the correct versions in tests/mistakes or in reference/"
        right = _first(mistake.right, _correct(home, book), where, wrong)
    return Story(mistake, wrong, right, report)


@cache
def _report(id: str) -> Report:
    case = _case(id)
    report = judges.report_of(case, "small", 0, case.judged[-1])
    if report.verdict != "fail":
        raise Refusal(f"the oracle must find the mistake of a case; got {report.verdict!r} for {id!r}")
    return report


@cache
def _cases() -> dict[str, Case]:
    return {case.id: case for case in corpus.load("development")}


def _case(id: str) -> Case:
    cases = _cases()
    if id not in cases:
        family = id.split("/")[0]
        known = [name for name in cases if name.startswith(family + "/")]
        listed = f"; the family has {', '.join(known)}" if known else ""
        raise Refusal(f"a case must stand in tests/mistakes; got {id!r}{listed}")
    if cases[id].style == "torch":
        raise Refusal(f"a page's case must not need PyTorch; got {id!r}")
    return cases[id]


def _parts(case: Case) -> list[Any]:
    """The backward and the forward, or the class, that a case is made of."""
    code = case.build()
    parts = list(reversed(code)) if isinstance(code, tuple) else [code]
    return [inspect.unwrap(getattr(part, "func", part)) for part in parts]


def function_of(part: Any) -> Function:
    """The function or class itself, found in its file by its first line."""
    name, first = part.__qualname__.split(".")[-1], inspect.getsourcelines(part)[1]
    for function in functions_in(Path(inspect.getfile(part))):
        if function.name == name and function.first <= first <= function.node.lineno:
            return function
    raise Refusal(f"a case's code must be a function or a class; got {part.__qualname__}")


def _correct(home: Path, book: Path) -> Iterator[Function]:
    """Functions to find a right line in: the page's textbook, beside the case, in the reference, in the corpus."""
    if book.exists():
        yield from functions_in(book)
    reference, mistakes = ROOT / "reference", ROOT / "tests" / "mistakes"
    folders = (reference, reference / "models", mistakes / "cases", mistakes)
    for file in (home, *(file for folder in folders for file in sorted(folder.glob("*.py")))):
        yield from functions_in(file)


def _first(fragment: str, functions: Iterator[Function], where: str, unlike: Line | None = None) -> Line:
    """The first statement that begins so, and is not the one that it must be unlike."""
    for function in functions:
        for first, last in spans(function):
            if fragment.strip() and function.lines[first - 1].strip().startswith(fragment.strip()):
                line = Line(_shown(function.file), first, _dedented(function, first, last))
                if unlike is None or line.text != unlike.text:
                    return line
    raise Refusal(f"the line must stand in {where}; got {fragment!r}")


def _shown(file: Path) -> str:
    return file.relative_to(ROOT).as_posix() if file.is_relative_to(ROOT) else shown(file)


def _dedented(function: Function, first: int, last: int) -> str:
    lines = function.lines[first - 1 : last]
    indent = len(lines[0]) - len(lines[0].lstrip())
    return "\n".join(line[indent:] for line in lines)
