"""Building the site: everything is made in a folder beside the old one, and takes its place only when it is whole."""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from .library import Library, load_library
from .links import broken_links, leads
from .making import Made, Maker, make
from .refusal import Problems, Refusal
from .render import Renderer
from .search import search_script, search_words

HERE = Path(__file__).resolve().parent
MARK = ".study-site"  # stands in every folder that was built here, and in no other


@dataclass(frozen=True)
class Order:
    """What to build: where from, where to, which pages alone (none: all), with slides, with the solutions, and by how
    many processes.
    """

    folder: Path
    output: Path
    root: Path
    only: tuple[str, ...] = ()
    slides: bool = False
    solutions: bool = True
    workers: int = 1


@dataclass(frozen=True)
class Built:
    """What was built."""

    pages: int
    bytes: int
    hints: tuple[str, ...]


def build(order: Order, say: Callable[[str], None] = lambda text: None) -> Built:
    """Build the site in order.output; a Refusal of one line or more where anything is wrong, and the old site stays."""
    check_output(order.output)
    problems = Problems()
    order.output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{order.output.name}-", dir=order.output.parent) as made:
        fresh = Path(made) / "site"
        pages = write(order, fresh, problems, say)
        if not order.only and not problems:
            problems.extend(broken_links(fresh))
        refuse(problems)
        swap(fresh, order.output, Path(made) / "old")
    size = sum(file.stat().st_size for file in order.output.rglob("*") if file.is_file())
    return Built(len(pages), size, tuple(hint for page in pages for hint in page.hints))


def check(order: Order, say: Callable[[str], None] = lambda text: None) -> Built:
    """Build into a folder that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        return build(replace(order, output=Path(folder) / "site"), say)


def refuse(problems: Problems) -> None:
    if problems:
        raise Refusal("\n".join(problems))


def check_output(output: Path) -> None:
    """A folder that holds anything but a site of ours is left alone."""
    if output.exists() and not output.is_dir():
        raise Refusal(f"--output must be a folder; got {output}, which is a file")
    if output.is_dir() and any(output.iterdir()) and not (output / MARK).exists():
        raise Refusal(f"--output must be new, empty or a site built before; got {output}, which holds something else")


def write(order: Order, fresh: Path, problems: Problems, say: Callable[[str], None]) -> list[Made]:
    """All files of the site into a new folder; what is wrong is noted."""
    library = _library(order, problems)
    shutil.copytree(HERE / "static", fresh)
    (fresh / MARK).write_text("The study site of functional_nn. Built; a build replaces this folder.\n")
    settings = (bool(order.only), order.slides, order.solutions)
    renderer, pages, slugs = Renderer(library, problems, *settings), [], order.only or library.order
    each = make(slugs, Maker(library, *settings), order.workers, partial(maker, order))
    for slug, page in zip(slugs, each, strict=True):
        say(slug)
        pages.append(page)
        for sentence in page.problems:
            problems.note(sentence)
        renderer.anchors.update(page.anchors)
        for name, text in page.files.items():
            (fresh / name).write_text(text, encoding="utf-8")
    (fresh / "index.html").write_text(renderer.index(), encoding="utf-8")
    (fresh / "glossary.html").write_text(renderer.glossary(), encoding="utf-8")
    with problems.noted():
        words = search_words(order.folder / "search.toml", order.root)
        (fresh / "search-index.js").write_text(search_script(library, words), encoding="utf-8")
    _check_anchors(fresh, renderer, problems)
    for file in sorted((order.folder / "exercises").glob("*.py")):
        (fresh / "exercises").mkdir(exist_ok=True)
        shutil.copy(file, fresh / "exercises")
    return pages


def maker(order: Order) -> Maker:
    """For a process of its own: what is wrong with the library, the first one has noted."""
    return Maker(_library(order, Problems()), bool(order.only), order.slides, order.solutions)


def _check_anchors(fresh: Path, renderer: Renderer, problems: Problems) -> None:
    """Each page is read once: many links lead to one."""
    files = {slug: fresh / f"{slug}.html" for slug, _ in renderer.anchors}
    ids = {slug: leads(file.read_text(encoding="utf-8")).ids for slug, file in files.items() if file.exists()}
    for (slug, anchor), sentence in renderer.anchors.items():
        if slug in ids and anchor not in ids[slug]:
            problems.note(sentence)


def _library(order: Order, problems: Problems) -> Library:
    """The library; where a few pages alone are wanted, only what is wrong with those counts."""
    found = Problems() if order.only else problems
    library = load_library(order.folder, order.root, found)
    if order.only:
        files = tuple(f"{slug}.toml:" for slug in order.only)
        problems.extend(sentence for sentence in found if any(file in sentence for file in files))
        refuse(problems)
        for slug in order.only:
            if slug not in library.pages:
                raise Refusal(f"--only must name a page of {order.folder.name}/pages; got {slug!r}")
    return library


def swap(fresh: Path, output: Path, old: Path) -> None:
    """Replace the old folder by the new one; the old one is removed with `old`'s folder."""
    if output.exists():
        output.rename(old)
    try:
        fresh.rename(output)
    except OSError:
        if old.exists():
            old.rename(output)
        raise
