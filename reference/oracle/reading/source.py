"""What a signature and a source say of how a function is called: parameters, texts compared, names returned."""

import ast
import inspect
from collections.abc import Callable, Iterator
from functools import cache
from types import FunctionType, MethodType
from typing import Any, TypeGuard

from reference.oracle.reading.vocabulary import LOSSES, words_of

POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The positional parameters, and the keyword-only ones without a default."""
    try:
        known = signature_of(function).parameters.values()
    except (TypeError, ValueError):
        return []
    keyword = inspect.Parameter.KEYWORD_ONLY
    return [p for p in known if p.kind in POSITIONAL or (p.kind is keyword and p.default is p.empty)]


def undecorated(function: Any) -> Any:
    """The function inside of decorators, also of those that hide it: wrap(*args, **kwargs) around the only one held."""
    inner = inspect.unwrap(function)
    while isinstance(inner, FunctionType) and _hides(inner):
        cells = (cell.cell_contents for cell in inner.__closure__ or () if _is_function(cell))
        held = [function for function in cells if function is not inner]
        if len(held) != 1:
            break
        inner = inspect.unwrap(held[0])
    return inner


def signature_of(function: Any) -> inspect.Signature:
    """The signature, of the function inside of a decorator that hides it."""
    inner = inspect.unwrap(function)
    hidden = isinstance(inner, FunctionType) and _hides(inner) and not hasattr(function, "__signature__")
    return inspect.signature(undecorated(function) if hidden else function)


def _hides(function: FunctionType) -> bool:
    """Whether it takes anything and names nothing."""
    kinds = [p.kind for p in inspect.signature(function).parameters.values()]
    return kinds == [inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD]


def _is_function(cell: Any) -> bool:
    try:
        return isinstance(cell.cell_contents, FunctionType)
    except ValueError:  # nothing in it yet
        return False


def required(function: Callable[..., Any]) -> list[str]:
    """The names of the positional parameters without a default."""
    return [p.name for p in parameters(function) if p.default is p.empty]


def method_of(owner: type, name: str) -> Callable[..., Any]:
    """A method of a class as its objects have it, without self, for its signature alone.

    A __call__(*inputs) that hands everything on has the signature of the forward.
    """
    found = inspect.getattr_static(owner, name)
    method = getattr(owner, name)
    if name == "__call__" and takes_any(method) and hasattr(owner, "forward"):
        return method_of(owner, "forward")
    own = method if isinstance(found, staticmethod | classmethod) else without_first(method)
    if names := takes_any(method) and _unpacked(method):
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        own.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in names])  # pyright: ignore
    return own


def _unpacked(function: Callable[..., Any]) -> list[str]:
    """The names that a function gives to the several arguments behind its star: x0, x1 = xs."""
    tree = tree_of(function)
    star = tree.args.vararg.arg if tree and tree.args.vararg else ""
    for node in ast.walk(tree) if tree and star else ():
        match node:
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Name(id=value)) if (
                value == star and len(names) > 1
            ):
                return [name.id for name in names if isinstance(name, ast.Name)]
    return []


def takes_any(function: Callable[..., Any]) -> bool:
    """Whether it takes any number of positional arguments, and names none but self."""
    kinds = [p.kind for p in signature_of(function).parameters.values() if p.name != "self"]
    return inspect.Parameter.VAR_POSITIONAL in kinds[:1]


def without_first(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function without its first parameter (self, ctx), for its signature alone."""

    def call(*arguments: Any, **named: Any) -> Any:
        return function(None, *arguments, **named)

    try:
        signature = signature_of(function)
    except (TypeError, ValueError):
        return function
    rest = list(signature.parameters.values())
    named = rest[1:] if rest and rest[0].kind in POSITIONAL else rest
    call.__signature__ = signature.replace(parameters=named)  # pyright: ignore
    call.__wrapped__ = function  # pyright: ignore[reportFunctionMemberAccess] - as functools.wraps does
    return call


def init_of(owner: type) -> Callable[..., Any]:
    """The constructor of a class, without self, for its signature alone."""
    init = (lambda: None) if owner.__init__ is object.__init__ else without_first(owner.__init__)
    init.owner = owner  # pyright: ignore[reportFunctionMemberAccess] - for spoken_to.py
    return init


def tree_of(function: Any) -> ast.FunctionDef | None:
    """The function's own definition; None where its source cannot be had."""
    try:
        return _tree_of(undecorated(function))
    except (TypeError, ValueError):
        return None


@cache
def _tree_of(function: Any) -> ast.FunctionDef | None:
    try:
        text = inspect.getsource(function)
        # A method in which a comment begins the line cannot be moved to the left.
        tree = ast.parse(f"if True:\n{text}" if text[:1].isspace() else text)
    except (OSError, TypeError, SyntaxError, ValueError, AttributeError):
        return None
    return next((node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)), None)


def texts_compared(function: Any, name: str) -> list[str]:
    """The texts that a name is compared with in the source, `name == "relu"`, `self.name == ...`, `name in (...)`."""
    tree = tree_of(function)
    compared = [node for node in ast.walk(tree) if isinstance(node, ast.Compare)] if tree else []
    asked = [node for node in compared if getattr(node.left, "id", getattr(node.left, "attr", None)) == name]
    others = (part for node in asked for part in node.comparators)
    leaves = (leaf for part in others for leaf in getattr(part, "elts", [part]))
    return [leaf.value for leaf in leaves if isinstance(leaf, ast.Constant) and isinstance(leaf.value, str)]


def texts_in(function: Any) -> list[str]:
    """Every text in the source of a function."""
    tree = tree_of(function)
    constants = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)] if tree else []
    return [value for value in constants if isinstance(value, str)]


