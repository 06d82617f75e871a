"""Running a module statement by statement: what raises is left out with what depends on it, what trains is cut short.

A module that fails in the middle has definitions that can still be judged. So that half a module never accuses anybody,
every name that a statement left out would have bound, or may have changed, refuses to be used from then on.
"""

import __future__

import ast
import contextlib
import copy
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any

from reference.oracle.command.importing import dialect
from reference.oracle.command.importing.bindings import bound, changed, imported, line_of, not_imported, said_by
from reference.oracle.command.importing.caution import is_harmless
from reference.oracle.command.importing.old_numpy import give_back
from reference.oracle.command.importing.places import is_ours
from reference.oracle.command.importing.source import Source
from reference.oracle.command.importing.standins import NotThere, StandIn, not_built, not_installed, same

# Lines of the repository's own code that statements other than definitions may take: loops that train end here.
LINES = 50_000
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


class _Exhausted(BaseException):
    """The statements at the top of the files took more lines than there are for all of them."""


@dataclass
class Run:
    """One file and the neighbours that it imports: where they stand, what they may spend, what was noted."""

    target: Path
    root: Path
    lines: int = LINES
    notes: list[str] = field(default_factory=list)
    unclear: dict[str, str] = field(default_factory=dict)
    later: list[Callable[[], None]] = field(default_factory=list)
    importing: bool = True

    def note(self, path: Path, line: int, sentence: str) -> str:
        """Keep a sentence about a line, with the file where it is a neighbour's; the whole of it comes back."""
        where = "" if path == self.target else f" of {path.relative_to(self.root)}"
        whole = f"line {line}{where} {sentence}"
        if not any(note.endswith(sentence) for note in self.notes):  # the same package, missing in many files
            self.notes.append(whole)
        return whole

    def say(self, sentence: str) -> None:
        """Keep a sentence about no line in particular."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def why_missing(self, path: Path, single: ast.Import | ast.ImportFrom, error: BaseException) -> str:
        """Why an import failed, and what would help."""
        if not isinstance(error, ImportError):
            return f"{imported(single)[1]} does not import ({said_by(error)})"
        missing = error.name or imported(single)[1]
        if missing.split(".")[0] in self.unclear:
            return self.unclear[missing.split(".")[0]]
        if not isinstance(error, ModuleNotFoundError):
            return said_by(error).split(": ", 1)[-1]
        return not_built(missing, path, self.root) or not_installed(missing)

    @contextlib.contextmanager
    def counted(self) -> Iterator[None]:
        """Count the lines that run in the repository's files, and raise where there are too many."""
        before, ours = sys.gettrace(), {}

        def of_line(frame: FrameType, event: str, argument: Any) -> Any:
            if event == "line":
                self.lines -= 1
                if self.lines < 0:
                    raise _Exhausted
            return of_line

        def of_call(frame: FrameType, event: str, argument: Any) -> Any:
            file = frame.f_code.co_filename
            if file not in ours:
                ours[file] = is_ours(Path(file), self.root)
            return of_line if ours[file] else None

        sys.settrace(of_call)
        try:
            yield
        finally:
            sys.settrace(before)


def run_module(module: ModuleType, source: Source, path: Path, run: Run) -> None:
    """Run the text as this module; it was compiled before, so it is whole."""
    module.__doc__ = ast.get_docstring(source.tree, clean=False)
    if reason := source.python_2:
        said = f"is Python 2 ({reason.said})" if reason.certain else reason.said
        run.note(path, reason.line, f"{said}: the file is run as Python 2 runs it")
    if source.is_old:
        division = dialect.Division(path, reason, lambda: run.importing)
        module.__dict__["__builtins__"] = dialect.names(division, lists=reason is not None)
    for line, sentence in give_back(source.tree):
        run.note(path, line, sentence)
    _Module(module.__dict__, path, source, run).all()


