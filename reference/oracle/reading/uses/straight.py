"""A straight line through somebody's code, and the values of names on it, computed when they are asked for.

Loops are gone through once, and every branch is. Of all statements only those run that a name asked for depends on:
what binds it, what that depends on in turn, and what is added to it before the place that asks.
"""

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

from reference.oracle.reading.uses.guarded import Refused
from reference.oracle.reading.vocabulary import words_of

# What a method that makes an object ready begins with: add, add_layer, compile.
READYING = {
    "add",
    "append",
    "build",
    "compile",
    "extend",
    "init",
    "initialize",
    "initialise",
    "insert",
    "prepare",
    "set",
    "setup",
}
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Unknown(Exception):
    """What a name stands for cannot be computed."""


def straight(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements in a row: those of loops once, those of all branches, definitions whole."""
    for statement in body:
        if isinstance(statement, ast.For):
            yield ast.fix_missing_locations(ast.copy_location(_once(statement), statement))
        if isinstance(statement, SCOPES):
            yield statement
            continue
        inner = [getattr(statement, part, []) for part in ("body", "orelse", "finalbody")]
        if not any(inner):
            yield statement
        for part in inner:
            yield from straight(part)


def _once(loop: ast.For) -> ast.Assign:
    """What a loop binds when it begins: target = next(iter(...))."""
    items = ast.Call(ast.Name("iter", ast.Load()), [loop.iter], [])
    return ast.Assign([loop.target], ast.Call(ast.Name("next", ast.Load()), [items], []))


def bound_by(statement: ast.stmt) -> set[str]:
    """The names that a statement binds."""
    match statement:
        case ast.Import() | ast.ImportFrom():
            return {(alias.asname or alias.name).split(".")[0] for alias in statement.names}
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return {statement.name}
        case ast.Assign() | ast.AnnAssign():
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            return {node.id for target in targets for node in ast.walk(target)
                    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}  # fmt: skip
    return set()


def readied_by(statement: ast.stmt) -> str:
    """The name of what a statement changes: `net.add(...)`, `x[0] = ...`, `x += 1`; "" where it changes nothing."""
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method))):
            return name if {word.lower() for word in words_of(method)[:1]} & READYING else ""
        case ast.AugAssign(target=target) | ast.Assign(targets=[target]):
            inner: ast.expr = target
            while isinstance(inner, ast.Subscript | ast.Attribute):
                inner = inner.value
            return inner.id if isinstance(inner, ast.Name) and inner.id not in bound_by(statement) else ""
    return ""


@dataclass(eq=False)
class Code:
    """The lines of a module or of a function, and what is known without running them."""

    file: Path
    lines: Sequence[ast.stmt]
    outer: "Code | None" = None
    # Names whose values are there already: those of the file that is judged.
    known: Mapping[str, Any] = field(default_factory=dict)
    # The name of the package that relative imports start from.
    package: str | None = None
    # The calls of a name in the files around.
    around: "Callable[[str], Iterable[tuple[Code, int, ast.Call]]]" = lambda name: ()
    # The class whose method it is; what it is called as, and the places of its arguments without default.
    owner: str = ""
    called: str = ""
    wanted: Mapping[str, int] = field(default_factory=dict)
    memo: dict[tuple[str, int], Any] = field(default_factory=dict)
    handed: dict[str, Any] = field(default_factory=dict)
    # The lines that have been run on what they make ready.
    run: set[tuple[str, int]] = field(default_factory=set)

    def where(self, node: ast.Call) -> str:
        """Where something stands, in words."""
        return f"line {node.lineno} of {self.file.name}"

    def value(self, expression: ast.expr, place: int) -> Any:
        """What an expression stands for before the line of a place; Unknown where that cannot be computed."""
        code = compile(ast.fix_missing_locations(ast.Expression(expression)), str(self.file), "eval")
        try:
            return eval(code, _Names(self, place))
        except (Exception, SystemExit) as error:  # anybody's code may raise anything
            raise Unknown(f"{ast.unparse(expression)[:60]}: {type(error).__name__}: {error}") from error

    def of_name(self, name: str, place: int) -> Any:
        """The value of a name before the line of a place; KeyError where nothing binds it."""
        if name in self.known:
            return self.known[name]
        places = [at for at in range(min(place, len(self.lines))) if name in bound_by(self.lines[at])]
        for at in reversed(places):
            if (name, at) not in self.memo:
                self._run(at)
            if (name, at) in self.memo:
                return self._readied(name, at, place)
        if places:
            raise Unknown(f"{name} cannot be computed")
        if name in self.wanted:
            return self._handed_over(name)
        if self.outer is None:
            return self._of_star(name)
        return self.outer.of_name(name, len(self.outer.lines))

    def _handed_over(self, name: str) -> Any:
        """What an argument is given where the function is called."""
        if name in self.handed:
            return self.handed[name]
        for code, place, call in self.around(self.called) if self.wanted[name] >= 0 else ():
            given = {**dict(enumerate(call.args)), **{keyword.arg: keyword.value for keyword in call.keywords}}
            value = given.get(self.wanted[name], given.get(name))
            if value is not None and (code.called != self.called):
                self.handed[name] = code.value(value, place)
                return self.handed[name]
        raise Unknown(f"{name} is an argument of {self.called}")

    def _run(self, at: int) -> None:
        """Run the line that binds a name, and keep all that it binds."""
        names = _Names(self, len(self.lines) if isinstance(self.lines[at], SCOPES) else at)
        try:
            self._execute(self.lines[at], names)
        except (Exception, SystemExit) as error:
            if isinstance(error, Refused):
                raise
            return
        self.memo |= {(name, at): names[name] for name in bound_by(self.lines[at]) if name in names}

    def _readied(self, name: str, at: int, place: int) -> Any:
        """The value after what is done to it on the lines between, each of which is run once."""
        for other in range(at + 1, min(place, len(self.lines))):
            if readied_by(self.lines[other]) == name and (name, other) not in self.run:
                names = _Names(self, other, {name: self.memo[name, at]})
                self.run.add((name, other))
                try:
                    self._execute(self.lines[other], names)
                except (Exception, SystemExit) as error:
                    raise Unknown(f"line {self.lines[other].lineno}: {type(error).__name__}: {error}") from error
                self.memo[name, at] = dict.get(names, name)
        return self.memo[name, at]

    def _execute(self, statement: ast.stmt, names: "_Names") -> None:
        names["__package__"], names["__name__"] = self.package, f"{self.package or ''}.uses"
        exec(compile(ast.Module([statement], []), str(self.file), "exec"), names)

    def _of_star(self, name: str) -> Any:
        """What a star brings: from utils import *."""
        for statement in self.lines:
            if isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*":
                names = _Names(self, 0)
                try:
                    self._execute(statement, names)
                except (Exception, SystemExit):
                    continue
                if name in names:
                    return dict.get(names, name)
        raise KeyError(name)


class _Names(dict):
    """The namespace of one place in the code: what is not in it yet is computed."""

    def __init__(self, code: Code, place: int, own: Mapping[str, Any] | None = None) -> None:
        super().__init__(own or {})
        self.code, self.place = code, place

    def __missing__(self, name: str) -> Any:
        return self.code.of_name(name, self.place)


def calls_of(name: str, code: Code) -> Iterator[tuple[Code, int, ast.Call]]:
    """The calls of a name: the lines that one stands among, its place there, and the call."""
    for place, line in enumerate(code.lines):
        if isinstance(line, ast.ClassDef):
            for inner in line.body:
                if isinstance(inner, ast.FunctionDef):
                    yield from calls_of(name, of_function(inner, code, line.name))
        elif isinstance(line, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from calls_of(name, of_function(line, code))
        else:
            yield from ((code, place, node) for node in ast.walk(line) if _is_call(node, name))


def _is_call(node: ast.AST, name: str) -> TypeGuard[ast.Call]:
    if not isinstance(node, ast.Call):
        return False
    return name == (node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", ""))


def of_function(function: ast.FunctionDef | ast.AsyncFunctionDef, outer: Code, owner: str = "") -> Code:
    """The lines of a function, and before them those that bind its arguments to their defaults."""
    taken = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    placed = len(function.args.posonlyargs) + len(function.args.args) - len(function.args.defaults)
    defaults = [*[None] * placed, *function.args.defaults, *function.args.kw_defaults]
    first = [ast.Assign([ast.Name(a.arg, ast.Store())], d) for a, d in zip(taken, defaults, strict=True) if d]
    first = [ast.fix_missing_locations(ast.copy_location(line, function)) for line in first]
    wanted = {a.arg: place - bool(owner) for place, (a, d) in enumerate(zip(taken, defaults, strict=True)) if d is None}
    called = owner if owner and function.name == "__init__" else function.name
    return Code(
        outer.file, [*first, *straight(function.body)], outer, {}, outer.package, outer.around, owner, called, wanted
    )
