"""The files of the code that something found belongs to: what it does not do itself may be done there."""

import ast
import functools
import itertools
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

from reference.oracle.reading.texts import NotPython, read

# So many files are read, in so many folders; where there are more, nobody knows what stands in the others.
FILES, FOLDERS = 300, 1000
PASSED_OVER = ("venv", "env", "build", "node_modules", "site-packages", "__pycache__")
# How far above a file the root of its code is looked for, and what shows it.
LEVELS = 4
ROOTS = (".git", "README.md", "README.rst", "LICENSE", "pyproject.toml", "setup.py", "requirements.txt")


def trees_around(file: Path) -> list[tuple[Path, ast.Module]] | None:
    """The files of the same code as a file, read, its own last; None where they are too many."""
    files = files_around(file)
    return None if files is None else [(one, tree) for one in files if (tree := tree_of_file(one))]


@functools.cache
def files_around(file: Path) -> list[Path] | None:
    """The scripts and notebooks of the same code as a file, its own last; None where they are too many."""
    files = list(itertools.islice(_below(root_around(file)), FILES + 1))
    return sorted(files, key=lambda other: (other == file, other)) if len(files) <= FILES else None


def _below(folder: Path) -> Iterator[Path]:
    """The files below a folder, without those of environments; as if more than enough in a wide tree."""
    for number, (place, folders, files) in enumerate(os.walk(folder)):
        folders[:] = sorted(name for name in folders if name[0] != "." and name not in PASSED_OVER)
        yield from (Path(place, name) for name in files if name.endswith((".py", ".ipynb")))
        if number >= FOLDERS:
            yield from itertools.repeat(folder)


def root_around(file: Path) -> Path:
    """The outermost folder above that looks like a root, else that of the package, else its own."""
    roots = [folder for folder in list(file.parents)[:LEVELS] if any((folder / name).exists() for name in ROOTS)]
    package = file.parent.parent if (file.parent / "__init__.py").exists() else file.parent
    return roots[-1] if roots else package


@functools.cache
def tree_of_file(file: Path) -> ast.Module | None:
    """A file, read; None where it is no Python of today."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(read(file))
    except (OSError, SyntaxError, ValueError, NotPython):
        return None