class _Module:
    """A module's statements and the namespace that they fill."""

    def __init__(self, namespace: dict[str, Any], path: Path, source: Source, run: Run) -> None:
        self.names, self.path, self.source, self.run = namespace, path, source, run
        self.tree = source.tree
        features = [name for node in self.tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"
                    for name in node.names]  # fmt: skip
        self.flags = sum(getattr(__future__, feature.name).compiler_flag for feature in features)
        self.unknown = ""  # why names may be missing that a star would have brought
        self.failed = ""  # what Python would have stopped at

    def all(self) -> None:
        loaded = {node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name)}
        if "xrange" in loaded and not self.source.is_old:
            self.names.setdefault("xrange", range)
        self.statements(self.tree.body)
        if self.unknown:
            self._refuse(loaded - set(self.names["__builtins__"]) - set(self.names), self.unknown)

    def statements(self, body: Sequence[ast.stmt]) -> None:
        for statement in body:
            if self.failed and not is_harmless(statement, self.names):
                self._refuse_all(statement, f"line {statement.lineno} was left out, because {self.failed}")
            elif isinstance(statement, ast.Import | ast.ImportFrom):
                self._import(statement)
            elif isinstance(statement, ast.If):
                self._branch(statement)
            else:
                self._attempt(statement)

    def _execute(self, statement: ast.stmt) -> None:
        counted = contextlib.nullcontext() if isinstance(statement, DEFINITIONS) else self.run.counted()
        code = self._compiled(ast.Module([statement], []), "exec")
        with counted:
            exec(code, self.names)

    def _compiled(self, node: ast.Module | ast.Expression, mode: str) -> CodeType:
        if self.source.is_old:
            node = dialect.Rewriting(self.source.floors).visit(copy.deepcopy(node))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return compile(node, str(self.path), mode, flags=self.flags, dont_inherit=True)

    def _attempt(self, statement: ast.stmt) -> None:
        try:
            self._execute(statement)
        except (Exception, SystemExit, _Exhausted) as error:
            self._leave_out(statement, error)
        if isinstance(statement, ast.Try):
            self._refuse(not_imported(statement, self.names), f"line {statement.lineno} could not import it")

    def _branch(self, statement: ast.If) -> None:
        """The branch that is taken, statement by statement, so that one that fails costs no other."""
        try:
            with self.run.counted():
                taken = bool(eval(self._compiled(ast.Expression(statement.test), "eval"), self.names))
        except (Exception, SystemExit, _Exhausted) as error:
            return self._leave_out(statement, error)
        return self.statements(statement.body if taken else statement.orelse)

    def _leave_out(self, statement: ast.stmt, error: BaseException) -> None:
        reason = str(error)
        if not isinstance(error, NotThere):  # which is the consequence of something that was noted before
            said = "it runs too long for an import" if isinstance(error, _Exhausted) else said_by(error)
            line = line_of(error, self.path) or statement.lineno
            reason = self.run.note(self.path, line, f"was left out: {said}")
        self.failed = self.failed or reason
        self._refuse_all(statement, reason)

    def _refuse_all(self, statement: ast.stmt, reason: str) -> None:
        """What the statement would have bound or changed is there no longer, so that no half of it is judged."""
        self._refuse(bound(statement, self.names) | changed(statement, self.names), reason)

    def _refuse(self, names: Iterable[str], reason: str) -> None:
        self.names.update({name: StandIn(name, reason) for name in names})

    def _import(self, statement: ast.Import | ast.ImportFrom) -> None:
        with contextlib.suppress(Exception, SystemExit):
            self._execute(statement)
            return
        for alias in statement.names:
            single = copy.copy(statement)
            single.names = [alias]
            try:
                self._execute(single)
            except (Exception, SystemExit) as error:
                self._missing(single, error)

    def _missing(self, single: ast.Import | ast.ImportFrom, error: BaseException) -> None:
        name, full = imported(single)
        if (equal := same(full)) is not None:
            self.names[name] = equal
            if full.startswith("cupy"):
                self.run.note(
                    self.path, single.lineno, "imports CuPy, which is not installed: NumPy computes in its place"
                )
            return
        reason = self.run.why_missing(self.path, single, error)
        noted = self.run.note(self.path, single.lineno, f"imports what is not there: {reason}")
        self.failed = self.failed or noted
        if name == "*":
            self.unknown = reason
        else:
            self.names[name] = StandIn(full, reason)
        if type(error) is ImportError:  # where two import each other, there is more of it later
            self.run.later.append(lambda: self._again(single, noted))

    def _again(self, single: ast.stmt, noted: str) -> None:
        with contextlib.suppress(Exception):
            self._execute(single)
            self.run.notes = [note for note in self.run.notes if note != noted]
