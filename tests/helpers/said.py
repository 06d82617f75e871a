"""What the oracle can say: every template of a sentence in its source, with the file and line that it stands in."""

import ast
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

ORACLE = Path(__file__).resolve().parents[2] / "reference" / "oracle"
# Where sentences of reports and of `functional-nn check` are made. Not here: what calls of the library refuse, which
# are exceptions and English like Python's own; `judging/`, which answers programs; `recording/`, which says nothing.
SPEAKING = (
    "accuracy", "check.py", "command", "diagnosis", "evidence", "explain.py", "judgment.py", "optimizers", "questions",
    "reading", "recognition", "recorder/replay.py", "rendering", "report.py", "specs/acquittals.py",
    "specs/blind_spots.py", "specs/conventions.py", "specs/conventions_of_attention.py",
    "specs/conventions_of_norms.py", "specs/regimes.py", "subjects", "sweep",
)  # fmt: skip
# These write help texts and refusals in English, as argparse does; lines of Python to paste; rows of a table.
SILENT = ("command/cli.py", "command/explain.py", "command/guard.py", "command/spoken.py", "reading/settle.py",
          "optimizers/rules.py", "rendering/translate.py")  # fmt: skip
# Calls whose texts are for programs: patterns, names, what another text is compared with.
FOR_PROGRAMS = (
    "startswith", "endswith", "removeprefix", "removesuffix", "partition", "rpartition", "split", "compile", "match",
    "search", "sub", "findall", "fullmatch", "import_module", "find_spec", "getattr", "add_argument", "strip", "exec",
    "generator", "directions", "TypeError", "ValueError",
    "NotImplementedError", "RuntimeError", "AttributeError", "default_rng", "ModuleType",
    "frozenset",
)  # fmt: skip
# Calls of which the last text alone is said.
FIRST_FOR_PROGRAMS = ("_slip",)
# A longer text is a style sheet.
LONGEST = 500
# Texts with a blank that no report says.
NOT_SAID = frozenset((
    # Names of steps and of edits, by which the code knows them.
    "slope of {1}", "from the end", "factor added", "mask added", "slope added", "term added",
    "sum added", "carry added", "scaled_by_count (batch)", "scaled_by_count (mean)", "scaled_by_count (size)",
    "wrong_shape (number)", "downcast (form)", "derivative_missing (identity)", "wrong_derivative (factor)",
    "training step", "pooling ", "squared error", "epsilon moved",
    # Beginnings of messages that the code looks for.
    "adds the ", "all but", "takes the last", "keeps the", "holds one of several", "in place of {1} ", "lacks ",
    # Python, and what it is written with.
    "from math import {1}", "def ", "if True:", "if True:\n{1}", " as ", "cotangent * {1}", "layer = {1}",
    "returned[0] if isinstance(returned, tuple) else returned", "1 - tanh(u)**2", "1 / sqrt(u)",
    # Between the members of a list, which are translated one by one.
    " and ", " of ", "has ",
    # Refusals of a call: exceptions.
    "an output that is no array", "an output of {1} for arguments of float64", "statics of {1} must be among {2}",
    "a reference that cannot be recorded must have at most {1} entries in its arguments", "{1} has no statics",
    "mode must be one of {1}", "seed must be an integer of at least 0", "at least one primal is needed",
    "names must be texts", "names must name every argument", "{1} names for {2} arguments",
    "names must differ from each other", "layer must be something that copy.deepcopy can copy",
    "(out, residuals)", "(out, cache)", "(out, pullback)",
    # The head of a table that programs read.
    "not judged",
    # Pictures and colours.
    "bold red", "from ", ' class="{1}"', 'width="{1}" height="{2}" viewBox="0 0 {3} {4}"',
    'x="{1}" y="{2}" width="{3}" height="{4}"',
))  # fmt: skip


class Template(NamedTuple):
    """A text with its fields as {1}, {2}, ..., and where it stands."""

    text: str
    file: str
    line: int


@cache
def templates() -> list[Template]:
    """Every template that holds a word and a blank, or that stands where a report's words are made."""
    return [one for file in _files() for one in _of(file)]


def _files() -> Iterator[Path]:
    for name in SPEAKING:
        path = ORACLE / name
        found = sorted(path.rglob("*.py")) if path.is_dir() else [path]
        yield from (one for one in found if one.relative_to(ORACLE).as_posix() not in SILENT)


def _of(file: Path) -> Iterator[Template]:
    tree = ast.parse(file.read_text("utf-8"))
    passed = {id(inner) for node in ast.walk(tree) for part in _for_programs(node) for inner in ast.walk(part)}
    for node in ast.walk(tree):
        if id(node) not in passed and (text := template_of(node)) and _is_said(text):
            yield Template(text, file.relative_to(ORACLE).as_posix(), getattr(node, "lineno", 0))


def _for_programs(node: ast.AST) -> Sequence[ast.AST]:
    """The parts of a node in which texts are not said."""
    if isinstance(node, ast.Call):
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        if name in FIRST_FOR_PROGRAMS:
            return node.args[:-1]
        return [*node.args, *node.keywords] if name in FOR_PROGRAMS else []
    if isinstance(node, ast.JoinedStr):
        return [part for part in node.values if isinstance(part, ast.Constant)] + [
            one.format_spec for one in node.values if isinstance(one, ast.FormattedValue) and one.format_spec
        ]
    if isinstance(node, ast.Compare):
        return [node]
    if isinstance(node, ast.Expr):
        return [node.value] if isinstance(node.value, ast.Constant) else []
    if isinstance(node, ast.arg | ast.AnnAssign):
        return [node.annotation] if node.annotation else []
    return []


def template_of(node: ast.AST) -> str:
    """A text or an f-string with numbered fields; nothing for any other node."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        parts = re.split(r"\{[^{} ]*\}", node.value)
    elif isinstance(node, ast.JoinedStr):
        parts = [""]
        for part in node.values:
            parts = [*parts[:-1], parts[-1] + str(part.value)] if isinstance(part, ast.Constant) else [*parts, ""]
    else:
        return ""
    return "".join(part if not place else f"{{{place}}}{part}" for place, part in enumerate(parts))


def _is_said(text: str) -> bool:
    """Whether a text has a word and a blank, and is no refusal of a call and no markup."""
    plain = re.sub(r"\{\d+\}", "", text)
    refuses = re.match(r"(oracle\.|from_|check_optimizer: |functional-nn )", text)
    code = "<" in plain or "\\" in plain or len(plain) > LONGEST
    return bool(re.search(r"[A-Za-z]{2}", plain) and " " in plain and not refuses and not code)
