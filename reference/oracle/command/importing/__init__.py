"""Running anybody's file as a module, as its author does: from its own folder, in its package."""

import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from reference.oracle.command.importing.neighbours import Neighbours, Tolerant
from reference.oracle.command.importing.places import Package, package_of, root_of, safe_name
from reference.oracle.command.importing.running import Run
from reference.oracle.command.importing.source import understood

NOTES = 6


class Loaded(NamedTuple):
    """A file that ran, and what is worth knowing of how it ran: a sentence each."""

    module: ModuleType
    notes: tuple[str, ...] = ()


def load(path: Path) -> Loaded:
    """Run the file as a module; it may import its neighbours, and what raises at its top is left out, with a note.

    The working directory becomes the file's own, as when its author starts it there.

    Raises:
        NotPython: the file is Python 2 in more than is translated, or a notebook that cannot be read.
        SyntaxError: the file is wrong in every Python.
    """
    path = path.resolve()
    tree = understood(path).tree
    run = Run(path, root_of(path))
    finder = Neighbours(run)
    finder.learn(path, tree)
    sys.dont_write_bytecode = True
    sys.meta_path.insert(0, finder)
    sys.argv[:] = [str(path)]
    os.environ["MPLBACKEND"] = "Agg"  # a window that waits for somebody would wait for ever
    os.chdir(path.parent)
    package = package_of(path, tree, finder.homes)
    module = _of_package(path, package, finder) if package else _run(path, safe_name(path.stem), finder)
    for again in run.later:
        again()
    run.importing = False
    return Loaded(module, _short(run.notes))


def _short(notes: Sequence[str]) -> tuple[str, ...]:
    distinct = list(dict.fromkeys(notes))
    more = [f"and {len(distinct) - NOTES} more notes of this kind"] if len(distinct) > NOTES else []
    return (*distinct[:NOTES], *more)


def _of_package(path: Path, package: Package, finder: Neighbours) -> ModuleType:
    """The file as a member of its package, whose own modules run first, as in any import."""
    top, *inner = package.parts
    name, folder = (top if finder.leads_to(top, package.top) else safe_name(top)), package.top
    if name != top:
        finder.packages[name] = folder
    for part in inner:
        _imported(name, folder)
        name, folder = f"{name}.{part}", folder / part
    return sys.modules[name] if name in sys.modules else _run(path, name, finder)


def _imported(name: str, folder: Path) -> None:
    """A package imported; where that cannot be done, an empty one in its place, for its members' sake."""
    try:
        importlib.import_module(name)
    except (Exception, SystemExit):
        module = sys.modules[name] = ModuleType(name)
        module.__path__ = [str(folder)]


def _run(path: Path, name: str, finder: Neighbours) -> ModuleType:
    inside = [str(path.parent)] if path.stem == "__init__" else None
    spec = importlib.util.spec_from_file_location(
        name, path, loader=Tolerant(name, str(path), finder), submodule_search_locations=inside
    )
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
