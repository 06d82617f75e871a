"""The index that search reads: a script, since a page opened from disk may not fetch a file."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .glossary import Term
from .library import Library
from .page import Page, Step
from .prose import plain
from .schema import LANGUAGES, Both, Table
from .source import Source
from .ui import WORDS

# The sections that a passage can stand in, beside the question at the top.
SECTIONS = ("idea", "seed", "look", "steps", "values", "kink", "mistakes", "glossary")
# The section of a passage, its anchor, what it says, and the code beside it.
Passage = tuple[str, str, Both, str]


def search_script(library: Library, words: Mapping[str, object]) -> str:
    """`window.STUDY_INDEX = {...}`: the pages with their passages, the terms, and the words of `search_words`."""
    index = {
        "sections": {name: _both(WORDS[name]) for name in SECTIONS},
        "pages": [_page(page) for page in library.pages.values()],
        "terms": [_term(term) for term in library.terms],
        **words,
    }
    return "window.STUDY_INDEX = " + json.dumps(index, ensure_ascii=False, separators=(",", ":")) + ";\n"


def search_words(file: Path, root: Path) -> dict[str, object]:
    """Spellings that are one, and words that say nothing of what is looked for."""
    if not file.exists():
        return {"spellings": [], "phrases": [], "common": []}
    source = Source(file, root)
    top = Table(source, (), source.values)
    top.only(("spellings", "phrases", "common"))
    spellings = list(top.mapping("spellings").items())
    return {"spellings": spellings, "phrases": top.strings("phrases"), "common": top.strings("common")}


def _page(page: Page) -> dict[str, Any]:
    called = [*_said(page.title), page.reading, page.slug.removeprefix("family_").replace("_", " ")]
    return {
        "slug": page.slug,
        "title": _both(page.title),
        "called": _once(called),
        "question": _both(page.question),
        "passages": [(section, anchor, *_said(text), code) for section, anchor, text, code in _passages(page)],
    }


def _passages(page: Page) -> Iterator[Passage]:
    """What a page says, piece by piece; each opens at its own place."""
    yield "question", "", page.question, page.family
    for number, text in enumerate(page.idea, 1):
        yield "idea", f"idea-{number}", text, ""
    if page.seed:
        yield "seed", "seed", page.seed_note, page.seed
    for number, figure in enumerate((*page.widgets, *page.pictures), 1):
        yield "look", f"figure-{number}", figure.caption or figure.alt, ""
    for number, step in enumerate(page.steps, 1):
        yield "steps", f"step-{number}", _joined(step.derivation, step.note), _code(step)
    for number, value in enumerate(page.values, 1):
        yield "values", f"value-{number}", value.label, f"{value.numpy} {value.jax}"
    if page.kink:
        yield "kink", "kink", page.kink, ""
    for number, mistake in enumerate(page.mistakes, 1):
        yield "mistakes", f"mistake-{number}", mistake.text, f"{mistake.wrong} {mistake.right}"


def _code(step: Step) -> str:
    sides = [*step.textbook.values(), *step.library.values()]
    return " ".join(text for side in sides for text in (side.function, *side.lines))


def _term(term: Term) -> dict[str, Any]:
    called = _once([*_said(term.name), term.reading, *term.also])
    about = _both(term.note)
    return {
        "slug": "glossary",
        "anchor": term.anchor.ja,  # page.js leads on to the list of the reader's language
        "title": _both(term.name),
        "called": called,
        "about": about,
        "page": term.page,
    }


def _said(text: Both) -> list[str]:
    return [plain(text[language]) for language in LANGUAGES]


def _both(text: Both) -> dict[str, str]:
    return dict(zip(LANGUAGES, _said(text), strict=True))


def _joined(*texts: Both) -> Both:
    return Both(*(" ".join(text[language] for text in texts if text) for language in LANGUAGES))


def _once(names: list[str]) -> list[str]:
    return list(dict.fromkeys(name for name in names if name))
