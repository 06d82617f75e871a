"""A TOML file that knows on which line each of its values stands."""

import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from .refusal import Refusal

HEADER = re.compile(r"\s*(\[\[|\[)\s*([\w-]+)\s*\]")
KEY = re.compile(r"""\s*(["']?)([\w-]+)\1(?:\.[\w-]+)*\s*=""")
QUOTES = ('"""', "'''")

# Where a value stands: ("title",) at the top, ("steps", 2, "latex") in the third [[steps]].
Place = tuple[str | int, ...]


class Source:
    """The text of a TOML file, its values, and the line of each."""

    def __init__(self, file: Path, root: Path):
        self.file = file
        self.name = file.relative_to(root).as_posix() if file.is_relative_to(root) else file.name
        try:
            self.text = file.read_text(encoding="utf-8")
            self.values: dict[str, Any] = tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            line = re.search(r"line (\d+)", str(error))
            raise Refusal(f"{self.name}:{line[1] if line else 1}: a page must be valid TOML; got {error}") from error
        except (OSError, UnicodeDecodeError) as error:
            raise Refusal(f"{self.name}:1: a page must be a readable file in UTF-8; got {error}") from error
        self.lines = self.text.splitlines()
        self.places = places(self.lines)

    def line(self, path: Place, needle: str = "") -> int:
        """The line of a value; within it, of the first line that holds the needle."""
        path = tuple(path)
        while path and path not in self.places:
            path = path[:-1]
        start = self.places.get(path, 1)
        end = min((line for line in self.places.values() if line > start), default=len(self.lines) + 1)
        first = needle.strip().splitlines()[0] if needle.strip() else ""
        within = (n for n in range(start, end) if first and _holds(self.lines[n - 1], first))
        return next(within, start)

    def refuse(self, path: Place, rule: str, got: object, needle: str = "") -> NoReturn:
        """Refuse the value at a place."""
        raise Refusal(self.sentence(path, rule, got, needle))

    @contextmanager
    def located(self, path: Place, needle: str = "") -> Iterator[None]:
        """Put the file and the line before a refusal that does not know them."""
        try:
            yield
        except Refusal as refusal:
            raise Refusal(f"{self.name}:{self.line(path, needle)}: {refusal}") from refusal

    def sentence(self, path: Place, rule: str, got: object, needle: str = "") -> str:
        """What a refusal of the value at a place says."""
        return f"{self.name}:{self.line(path, needle)}: {rule}; got {got}"


def _holds(line: str, needle: str) -> bool:
    """Whether the needle stands on the line, or, a sentence over several lines, begins with all of it."""
    words = line.strip().removesuffix("\\").rstrip().replace("\\\\", "\\")
    return needle in line or (len(words) > 8 and needle.startswith(words))


def places(lines: list[str]) -> dict[Place, int]:
    """The line, from 1, of every table header and every key that begins a line."""
    found: dict[Place, int] = {}
    table: Place = ()
    counts: dict[str, int] = {}
    quote = ""
    for number, line in enumerate(lines, 1):
        if not quote:
            if header := HEADER.match(line):
                table = _table(header[1], header[2], counts)
                found[table] = number
            elif key := KEY.match(line):
                found.setdefault((*table, key[2]), number)
        quote = _open_quote(line, quote)
    return found


def _table(bracket: str, name: str, counts: dict[str, int]) -> Place:
    if bracket == "[":
        return (name,)
    counts[name] = counts.get(name, -1) + 1
    return (name, counts[name])


def _open_quote(line: str, quote: str) -> str:
    """The multi-line quote that is open after the line, given the one that was open before it."""
    for mark in (quote,) if quote else QUOTES:
        if line.count(mark) % 2:
            return "" if quote else mark
    return quote
