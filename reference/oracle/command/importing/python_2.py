"""What makes a text Python 2: what no Python 3 parses, names that it has not, or the company that it keeps."""

import ast
import functools
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from tokenize import TokenInfo
from typing import NamedTuple

from reference.oracle.command.importing.tokens import Edit, between, closing, edited, split, statements

PRINT = re.compile(r"(^|[:;])\s*print(\s+[^\s=(.,)\]]|\s*$|\s*>>)")
PYTHON_2 = (
    (PRINT, "print is a statement"),
    (re.compile(r"^\s*except\s+[\w.,\s()]+,\s*\w+\s*:"), "except names its error after a comma"),
    (re.compile(r"^\s*raise\s+[\w.]+\s*,"), "raise takes a comma"),
    (re.compile(r"(^|[:;])\s*exec\s+[\"'\w]"), "exec is a statement"),
    (re.compile(r"<>"), "<> compares"),
    (re.compile(r"\b(0[0-7]+|\d+[lL])\b"), "a number ends in L or begins with 0"),
    (re.compile(r"`[^`]+`"), "backticks give a text"),
    (re.compile(r"\bur['\"]"), "a text begins with ur"),
    (re.compile(r"^\s*def\s+\w+\s*\(.*\(.*\).*\)\s*:|lambda\s*\("), "a tuple is taken apart among the parameters"),
)
PRINT_FUNCTION = re.compile(r"^from\s+__future__\s+import\b[^#\n]*\bprint_function\b", re.MULTILINE)
NAMES = {"basestring", "long", "raw_input", "reduce", "unichr", "unicode", "xrange"}
METHODS = {"has_key", "iteritems", "iterkeys", "itervalues"}
# Who imports these writes for both Pythons; pandas had an `iteritems` in Python 3.
FOR_BOTH = {"__future__", "builtins", "future", "past", "six"}
FOREIGN = {"pandas", "six"}
ONLY_3 = (ast.AnnAssign, ast.AsyncFunctionDef, ast.JoinedStr, ast.MatMult, ast.NamedExpr, ast.Nonlocal)


class Reason(NamedTuple):
    """Why a text is taken as Python 2: the line, what is said of it, and whether no Python 3 could have run it.

    Functions with one of the lines in them could not have been run by Python 3, whatever the rest of the text is.
    """

    line: int
    said: str
    certain: bool = False
    lines: frozenset[int] = frozenset()


def refused_for(text: str, error: SyntaxError) -> Reason | None:
    """Why no Python 3 parses the text though Python 2 does, or None where the error is one in every Python."""
    lines = text.splitlines()
    place = min(max(error.lineno or 1, 1), max(len(lines), 1))
    if isinstance(error, TabError):
        return Reason(place, "tabs and spaces are mixed", True)
    at = lines[place - 1] if lines else ""
    return next((Reason(place, said, True) for pattern, said in PYTHON_2 if pattern.search(at)), None)


def as_python_3(text: str) -> str:
    """The text with calls for its print statements, `as` and calls for the commas of its errors, spaces for its tabs.

    Raises:
        tokenize.TokenError, SyntaxError: brackets or indentations do not match.
    """
    text = re.sub(r"^[ \t]+", lambda margin: margin[0].expandtabs(), text, flags=re.MULTILINE)
    return edited(text, (edit for tokens in statements(text) for edit in _edits(text, tokens)))


def _edits(text: str, tokens: list[TokenInfo]) -> Iterator[Edit]:
    parts = split(tokens[1:-1] if tokens[-1].string == ":" else tokens[1:])
    if tokens[0].string == "print" and not PRINT_FUNCTION.search(text):
        yield from _printed(text, tokens)
    elif tokens[0].string == "except" and len(parts) == 2:
        yield Edit(parts[0][-1].end, parts[1][0].start, " as ")
    elif tokens[0].string == "raise" and len(parts) == 2:
        yield from (Edit(parts[0][-1].end, parts[1][0].start, "("), Edit(tokens[-1].end, tokens[-1].end, ")"))


def _printed(text: str, tokens: list[TokenInfo]) -> Iterator[Edit]:
    name, *values = tokens
    if values and values[0].string == "(" and closing(values, 0) == len(values) - 1:
        return
    into = ""
    if values and values[0].string == ">>":
        stream, *others = split(values[1:])
        into = f"file={between(text, stream[0].start, stream[-1].end)}"
        values = [token for part in others for token in part]
        into = f", {into}" if values else into
    begin, end = (values[0].start, values[-1].end) if values else (tokens[-1].end, tokens[-1].end)
    yield Edit(name.end, begin, "(")
    yield Edit(end, tokens[-1].end, f"{into})")