def texts_of(function: Any, name: str) -> list[str]:
    """The texts that a parameter may be: those that it is compared with, or the keys of a global dict that it opens."""
    return texts_compared(function, name) or _keys_opened(function, name)


def _keys_opened(function: Any, name: str) -> list[str]:
    tree, space = tree_of(function), getattr(undecorated(function), "__globals__", {})
    opened = [node for node in ast.walk(tree) if isinstance(node, ast.Subscript)] if tree else []
    opened = [node for node in opened if isinstance(node.slice, ast.Name) and node.slice.id == name]
    dicts = (space.get(node.value.id) for node in opened if isinstance(node.value, ast.Name))
    return [key for one in dicts if isinstance(one, dict) for key in one if isinstance(key, str)]


def keys_anywhere(function: Any, name: str) -> list[str]:
    """The texts by which a parameter is opened, here or in a function that it is handed on to."""
    return list(dict.fromkeys(key for one, its_name in _handed_on(function, name) for key in keys_of(one, its_name)))


def _handed_on(function: Any, name: str, deep: int = 2) -> Iterator[tuple[Any, str]]:
    """A function with its parameter, and those of the module that it calls with it, with theirs."""
    yield function, name
    tree, space = tree_of(function), getattr(undecorated(function), "__globals__", {})
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)] if tree and deep else []
    for call in calls:
        called = space.get(call.func.id) if isinstance(call.func, ast.Name) else _method_called(function, call.func)
        taken = parameters(called) if isinstance(called, FunctionType | MethodType) else []
        for place, argument in enumerate(call.args):
            if isinstance(argument, ast.Name) and argument.id == name and place < len(taken):
                yield from _handed_on(called, taken[place].name, deep - 1)


def _method_called(function: Any, called: ast.expr) -> Any:
    """The method that a bound method calls of its own object."""
    if not isinstance(called, ast.Attribute) or ast.unparse(called.value) != "self":
        return None
    return getattr(getattr(function, "__self__", None), called.attr, None)


def keys_of(function: Any, name: str) -> list[str]:
    """The texts by which a parameter is opened in the source: `conv_param["stride"]`."""
    tree = tree_of(function)
    opened = [node for node in ast.walk(tree) if isinstance(node, ast.Subscript)] if tree else []
    opened.sort(key=lambda node: (node.lineno, node.col_offset))
    slices = [node.slice for node in opened if isinstance(node.value, ast.Name) and node.value.id == name]
    return [one.value for one in slices if isinstance(one, ast.Constant) and isinstance(one.value, str)]


def ranks_of(function: Any) -> dict[str, int]:
    """The numbers of axes that the source gives away: `n, h, w, c = x.shape`."""
    tree = tree_of(function)
    assigned = [node for node in _own_nodes(tree) if isinstance(node, ast.Assign)] if tree else []
    unpacked = [(node.value, node.targets[0]) for node in assigned if isinstance(node.targets[0], ast.Tuple)]
    shapes = [(v.value, target) for v, target in unpacked if isinstance(v, ast.Attribute) and v.attr == "shape"]
    plain = [(owner.id, target) for owner, target in shapes if isinstance(owner, ast.Name)]
    return {name: len(target.elts) for name, target in plain if not any(map(_is_starred, target.elts))}


def _is_starred(node: ast.expr) -> bool:
    return isinstance(node, ast.Starred)


def returned_names(function: Any) -> list[str]:
    """The names in the last return statement, flattened: `return dx, (dW, db)`; empty where one is no plain name."""
    tree = tree_of(function)
    returns = [node.value for node in _own_nodes(tree) if isinstance(node, ast.Return) and node.value] if tree else []
    names = list(_flattened(returns[-1])) if returns else []
    return [] if "" in names else names


@cache
def place_of_loss(function: Any) -> int:
    """Which of several results is the loss, by its name: the accuracy may stand before it. 0 where nothing says so."""
    tree = tree_of(function)
    tuples = [node.value.elts for node in _own_nodes(tree) if _returns_a_tuple(node)] if tree else []
    named = [[set(words_of(ast.unparse(part).lower())) & set(LOSSES) for part in parts] for parts in tuples]
    return next((place for words in named for place, said in enumerate(words) if said), 0)


def _returns_a_tuple(node: ast.AST) -> TypeGuard[Any]:
    return isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple)


def returns_several(function: Any) -> bool:
    """Whether some return statement of its own holds a tuple of two or more."""
    tree = tree_of(function)
    nodes = _own_nodes(tree) if tree else ()
    values = [node.value for node in nodes if isinstance(node, ast.Return)]
    return any(isinstance(value, ast.Tuple) and len(value.elts) > 1 for value in values)


def uses(function: Any, *words: str) -> bool:
    """Whether the source names any of these (a variable, an attribute)."""
    tree = tree_of(function)
    nodes = ast.walk(tree) if tree else ()
    return any(getattr(node, "id", getattr(node, "attr", None)) in words for node in nodes)


def methods_called(function: Any) -> list[str]:
    """The methods of its own object that a method calls: self.name(...)."""
    tree = tree_of(function)
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)] if tree else []
    return [f.attr for f in calls if isinstance(f, ast.Attribute) and getattr(f.value, "id", None) == "self"]


def keeps(function: Any) -> bool:
    """Whether a method sets an attribute of its object."""
    tree = tree_of(function)
    nodes = ast.walk(tree) if tree else ()
    stored = [node.value for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)]
    return any(getattr(value, "id", None) == "self" for value in stored)


def _own_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function, without those of functions inside of it."""
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield node
            yield from _own_nodes(node)


def _flattened(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Tuple | ast.List):
        for part in node.elts:
            yield from _flattened(part)
    elif isinstance(node, ast.Attribute):
        yield node.attr
    else:
        yield node.id if isinstance(node, ast.Name) else ""
