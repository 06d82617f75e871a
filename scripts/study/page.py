"""A page as it is written: docs/study/pages/<slug>.toml, read into frozen records."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from .formulas import shape_of
from .schema import Both, Letter, Table
from .source import Place, Source
from .symbols import Symbols
from .textbook import SIDES

KINDS = ("row", "family")


@dataclass(frozen=True)
class Excerpt:
    """Lines of a function, of the library or of the page's textbook file; no lines means all of it."""

    function: str
    lines: tuple[str, ...]
    path: Place


@dataclass(frozen=True)
class Step:
    """One aligned row: derivation, NumPy by hand, JAX. `numpy` and `jax` are the library's lines."""

    derivation: Both
    latex: str
    textbook: dict[str, Excerpt]
    numpy: Excerpt | None
    jax: Excerpt | None
    differences: tuple[Both, ...]
    note: Both
    path: Place

    @property
    def library(self) -> dict[str, Excerpt]:
        """The library's lines, by side."""
        return {side: excerpt for side in SIDES if (excerpt := getattr(self, side)) is not None}


@dataclass(frozen=True)
class Value:
    """Something that both sides compute at build time: `numpy` and `jax` by the library, and in the textbook's form."""

    label: Both
    numpy: str
    jax: str
    textbook: dict[str, str]
    tolerance: float
    claim: str
    path: Place


@dataclass(frozen=True)
class Figure:
    """A picture or a widget, by its name."""

    name: str
    alt: Both
    caption: Both
    path: Place


@dataclass(frozen=True)
class Mistake:
    """A case of the corpus of real mistakes: its wrong line, the right one, and why."""

    catalogue: int | str
    case: str
    wrong: str
    right: str
    text: Both
    path: Place


@dataclass(frozen=True)
class Reference:
    """Where a statement comes from."""

    text: Both
    url: str


@dataclass(frozen=True)
class Page:
    """One page; `source` knows the line of each of its values."""

    source: Source = field(repr=False)
    slug: str
    kind: str
    rows: tuple[int, ...]
    family: str
    title: Both
    reading: str
    question: Both
    seed: str
    seed_note: Both
    idea: tuple[Both, ...]
    formula: tuple[str, ...]
    letters: tuple[Letter, ...]
    symbols: Symbols
    example: str
    library: str
    steps: tuple[Step, ...]
    values: tuple[Value, ...]
    pictures: tuple[Figure, ...]
    widgets: tuple[Figure, ...]
    kink: Both
    mistakes: tuple[Mistake, ...]
    sources: tuple[Reference, ...]
    next: str
    previous: str
    exercise: str

    @property
    def in_textbook_form(self) -> bool:
        """Whether the page shows a textbook's code first, and the library's behind a fold."""
        return any(step.textbook for step in self.steps)


KEYS = tuple(name for name in Page.__dataclass_fields__ if name != "source")


def load_page(file: Path, root: Path) -> Page:
    """The page of a file; a Refusal where it is not one."""
    source = Source(file, root)
    top = Table(source, (), source.values)
    top.only(KEYS)
    slug, kind = top.text("slug"), top.text("kind")
    if slug != file.stem:
        top.refuse("slug", f"the slug must be the file's name, {file.stem!r}", repr(slug))
    if kind not in KINDS:
        top.refuse("kind", f"kind must be one of {', '.join(KINDS)}", repr(kind))
    page = Page(
        source,
        slug=slug,
        kind=kind,
        rows=top.integers("rows"),
        **{
            name: top.text(name, "")
            for name in ("family", "seed", "example", "library", "next", "previous", "exercise")
        },
        reading=top.text("reading"),
        title=top.both("title"),
        question=top.both("question"),
        seed_note=top.both("seed_note", required=bool(top.text("seed", ""))),
        idea=top.boths("idea"),
        formula=top.strings("formula"),
        letters=top.letters("letters"),
        symbols=_symbols(top),
        kink=top.both("kink", required=False),
        steps=tuple(_step(table) for table in top.tables("steps")),
        values=tuple(_value(table) for table in top.tables("values")),
        pictures=tuple(_figure(table, needs_alt=True) for table in top.tables("pictures")),
        widgets=tuple(_figure(table, needs_alt=False) for table in top.tables("widgets")),
        mistakes=tuple(_mistake(table) for table in top.tables("mistakes")),
        sources=tuple(_reference(table) for table in top.tables("sources")),
    )
    for step in page.steps:
        _check_sides(page, step)
    return page


