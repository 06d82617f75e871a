"""Python 2 at work in Python 3: its names, the lists that it gives, and whole numbers that divide to whole numbers."""

import ast
import builtins
import copy
import functools
import traceback
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from reference.oracle.command.importing.python_2 import Reason
from reference.oracle.command.importing.standins import doubt

NOW = {"has_key": "__contains__", "iteritems": "items", "iterkeys": "keys", "itervalues": "values", "next": "__next__"}
LISTED = {"items", "keys", "values"}
WHOLE = (int, np.integer, np.bool_)


def names(division: "Division", lists: bool) -> dict[str, Any]:
    """The builtins of a module in Python 2; loops in Cython count without lists."""
    made = {make.__name__: _listing(make) for make in (filter, map, range, zip)} if lists else {}
    return {
        **vars(builtins), **made, "basestring": str, "long": int, "raw_input": input, "reduce": functools.reduce,
        "unichr": chr, "unicode": str, "xrange": range,
        "__attribute__": attribute, "__divide__": division.divide, "__divided__": division.divided,
        "__divided_at__": division.divided_at, "__key__": np.s_,
    }  # fmt: skip


def _listing(make: Callable[..., Any]) -> Callable[..., list[Any]]:
    @functools.wraps(make, assigned=("__name__", "__doc__"))
    def listed(*arguments: Any) -> list[Any]:
        return list(make(*arguments))

    return listed


def attribute(value: Any, name: str) -> Any:
    """The attribute; a method that Python 3 has under another name where the object has none of the old one."""
    if type(value) is dict and name in LISTED:
        return lambda: list(getattr(value, name)())
    if name in NOW and not hasattr(value, name):
        found = getattr(value, NOW[name], None)
        return (lambda: iter(found())) if found and name.startswith("iter") else found or getattr(value, name)
    return getattr(value, name)


class Division:
    """The division of Python 2, which floors where both are whole.

    Where it is not certain that the file is Python 2, a division that leaves a remainder acquits whatever fails;
    while the file is imported, it fails itself, so that nothing is judged that comes of it.
    """

    def __init__(self, path: Path, reason: Reason | None, importing: Callable[[], bool]) -> None:
        self.path, self.importing = path, importing
        self.certain = reason is None or reason.certain
        self.lines = reason.lines if reason else frozenset()

    def divide(self, dividend: Any, divisor: Any) -> Any:
        """`dividend / divisor`."""
        return dividend // divisor if self._floors(dividend, divisor) else dividend / divisor

    def divided(self, dividend: Any, divisor: Any) -> Any:
        """What `dividend /= divisor` makes of it, in its own memory where it has one."""
        if self._floors(dividend, divisor):
            dividend //= divisor
        else:
            dividend /= divisor
        return dividend

    def divided_at(self, container: Any, key: Any, divisor: Any) -> None:
        """`container[key] /= divisor`."""
        container[key] = self.divided(container[key], divisor)

    def _floors(self, dividend: Any, divisor: Any) -> bool:
        both = _is_whole(dividend) and _is_whole(divisor)
        if both and not self.certain and np.all(np.asarray(divisor) != 0) and np.any(dividend % divisor != 0):
            self._doubt()
        return both

    def _doubt(self) -> None:
        frame = next(frame for frame, _ in traceback.walk_stack(None) if frame.f_code.co_filename != __file__)
        if self.lines & {line for _, _, line in frame.f_code.co_lines()}:  # this function is for no Python 3
            return
        sentence = (
            f"line {frame.f_lineno} of {self.path.name} divides whole numbers, and Python 2, for which it seems to be "
            "written, drops the remainder (// or 1.0 * says what is meant)"
        )
        if self.importing():
            raise ArithmeticError(sentence)
        doubt(sentence)


def _is_whole(value: Any) -> bool:
    return value.dtype.kind in "iub" if isinstance(value, np.ndarray) else isinstance(value, WHOLE)


class _Everything(frozenset[str]):
    """Holds every name."""

    def __contains__(self, name: object) -> bool:
        return True

    def __bool__(self) -> bool:
        return True


ALL = _Everything()


class Rewriting(ast.NodeTransformer):
    """Methods, and the divisions of these names, as calls of the names above."""

    def __init__(self, floors: Collection[str]) -> None:
        self.floors = floors

    def _may_floor(self, operator: ast.operator, *operands: ast.expr) -> bool:
        if not isinstance(operator, ast.Div) or any(map(_is_float, operands)):
            return False
        names = {name.id for operand in operands for name in _names_outside_shapes(operand)}
        return bool(self.floors) and all(name in self.floors for name in names)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """A division, unless a float is in it as plain text."""
        floors = self._may_floor(node.op, node.left, node.right)
        self.generic_visit(node)
        return _calling("__divide__", node, node.left, node.right) if floors else node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        """A division into a variable, an attribute or a part of an array."""
        floors = self._may_floor(node.op, node.target, node.value)
        self.generic_visit(node)
        if not floors:
            return node
        if isinstance(node.target, ast.Subscript):
            key = ast.Subscript(ast.Name("__key__", ast.Load()), node.target.slice, ast.Load())
            return _placed(ast.Expr(_calling("__divided_at__", node, node.target.value, key, node.value)), node)
        now = copy.deepcopy(node.target)
        now.ctx = ast.Load()
        return _placed(ast.Assign([node.target], _calling("__divided__", node, now, node.value)), node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """A method that is another one today."""
        self.generic_visit(node)
        if node.attr not in NOW.keys() | LISTED or not isinstance(node.ctx, ast.Load):
            return node
        return _calling("__attribute__", node, node.value, ast.Constant(node.attr))


def _names_outside_shapes(node: ast.AST) -> Iterator[ast.Name]:
    if isinstance(node, ast.Name):
        yield node
    elif not (isinstance(node, ast.Attribute) and node.attr == "shape"):
        for inner in ast.iter_child_nodes(node):
            yield from _names_outside_shapes(inner)


def _is_float(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, float)


def _calling(name: str, place: ast.AST, *arguments: ast.expr) -> Any:
    return _placed(ast.Call(ast.Name(name, ast.Load()), list(arguments), []), place)


def _placed(node: ast.AST, place: ast.AST) -> ast.AST:
    return ast.fix_missing_locations(ast.copy_location(node, place))
