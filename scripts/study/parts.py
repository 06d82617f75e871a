"""The parts of a page in the form that the templates want: steps, values, figures, mistakes, the exercise."""

from dataclasses import dataclass
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
from .refusal import Refusal
from .reports import Story
from .schema import Both
from .values import Result, shown

WIDGETS = Path(__file__).resolve().parent / "static" / "widgets"


@dataclass(frozen=True)
class Cell:
    """The code of one side in one step."""

    function: str
    pieces: list[Markup]


def step_part(step: Step, content: Content, writer: Writer) -> dict[str, Any]:
    return {
        "derivation": writer.both((*step.path, "derivation"), step.derivation),
        "formula": writer.formula((*step.path, "latex"), step.latex) if step.latex else Markup(""),
        "note": writer.both((*step.path, "note"), step.note) if step.note else step.note,
        "sides": [(side, cell(getattr(step, side), content)) for side in ("numpy", "jax")],
    }


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
        "calls": [
            (side, code_lines(getattr(value, side).strip(), writer.symbols.marks), shown(getattr(result, side)))
            for side in ("numpy", "jax")
        ],
        "claim": code_lines(value.claim.strip(), {}) if value.claim else "",
        "difference": f"{result.difference:.2g}",
        "tolerance": f"{value.tolerance:g}",
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
    }


def mistake_part(told: Story, writer: Writer) -> dict[str, Any]:
    lines = [
        (kind, line, code_lines(line.text, writer.symbols.marks))
        for kind, line in (("wrong", told.wrong), ("right", told.right))
    ]
    text = writer.both((*told.mistake.path, "text"), told.mistake.text)
    return {
        "number": told.mistake.catalogue,
        "text": text,
        "lines": lines,
        "report": Both(told.report.text("ja"), str(told.report)),
    }


def exercise_part(page: Page, library: Library) -> dict[str, Any] | None:
    """The starter and the solution, where the page has an exercise (a file that is missing has been noted)."""
    files = [library.exercise(page, folder) for folder in ("exercises", "solutions") if page.exercise]
    if not files or not all(file.exists() for file in files):
        return None
    starter, solution = (code_lines(file.read_text(encoding="utf-8").strip(), {}) for file in files)
    return {"name": page.exercise, "starter": starter, "solution": solution}
