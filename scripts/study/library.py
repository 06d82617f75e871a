"""All that is written for the site: pages, their order, glossary, exercises; and whether it fits together."""

from dataclasses import dataclass, field
from pathlib import Path

from .glossary import Term, load_terms
from .letters import Letters, letters_in, load_letters
from .page import Page, load_page
from .questions import Questions, load_questions
from .refusal import Problems
from .schema import Both, Table
from .source import Source


@dataclass(frozen=True)
class Group:
    """A chapter of the index."""

    title: Both
    pages: tuple[str, ...]


@dataclass
class Library:
    """The folder docs/study, read."""

    folder: Path
    pages: dict[str, Page] = field(default_factory=dict)
    questions: dict[str, Questions] = field(default_factory=dict)
    groups: tuple[Group, ...] = ()
    terms: tuple[Term, ...] = ()
    letters: Letters = field(default_factory=Letters)
    seed: str = ""

    @property
    def order(self) -> list[str]:
        """The slugs in the order in which the site is read."""
        listed = [slug for group in self.groups for slug in group.pages if slug in self.pages]
        return listed + [slug for slug in self.pages if slug not in listed]

    def neighbour(self, page: Page, step: int) -> str:
        """The slug of the page before (-1) or after (+1); nothing at the ends."""
        own = page.next if step > 0 else page.previous
        place = self.order.index(page.slug) + step
        return own or (self.order[place] if 0 <= place < len(self.order) else "")

    def exercise(self, page: Page, folder: str) -> Path:
        """The file of a page's exercise, or of its solution."""
        return self.folder / folder / f"{page.exercise}.py"


def load_library(folder: Path, root: Path, problems: Problems) -> Library:
    """Everything of the folder that can be read; what cannot is noted."""
    library = Library(folder)
    for file in sorted((folder / "pages").glob("*.toml")):
        with problems.noted():
            page = load_page(file, root)
            library.pages[page.slug] = page
    if not library.pages and not problems:
        problems.note(f"{folder.name}/pages: there must be pages; got none")
    with problems.noted():
        library.terms = load_terms(folder / "glossary.toml", root)
    with problems.noted():
        library.letters = load_letters(folder / "letters.toml", root)
    with problems.noted():
        library.groups = _groups(folder / "index.toml", root, library, problems)
    for page in library.pages.values():
        with problems.noted():
            library.questions[page.slug] = load_questions(page, folder, root)
    _check_questions(library, root, problems)
    seed = folder / "seed.txt"
    library.seed = seed.read_text(encoding="utf-8") if seed.exists() else ""
    for check in (_check_seed, _check_letters, _check_neighbours, _check_exercise):
        for page in library.pages.values():
            with problems.noted():
                check(library, page)
    return library


def _groups(file: Path, root: Path, library: Library, problems: Problems) -> tuple[Group, ...]:
    """The groups of index.toml, each page of which must be there, as each page must be in one of them."""
    source = Source(file, root)
    top = Table(source, (), source.values)
    top.only(("groups", "rows"))
    groups = []
    for table in top.tables("groups"):
        table.only(("title", "pages"))
        groups.append(Group(table.both("title"), table.strings("pages", required=True)))
        for slug in groups[-1].pages:
            if slug not in library.pages:
                problems.note(source.sentence((*table.path, "pages"), "a term must have its page", repr(slug), slug))
    listed = [slug for group in groups for slug in group.pages]
    for slug in library.pages:
        if listed.count(slug) != 1:
            problems.note(
                source.sentence((), "a page must stand once in the index", f"{slug!r} {listed.count(slug)} times")
            )
    _check_rows(source, int(top.number("rows", 0)), library, problems)
    return tuple(groups)


def _check_rows(source: Source, count: int, library: Library, problems: Problems) -> None:
    answered = {row for page in library.pages.values() for row in page.rows}
    for row in range(1, count + 1):
        if row not in answered:
            problems.note(
                source.sentence(("rows",), "every row of the seed must have its page", f"no page for row {row}")
            )


def _check_questions(library: Library, root: Path, problems: Problems) -> None:
    """Questions that belong to no page would be read by nobody."""
    for file in sorted((library.folder / "questions").glob("*.toml")):
        if file.stem not in library.pages and not (library.folder / "pages" / file.name).exists():
            with problems.noted():
                Source(file, root).refuse((), "questions must have their page", f"no pages/{file.name}")


def squeezed(text: str) -> str:
    return "".join(text.split())


def _check_seed(library: Library, page: Page) -> None:
    """The learner's words are quoted, not made up; a quotation may leave something out with an ellipsis."""
    for part in page.seed.split("…"):
        if squeezed(part) not in squeezed(library.seed):
            page.source.refuse(("seed",), "the seed must say this word for word (seed.txt)", repr(part.strip()), part)


def _check_letters(library: Library, page: Page) -> None:
    """Whoever reads a formula can find out what each of its letters is."""
    if undefined := library.letters.undefined(page):
        rule = "a letter of a formula must be a symbol, stand in a sentence, or be defined in letters"
        at = [(*step.path, "latex") for step in page.steps if undefined[0] in letters_in(step.latex)]
        page.source.refuse(at[0] if at else ("formula",), rule, ", ".join(undefined))


def _check_neighbours(library: Library, page: Page) -> None:
    for key in ("next", "previous"):
        slug = getattr(page, key)
        if slug and slug not in library.pages:
            page.source.refuse((key,), "a link must lead to a page", repr(slug))


def _check_exercise(library: Library, page: Page) -> None:
    for folder in ("exercises", "solutions") if page.exercise else ():
        if not library.exercise(page, folder).exists():
            page.source.refuse(("exercise",), "an exercise must have its file", f"no {folder}/{page.exercise}.py")
