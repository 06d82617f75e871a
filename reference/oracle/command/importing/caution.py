"""What still runs in a module once a statement of it has failed: Python would have stopped there.

Definitions, imports, and assignments that do nothing but compute. A loop, a call for its effect, or a file that is
written after a failure which its author never met could do harm.
"""

import ast
import builtins
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from reference.oracle.command.importing.bindings import SCOPES, root_of_call

MODULES = {
    "builtins", "collections", "copy", "dataclasses", "enum", "functools", "itertools", "math", "numpy", "operator",
    "random", "typing"
}  # fmt: skip
BUILTINS = {
    "abs", "all", "any", "callable", "divmod", "getattr", "globals", "hasattr", "isinstance", "issubclass", "iter",
    "len", "max", "min", "next", "pow", "repr", "round", "sorted", "sum"
}  # fmt: skip
DATA = (
    np.ndarray,
    np.generic,
    np.random.Generator,
    np.random.RandomState,
    str,
    bytes,
    int,
    float,
    complex,
    tuple,
    list,
    dict,
    set,
    frozenset,
)


def is_harmless(statement: ast.stmt, names: Mapping[str, Any]) -> bool:
    """Whether a statement defines, imports or computes, and nothing else."""
    match statement:
        case ast.Import() | ast.ImportFrom() | ast.Pass() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Try(body=body):
            return all(is_harmless(inner, names) for inner in body)
        case ast.If(test=test):
            return _computes(test, names)
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
            return _computes(statement, names)
    return isinstance(statement, SCOPES)


def _computes(node: ast.AST, names: Mapping[str, Any]) -> bool:
    """Whether every call in it is one of a class, of a module that computes, or of data."""
    return all(_is_computation(call, names) for call in ast.walk(node) if isinstance(call, ast.Call))


def _is_computation(call: ast.Call, names: Mapping[str, Any]) -> bool:
    root = root_of_call(call)
    value = names.get(root or "", getattr(builtins, root or "", None))
    if isinstance(value, ModuleType):
        return value.__name__.split(".")[0] in MODULES
    if isinstance(value, type):  # to make an object is no effect; what its methods do is not known
        own = value.__module__.split(".")[0]
        return isinstance(call.func, ast.Name) and (own in MODULES or own not in sys.stdlib_module_names)
    return isinstance(value, (np.ufunc, *DATA)) or (root in BUILTINS and value is getattr(builtins, root))
