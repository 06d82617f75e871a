"""The index that search reads: a script, since a page opened from disk may not fetch a file."""

import json
from collections.abc import Iterable

from .glossary import Term, folded, hiragana
from .page import Page
from .prose import plain
from .schema import LANGUAGES, Both


def search_script(pages: Iterable[Page], terms: Iterable[Term]) -> str:
    """`window.STUDY_INDEX = [...]`, one entry a page and one a term of the glossary."""
    entries = [*map(_page_entry, pages), *map(_term_entry, terms)]
    return "window.STUDY_INDEX = " + json.dumps(entries, ensure_ascii=False, separators=(",", ":")) + ";\n"


def _page_entry(page: Page) -> dict[str, object]:
    prose = [page.question, page.seed_note, *page.idea, *(step.derivation for step in page.steps), page.kink]
    prose += [mistake.text for mistake in page.mistakes]
    return _entry(f"{page.slug}.html", page.title, page.reading, page.question, prose)


def _term_entry(term: Term) -> dict[str, object]:
    return _entry(f"glossary.html#{term.anchor}", term.name, term.reading, term.note, [term.note])


def _entry(link: str, title: Both, reading: str, about: Both, prose: Iterable[Both]) -> dict[str, object]:
    texts = list(prose)
    names = " ".join(folded(plain(name)) for name in (title.ja, title.en)) + " " + folded(hiragana(reading))
    return {
        "link": link,
        "title": {language: plain(title[language]) for language in LANGUAGES},
        "about": {language: plain(about[language]) for language in LANGUAGES},
        "names": names,
        "text": folded(" ".join(plain(text[language]) for language in LANGUAGES for text in texts if text)),
    }
