"""Whether every link and every anchor of the built files leads somewhere, and nothing is asked of a network."""

import re
from bisect import bisect
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

OUTSIDE = re.compile(r"^(https?:)?//")
# The templates write every attribute in double quotes, and a quote in a text as an entity.
ATTRIBUTE = re.compile(r'\s(id|href|src|data|poster|srcset)="([^"]*)"')


@dataclass
class Leads:
    """What an HTML file refers to, what it offers, each with its line."""

    ids: dict[str, int] = field(default_factory=dict)
    twice: list[tuple[str, int]] = field(default_factory=list)
    links: list[tuple[str, int]] = field(default_factory=list)
    loads: list[tuple[str, int]] = field(default_factory=list)


def leads(html: str) -> Leads:
    """Everything in an HTML file that leads somewhere or can be led to."""
    found, breaks = Leads(), [match.start() for match in re.finditer("\n", html)]
    for match in ATTRIBUTE.finditer(html):
        name, value, line = match[1], match[2], bisect(breaks, match.start()) + 1
        if name == "id":
            if value in found.ids:
                found.twice.append((value, line))
            found.ids[value] = line
        elif name == "href" and not html.startswith("<link", html.rindex("<", 0, match.start())):
            found.links.append((value, line))
        elif value != "#":  # a page that is its own index
            found.loads.append((value, line))
    return found


def broken_links(folder: Path) -> list[str]:
    """A sentence for every link that leads nowhere, every identifier used twice, everything loaded from elsewhere."""
    read = {
        file.relative_to(folder).as_posix(): leads(file.read_text("utf-8")) for file in sorted(folder.rglob("*.html"))
    }
    sentences = []
    for name, found in read.items():
        sentences += [f"{name}:{line}: an id must stand once; got {id!r}" for id, line in found.twice]
        for target, line in found.loads:
            place = unquote(target.partition("?")[0])  # a version may stand behind it
            if OUTSIDE.match(target) or not (folder / name).parent.joinpath(place).is_file():
                sentences.append(f"{name}:{line}: a page loads only files of the site; got {target!r}")
        sentences += [
            f"{name}:{line}: a link must lead to a file and an anchor of the site; got {target!r}"
            for target, line in found.links
            if not OUTSIDE.match(target) and not _resolves(target, name, folder, read)
        ]
    return sentences


def _resolves(target: str, name: str, folder: Path, read: dict[str, Leads]) -> bool:
    path, _, anchor = unquote(target).partition("#")
    there = (folder / name).parent.joinpath(path).resolve() if path else (folder / name).resolve()
    if not there.is_file() or not there.is_relative_to(folder.resolve()):
        return False
    return not anchor or anchor in read.get(there.relative_to(folder.resolve()).as_posix(), Leads()).ids
