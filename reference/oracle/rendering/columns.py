"""Text in the columns of a terminal, where a Japanese letter takes two."""

import re
import textwrap
import unicodedata

# Signs that begin no line, and signs that end none.
CLOSING, OPENING = "、。：）」』ー", "（「『"


def columns(text: str) -> int:
    """How many columns a text takes."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def padded(text: str, width: int, left: bool = True) -> str:
    """A text with blanks up to a width: behind it, or before it."""
    blanks = " " * max(0, width - columns(text))
    return text + blanks if left else blanks + text


def shortened(text: str, width: int) -> str:
    """A text of at most so many columns; what is cut off shows as " ..."."""
    if columns(text) == len(text):
        return textwrap.shorten(text, width, placeholder=" ...")
    return text if columns(text) <= width else filled(text, width - 4, "", "").split("\n")[0] + " ..."


def filled(line: str, width: int, first: str, rest: str) -> str:
    """One line as several of at most `width` columns, with an indent for the first and one for the others."""
    if columns(line) == len(line):
        return textwrap.fill(line, width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)
    lines, indent = [""], first
    for part in _parts(line):
        if lines[-1] and columns(indent + lines[-1] + part.rstrip(" ")) > width:
            lines[-1], indent = indent + lines[-1].rstrip(" "), rest
            lines.append("")
        lines[-1] += part.lstrip(" ") if not lines[-1] and len(lines) > 1 else part
    return "\n".join([*lines[:-1], indent + lines[-1].rstrip(" ")])


def _parts(line: str) -> list[str]:
    """What stays together: a word with the blank behind it, a Japanese letter with the signs that belong to it."""
    wide = "[^\\x00-\\u10ff]"
    return re.findall(f"[{OPENING}]*(?:{wide}|[^\\s{OPENING}\\u1100-\\uffff]+)[{CLOSING}]* *|\\s+|.", line)
