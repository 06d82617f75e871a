"""A whole folder: which of its files hold hand-written backpropagation, told from their text alone."""

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path

from reference.oracle.command.importing.source import understood
from reference.oracle.command.stepped import DECLARES
from reference.oracle.reading.discover import LOSSES
from reference.oracle.reading.pairing import SWITCHES
from reference.oracle.reading.texts import NotPython, read
from reference.oracle.reading.vocabulary import BACKWARD_METHODS, BACKWARD_WORDS, plain, words_of
from reference.oracle.specs import SPECS

SUFFIXES = (".py", ".ipynb")
PASSED_OVER = {"node_modules", "site-packages", "dist-packages", "build", "dist", "venv", "env", "virtualenv"}
_CURVES = [word for spec in SPECS.values() if spec.scene == "elementwise" for word in spec.called + spec.resembles]
_D_OF = re.compile(rf"d([A-Z]|{'|'.join((*_CURVES, 'loss', 'activation', 'linear'))})")
RULES = {"Function", "custom_vjp"}
METHODS = {plain(name) for name in BACKWARD_METHODS}
WORDS = {*BACKWARD_WORDS, "gradients", "grads", "vjp", "pullback", "backpropagated"}


def judgeable(folder: Path) -> tuple[list[Path], int]:
    """The files in the folder and below that define a backward, sorted; and how many Python files there are in all."""
    files = sorted(python_files(folder))
    return [file for file in files if may_hold_backward(file)], len(files)


def python_files(folder: Path) -> Iterator[Path]:
    """Every Python file and notebook; hidden folders and environments are passed over."""
    for here, inner, names in os.walk(folder):
        inner[:] = [name for name in inner if not is_passed_over(Path(here, name))]
        yield from (Path(here, name) for name in names if Path(name).suffix in SUFFIXES)


def is_passed_over(folder: Path) -> bool:
    """Whether a folder is hidden, an environment, or what a build left."""
    name = folder.name
    return (
        name.startswith((".", "__"))
        or name in PASSED_OVER
        or name.endswith(".egg-info")
        or (folder / "pyvenv.cfg").exists()
    )


def may_hold_backward(file: Path) -> bool:
    """Whether the text defines something by a backward's name, a rule of a framework, or a subject of the oracle."""
    try:
        return defines_backward(understood(file).tree)
    except (NotPython, SyntaxError, OSError, ValueError, RecursionError):
        return _names_backward(file)


def _names_backward(file: Path) -> bool:
    """Of a text that cannot be run, which is said when it is loaded."""
    try:
        text = read(file)
    except (NotPython, SyntaxError, OSError, ValueError):
        return False
    return any(map(_is_backward_name, re.findall(r"^\s*def\s+(\w+)", text, re.MULTILINE)))


def defines_backward(tree: ast.AST) -> bool:
    """Whether anything that is defined here is named as a backward, or returns a loss beside something else."""
    return any(map(_defines, ast.walk(tree)))


def _defines(node: ast.AST) -> bool:
    match node:
        case ast.FunctionDef(name=name):
            return _is_backward_name(name) or _has_switch(node) or (_is_loss_name(name) and _returns_several(node))
        case ast.Attribute(attr=name) | ast.Name(id=name) if name in RULES:
            return True
        case ast.ImportFrom(module=module) if (module or "").split(".")[0] == "reference":
            return True
        case ast.Assign(targets=[ast.Name(id=name)]) if name == DECLARES:
            return True
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Lambda()):
            return _is_backward_name(name)
    return False


def _is_backward_name(name: str) -> bool:
    """relu_backward, sigmoidPrime, d_tanh, dtanh, back_propagate: more than are judged, but never fewer."""
    words = {word.lower() for word in words_of(name)}
    return not name.startswith("test") and bool(plain(name) in METHODS or words & WORDS or _D_OF.match(name))


def _is_loss_name(name: str) -> bool:
    return any(loss in name.lower() for loss in LOSSES)


def _has_switch(function: ast.FunctionDef) -> bool:
    """sigmoid(x, derivative=False)."""
    return any(plain(argument.arg) in SWITCHES for argument in (*function.args.args, *function.args.kwonlyargs))


def _returns_several(function: ast.FunctionDef) -> bool:
    return any(isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) for node in ast.walk(function))
