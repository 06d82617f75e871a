"""The text of a file as Python reads it: a script or the code of a notebook, and a sentence where it is Python 2."""

import json
import re
import tokenize
import warnings
from pathlib import Path

PRINT = re.compile(r"(^|[:;])\s*print(\s+[^\s=(.,)\]]|\s*$|\s*>>)")
PYTHON_2 = (
    (PRINT, "print is a statement"),
    (re.compile(r"^\s*except\s+[\w.,\s()]+,\s*\w+\s*:"), "except names its error after a comma"),
    (re.compile(r"^\s*raise\s+[\w.]+\s*,"), "raise takes a comma"),
    (re.compile(r"^\s*exec\s+[\"'\w]"), "exec is a statement"),
    (re.compile(r"<>"), "<> compares"),
    (re.compile(r"\b(0[0-7]+|\d+[lL])\b"), "a number ends in L or begins with 0"),
    (re.compile(r"`[^`]+`"), "backticks give a text"),
    (re.compile(r"\bur['\"]"), "a text begins with ur"),
    (re.compile(r"^\s*def\s+\w+\s*\(.*\(.*\).*\)\s*:|lambda\s*\("), "a tuple is taken apart among the parameters"),
)


class NotPython(Exception):
    """The text is no Python 3; the message is for the user."""


def read(path: Path) -> str:
    """The text of a script, or the code cells of a notebook as one module.

    Raises:
        NotPython: a notebook that is no notebook.
        SyntaxError: the bytes are in no known encoding.
    """
    if path.suffix == ".ipynb":
        return _of_notebook(path)
    with tokenize.open(path) as file:
        return file.read()


def checked(text: str, path: Path) -> str:
    """The text, once it is known to be Python 3 as a whole, before any of it runs.

    Raises:
        NotPython: it is Python 2, with the line.
        SyntaxError: it is wrong in every Python.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(text, str(path), "exec", dont_inherit=True)
        except SyntaxError as error:
            if sentence := python_2(text, error):
                raise NotPython(sentence) from error
            raise
    return text


def python_2(text: str, error: SyntaxError) -> str | None:
    """Why the text is Python 2, or None where the error is one in every Python."""
    lines = text.splitlines()
    if isinstance(error, TabError):
        return f"it is Python 2 (line {error.lineno}: tabs and spaces are mixed); 2to3 or a formatter makes it Python 3"
    place = min(max(error.lineno or 1, 1), max(len(lines), 1))
    at = lines[place - 1] if lines else ""
    for pattern, reason in PYTHON_2:
        if pattern.search(at):
            return f"it is Python 2 (line {place}: {reason}); 2to3 makes it Python 3"
    return None


def _of_notebook(path: Path) -> str:
    try:
        cells = json.loads(path.read_text("utf-8"))["cells"]
        return "\n\n".join(_plain("".join(cell["source"])) for cell in cells if cell["cell_type"] == "code") + "\n"
    except (ValueError, KeyError, TypeError) as error:
        raise NotPython("it is no notebook of version 4 or later") from error


def _plain(cell: str) -> str:
    """A cell without what only IPython understands; line numbers stay."""
    if cell.startswith("%%") and not cell.startswith(("%%time", "%%capture")):
        return "\n" * cell.count("\n")
    return "\n".join("" if re.match(r"\s*[%!?]|.*\?\s*$", line) else line for line in cell.split("\n"))
