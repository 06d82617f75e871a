"""The statements of a text that is almost Python, as tokens, and edits of the text by their places."""

import io
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from tokenize import TokenInfo
from typing import NamedTuple

OPENING, CLOSING = {"(", "[", "{"}, {")", "]", "}"}
SILENT = {tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


class Edit(NamedTuple):
    """What stands between two places, each a line and a column, gives way to a text."""

    begin: tuple[int, int]
    end: tuple[int, int]
    text: str = ""


def statements(text: str) -> Iterator[list[TokenInfo]]:
    """The tokens of each simple statement, and of each header of a compound one with its colon.

    Raises:
        tokenize.TokenError, SyntaxError: brackets or indentations do not match.
    """
    statement: list[TokenInfo] = []
    depth = 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in SILENT:
            continue
        depth = _inside(depth, token)
        ends = token.type == tokenize.NEWLINE or (depth == 0 and token.string in (";", ":"))
        if not ends or token.string == ":":
            statement.append(token)
        if ends and statement:
            yield statement
            statement = []


def split(tokens: Iterable[TokenInfo], separator: str = ",") -> list[list[TokenInfo]]:
    """The parts between separators that stand in no bracket; an empty one behind a separator at the end."""
    parts: list[list[TokenInfo]] = [[]]
    depth = 0
    for token in tokens:
        depth = _inside(depth, token)
        if depth == 0 and token.string == separator:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def closing(tokens: Sequence[TokenInfo], opening: int) -> int:
    """The index of the bracket that closes the one at an index."""
    depth = 0
    for index in range(opening, len(tokens)):
        depth = _inside(depth, tokens[index])
        if depth == 0:
            return index
    return len(tokens) - 1


def _inside(depth: int, token: TokenInfo) -> int:
    return depth + (token.string in OPENING) - (token.string in CLOSING)


def edited(text: str, edits: Iterable[Edit]) -> str:
    """The text with the edits made; every line keeps its number."""
    begins = [0]
    for line in io.StringIO(text):
        begins.append(begins[-1] + len(line))
    for begin, end, new in sorted(edits, reverse=True):
        first, last = begins[begin[0] - 1] + begin[1], begins[end[0] - 1] + end[1]
        lost = text.count("\n", first, last) - new.count("\n")
        text = text[:first] + new + "\n" * lost + text[last:]
    return text


def between(text: str, begin: tuple[int, int], end: tuple[int, int]) -> str:
    """What stands between two places."""
    lines = list(io.StringIO(text))[begin[0] - 1 : end[0]]
    lines[-1] = lines[-1][: end[1]]
    lines[0] = lines[0][begin[1] :]
    return "".join(lines)
