"""The calls of something found, in the files around it: how its author makes it, and what it is given."""

import ast
import contextlib
import functools
import inspect
import itertools
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from reference.oracle.reading.around import files_around, root_around, tree_of_file
from reference.oracle.reading.discover import Found
from reference.oracle.reading.source import init_of, parameters, undecorated
from reference.oracle.reading.uses.guarded import guarded
from reference.oracle.reading.uses.straight import SCOPES, Code, Unknown, bound_by, calls_of, readied_by, straight
from reference.oracle.subjects.vjp import generators_restored, quiet

# So many calls are looked at, and so many different ones tried; no more entries are made for one.
CALLS, USES, ENTRIES = 16, 3, 200_000
# Through so many classes that make others, and so deep into what an object holds, a maker is followed.
DEPTH, DEEP = 3, 6
DEFINED = (type, FunctionType, ModuleType)
FUNCTIONS = ("pair", "value_and_gradient")
DATA = (np.ndarray, np.generic, int, float, str, bool, type(None))


@dataclass(frozen=True)
class Use:
    """How something is used on a line of a file: the object made there, and what its forward is given there."""

    place: str
    # The call that makes the object, as written, and what the constructor is given by name.
    written: str = ""
    made: Mapping[str, Any] | None = None
    thing: Any = None
    # What the forward is given, in its order; None where that cannot be computed.
    inputs: tuple[Any, ...] | None = None


def uses(found: Found) -> list[Use]:
    """Different uses of a class or a function, the most telling first: with inputs, then those that come first."""
    target = found.parts[0]
    if found.style not in ("object", "network", "pair", "value_and_gradient"):
        return []
    try:
        own = Path(inspect.getsourcefile(undecorated(target)) or "")
    except TypeError:
        return []
    different: dict[str, Use] = {}
    for use in _of_function(found, own) if found.style in FUNCTIONS else _of_class(found, own):
        different.setdefault(_key(use), use)
    return sorted(different.values(), key=lambda use: use.inputs is None)[:USES]


def _key(use: Use) -> str:
    shapes = None if use.inputs is None else [getattr(value, "shape", value) for value in use.inputs]
    return f"{use.written} {shapes}"


def _of_function(found: Found, own: Path) -> Iterator[Use]:
    """What a function is given on the lines that call it."""
    for code, place, call in _calls_around(found.parts[0].__name__, found.parts[0], own):
        inputs = None
        with contextlib.suppress(Exception), _at(code.file, own):
            inputs = _in_order(found, _given(code, place, call, found.forward))
        if inputs is not None:
            yield Use(code.where(call), inputs=inputs)


def _of_class(found: Found, own: Path) -> Iterator[Use]:
    """The objects that are made of a class, and what their forwards are given."""
    for made in _made_around(found.parts[0].__name__, found.parts[0], own, DEPTH):
        given, inputs = {}, None
        with contextlib.suppress(Exception), _at(made.code.file, own):
            given, inputs = _given_to(found, made) if made.direct else ({}, None)
        yield Use(made.code.where(made.call), ast.unparse(made.call), given, made.thing, inputs)


@dataclass(frozen=True)
class Made:
    """An object, the call that makes it or what holds it, and the lines on which it is known by a name."""

    code: Code
    place: int
    call: ast.Call
    thing: Any
    direct: bool = True


def _made_around(name: str, target: Any, own: Path, depth: int) -> Iterator[Made]:
    """The objects of a class that are made around, or held by objects of the classes that make some."""
    holders: dict[str, None] = {}
    for code, place, call in _calls_around(name, target, own):
        try:
            with _at(code.file, own):
                thing = _object(code, place, call, name)
        except Exception:  # anybody's code may raise anything, and the guard at any line
            if code.owner not in ("", name):
                holders[code.owner] = None
            continue
        yield Made(code, place, call, thing)
    for holder in holders if depth else ():
        for other in _made_around(holder, target, own, depth - 1):
            inner = next((one for one in _held(other.thing, 0, set()) if type(one).__name__ == name), None)
            if inner is not None:
                yield replace(other, thing=inner, direct=False)


def _held(owner: Any, depth: int, seen: set[int]) -> Iterator[Any]:
    """The objects that an object holds, in its attributes, lists and dicts, each once."""
    if depth > DEEP or id(owner) in seen or isinstance(owner, (*DATA, type)):
        return
    seen.add(id(owner))
    yield owner
    parts = owner.values() if isinstance(owner, Mapping) else owner if isinstance(owner, list | tuple) else ()
    for part in (*parts, *getattr(owner, "__dict__", {}).values()):
        yield from _held(part, depth + 1, seen)


def _calls_around(name: str, target: Any, own: Path) -> Iterator[tuple[Code, int, ast.Call]]:
    """The first calls of a name in the files around, those of its own file first."""
    files = reversed(files_around(own) or []) if name.isidentifier() else ()
    trees = ((file, tree) for file in files if (tree := tree_of_file(file)))
    found = (call for file, tree in trees for call in calls_of(name, _code_of(file, tree, target, own)))
    return itertools.islice(found, CALLS)


