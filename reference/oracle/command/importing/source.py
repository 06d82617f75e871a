"""The text of a file as Python reads it: a script, the code of a notebook, a module in Cython; Python 2 or 3."""

import ast
import re
import tokenize
import warnings
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from reference.oracle.command.importing import pyx
from reference.oracle.command.importing.dialect import ALL
from reference.oracle.command.importing.python_2 import Reason, as_python_3, looks_like, refused_for
from reference.oracle.reading.texts import NotPython, read

DIVISION = re.compile(r"^from\s+__future__\s+import\b[^#\n]*\bdivision\b", re.MULTILINE)


class Source(NamedTuple):
    """A text that Python 3 parses; why it is Python 2 nonetheless; and which names divide as whole numbers."""

    text: str
    tree: ast.Module
    python_2: Reason | None = None
    floors: Collection[str] = ()

    @property
    def is_old(self) -> bool:
        """Whether it takes more than Python 3 to run it as it is meant."""
        return self.python_2 is not None or bool(self.floors)


def understood(path: Path) -> Source:
    """A file that can be run, known to be whole before any of it runs.

    Raises:
        NotPython: it is Python 2 in more than is translated, with the line; no notebook; more than types in Cython.
        SyntaxError: it is wrong in every Python, or the bytes are in no known encoding.
    """
    text = read(path)
    if path.suffix == ".pyx":
        return _of_cython(text)
    floors = () if DIVISION.search(text) else ALL
    try:
        tree = _compiled(text, path)
    except SyntaxError as error:
        if not (reason := refused_for(text, error)):
            raise
        text = _translated(text, path, reason)
        return Source(text, _compiled(text, path), reason, floors)
    reason = looks_like(tree, path)
    return Source(text, tree, reason, floors if reason else ())


def _compiled(text: str, path: Path) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compile(text, str(path), "exec", dont_inherit=True)
        return ast.parse(text, str(path))


def _translated(text: str, path: Path, reason: Reason) -> str:
    translated = text
    try:
        translated = as_python_3(text)
        _compiled(translated, path)
    except (SyntaxError, tokenize.TokenError) as error:
        left = refused_for(translated, error) if isinstance(error, SyntaxError) else None
        line, said, *_ = left or reason
        raise NotPython(f"it is Python 2 (line {line}: {said}); 2to3 makes it Python 3") from error
    return translated


def _of_cython(text: str) -> Source:
    try:
        python = pyx.as_python(text)
    except pyx.NoPython as error:
        raise NotPython(f"it is Cython ({error})") from error
    return Source(python, ast.parse(python), None, pyx.whole_names(text))