def looks_like(tree: ast.Module, path: Path) -> Reason | None:
    """Why a text that Python 3 parses is Python 2 nonetheless; None where it may be for Python 3."""
    nodes = list(ast.walk(tree))
    imported = set(_imported(nodes))
    if imported & FOR_BOTH - {"__future__"} or any(map(_is_for_python_3, nodes)):
        return None
    gone = sorted(_names_that_are_gone(nodes, imported))
    reason = gone[0] if gone else None if "__future__" in imported else _by_company(nodes, path)
    lines = {reason.line for reason in gone} | set(_counting_to_quotients(nodes))
    return reason and reason._replace(lines=frozenset(lines))


def _imported(nodes: list[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.name.split(".")[0] for alias in node.names)
        if isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").split(".")[0]


def _is_for_python_3(node: ast.AST) -> bool:
    """Syntax that Python 2 has not, or a question which Python it is."""
    match node:
        case ast.Name(id="NameError" | "PY2" | "PY3") | ast.Attribute(attr="version_info" | "PY2" | "PY3"):
            return True
        case ast.Call(func=ast.Name(id="print"), keywords=[_, *_]) | ast.Call(func=ast.Name(id="super"), args=[]):
            return True
        case ast.arguments(kwonlyargs=[_, *_]):
            return True
        case ast.arg(annotation=annotation) | ast.FunctionDef(returns=annotation):
            return annotation is not None
    return isinstance(node, ONLY_3)


def _names_that_are_gone(nodes: list[ast.AST], imported: set[str]) -> Iterator[Reason]:
    own = {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    own |= {node.arg for node in nodes if isinstance(node, ast.arg)} | imported
    own |= {getattr(alias, "asname", None) or "" for node in nodes for alias in getattr(node, "names", [])}
    own |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    for node in nodes:
        match node:
            case ast.Name(id=name) if name in NAMES - own and "*" not in imported:
                yield Reason(node.lineno, f"uses {name} of Python 2")
            case ast.Attribute(attr=name) if name in METHODS - own and not imported & FOREIGN:
                yield Reason(node.lineno, f"uses {name}() of Python 2")


def _counting_to_quotients(nodes: list[ast.AST]) -> Iterator[int]:
    """`range(rows)` after `rows = (height - size) / stride + 1`: no Python 3 counts up to a quotient."""
    for function in nodes:
        if isinstance(function, ast.FunctionDef):
            inner = list(ast.walk(function))
            stored = [name.id for name in inner if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)]
            quotients = {name for name in _divided(inner) if stored.count(name) == 1}
            for node in inner:
                match node:
                    case ast.Call(func=ast.Name(id="range"), args=[*_, ast.Name(id=name)]) if name in quotients:
                        yield node.lineno


def _divided(nodes: list[ast.AST]) -> Iterator[str]:
    """The names that are set to a quotient, or to a sum or product with one in it."""
    for node in nodes:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if _is_quotient(value):
                yield name
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                pairs = zip(names, values, strict=False)
                yield from (name.id for name, value in pairs if isinstance(name, ast.Name) and _is_quotient(value))


def _is_quotient(node: ast.expr) -> bool:
    match node:
        case ast.BinOp(op=ast.Div()):
            return True
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult(), right=right):
            return _is_quotient(left) or _is_quotient(right)
    return False


def _by_company(nodes: list[ast.AST], path: Path) -> Reason | None:
    """A file that divides, beside one that no Python 3 parses: one author ran both."""
    lines = [node.lineno for node in nodes if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)]
    beside = [name for name in _in_python_2(path.parent) if name != path.name] if lines else []
    return Reason(min(lines), f"divides, and {beside[0]} beside the file is Python 2") if beside else None


@functools.cache
def _in_python_2(folder: Path) -> list[str]:
    return [path.name for path in sorted(folder.glob("*.py")) if _is_python_2(path)]


def _is_python_2(path: Path) -> bool:
    try:
        with tokenize.open(path) as file:
            text = file.read()
    except (OSError, SyntaxError, UnicodeDecodeError):
        return False
    if not re.search(PRINT.pattern, text, re.MULTILINE):
        return False
    try:
        ast.parse(text)
    except SyntaxError as error:
        return refused_for(text, error) is not None
    except ValueError:
        return False
    return False
