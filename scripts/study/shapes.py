"""The shape of every local name, line by line, recorded while the page's own example runs."""

import ast
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import groupby
from types import FrameType
from typing import Any

import jax

from .excerpt import Function, Piece, spans

LONGEST = 24  # characters of a tuple within a tuple
WRITTEN_OUT = 3  # equal shapes beside each other

# (file, line) to what stands at the line's end, such as "(3, 4)".
Shapes = dict[tuple[str, int], str]


class Recorder:
    """Watches some functions while they run; the first shape that a line has seen is kept."""

    def __init__(self, functions: Iterable[Function]):
        self.functions = {(function.file, function.first): function for function in functions}
        self.files = {str(function.file) for function in self.functions.values()}
        self.targets = {str(f.file): {} for f in self.functions.values()}
        self.statements: dict[str, dict[int, int]] = {name: {} for name in self.files}
        self.steps: dict[Function, set[int]] = {}  # where its statements stand
        self.seen: Shapes = {}
        self.entered: set[tuple[str, int]] = set()  # file and first line: equal code of two files is equal to Python
        self.over: set[tuple[str, int]] = set()  # statements that have run to their end
        for function in self.functions.values():
            self._prepare(function)

    def _prepare(self, function: Function) -> None:
        """Which names each statement binds, and to which statement each line belongs."""
        file = str(function.file)
        for first, last in spans(function):
            self.statements[file].update(dict.fromkeys(range(first, last + 1), first))
        for node in ast.walk(function.node):
            if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.For):
                self.targets[file][node.lineno] = list(_bound(node))
        inner = (node for node in ast.walk(function.node) if isinstance(node, ast.stmt) and node is not function.node)
        lines = {
            node.lineno for node in inner if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        }
        self.steps[function] = {self.statements[file][line] for line in lines if line in self.statements[file]}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch what runs in this block."""
        before, files = sys.gettrace(), self.files

        def enter(frame: FrameType, event: str, argument: Any) -> Callable[..., Any] | None:
            # Called for every call of every library: the common answer comes first.
            return self._enter(frame) if frame.f_code.co_filename in files else None

        sys.settrace(enter)
        try:
            yield
        finally:
            sys.settrace(before)

    def ran(self, function: Function) -> bool:
        """Whether the function, or one inside it, has run."""
        inside = range(function.first, function.last + 1)
        return any(file == str(function.file) and first in inside for file, first in self.entered)

    def done(self, function: Function, picked: Iterable[Piece]) -> bool:
        """Whether every picked statement has run: nothing is left to watch for."""
        lines = {n for piece in picked for n in range(piece.first, piece.first + len(piece.lines))}
        return all((str(function.file), line) in self.over for line in lines & self.steps[function])

    def lacks(self, function: Function, picked: Iterable[Piece]) -> bool:
        """Whether a picked line has not run yet; of a function that is shown whole, whether none has."""
        starts = {first for first, _ in spans(function)}
        lines = [n for piece in picked for n in range(piece.first, piece.first + len(piece.lines)) if n in starts]
        runs = [(str(function.file), line) in self.over for line in lines]
        return not (any(runs) if function.first in lines else all(runs))

    def _enter(self, frame: FrameType) -> Callable[..., Any] | None:
        code = frame.f_code
        # What a lambda or a comprehension does is part of the line that it stands in.
        if code.co_name.startswith("<") or frame.f_lineno not in self.statements[code.co_filename]:
            return None
        self.entered.add((code.co_filename, code.co_firstlineno))
        file, current = code.co_filename, 0
        self._note(file, code.co_firstlineno, _arguments(frame))

        def step(frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
            nonlocal current
            place = self.statements[file].get(frame.f_lineno, 0)
            if current and (place != current or event == "return"):
                self._end(file, current, frame)
            if event == "return" and argument is not None:
                self._note(file, place, [("", argument)])
            current = place
            return step

        return step

    def _end(self, file: str, statement: int, frame: FrameType) -> None:
        """A statement is over when the next begins: then what it binds has its value."""
        self.over.add((file, statement))
        names = self.targets[file].get(statement, [])
        self._note(file, statement, [(name, frame.f_locals.get(name)) for name in names])

    def _note(self, file: str, line: int, named: list[tuple[str, Any]]) -> None:
        shown = [(name, text) for name, value in named if (text := shown_shape(value))]
        if shown and (file, line) not in self.seen:
            alone = len(shown) == 1 and len(named) == 1
            self.seen[file, line] = shown[0][1] if alone else ", ".join(f"{name} {text}" for name, text in shown)


def _bound(node: Any) -> Iterator[str]:
    """The names that a statement binds, from left to right, but for those that mean "not used"."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    for target in targets:
        yield from (n.id for n in ast.walk(target) if isinstance(n, ast.Name) and not n.id.startswith("_"))


def _arguments(frame: FrameType) -> list[tuple[str, Any]]:
    code = frame.f_code
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return [(name, frame.f_locals.get(name)) for name in names] + [("", None)]


def shown_shape(value: Any) -> str:
    """The shape of an array; of a tuple, of those in it that are arrays; nothing for anything else."""
    if not isinstance(value, tuple | list):
        shape = getattr(value, "shape", None)
        return str(tuple(shape)) if isinstance(shape, tuple) else ""
    inner = [shown_shape(item) for item in value]
    if not any(inner):
        return ""
    nested = [isinstance(item, tuple | list) for item in value]
    parts = [_within(text, deep) for text, deep in zip(inner, nested, strict=True)]
    if 2 * parts.count("…") > len(parts):  # mostly dots say nothing
        return ""
    runs = [(part, len(list(equal))) for part, equal in groupby(parts)]
    return ", ".join(f"{count} × {part}" if count > WRITTEN_OUT else ", ".join([part] * count) for part, count in runs)


def _within(text: str, nested: bool) -> str:
    """A shape inside a tuple; a tuple inside it is shown while it is short."""
    if not text or len(text) > LONGEST:
        return "…"
    return f"[{text}]" if nested else text


def abstractly(call: Callable[[], Any]) -> None:
    """Run the Python of JAX functions for their shapes alone: nothing is compiled, and no cache skips a line."""

    def without_result() -> None:
        call()

    # A call that wants numbers, not only shapes, ends early here, and is for `eagerly`.
    with jax.disable_jit(), suppress(Exception):
        jax.eval_shape(without_result)


def eagerly(call: Callable[[], Any]) -> None:
    """Run the Python of JAX functions operation by operation, with numbers."""
    with jax.disable_jit(), suppress(Exception):  # it has run once, compiled; some code runs only so
        call()
