"""The letters of a page's formulas: each stands for code (`symbols`), is explained in a sentence, or is defined."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .page import Page, Step
from .schema import LANGUAGES, Both, Letter, Table
from .source import Place, Source

INLINE = re.compile(r"\$([^$]+)\$")
NAMED = re.compile(r"\\(?:mathrm|mathsf|mathbb|text|operatorname|begin|end)\s*\{[^}]*\}")
COMMAND = re.compile(r"\\[a-zA-Z]+")
GREEK = re.compile(r"\\(?:alpha|beta|gamma|delta|varepsilon|theta|eta|lambda|mu|pi|rho|sigma|tau|phi|omega|ell)")
ALWAYS = frozenset("e")  # the number


@dataclass(frozen=True)
class Letters:
    """What letters mean on every page that does not say otherwise (docs/study/letters.toml)."""

    common: tuple[Letter, ...] = ()

    def of(self, page: Page) -> list[Letter]:
        """The page's own definitions, and the common ones of what it uses and does not explain."""
        left = used(page) - explained(page) - {one for letter in page.letters for one in letters_in(letter.sign)}
        return [*page.letters, *(letter for letter in self.common if letter.sign in left)]

    def undefined(self, page: Page) -> list[str]:
        """The letters of the page's formulas that nothing says the meaning of."""
        defined = {one for letter in (*page.letters, *self.common) for one in letters_in(letter.sign)}
        return sorted(used(page) - explained(page) - defined)


def load_letters(file: Path, root: Path) -> Letters:
    """The common letters; none where there is no such file."""
    if not file.exists():
        return Letters()
    source = Source(file, root)
    top = Table(source, (), source.values)
    top.only(("letters", "things", "counted_with"))
    return Letters(top.letters("letters"))


def letters_in(latex: str) -> set[str]:
    """The letters of a formula, Greek ones by their command."""
    latex = NAMED.sub(" ", latex)
    return {one for one in COMMAND.findall(latex) if GREEK.fullmatch(one)} | set(
        re.findall("[a-zA-Z]", COMMAND.sub(" ", latex))
    )


def used(page: Page) -> set[str]:
    """The letters of the page's formulas and of those beside its steps."""
    return _all(latex for _, latex in formulas_of(page)) - ALWAYS


def formulas_of(page: Page) -> Iterator[tuple[Place, str]]:
    """Every formula of a page with its place."""
    yield from ((("formula",), latex) for latex in page.formula)
    yield from (((*step.path, "latex"), step.latex) for step in page.steps)


def explained(page: Page) -> set[str]:
    """Those that stand for names in the code, and those that a sentence holds, in both languages."""
    sentences = [*page.idea, page.question, page.kink, *(text for step in page.steps for text in _said(step))]
    said = (_all(formula for text in sentences for formula in INLINE.findall(text[name])) for name in LANGUAGES)
    return _all(page.symbols.latex.values()) | set.intersection(*said)


def _said(step: Step) -> Iterator[Both]:
    yield from (step.derivation, step.note)


def _all(formulas: Iterable[str]) -> set[str]:
    return {letter for latex in formulas for letter in letters_in(latex)}
