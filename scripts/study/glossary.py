"""The glossary: every term in both languages, with its reading and the page that explains it."""

import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from .furigana import without_readings
from .schema import Both, Table
from .source import Place, Source


@dataclass(frozen=True)
class Term:
    """A term; `page` is the slug of the page that explains it."""

    source: Source = field(repr=False)
    name: Both
    reading: str
    page: str
    note: Both
    # What else people call it, in words and in code; only search knows of these.
    also: tuple[str, ...]
    path: Place

    @property
    def anchor(self) -> Both:
        """Its places on the glossary's page, one in each language's list, both made of its English name."""
        name = "-".join("".join(c if c.isalnum() else " " for c in self.name.en.lower()).split())
        return Both(f"term-{name}", f"en-term-{name}")

    def is_called(self, text: str) -> bool:
        """Whether the text is this term, in either language."""
        said = folded(without_readings(text))
        return said in (folded(without_readings(self.name.ja)), folded(self.name.en), folded(self.name.en) + "s")


def folded(text: str) -> str:
    """Text as it is compared: without case, width or space at the ends."""
    return unicodedata.normalize("NFKC", text).casefold().strip()


def load_terms(file: Path, root: Path) -> tuple[Term, ...]:
    """The terms in the order of their readings, which is that of a Japanese dictionary."""
    if not file.exists():
        return ()
    source = Source(file, root)
    top = Table(source, (), source.values)
    top.only(("terms",))
    terms = []
    for table in top.tables("terms"):
        table.only(("ja", "en", "reading", "page", "note", "also"))
        name = Both(table.text("ja"), table.text("en"))
        told = table.text("reading"), table.text("page"), table.both("note"), table.strings("also")
        term = Term(source, name, *told, table.path)
        if term.anchor in {other.anchor for other in terms}:
            table.refuse("en", "a term must stand once in the glossary", repr(name.en))
        terms.append(term)
    return tuple(sorted(terms, key=lambda term: folded(hiragana(term.reading))))


def hiragana(text: str) -> str:
    """Katakana as hiragana: カーネル and かーねる are sorted and found alike."""
    return "".join(chr(ord(c) - 0x60) if "ァ" <= c <= "ヶ" else c for c in text)
