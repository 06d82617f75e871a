"""The parts of a page in the form that the templates want: steps, values, figures, mistakes, the exercise."""

import re
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

from markupsafe import Markup

from . import pictures_of
from .code import code_lines
from .content import Content
from .excerpt import Function
from .library import Library
from .markup import Writer
from .page import Excerpt, Figure, Page, Step
from .questions import Questions
from .refusal import Refusal
from .reports import Story
from .schema import NOTHING, Both
from .textbook import SIDES
from .values import Result, shown
from .widget_files import COMPUTED

NOT_CODE = re.compile(r'<span class="shape">.*?</span>|<[^>]+>')
TO_WRITE = re.compile(r"^def \w+_(?:bwd|derivative|step)\(", re.MULTILINE)  # what an exercise leaves to be written
WIDGETS = Path(__file__).resolve().parent / "static" / "widgets"


@dataclass(frozen=True)
class Cell:
    """The code of one side in one step."""

    function: str
    pieces: list[Markup]

    @property
    def size(self) -> tuple[int, int]:
        """How many lines there are, and the letters of the longest, shapes left out."""
        lines = [unescape(NOT_CODE.sub("", line)).rstrip() for piece in self.pieces for line in piece.splitlines()]
        return len(lines), max(map(len, lines), default=0)


def step_part(step: Step, content: Content, writer: Writer) -> dict[str, Any]:
    folded = content.page.in_textbook_form
    return {
        "derivation": writer.both((*step.path, "derivation"), step.derivation),
        "formula": writer.formula((*step.path, "latex"), step.latex) if step.latex else Markup(""),
        "note": writer.both((*step.path, "note"), step.note) if step.note else step.note,
        "sides": cells(step.textbook if folded else step.library, content),
        "library": cells(step.library, content) if folded and step.library else [],
        "differences": [writer.both((*step.path, "differences"), text) for text in step.differences],
    }


def cells(excerpts: dict[str, Excerpt], content: Content) -> list[tuple[str, Cell | None]]:
    return [(side, cell(excerpts.get(side), content)) for side in SIDES]


def cell(excerpt: Excerpt | None, content: Content) -> Cell | None:
    """None where the side has no code, or where it was not found, which has been noted."""
    if excerpt is None or excerpt.path not in content.excerpts:
        return None
    function, pieces = content.excerpts[excerpt.path]
    ends = shapes_of(function, content)
    code = [
        code_lines(
            "\n".join(piece.lines),
            content.page.symbols.marks,
            {line - piece.first: text for line, text in ends.items()},
        )
        for piece in pieces
    ]
    # Of a function that is shown whole, only the docstring is missing: no gap is worth showing.
    return Cell(function.name, code if excerpt.lines else [Markup("").join(code)])


def shapes_of(function: Function, content: Content) -> dict[int, str]:
    """Shapes by line; a statement of several lines has its shape on the last."""
    file = str(function.file)
    return {function.end_of(line): text for (name, line), text in content.shapes.items() if name == file}


def value_part(result: Result, writer: Writer) -> dict[str, Any]:
    value = result.value
    return {
        "label": writer.both((*value.path, "label"), value.label),
        "calls": [_call(result, side, writer) for side in SIDES],
        "claim": code_lines(value.claim.strip(), {}) if value.claim else "",
        # Of two sides that say the same, a difference of 0 would show nothing.
        "difference": "" if value.numpy == value.jax and not value.textbook else f"{result.difference:.2g}",
        "tolerance": f"{value.tolerance:g}",
    }


def _call(result: Result, side: str, writer: Writer) -> dict[str, Any]:
    """A call and its value: the textbook's where there is one, and then the library's call behind a fold."""
    library, call = getattr(result.value, side).strip(), result.value.textbook.get(side, "").strip()
    return {
        "side": side,
        "call": code_lines(call or library, writer.symbols.marks),
        "value": shown(result.textbook.get(side, getattr(result, side))),
        "library": code_lines(library, writer.symbols.marks) if call else "",
    }


def figure_part(figure: Figure, writer: Writer, widget: bool = False) -> dict[str, Any]:
    picture = Both("", "")
    with writer.problems.noted(), writer.source.located((*figure.path, "name")):
        if widget and not (WIDGETS / f"{figure.name}.js").exists():
            raise Refusal(f"a widget must have its file in static/widgets; got {figure.name!r}")
        picture = pictures_of.drawn(figure.name, "widget" if widget else "picture")
    return {
        "name": figure.name,
        "alt": writer.both((*figure.path, "alt"), figure.alt) if figure.alt else figure.alt,
        "caption": writer.both((*figure.path, "caption"), figure.caption) if figure.caption else figure.caption,
        "picture": picture,
        "same": pictures_of.same(picture),
        "data": widget and figure.name in COMPUTED,
    }


def mistake_part(told: Story, writer: Writer) -> dict[str, Any]:
    # The wrong line is a case's, in its own names; those of the page's textbook may be others.
    right = "right_here" if told.right.file.startswith("docs/study/textbook/") else "right"
    lines = [
        (kind, word, line, code_lines(line.text, writer.symbols.marks))
        for kind, word, line in (("wrong", "wrong", told.wrong), ("right", right, told.right))
    ]
    text = writer.both((*told.mistake.path, "text"), told.mistake.text)
    return {
        "number": told.mistake.catalogue,
        "text": text,
        "lines": lines,
        "report": Both(told.report.text("ja"), str(told.report)),
    }


def question_parts(questions: Questions, writer: Writer, solutions: bool = True) -> list[dict[str, Both]]:
    """What is asked, and the answers where they are wanted."""
    parts = []
    for item in questions.items:
        texts = {name: getattr(item, name) for name in ("ask", "answer") if solutions or name == "ask"}
        written = {name: writer.both((*item.path, name), text) for name, text in texts.items()}
        parts.append({"answer": NOTHING, **written})
    return parts


def exercise_part(page: Page, library: Library, solutions: bool = True) -> dict[str, Any] | None:
    """The starter and, if wanted, the solution of a page that has an exercise (a missing file has been noted)."""
    files = [library.exercise(page, folder) for folder in ("exercises", "solutions") if page.exercise]
    if not files or not all(file.exists() for file in files):
        return None
    starter, solution = (code_lines(file.read_text(encoding="utf-8").strip(), {}) for file in files)
    text = files[0].read_text(encoding="utf-8")
    return {
        "name": page.exercise,
        "starter": starter,
        "solution": solution if solutions else "",
        "text": text,
        "parts": len(TO_WRITE.findall(text)),
        "trains": "__main__" in text,
        "all": sorted(file.stem for file in files[0].parent.glob("*.py")),
    }