def _code_of(file: Path, tree: ast.Module, target: Any, own: Path) -> Code:
    """The lines of a file; of the one that is judged with all that it defines and imports."""
    module = sys.modules.get(target.__module__)
    beside = getattr(module, "__package__", None) if file.parent == own.parent else None
    defined = vars(module).items() if module is not None and file == own else ()
    known = {name: value for name, value in defined if isinstance(value, DEFINED)}
    around = functools.partial(_calls_around, target=target, own=own)
    return Code(file, list(straight(tree.body)), None, known | {target.__name__: target}, beside, around)


@contextlib.contextmanager
def _at(file: Path, own: Path) -> Iterator[None]:
    """Imports as in this file; of the modules that they bring none stays in the way of others."""
    before, known, root = list(sys.path), set(sys.modules), root_around(own)
    sys.path[:0] = [str(file.parent), str(root)]
    try:
        with generators_restored(), quiet(0), guarded():
            yield
    finally:
        sys.path[:] = before
        for name in set(sys.modules) - known:
            file_of = getattr(sys.modules[name], "__file__", None)
            if file_of and Path(file_of).is_relative_to(root):
                del sys.modules[name]


def _object(code: Code, place: int, call: ast.Call, name: str) -> Any:
    """The object that a call makes, readied on the lines behind: under a name of its own, or inside of another."""
    holder = readied_by(code.lines[place])
    kept = holder or _kept_as(code, place, call)
    thing = code.value(ast.Name(kept, ast.Load()), _until(code, place, kept)) if kept else code.value(call, place)
    if holder:
        thing = next((one for one in _held(thing, 0, set()) if type(one).__name__ == name), None)
    if type(thing).__name__ != name:
        raise Unknown(f"{code.where(call)} makes another thing")
    return thing


def _kept_as(code: Code, place: int, call: ast.Call) -> str:
    """The name that the object is kept under: layer = Linear(2, 3)."""
    match code.lines[place]:
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if value is call:
            return name
    return ""


def _until(code: Code, place: int, name: str) -> int:
    """The place of the line that binds a name anew."""
    anew = (at for at in range(place + 1, len(code.lines)) if name in bound_by(code.lines[at]))
    return next(anew, len(code.lines))


def _given_to(found: Found, made: Made) -> tuple[dict[str, Any] | None, tuple[Any, ...] | None]:
    """What the constructor of an object is given, and its forward."""
    arguments = _arguments(made.code, made.place, made.call)
    return _named(init_of(found.parts[0]), *arguments), _spoken_with(found, made)


def _spoken_with(found: Found, made: Made) -> tuple[Any, ...] | None:
    """What the forward of an object is given in the lines behind the one that makes it; None where that is unknown."""
    code, name = made.code, _kept_as(made.code, made.place, made.call)
    for at in range(made.place + 1, _until(code, made.place, name) if name else 0):
        for node in () if isinstance(code.lines[at], SCOPES) else ast.walk(code.lines[at]):
            if isinstance(node, ast.Call) and _speaks_to(node.func, name, found.parts[1]):
                with contextlib.suppress(Unknown):
                    return _in_order(found, _given(code, at, node, found.forward))
    return None


def _speaks_to(called: ast.expr, name: str, forward: str) -> bool:
    if isinstance(called, ast.Attribute) and called.attr == forward:
        called = called.value
    return isinstance(called, ast.Name) and called.id == name


def _given(code: Code, place: int, call: ast.Call, function: Any) -> dict[str, Any]:
    positional, named = _arguments(code, place, call)
    given = _named(function, positional, named)
    if given is None or not all(_is_small(value) for value in given.values()):
        raise Unknown(f"{code.where(call)} gives too much")
    return given


def _arguments(code: Code, place: int, call: ast.Call) -> tuple[list[Any], dict[str, Any]]:
    """The values that a call is given, by place and by name."""
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for argument in call.args:
        if isinstance(argument, ast.Starred):
            positional += list(code.value(argument.value, place))
        else:
            positional.append(code.value(argument, place))
    for keyword in call.keywords:
        value = code.value(keyword.value, place)
        named |= value if keyword.arg is None else {keyword.arg: value}
    return positional, named


def _named(function: Any, positional: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any] | None:
    """The values by the names of a function's parameters; None where it takes none such."""
    try:
        bound = inspect.signature(function).bind(*positional, **named)
    except (TypeError, ValueError):
        return None
    return dict(bound.arguments)


def _in_order(found: Found, given: Mapping[str, Any]) -> tuple[Any, ...]:
    """The values in the order of the forward's parameters, with its defaults up to the last that is given."""
    taken = parameters(found.forward)
    last = max((place for place, p in enumerate(taken) if p.name in given), default=-1)
    values = [given.get(p.name, p.default) for p in taken[: last + 1]]
    if not values or any(value is inspect.Parameter.empty for value in values):
        raise Unknown("an argument of the forward is not given")
    return tuple(values)


def _is_small(value: Any) -> bool:
    """Whether it holds not too many numbers."""
    if isinstance(value, Mapping):
        return all(_is_small(inner) for inner in value.values())
    if isinstance(value, tuple | list):
        return len(value) <= ENTRIES and all(_is_small(inner) for inner in value[:DEEP])
    try:
        return not hasattr(value, "__array__") or np.size(np.asarray(value)) <= ENTRIES
    except Exception:  # what stands for a value that is not there refuses to be used
        return False
