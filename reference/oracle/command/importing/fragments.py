"""Files that import nothing and use what others have: one function of an exercise a file, NumPy and the rest elsewhere.

What such a file lacks is completed: NumPy by the name that everybody gives it, functions from the files beside it, and
those that every course ships by their meaning.
"""

import ast
import builtins
import math
import re
import symtable
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np

from reference.oracle.command.importing.helpers import known
from reference.oracle.command.importing.running import Run
from reference.oracle.command.importing.source import Source
from reference.oracle.command.importing.standins import StandIn
from reference.oracle.reading.texts import NotPython, read

USUAL: dict[str, ModuleType] = {"np": np, "numpy": np, "math": math}
# So many files of a folder are looked through.
FILES = 100


def complete(module: ModuleType, source: Source, path: Path, run: Run, load: Callable[[Path], ModuleType]) -> None:
    """Bind what a file that imports nothing uses and does not define, with a note each."""
    if any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(source.tree)):
        return
    for name, line in _lacking(module, source, path):
        if name in USUAL:
            vars(module)[name] = USUAL[name]
            run.note(path, line, f"uses {name}, which the file does not import: taken for {USUAL[name].__name__}")
        elif beside := _defining(name, path):
            vars(module)[name] = getattr(load(beside), name)
            run.note(path, line, f"uses {name}, which the file does not define: that of {beside.name} is taken")
        elif known(name):
            vars(module)[name] = StandIn(name, f"{path.name} does not define it")


def _lacking(module: ModuleType, source: Source, path: Path) -> Iterator[tuple[str, int]]:
    """The names that functions of the file use and nothing binds, each with a line."""
    used = set(_globals(symtable.symtable(source.text, str(path), "exec")))
    lines = {node.id: node.lineno for node in ast.walk(source.tree) if isinstance(node, ast.Name)}
    yield from ((name, lines.get(name, 1)) for name in sorted(used - set(vars(module)) - set(vars(builtins))))


def _globals(table: symtable.SymbolTable) -> Iterator[str]:
    if table.get_type() != "module":
        yield from (symbol.get_name() for symbol in table.get_symbols() if symbol.is_global())
    for inner in table.get_children():
        yield from _globals(inner)


def _defining(name: str, path: Path) -> Path | None:
    """The file beside that defines a function or class of a name."""
    defines = re.compile(rf"^(def|class) {re.escape(name)}\b", re.MULTILINE)
    for file in sorted(file for file in path.parent.glob("*.py") if file != path)[:FILES]:
        try:
            if defines.search(read(file)):
                return file
        except (OSError, SyntaxError, NotPython):
            continue
    return None
