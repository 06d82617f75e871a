"""The text of somebody's file: a script, or the code cells of a notebook as one module."""

import json
import re
import tokenize
from pathlib import Path


class NotPython(Exception):
    """The text cannot be run as Python; the message is for the user."""


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