def _symbols(table: Table) -> Symbols:
    symbols = Symbols(table.mapping("symbols"))
    for name, sign in symbols.latex.items():
        with table.source.located(("symbols",), needle=f"{name} ="):
            shape_of(sign)
    return symbols


def _step(table: Table) -> Step:
    table.only(("derivation", "latex", "textbook", *SIDES, "differences", "note"))
    return Step(
        table.both("derivation"),
        table.text("latex", ""),
        _textbook(table.table("textbook")),
        **{side: _excerpt(table.table(side)) for side in SIDES},
        differences=table.boths("differences", required=False),
        note=table.both("note", required=False),
        path=table.path,
    )


def _check_sides(page: Page, step: Step) -> None:
    """What the reader sees first is there on both sides or missed in words; what is folded is told apart."""
    first = step.textbook if page.in_textbook_form else step.library
    if not step.note and (missing := [side for side in SIDES if side not in first]):
        rule = "a step without code on a side needs a note that says why"
        page.source.refuse(step.path, rule, f"no {', '.join(missing)}")
    if page.in_textbook_form and bool(step.differences) != bool(step.library):
        rule = "the library's lines behind a fold need a sentence for each difference, and no other lines have one"
        page.source.refuse(step.path, rule, f"{len(step.differences)} sentences for {', '.join(step.library) or None}")


def _excerpt(table: Table | None) -> Excerpt | None:
    if table is None:
        return None
    table.only(("function", "lines"))
    return Excerpt(table.text("function"), table.strings("lines"), table.path)


def _textbook(table: Table | None) -> dict[str, Excerpt]:
    """One excerpt for both sides, whose files define the same names, or one for each."""
    if table is None:
        return {}
    if not set(table.values) & set(SIDES):
        excerpt = _excerpt(table)
        assert excerpt is not None
        return {side: replace(excerpt, path=(*excerpt.path, side)) for side in SIDES}
    table.only(SIDES)
    return {side: excerpt for side in SIDES if (excerpt := _excerpt(table.table(side))) is not None}


def _value(table: Table) -> Value:
    table.only(("label", "numpy", "jax", "textbook", "tolerance", "claim"))
    texts = {name: table.text(name) for name in SIDES}
    calls = table.values.get("textbook", {})
    calls = dict.fromkeys(SIDES, calls) if isinstance(calls, str) else table.mapping("textbook")
    if calls and set(calls) != set(SIDES):
        table.refuse("textbook", "a textbook call must be one string, or one for numpy and one for jax", repr(calls))
    tolerance, claim = table.number("tolerance", 1e-12), table.text("claim", "")
    return Value(table.both("label"), **texts, textbook=calls, tolerance=tolerance, claim=claim, path=table.path)


def _figure(table: Table, needs_alt: bool) -> Figure:
    table.only(("name", "alt", "caption"))
    alt = table.both("alt", required=needs_alt)
    return Figure(table.text("name"), alt, table.both("caption", required=not needs_alt), table.path)


def _mistake(table: Table) -> Mistake:
    table.only(("catalogue", "case", "wrong", "right", "text"))
    number = table.values.get("catalogue", "")
    if not isinstance(number, int | str):
        table.refuse("catalogue", "catalogue must be a number of the catalogue, or its name", repr(number))
    texts = {name: table.text(name) for name in ("case", "wrong", "right")}
    return Mistake(number, **texts, text=table.both("text"), path=table.path)


def _reference(table: Table) -> Reference:
    table.only(("text", "url"))
    url = table.text("url", "")
    if url and not url.startswith("https://"):
        table.refuse("url", "a source's url must begin with https://", repr(url))
    alike = isinstance(table.values.get("text"), str)
    return Reference(Both(table.text("text"), table.text("text")) if alike else table.both("text"), url)
