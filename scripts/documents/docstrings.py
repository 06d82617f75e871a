"""Docstrings as they are written here, in the markup that Sphinx reads: sections become fields, all else stays text."""

import re
from collections.abc import Iterator, Sequence

SECTIONS = {"Args": "Arguments", "Returns": "Returns", "Raises": "Raises", "References": "References"}
SECTIONS |= {"Residuals": "Residuals", "Derivation": "Derivation", "Twin": "Twin"}
NAMED = ("Args", "Raises")  # what stands under these has a name and a colon before it
WITHIN = re.compile(rf"(?:^|(?<=\. ))({'|'.join(SECTIONS)}): ")
PAGE = re.compile(r"docs/([\w/]+)\.md")


def as_rst(lines: Sequence[str]) -> list[str]:
    """The lines of a docstring as reStructuredText."""
    return [line for block in _blocks(lines) for line in (*_written(block), "")]


def _blocks(lines: Sequence[str]) -> list[list[str]]:
    """The parts of the text between empty lines; an indented part that follows a section belongs to none."""
    parts = re.split(r"\n(?:[ \t]*\n)+", "\n".join(lines).strip("\n"))
    return [part.splitlines() for part in parts if part.strip()]


def _written(block: list[str]) -> Iterator[str]:
    head = block[0].strip()
    if head.startswith(">>>"):
        yield from block
    elif all(line.startswith(" ") for line in block):
        yield from ("::", "", *block)
    elif head.removesuffix(":") in SECTIONS and len(block) > 1:
        yield from _section(head.removesuffix(":"), block[1:])
    elif head.startswith("- "):
        yield from (f"- {inline(item)}" for item in re.split(r"(?:^|\n)- ", "\n".join(block))[1:])
    else:
        yield from _sentences(block)


def _sentences(block: list[str]) -> Iterator[str]:
    """A paragraph, and what it says of arguments and the like as fields."""
    text, said = " ".join(line.strip() for line in block), ""
    pieces = WITHIN.split(text)
    for name, piece in zip(["", *pieces[1::2]], pieces[::2], strict=True):
        said = inline(piece.strip())
        if name:
            yield f":{SECTIONS[name]}: {said}"
        elif said:
            yield from (said, "")


def _section(name: str, block: list[str]) -> Iterator[str]:
    """A field; its items, which begin where the first line does, as a list where each has a name."""
    items = re.split(r"\n {4}(?! )", "\n" + "\n".join(block))[1:]
    texts = [" ".join(item.split()) for item in items]
    if name not in NAMED:
        yield f":{SECTIONS[name]}: {inline(' '.join(texts))}"
        return
    yield f":{SECTIONS[name]}:"
    for text in texts:
        word, colon, rest = text.partition(": ")
        yield f"    - **{_escaped(word)}**: {inline(rest)}" if colon else f"    - {inline(text)}"


def inline(text: str) -> str:
    """Text in which nothing but code between backticks and the pages of docs/ is more than letters."""
    pieces = re.split(r"`([^`]+)`", " ".join(text.split()))
    return "".join(f"\\ ``{piece}``\\ " if place % 2 else _linked(piece) for place, piece in enumerate(pieces))


def _linked(text: str) -> str:
    pieces = PAGE.split(text)
    return "".join(
        f":doc:`docs/{piece}.md </docs/{piece}>`" if place % 2 else _escaped(piece)
        for place, piece in enumerate(pieces)
    )


def _escaped(text: str) -> str:
    return re.sub(r"([\\*_|`])", r"\\\1", text)
