"""Sentences to HTML: `code`, $formula$, [[slug|link]], **term**, {漢字|かんじ}; nothing else is markup."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup, escape

from .formulas import as_line, formula
from .furigana import ruby, without_readings
from .symbols import Symbols

MARKUP = re.compile(
    r"`(?P<code>[^`]+)`"
    r"|\$(?P<math>[^$]+)\$"
    r"|\[\[(?P<target>[\w#-]+)(?:\|(?P<label>[^\]]+))?\]\]"
    r"|\*\*(?P<term>.+?)\*\*"
    r"|\{(?P<base>[^{}|]+)\|(?P<reading>[^{}|]+)\}"
)
OPENING = "([（「『“"
CLOSING = ",.;:!?)]、。）」』”’"


@dataclass(frozen=True)
class Prose:
    """How the prose of one page in one language becomes HTML.

    link turns a target and its label (perhaps empty) into an anchor, term a term into a link to the glossary.
    """

    symbols: Symbols
    link: Callable[[str, str], Markup]
    term: Callable[[str], Markup]

    def html(self, text: str) -> Markup:
        """The sentence, or a Refusal that says what in it is wrong."""
        parts, end = [], 0
        for match in MARKUP.finditer(text):
            before, end, piece = text[end : match.start()], match.end(), self._piece(match)
            if match["math"]:
                # A line may end before and after a formula, but neither behind ( nor before a comma.
                opened, closed = before[len(before.rstrip(OPENING)) :], text[end:][: _closing(text[end:])]
                before, end = before[: len(before) - len(opened)], end + len(closed)
                if opened or closed:
                    piece = Markup('<span class="kept">{}{}{}</span>').format(opened, piece, closed)
            parts += [_set(before), piece]
        return Markup("").join([*parts, _set(text[end:])])

    def _piece(self, match: re.Match[str]) -> Markup:
        if match["code"]:
            return self._code(match["code"])
        if match["math"]:
            return formula(match["math"], self.symbols.signs)
        if match["target"]:
            return self.link(match["target"], match["label"] or "")
        if match["term"]:
            return self.term(match["term"])
        return ruby(match["base"], match["reading"])

    def _code(self, text: str) -> Markup:
        if text in self.symbols.marks:
            return Markup('<code data-symbol="{}">{}</code>').format(self.symbols.marks[text], text)
        return Markup("<code>{}</code>").format(text)


def _closing(text: str) -> int:
    """How many signs at its beginning may not begin a line."""
    return len(text) - len(text.lstrip(CLOSING))


def _set(words: str) -> Markup:
    """Words as they are printed; the typewriter's apostrophe is for code."""
    return escape(words.replace("'", "’"))


def plain(text: str) -> str:
    """The sentence without its markup, for search and for titles."""

    def said(match: re.Match[str]) -> str:
        if match["math"]:
            return as_line(match["math"])
        return match["code"] or match["label"] or match["term"] or match["base"] or ""

    return without_readings(MARKUP.sub(said, text))
