"""Which names a statement binds or may change, read from its text."""

import ast
import builtins
import re
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
CODE = (ModuleType, FunctionType, BuiltinFunctionType, type)


def bound(statement: ast.stmt, names: Mapping[str, Any]) -> set[str]:
    """The names that the statement would have bound, or into whose objects it would have written."""
    return set(_stored(statement)) | {name for name in _imported_in(statement) if name not in names}


def changed(statement: ast.stmt, names: Mapping[str, Any]) -> set[str]:
    """Names of data that the statement may have changed half-way: it calls their methods or hands them to functions."""
    if isinstance(statement, SCOPES):
        return set()
    calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call)]
    objects = [call.func.value for call in calls if isinstance(call.func, ast.Attribute)]
    roots = map(_root, [*objects, *(argument for call in calls for argument in call.args)])
    set_in = {_root(call.args[0]) for call in calls if root_of_call(call) == "setattr" and call.args}
    data = {name for name in roots if name and name in names and not isinstance(names[name], CODE)}
    return {name for name in (*data, *set_in) if name}


def imported(single: ast.Import | ast.ImportFrom) -> tuple[str, str]:
    """The name that an import of one thing binds, and the full name of what it binds to it."""
    alias = single.names[0]
    if isinstance(single, ast.ImportFrom):
        return alias.asname or alias.name, f"{'.' * single.level}{single.module or ''}.{alias.name}".replace("..", ".")
    top = alias.name.split(".")[0]
    return (alias.asname, alias.name) if alias.asname else (top, top)


def not_imported(statement: ast.Try, names: Mapping[str, Any]) -> set[str]:
    """Names that imports inside a `try` would have bound, where its handlers bound nothing instead."""
    return {name for name in _imported_in(statement) if name not in names and not hasattr(builtins, name)}


def said_by(error: BaseException) -> str:
    """The kind and the first line of an exception, without the path that an ImportError ends in."""
    first = next(iter(str(error).splitlines()), "")
    said = re.sub(r" \([^()]*\)$", "", first) if isinstance(error, ImportError) else first
    return f"{type(error).__name__}: {said}".rstrip(": ")


def line_of(error: BaseException, path: Path) -> int | None:
    """The line of this file at which the exception passed last."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return lines[-1] if lines else None


def _own(statement: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a statement, without those inside functions and classes that it defines."""
    yield statement
    if not isinstance(statement, SCOPES):
        for inner in ast.iter_child_nodes(statement):
            yield from _own(inner)


def _stored(statement: ast.stmt) -> Iterator[str]:
    for node in _own(statement):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(getattr(node, "ctx", None), ast.Store | ast.Del) and (name := _root(node)):
            yield name


def _imported_in(statement: ast.stmt) -> Iterator[str]:
    for node in _own(statement):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name.split(".")[0] for alias in node.names if alias.name != "*")


def root_of_call(call: ast.Call) -> str | None:
    """The name that what is called begins with: np of np.random.rand(3).sum()."""
    function = call.func
    while isinstance(function, ast.Attribute | ast.Subscript | ast.Call):
        function = function.func if isinstance(function, ast.Call) else function.value
    return function.id if isinstance(function, ast.Name) else None


def _root(node: ast.AST) -> str | None:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None
