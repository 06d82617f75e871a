"""Whether every link and every anchor of the built files leads somewhere, and nothing is asked of a network."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

OUTSIDE = re.compile(r"^(https?:)?//")


@dataclass
class Leads:
    """What an HTML file refers to, what it offers, each with its line."""

    ids: dict[str, int] = field(default_factory=dict)
    twice: list[tuple[str, int]] = field(default_factory=list)
    links: list[tuple[str, int]] = field(default_factory=list)
    loads: list[tuple[str, int]] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.leads = Leads()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        line, given = self.getpos()[0], {name: value or "" for name, value in attrs}
        if "id" in given:
            if given["id"] in self.leads.ids:
                self.leads.twice.append((given["id"], line))
            self.leads.ids[given["id"]] = line
        target = given.get("href", given.get("xlink:href"))
        if target is not None:
            (self.leads.loads if tag == "link" else self.leads.links).append((target, line))
        self.leads.loads += [(given[name], line) for name in ("src", "data", "poster", "srcset") if name in given]


def leads(html: str) -> Leads:
    reader = _Reader()
    reader.feed(html)
    return reader.leads


def broken_links(folder: Path) -> list[str]:
    """A sentence for every link that leads nowhere, every identifier used twice, everything loaded from elsewhere."""
    read = {
        file.relative_to(folder).as_posix(): leads(file.read_text("utf-8")) for file in sorted(folder.rglob("*.html"))
    }
    sentences = []
    for name, found in read.items():
        sentences += [f"{name}:{line}: an id must stand once; got {id!r}" for id, line in found.twice]
        for target, line in found.loads:
            if OUTSIDE.match(target) or not (folder / name).parent.joinpath(unquote(target)).is_file():
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
