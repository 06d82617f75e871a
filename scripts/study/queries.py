"""What learners type into the search box, and the pages that answer: docs/study/queries/<set>.toml."""

from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

from .schema import LANGUAGES, Table
from .source import Source


@dataclass(frozen=True)
class Query:
    """A query, the slugs of the pages that answer it, the passages where they open (`slug#anchor`), and whether the
    search is known to miss them.
    """

    text: str
    language: str
    pages: tuple[str, ...]
    passages: tuple[str, ...]
    missed: bool
    where: str


def load_queries(file: Path, root: Path, pages: Container[str]) -> list[Query]:
    """The queries of a file: each a list of what is typed and of pages that are there."""
    source = Source(file, root)
    top = Table(source, (), source.values)
    top.only((*LANGUAGES, "missed"))
    missed = top.strings("missed")
    rows = [(language, row) for language in LANGUAGES for row in source.values.get(language, [])]
    found = [_query(top, language, row, missed, pages) for language, row in rows]
    for text in missed:
        if text not in {query.text for query in found}:
            top.refuse("missed", "a query that is missed must stand in the list", repr(text), text)
    return found


def _query(top: Table, language: str, row: object, missed: Container[str], pages: Container[str]) -> Query:
    if not isinstance(row, list) or len(row) < 2 or not all(isinstance(text, str) for text in row):
        top.refuse(language, "a query must be a list of what is typed and of the pages that answer", repr(row))
    text, *answers = row
    slugs = tuple(answer.partition("#")[0] for answer in answers)
    for slug in slugs:
        if slug not in pages:
            top.refuse(language, "a query must be answered by pages that are there", repr(slug), f'["{text}"')
    line = top.source.line((language,), f'["{text}"')
    return Query(
        text,
        language,
        slugs,
        tuple(answer for answer in answers if "#" in answer),
        text in missed,
        f"{top.source.name}:{line}",
    )
