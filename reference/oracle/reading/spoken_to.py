"""Whether a class calls what its constructor was given: a layer that wraps another, a container of several."""

import ast
import inspect
from collections.abc import Iterator
from functools import cache, partial
from typing import TypeGuard

from reference.oracle.reading.source import tree_of
from reference.oracle.reading.vocabulary import BACKWARD_METHODS, FORWARD_METHODS


@cache
def is_spoken_to(owner: type, argument: str) -> bool:
    """Whether the methods of a class call what its constructor was given: self.layer(x), self.layer.forward(x)."""
    trees = _trees(owner)
    kept = {f"self.{argument}", *(name for tree in trees for name in _kept_as(tree, argument))}
    return any(map(partial(_is_called, kept), trees))


@cache
def is_looped_over(owner: type, argument: str) -> bool:
    """Whether the methods of a class call every one of what its constructor was given, or keeps by that name.

    And ask nothing else of it, such as an attribute that a layer of ours has not.
    """
    trees = _trees(owner)
    kept = {f"self.{argument}", *(name for tree in trees for name in _kept_as(tree, argument))}
    loops = [loop for tree in trees for loop in _loops(tree, kept) if _is_called({ast.unparse(loop.target)}, loop)]
    return bool(loops) and not any(map(_asks_more, loops))


def _asks_more(loop: ast.For) -> bool:
    """Whether a loop looks at more of its variable than what a layer is called by."""
    name = ast.unparse(loop.target)
    looked = (
        node.attr for node in ast.walk(loop) if isinstance(node, ast.Attribute) and ast.unparse(node.value) == name
    )
    calls = (node for node in ast.walk(loop) if isinstance(node, ast.Call) and node.args)
    asked = (node for node in calls if ast.unparse(node.func) in ("isinstance", "hasattr", "getattr", "type"))
    known = (*FORWARD_METHODS, *BACKWARD_METHODS)
    return any(attribute not in known for attribute in looked) or any(
        ast.unparse(node.args[0]) == name for node in asked
    )


def _trees(owner: type) -> list[ast.FunctionDef]:
    methods = [value for base in owner.__mro__ for value in vars(base).values() if inspect.isroutine(value)]
    return [tree for method in methods if (tree := tree_of(method))]


def _is_called(names: set[str], tree: ast.AST) -> bool:
    called = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return any(ast.unparse(f) in names or (_is_of_a_layer(f) and ast.unparse(f.value) in names) for f in called)


def _loops(tree: ast.AST, kept: set[str]) -> Iterator[ast.For]:
    """The loops over one of these names as it is, backwards or over a part of it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.For) and any(ast.unparse(part) in kept for part in ast.walk(node.iter)):
            yield node


def _is_of_a_layer(function: ast.expr) -> TypeGuard[ast.Attribute]:
    """Whether a method is called that layers have, and arrays have not."""
    return isinstance(function, ast.Attribute) and function.attr in (*FORWARD_METHODS, *BACKWARD_METHODS)


def _kept_as(tree: ast.AST, argument: str) -> Iterator[str]:
    """The attributes that are set to an argument as it is."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and node.value.id == argument:
            yield from (ast.unparse(target) for target in node.targets if isinstance(target, ast.Attribute))
