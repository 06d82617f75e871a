"""The three questions that end a page: docs/study/questions/<slug>.toml, whose answers hold checked numbers only."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from .page import Page
from .schema import LANGUAGES, Both, Table
from .source import Place, Source

COUNT = 3
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?")
LITERAL = re.compile(r"(?<![\w.])\d+\.?\d*(?:e-?\d+)?")
COUNTED = frozenset("012")  # whole numbers that are said of anything: an index, a power, a pair


@dataclass(frozen=True)
class Question:
    """What is asked, the answer behind the fold, and a claim that holds the answer's numbers and must be true."""

    ask: Both
    answer: Both
    claim: str
    path: Place


@dataclass(frozen=True)
class Questions:
    """The questions of a page; `source` knows the line of each."""

    source: Source = field(repr=False)
    items: tuple[Question, ...]


def file_of(folder: Path, slug: str) -> Path:
    return folder / "questions" / f"{slug}.toml"


def load_questions(page: Page, folder: Path, root: Path) -> Questions:
    """The questions of a page; a Refusal where they are not three, or where a number of an answer is unchecked."""
    file = file_of(folder, page.slug)
    if not file.exists():
        page.source.refuse(("slug",), f"a page must have {COUNT} questions", f"no questions/{file.name}")
    source = Source(file, root)
    top = Table(source, (), source.values)
    top.only(("questions",))
    items = tuple(_question(table) for table in top.tables("questions"))
    if len(items) != COUNT:
        source.refuse(("questions", min(len(items), COUNT + 1) - 1), f"a page must have {COUNT} questions", len(items))
    return Questions(source, items)


def _question(table: Table) -> Question:
    table.only(("ask", "answer", "claim"))
    question = Question(table.both("ask"), table.both("answer"), table.text("claim", ""), table.path)
    if alone := unchecked(question):
        table.refuse("answer", "a number of an answer must stand in its claim", ", ".join(alone), alone[0])
    return question


def unchecked(question: Question) -> list[str]:
    """The numbers of an answer that its claim does not hold, rounded to their digits."""
    known = [float(literal) for literal in LITERAL.findall(question.claim)]
    stated = {number for language in LANGUAGES for number in NUMBER.findall(question.answer[language])}
    return sorted(
        number
        for number in stated - COUNTED
        if not any(abs(round(exact, len(number.partition(".")[2])) - float(number)) < 1e-12 for exact in known)
    )
