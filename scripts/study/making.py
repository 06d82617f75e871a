"""Pages as files: one after the other, or by several processes at once, which share nothing."""

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from .content import compute
from .library import Library
from .refusal import Problems
from .render import Renderer
from .widget_files import COMPUTED, data_script

FEW = 8  # pages that are made sooner than another process begins


@dataclass(frozen=True)
class Made:
    """What came of a page: its files by their names, what its writer should know, what is wrong, where its links lead
    (slug and anchor, with the sentence that is due if nothing is there).
    """

    files: Mapping[str, str]
    hints: tuple[str, ...]
    problems: tuple[str, ...]
    anchors: Mapping[tuple[str, str], str]


class Maker:
    """Makes pages of a library. What one page compiled and drew serves the next."""

    def __init__(self, library: Library, lenient_links: bool, slides: bool, solutions: bool):
        self.library, self.problems = library, Problems()
        self.renderer = Renderer(library, self.problems, lenient_links, slides, solutions)

    def made(self, slug: str) -> Made:
        """The page, computed and rendered."""
        page = self.library.pages[slug]
        self.problems.clear()
        self.renderer.anchors.clear()
        content = compute(page, self.library.questions.get(slug), self.problems)
        files = self.renderer.pages(content)
        for name in {figure.name for figure in page.widgets} & set(COMPUTED):
            files[f"widgets/{name}.data.js"] = data_script(name)
        return Made(files, tuple(content.hints), tuple(self.problems), dict(self.renderer.anchors))


def make(slugs: Sequence[str], own: Maker, workers: int, begin: Callable[[], Maker]) -> Iterator[Made]:
    """The pages in their order: by our own maker, or by those with which several processes begin."""
    if workers == 1 or len(slugs) < FEW:
        yield from map(own.made, slugs)
        return
    # Threads of JAX do not survive a fork.
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _begin, (begin,))
    try:
        yield from pool.map(_made, slugs)
    finally:
        pool.shutdown(cancel_futures=True)


_own: list[Maker] = []  # of a process


def _begin(begin: Callable[[], Maker]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a word
    _own.append(begin())


def _made(slug: str) -> Made:
    return _own[0].made(slug)
