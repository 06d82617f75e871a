"""Which cells of a large grid `make test` runs, and which it leaves to `make test-all`.

The mark `one_in(3)` says that a third of a test's cells will do. Cells are alike that have the same dtype, side and so
on, and a case of the same op or file, which is the first word of their ids; of those that are alike at least one stays.
Its id alone decides which, so that it is the same one on every machine, and the same row in every test of a row.
What is marked `thorough` is left out whole: a smaller case of the same stays.
Where hypothesis draws the cases, `examples(15)` is how many: a third of them, but in `make test-all` all.
"""

import argparse
import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from math import ceil

import pytest

OPTION = "--one-in"


# What the option says, once pytest has read it, before any test is imported.
_asked: int | None = None


def add_option(parser: pytest.Parser) -> None:
    said = "run one in N cells of every test; 1 leaves out nothing; by default the marks one_in and thorough decide"
    parser.addoption(OPTION, type=whole, metavar="N", help=said)


def whole(word: str) -> int:
    """How many cells one stands for."""
    if not (word.isdecimal() and int(word)):
        raise argparse.ArgumentTypeError(f"N must be a whole number from 1; got {word}")
    return int(word)


def configure(config: pytest.Config) -> None:
    """Remember what this run asks for."""
    global _asked
    _asked = config.getoption(OPTION)


def examples(count: int, one_in: int = 3) -> int:
    """Of so many examples that hypothesis may draw, how many it draws in this run."""
    return count if _asked == 1 else ceil(count / max(one_in, _asked or 1))


def thin(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what this run does not ask for; this comes last, so that a cell asked for by name stays."""
    asked = config.getoption(OPTION)
    if asked == 1:
        return
    tests = defaultdict(list)
    for item in items:
        if not item.get_closest_marker("thorough"):
            tests[item.nodeid.partition("[")[0]].append(item)
    kept = {item for cells in tests.values() for item in _chosen(cells, asked or 1)}
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = [item for item in items if item in kept]


def _chosen(cells: list[pytest.Item], asked: int) -> Iterator[pytest.Item]:
    mark = cells[0].get_closest_marker("one_in")
    one_in = max(asked, mark.args[0] if mark else 1)
    if one_in == 1:
        yield from cells
        return
    for alike in _groups(cells):
        ordered = sorted(alike, key=lambda item: zlib.crc32(_id(item).encode()))
        yield from ordered[: ceil(len(alike) / one_in)]


def _groups(cells: list[pytest.Item]) -> Iterable[list[pytest.Item]]:
    """The finest that leave out a third, of one cell each: by word and short parameters, by word, or all in one."""
    short = _short_parameters(cells)
    for names in (short, ()):
        groups = defaultdict(list)
        for item in cells:
            places = _places(item)
            groups[re.split(r"[-\]]", _id(item))[0], *(places[name] for name in names)].append(item)
        if 3 * len(groups) <= 2 * len(cells):
            return groups.values()
    return [cells]


def _short_parameters(cells: list[pytest.Item]) -> list[str]:
    """Those that have fewer values than the longest one."""
    values = defaultdict(set)
    for item in cells:
        for name, place in _places(item).items():
            values[name].add(place)
    return [name for name in values if len(values[name]) < max(map(len, values.values()))]


def _id(item: pytest.Item) -> str:
    return item.nodeid.partition("[")[2]


def _places(item: pytest.Item) -> Mapping[str, int]:
    """Which of a parameter's values a cell has, by the parameter's name."""
    return item.callspec.indices if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
