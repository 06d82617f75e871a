"""Whether a method is there to be overridden."""

import ast
import inspect
from typing import Any

from reference.oracle.reading.source import tree_of


def refuses(function: Any) -> bool:
    """Whether a method is there to be overridden: marked as abstract, or nothing but a NotImplementedError."""
    tree = tree_of(function) if inspect.isroutine(function) else None
    body = [node for node in tree.body if not isinstance(node, ast.Expr)] if tree else []
    raised = body and isinstance(body[0], ast.Raise) and body[0].exc is not None and ast.unparse(body[0].exc)
    return getattr(function, "__isabstractmethod__", False) or str(raised).startswith("NotImplemented")


def lacks(owner: type, method: Any) -> list[str]:
    """What a classmethod calls of its class that the class does not have: `cls.project`."""
    tree = tree_of(inspect.unwrap(getattr(method, "__func__", method)))
    if tree is None or not inspect.ismethod(method) or not tree.args.args:
        return []
    first = tree.args.args[0].arg
    asked = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    own = [node.attr for node in asked if isinstance(node.value, ast.Name) and node.value.id == first]
    return [name for name in own if not hasattr(owner, name)]


def is_abstract(function: Any) -> bool:
    """Whether a method does nothing but pass, raise or return nothing: the base that others fill in."""
    if getattr(function, "__isabstractmethod__", False):
        return True
    tree = tree_of(function)
    return tree is not None and all(map(_does_nothing, tree.body))


def _does_nothing(node: ast.stmt) -> bool:
    if isinstance(node, ast.Return):
        return (
            node.value is None or (isinstance(node.value, ast.Constant) and node.value.value is None) or _refuses(node)
        )
    return isinstance(node, ast.Pass | ast.Raise) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


def _refuses(node: ast.Return) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id in ("NotImplemented", "NotImplementedError")
