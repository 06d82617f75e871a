"""Lines of a function as they stand in the code, found by importing it: never a copy, so a page cannot drift."""

import ast
import importlib
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from .refusal import Refusal

SIDES = {"numpy": "reference", "jax": "functional_nn"}
Definition = ast.FunctionDef | ast.ClassDef


@dataclass(frozen=True, eq=False)
class Function:
    """A function or class in a file: its name, its statements, and where they stand."""

    name: str
    file: Path
    node: Definition
    lines: tuple[str, ...]  # those of the whole file

    @property
    def first(self) -> int:
        """The first line, that of a decorator where there is one."""
        return min([self.node.lineno, *(decorator.lineno for decorator in self.node.decorator_list)])

    @property
    def last(self) -> int:
        """The last line."""
        return self.node.end_lineno or self.first

    def end_of(self, line: int) -> int:
        """The last line of the statement that begins on a line."""
        return next((last for first, last in spans(self) if first == line), line)


@dataclass(frozen=True)
class Piece:
    """Neighbouring lines of a function: the first one's number, and the lines, indented as little as can be."""

    first: int
    lines: tuple[str, ...]


@cache
def find(name: str) -> Function:
    """The function of a dotted name, looked for where it was defined."""
    target = inspect.unwrap(_resolve(name))
    module, qualified = getattr(target, "__module__", None), getattr(target, "__qualname__", None)
    if not module or not qualified or isinstance(target, ModuleType):
        raise Refusal(f"a step must name a function; got {name!r}, which is none")
    file = Path(inspect.getfile(importlib.import_module(module)))
    tree, lines = parsed(file)
    node: ast.AST = tree
    for part in qualified.replace("<locals>.", "").split("."):
        inner = (n for n in ast.walk(node) if isinstance(n, ast.FunctionDef | ast.ClassDef) and n.name == part)
        found = next(inner, None)
        if found is None:
            raise Refusal(f"a function must be written in its module with def; got {name!r}")
        node = found
    assert isinstance(node, ast.FunctionDef | ast.ClassDef)
    return Function(name, file, node, lines)


def _resolve(name: str) -> Any:
    """Import the longest part of a dotted name that is a module, and take the rest as attributes."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            target: Any = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        for part in parts[count:]:
            if not hasattr(target, part):
                raise Refusal(f"a function must stand in the code; got {name!r}: {'.'.join(parts[:count])} has none")
            target = getattr(target, part)
        return target
    raise Refusal(f"a function must stand in the code; got {name!r}")


@cache
def parsed(file: Path) -> tuple[ast.Module, tuple[str, ...]]:
    """A file's syntax tree and its lines."""
    text = file.read_text(encoding="utf-8")
    return ast.parse(text), tuple(text.splitlines())


@cache
def functions_in(file: Path) -> list[Function]:
    """All functions and classes of a file, inner ones too."""
    tree, lines = parsed(file)
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef))
    return [Function(node.name, file, node, lines) for node in nodes]


@cache
def spans(function: Function) -> list[tuple[int, int]]:
    """First and last line of every statement of a function, inner functions' too, and of every line of comment.

    A statement that holds others, such as a loop, counts up to the line before them.
    """
    found = [_header(function.node)]
    for node in _statements(function.node):
        holds = getattr(node, "body", None)
        found.append(_header(node) if holds else (node.lineno, node.end_lineno or node.lineno))
    covered = {line for first, last in found for line in range(first, last + 1)}
    comments = [
        (n, n)
        for n in range(function.first, function.last + 1)
        if n not in covered and function.lines[n - 1].lstrip().startswith(("#", "else", "finally"))
    ]
    return sorted({*found, *comments})


def _statements(function: Definition) -> Iterator[Any]:
    docstrings = {
        id(node.body[0])
        for node in ast.walk(function)
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None
    }
    for node in ast.walk(function):
        if isinstance(node, ast.stmt | ast.match_case) and node is not function and id(node) not in docstrings:
            yield node


def _header(node: Any) -> tuple[int, int]:
    first = min([_line_of(node), *(d.lineno for d in getattr(node, "decorator_list", []))])
    return first, max(_line_of(node.body[0]) - 1, _line_of(node)) if _line_of(node.body[0]) > first else first


def _line_of(node: Any) -> int:
    return node.pattern.lineno if isinstance(node, ast.match_case) else node.lineno


def pick(function: Function, fragment: str) -> tuple[int, int]:
    """The lines of the one statement that begins with the fragment."""
    wanted = fragment.strip()
    found = [span for span in spans(function) if any(_begins(function, span, wanted, n) for n in (0, 1))]
    if len(found) != 1:
        number = "no line" if not found else f"{len(found)} lines"
        raise Refusal(f"a fragment must begin one line of {function.name}; got {fragment!r}, which begins {number}")
    return found[0]


def _begins(function: Function, span: tuple[int, int], wanted: str, offset: int) -> bool:
    """Whether the first line begins so; or, of a decorated def, a later one."""
    decorated = function.lines[span[0] - 1].lstrip().startswith("@")
    if offset and not decorated:
        return False
    lines = function.lines[span[0] - 1 : span[1]] if decorated else function.lines[span[0] - 1 : span[0]]
    return any(line.strip().startswith(wanted) for line in lines[offset:] or ()) and bool(wanted)


def pieces(function: Function, fragments: tuple[str, ...]) -> list[Piece]:
    """The picked statements, or the whole function without its docstring; lines that touch make one piece."""
    chosen = [pick(function, fragment) for fragment in fragments] if fragments else _whole(function)
    joined: list[tuple[int, int]] = []
    for first, last in chosen:
        if joined and first == joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    indent = min(len(line) - len(line.lstrip()) for span in joined for line in _lines(function, span) if line.strip())
    return [Piece(span[0], tuple(line[indent:] for line in _lines(function, span))) for span in joined]


def _lines(function: Function, span: tuple[int, int]) -> tuple[str, ...]:
    return function.lines[span[0] - 1 : span[1]]


def _whole(function: Function) -> list[tuple[int, int]]:
    body = function.node.body
    if ast.get_docstring(function.node) is None:
        return [(function.first, function.last)]
    return [(function.first, body[0].lineno - 1), ((body[0].end_lineno or 0) + 1, function.last)]
