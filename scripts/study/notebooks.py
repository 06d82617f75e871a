"""The exercises as notebooks: the same source, cut into cells, with the check below what is to be written."""

import ast
import contextlib
import io
import json
import linecache
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from .parts import TO_WRITE
from .refusal import Refusal

CHECK = "from reference.oracle.command.notebook import check, passes"
BEGIN = """\
はじめ方(Python 3.11 以上)。このリポジトリのフォルダで、次の3行を実行します。
From nothing (Python 3.11 or later): in the folder of this repository run these three lines.

    python3 -m venv .venv
    .venv/bin/python -m pip install -e '.[train]' jupyterlab
    .venv/bin/jupyter lab docs/notebooks"""
Cell = tuple[str, str]  # its kind, "markdown" or "code", and its text


def cells_of(source: str) -> list[Cell]:
    """The cells of an exercise: its words and how to begin, its code, and a check below each part to be written."""
    (words, *nodes), lines = ast.parse(source).body, source.splitlines()
    cells = [("markdown", _introduction(ast.literal_eval(ast.unparse(words)))), ("code", CHECK)]
    begin, waiting, written, used = words.end_lineno or 0, [], "", {"example_inputs"}
    for place, node in enumerate(nodes, 1):
        if _is_script(node):
            cells += [*_code(lines[begin : node.lineno - 1]), ("code", _when_right(node, lines, written))]
            begin = len(lines)
            break
        used |= {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
        if TO_WRITE.match(f"def {_name(node)}("):
            waiting.append(written := _called(_name(node)))
        if waiting and not used & {*map(_name, nodes[place:])}:  # what a check needs comes before it
            end = node.end_lineno or 0
            cells += [*_code(lines[begin:end]), *(("code", f'check("{name}")') for name in waiting)]
            begin, waiting = end, []
    return [*cells, *_code(lines[begin:])]


def _introduction(words: str) -> str:
    title, _, rest = words.strip().partition("\n")
    paragraphs = rest.strip("\n").split("\n\n")
    told = [paragraph for paragraph in paragraphs if not paragraph.startswith("    ")]  # not the commands
    return "\n\n".join([f"# {title}", *told, BEGIN])


def _name(node: ast.stmt) -> str:
    return node.name if isinstance(node, ast.FunctionDef) else ""


def _called(name: str) -> str:
    """What the oracle calls it: relu_bwd is the backward of relu, a step goes by its own name."""
    return name if name.endswith("_step") else name.rpartition("_")[0]


def _code(lines: list[str]) -> list[Cell]:
    text = "\n".join(lines).strip("\n")
    return [("code", text)] if text else []


def _is_script(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "__main__" in ast.unparse(node.test)


def _when_right(node: ast.stmt, lines: list[str], name: str) -> str:
    """What the file does as a script, once what it needs is right."""
    body = "\n".join(lines[node.lineno : node.end_lineno])
    return (
        f'if passes("{name}"):\n{body}\nelse:\n    print("First its backward must be right: check says what is not.")'
    )


def notebook(cells: list[Cell], slug: str) -> str:
    """The notebook as its file holds it: a line of a cell is a line of the file."""
    made = [_cell(kind, text, f"{slug}-{number}") for number, (kind, text) in enumerate(cells, 1)]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    whole = {"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _cell(kind: str, text: str, id: str) -> dict[str, Any]:
    cell = {"cell_type": kind, "id": id, "metadata": {}, "source": text.splitlines(keepends=True)}
    return cell if kind == "markdown" else {**cell, "execution_count": None, "outputs": []}


def run(file: Path) -> list[str]:
    """What each code cell prints, run in order as a notebook is; a Refusal with cell and line where one fails."""
    cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
    name = f"notebook_{file.stem}"
    module = sys.modules[name] = ModuleType(name)
    try:
        return [
            _printed(file.name, number, "".join(cell["source"]), module)
            for number, cell in enumerate(cells, 1)
            if cell["cell_type"] == "code"
        ]
    finally:
        del sys.modules[name]


def _printed(name: str, number: int, text: str, module: ModuleType) -> str:
    place, said = f"<{name} cell {number}>", io.StringIO()
    linecache.cache[place] = (len(text), None, text.splitlines(keepends=True), place)  # for who reads the source
    try:
        with contextlib.redirect_stdout(said):
            exec(compile(text, place, "exec"), vars(module))
    except (Exception, SystemExit) as error:
        steps = (step for step in traceback.extract_tb(error.__traceback__) if step.filename == place)
        line = error.lineno if isinstance(error, SyntaxError) else next((step.lineno for step in steps), 0)
        raise Refusal(f"{name}: cell {number}, line {line}: {type(error).__name__}: {error}") from error
    return said.getvalue()


def build(exercises: Path, output: Path) -> Iterator[Path]:
    """Write a notebook for each exercise of a folder."""
    output.mkdir(parents=True, exist_ok=True)
    for source in sorted(exercises.glob("*.py")):
        made = output / f"{source.stem}.ipynb"
        made.write_text(notebook(cells_of(source.read_text(encoding="utf-8")), source.stem), encoding="utf-8")
        yield made
