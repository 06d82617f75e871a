"""A page's sentences and formulas as HTML, in both languages, with links that lead somewhere."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from markupsafe import Markup

from .formulas import apart, broken, formula
from .library import Library
from .prose import Prose, plain
from .refusal import Problems, Refusal
from .schema import LANGUAGES, Both
from .source import Place, Source
from .symbols import Symbols

JAPANESE = re.compile(r"[ぁ-ヿ一-鿿]")
FIXED_PAGES = {"index": "contents", "glossary": "glossary"}


def pair(both: Both, tag: str = "span", extra: str = "") -> Markup:
    """The same thing twice, once a language; the style sheet shows the one that the reader chose."""
    if not both:
        return Markup("")
    attributes = Markup(f' class="{extra}"') if extra else ""
    element = Markup('<{0} lang="{1}"{2}>{3}</{0}>')
    return Markup("").join(element.format(Markup(tag), name, attributes, both[name]) for name in LANGUAGES)


def same_or_pair(both: Both) -> Markup:
    """Once where both languages say it alike, as with the title of a book, which stays in its own language."""
    if both.ja != both.en:
        return pair(both)
    return Markup('<span lang="{}">{}</span>').format("ja-JP" if JAPANESE.search(both.ja) else "en-GB", both.ja)


@dataclass(frozen=True)
class Writer:
    """Writes what stands in one file of the library; what is wrong with a sentence is noted with its line."""

    library: Library
    source: Source
    symbols: Symbols
    problems: Problems
    # Slug and anchor to the sentence that is due if, once every page is written, the anchor is not there.
    anchors: dict[tuple[str, str], str]
    # While one page alone is built, others may be missing.
    lenient_links: bool = False

    def both(self, path: Place, text: Both, read: Callable[[str], str] = str) -> Both:
        """The text as HTML in both languages, the Japanese after `read` has added its readings."""
        return Both(self._html(path, text.ja, "ja", read), self._html(path, text.en, "en"))

    def formula(self, path: Place, latex: str, display: bool = True) -> Markup:
        """A formula as MathML, or several side by side."""
        with self._noted(path, latex):
            return Markup(" ").join(self._piece(piece, display) for piece in apart(latex))
        return Markup("")

    def _piece(self, latex: str, display: bool) -> Markup:
        parts = [formula(part, self.symbols.signs, display, n > 0) for n, part in enumerate(broken(latex))]
        return parts[0] if len(parts) == 1 else Markup('<span class="chain">{}</span>').format(Markup("").join(parts))

    def _html(self, path: Place, text: str, language: str, read: Callable[[str], str] = str) -> Markup:
        def link(target: str, label: str) -> Markup:
            slug, _, anchor = target.partition("#")
            if anchor:
                rule = "a link must lead to an anchor of its page"
                self.anchors[slug, anchor] = self.source.sentence(path, rule, f"[[{target}]]", target)
            return self._link(slug, anchor, label, language)

        def term(text: str) -> Markup:
            return self._term(text, language)

        with self._noted(path, text):
            return Prose(self.symbols, link, term).html(read(text))
        return Markup("")

    @contextmanager
    def _noted(self, path: Place, needle: str) -> Iterator[None]:
        with self.problems.noted(), self.source.located(path, needle):
            yield

    def _link(self, slug: str, anchor: str, label: str, language: str) -> Markup:
        page = self.library.pages.get(slug)
        if page is None and slug not in FIXED_PAGES and not self.lenient_links:
            raise Refusal(f"a link must lead to a page; got [[{slug}]]")
        text = label or (plain(page.title[language]) if page else slug)
        return Markup('<a href="{}.html{}">{}</a>').format(slug, f"#{anchor}" if anchor else "", self._inner(text))

    def _term(self, text: str, language: str) -> Markup:
        known = next((term for term in self.library.terms if term.is_called(text)), None)
        if known is None:
            return Markup("<strong>{}</strong>").format(self._inner(text))
        return Markup('<strong><a class="term" href="glossary.html#{}">{}</a></strong>').format(
            known.anchor[language], self._inner(text)
        )

    def _inner(self, text: str) -> Markup:
        """A label or a term may hold readings, code and formulas, but no links."""
        return Prose(self.symbols, lambda target, label: Markup(label or target), lambda term: Markup(term)).html(text)
