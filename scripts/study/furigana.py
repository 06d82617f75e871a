"""Readings over kanji: {漢字|かんじ}, written by hand, or added where a page first uses a term of the glossary."""

import re
from collections.abc import Mapping

from markupsafe import Markup

from .refusal import Refusal

RUBY = re.compile(r"\{([^{}|]+)\|([^{}|]+)\}")
KANA = re.compile(r"[぀-ヿー・ ]+")
KANJI = re.compile(r"[一-鿿々]")
RUNS = re.compile(r"[一-鿿々]+|[^一-鿿々]+")
# What is left as it is: code, formulas, the page that a link leads to, readings written by hand.
KEPT = re.compile(r"`[^`]*`|\$[^$]*\$|\[\[[\w#-]+\|?|\{[^{}|]+\|[^{}|]+\}")


def ruby(base: str, reading: str) -> Markup:
    """The base with its reading above it; where ruby is not known, in brackets behind it."""
    if not KANA.fullmatch(reading) or not KANJI.search(base):
        raise Refusal(f"a reading must be kana over kanji; got {{{base}|{reading}}}")
    return Markup("<ruby>{}<rp>(</rp><rt>{}</rt><rp>)</rp></ruby>").format(base, reading)


def without_readings(text: str) -> str:
    return RUBY.sub(r"\1", text)


def aligned(term: str, reading: str) -> str:
    """The term with its reading over its kanji alone, {重|おも}み; nothing where the two do not fit together."""
    runs = RUNS.findall(term)
    found = re.fullmatch("".join("(.+?)" if KANJI.match(run) else f"({re.escape(run)})" for run in runs), reading)
    if not found or not KANJI.search(term):
        return ""
    pairs = zip(runs, found.groups(), strict=True)
    return "".join(f"{{{run}|{read}}}" if KANJI.match(run) else run for run, read in pairs)


class Readings:
    """The readings of terms, for one page: each is added once, where the page first uses the term."""

    def __init__(self, readings: Mapping[str, str]):
        self.left = {term: read for term, reading in readings.items() if (read := aligned(term, reading))}
        longest_first = "|".join(map(re.escape, sorted(self.left, key=len, reverse=True)))
        self.terms = re.compile(rf"(?<![一-鿿々])(?:{longest_first})(?![一-鿿々])" if self.left else r"(?!)")

    def added(self, text: str) -> str:
        """The text with the readings that are due in it."""
        parts, end = [], 0
        for kept in KEPT.finditer(text):
            parts += [self.terms.sub(self._due, text[end : kept.start()]), kept[0]]
            if kept[0].startswith("{"):
                self.left.pop(kept[0][1:].partition("|")[0], "")
            end = kept.end()
        return "".join([*parts, self.terms.sub(self._due, text[end:])])

    def _due(self, found: re.Match[str]) -> str:
        return self.left.pop(found[0], found[0])
