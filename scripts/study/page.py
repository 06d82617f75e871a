"""A page as it is written: docs/study/pages/<slug>.toml, read into frozen records."""

from dataclasses import dataclass, field
from pathlib import Path

from .formulas import shape_of
from .schema import Both, Table
from .source import Place, Source
from .symbols import Symbols

KINDS = ("row", "family")


@dataclass(frozen=True)
class Excerpt:
    """Lines of a function that stands in the code; no lines means all of it."""

    function: str
    lines: tuple[str, ...]
    path: Place


@dataclass(frozen=True)
class Step:
    """One aligned row: derivation, NumPy by hand, JAX."""

    derivation: Both
    latex: str
    numpy: Excerpt | None
    jax: Excerpt | None
    note: Both
    path: Place


@dataclass(frozen=True)
class Value:
    """Something that both sides compute at build time."""

    label: Both
    numpy: str
    jax: str
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
    symbols: Symbols
    example: str
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
    return Page(
        source,
        slug=slug,
        kind=kind,
        rows=top.integers("rows"),
        **{name: top.text(name, "") for name in ("family", "seed", "example", "next", "previous", "exercise")},
        reading=top.text("reading"),
        title=top.both("title"),
        question=top.both("question"),
        seed_note=top.both("seed_note", required=bool(top.text("seed", ""))),
        idea=top.boths("idea"),
        formula=top.strings("formula"),
        symbols=_symbols(top),
        kink=top.both("kink", required=False),
        steps=tuple(_step(table) for table in top.tables("steps")),
        values=tuple(_value(table) for table in top.tables("values")),
        pictures=tuple(_figure(table, needs_alt=True) for table in top.tables("pictures")),
        widgets=tuple(_figure(table, needs_alt=False) for table in top.tables("widgets")),
        mistakes=tuple(_mistake(table) for table in top.tables("mistakes")),
        sources=tuple(_reference(table) for table in top.tables("sources")),
    )


def _symbols(table: Table) -> Symbols:
    symbols = Symbols(table.mapping("symbols"))
    for name, sign in symbols.latex.items():
        with table.source.located(("symbols",), needle=f"{name} ="):
            shape_of(sign)
    return symbols


def _step(table: Table) -> Step:
    table.only(("derivation", "latex", "numpy", "jax", "note"))
    sides = {side: _excerpt(table.table(side)) for side in ("numpy", "jax")}
    note = table.both("note", required=False)
    if not note and None in sides.values():
        missing = ", ".join(side for side, excerpt in sides.items() if excerpt is None)
        table.source.refuse(table.path, "a step without code on a side needs a note that says why", f"no {missing}")
    return Step(table.both("derivation"), table.text("latex", ""), sides["numpy"], sides["jax"], note, table.path)


def _excerpt(table: Table | None) -> Excerpt | None:
    if table is None:
        return None
    table.only(("function", "lines"))
    return Excerpt(table.text("function"), table.strings("lines"), table.path)


def _value(table: Table) -> Value:
    table.only(("label", "numpy", "jax", "tolerance", "claim"))
    texts = {name: table.text(name) for name in ("numpy", "jax")}
    tolerance = table.number("tolerance", 1e-12)
    return Value(table.both("label"), **texts, tolerance=tolerance, claim=table.text("claim", ""), path=table.path)


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
