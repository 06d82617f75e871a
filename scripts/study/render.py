"""Pages as HTML: what was written and what was computed, put into the templates."""

import re
from pathlib import Path
from typing import Any

import jinja2

from .code import code_lines
from .content import Content
from .desk_words import SPOKEN
from .desk_words import WORDS as DESK
from .furigana import Readings, without_readings
from .glossary import folded
from .library import Library
from .markup import Writer, pair, same_or_pair
from .page import Page
from .parts import exercise_part, figure_part, mistake_part, question_parts, step_part, value_part
from .prose import plain
from .refusal import Problems
from .schema import Both
from .source import Source
from .symbols import Symbols
from .ui import WORDS
from .widget_files import SHARED

TEMPLATES = Path(__file__).resolve().parent / "templates"


class Renderer:
    """Renders the pages of a library; what is wrong with one is noted, with its line."""

    def __init__(
        self,
        library: Library,
        problems: Problems,
        lenient_links: bool = False,
        slides: bool = False,
        solutions: bool = True,
    ):
        self.library, self.problems, self.lenient_links = library, problems, lenient_links
        self.slides, self.solutions = slides, solutions
        self.environment = _environment()
        self.anchors: dict[tuple[str, str], str] = {}

    def pages(self, content: Content) -> dict[str, str]:
        """The HTML of a page, and that of its slides if there are to be any, by the names of their files."""
        page, writer = content.page, self._writer(content.page)
        written = self._written(page, writer)
        computed = {
            "steps": [step_part(step, content, writer) for step in page.steps],
            "example": code_lines(page.example.strip(), page.symbols.marks),
            "library": code_lines(page.library.strip(), page.symbols.marks) if page.library.strip() else "",
            "results": [value_part(result, writer) for result in content.results],
            "mistakes": [mistake_part(told, writer) for told in content.stories],
            "pictures": [figure_part(figure, writer) for figure in page.pictures],
            "widgets": [figure_part(figure, writer, widget=True) for figure in page.widgets],
            "exercise": exercise_part(page, self.library, self.solutions),
            "questions": self._questions(page),
        }
        parts = {"slug": page.slug, "page": page, "slides": self.slides, **written, **computed}
        html = self._template("page.html", **parts)
        self._check_symbols(page, html)
        return {f"{page.slug}.html": html} | (
            {f"slides-{page.slug}.html": self._template("slides.html", **parts)} if self.slides else {}
        )

    def _questions(self, page: Page) -> list[dict[str, Both]]:
        """The questions at the end, whose sentences stand in a file of their own."""
        found = self.library.questions.get(page.slug)
        return question_parts(found, self._writer_of(found.source, page.symbols), self.solutions) if found else []

    def _written(self, page: Page, writer: Writer) -> dict[str, Any]:
        """What is prose and formulas alone."""
        texts = {name: writer.both((name,), getattr(page, name)) for name in ("title", "question", "seed_note", "kink")}
        readings = Readings({without_readings(term.name.ja): term.reading for term in self.library.terms})
        neighbours = [self.library.pages.get(self.library.neighbour(page, step)) for step in (-1, 1)]
        return {
            **texts,
            "idea": [writer.both(("idea",), text, readings.added) for text in page.idea],
            "letters": [
                (writer.formula(("letters",), letter.sign, False), writer.both(("letters",), letter.text))
                for letter in self.library.letters.of(page)
            ],
            "formulas": [writer.formula(("formula",), latex) for latex in page.formula],
            "symbols": self._symbols(page, writer),
            "neighbours": [(other, self._title(other)) if other else None for other in neighbours],
            "terms": [term for term in self.library.terms if term.page == page.slug],
        }

    def index(self) -> str:
        """The contents, in the order of the path."""
        pages = self.library.pages
        groups = [
            (group.title, [pages[slug] for slug in group.pages if slug in pages]) for group in self.library.groups
        ]
        groups = groups or [(WORDS["contents"], list(pages.values()))]
        titles = {slug: self._title(page) for slug, page in pages.items()}
        questions = {slug: self._writer(page).both(("question",), page.question) for slug, page in pages.items()}
        return self._template("index.html", slug="index", groups=groups, titles=titles, questions=questions)

    def glossary(self) -> str:
        """Every term twice: in the order of the readings, and in that of the English names."""
        rows = []
        for term in self.library.terms:
            writer = self._writer_of(term.source, Symbols())
            page = self.library.pages.get(term.page)
            if page is None and not self.lenient_links:
                got = repr(term.page)
                self.problems.note(term.source.sentence((*term.path, "page"), "a term must have its page", got))
            note = writer.both((*term.path, "note"), term.note)
            rows.append((term, writer.both(term.path, term.name), note, page and self._title(page)))
        in_english = sorted(rows, key=lambda row: folded(row[0].name.en))
        return self._template("glossary.html", slug="glossary", rows=rows, in_english=in_english)

    def _title(self, page: Page) -> Both:
        return self._writer(page).both(("title",), page.title)

    def _writer(self, page: Page) -> Writer:
        return self._writer_of(page.source, page.symbols)

    def _writer_of(self, source: Source, symbols: Symbols) -> Writer:
        return Writer(self.library, source, symbols, self.problems, self.anchors, self.lenient_links)

    def _template(self, name: str, **values: Any) -> str:
        return self.environment.get_template(name).render(**values)

    def _symbols(self, page: Page, writer: Writer) -> list[dict[str, Any]]:
        """Every sign with the names that mean it."""
        return [
            {"mark": mark, "sign": writer.formula(("symbols",), sign, False), "names": page.symbols.names(mark)}
            for mark, sign in page.symbols.signs.items()
        ]

    def _check_symbols(self, page: Page, html: str) -> None:
        """A sign stands in a formula and its names in lines of code, or they mark nothing."""
        formulas = html.partition('class="symbols"')[0] + html.partition('<ol class="steps"')[2]
        signs = set(re.findall(r'<m\w+(?: [^<>]*)? data-symbol="([^"]+)"', formulas))
        names = set(re.findall(r'<span data-symbol="[^"]+">(\w+)<', html.partition('<ol class="steps"')[2]))
        for name, mark in page.symbols.marks.items():
            for where, there in (("a formula of the page", mark in signs), ("its code", name in names)):
                if not there:
                    got = f"{name} = {page.symbols.latex[name]!r}"
                    rule = f"a symbol must stand in {where}"
                    self.problems.note(page.source.sentence(("symbols",), rule, got, f"{name} ="))


def _environment() -> jinja2.Environment:
    """Templates that escape what they are given and refuse what they are not."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(
        pair=pair,
        same_or_pair=same_or_pair,
        words=WORDS,
        desk=DESK,
        desk_spoken=SPOKEN,
        libraries={"numpy": "NumPy", "jax": "JAX"},
        fill=_fill,
        widget_scripts=SHARED,
        plain=plain,
    )
    return made


def _fill(words: Both, value: object) -> Both:
    return Both(words.ja.format(value), words.en.format(value))
