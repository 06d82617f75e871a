"""The line of the user's backward that computes an argument's gradient, where it can be named honestly."""

import ast
import inspect
import textwrap
import tokenize
from collections.abc import Callable
from typing import Any


def source_of(function: Callable[..., Any] | None) -> tuple[str, int]:
    """The source of a function and the number of its first line; ("", 0) where there is none."""
    try:
        lines, first = inspect.getsourcelines(inspect.unwrap(function)) if function else ([], 0)
    except (OSError, TypeError, SyntaxError, tokenize.TokenError):  # no file, or one that has changed since
        return "", 0
    return textwrap.dedent("".join(lines)), first


def line_of(function: Callable[..., Any] | None, name: str, position: int, count: int) -> int | None:
    """The line that last computes the gradient of the argument at this position, or None where it is not certain."""
    text, first = source_of(function)
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return None
    found = _last_assignment(tree, _names_of(name)) or _returned(tree, position, count)
    return first + found - 1 if found else None


def _names_of(name: str) -> tuple[str, ...]:
    """What people call the gradient of an argument."""
    return (f"d{name}", f"{name}_ct", f"grad_{name}", f"d_{name}", f"{name}_grad", f"{name}bar", f"{name}_bar")


def _last_assignment(tree: ast.AST, names: tuple[str, ...]) -> int | None:
    """The last line that assigns to one of the names: a variable, an attribute, or an entry of a dict."""
    lines = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AugAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if _called(target) in names
    ]
    return max(lines, default=None)


def _called(target: ast.expr) -> str:
    match target:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(value=ast.Name(id="grads" | "gradients"), slice=ast.Constant(value=str(key))):
            return f"d{key}"
        case ast.Subscript(value=value):
            return _called(value)
    return ""


def _returned(tree: ast.AST, position: int, count: int) -> int | None:
    """The line of the expression that the only return gives for this argument, followed through one variable."""
    returned = [node.value for node in ast.walk(tree) if isinstance(node, ast.Return) and node.value is not None]
    if len(returned) != 1:
        return None
    (value,) = returned
    parts = value.elts if isinstance(value, ast.Tuple | ast.List) else [value]
    if len(parts) not in (count, 1) or position >= len(parts):
        return None
    part = parts[position]
    if isinstance(part, ast.Name):
        return _last_assignment(tree, (part.id,)) or part.lineno
    return part.lineno
