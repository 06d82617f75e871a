"""`functional-nn check` as tests call it: on a file that they write, judged in a child process or in this one."""

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from importlib.machinery import NamespaceLoader
from pathlib import Path
from typing import Any

import pytest

from reference.oracle.command import cli, runner
from reference.oracle.command.importing.neighbours import Tolerant
from reference.oracle.command.worker import judge_file

TEXTBOOK = Path(__file__).parents[1] / "textbook"
RELU = """
import numpy as np
class Relu:
    def forward(self, x):
        self.mask = x > 0
        return x * self.mask
    def backward(self, dout):
        return dout * self.mask
"""


def run_check(capfd: pytest.CaptureFixture[str], *arguments: Any) -> tuple[int, str, str]:
    """Run the command; its exit status, standard output and standard error."""
    status = cli.main([str(argument) for argument in arguments])
    said = capfd.readouterr()
    assert "Traceback" not in said.out + said.err, said.out + said.err
    return status, said.out, said.err


def judge_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command judges in this process, which is cheaper: for files that neither print, hang nor end it."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def child(job: dict[str, Any], timeout: float, *_: object) -> str:
        with forgotten(), open(job["results"], "a", encoding="utf-8") as results:
            judge_file(job, lambda result: print(json.dumps(result), file=results))
        return "ended"

    monkeypatch.setattr(runner, "_child", child)


@contextlib.contextmanager
def forgotten() -> Iterator[None]:
    """What loading a file leaves in a process is undone: modules, paths, the finder, the working directory."""
    before, folder = set(sys.modules), Path.cwd()
    lists: list[Any] = [sys.path, sys.argv, sys.meta_path]
    kept = [(held, list(held)) for held in lists]
    try:
        yield
    finally:
        os.chdir(folder)
        for held, values in kept:
            held[:] = values
        for name in set(sys.modules) - before:
            spec = getattr(sys.modules[name], "__spec__", None)
            if spec is None or spec.loader is None or isinstance(spec.loader, Tolerant | NamespaceLoader):
                del sys.modules[name]


def written(folder: Path, text: str, name: str = "student.py") -> Path:
    """A file of this text in the folder."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def planted(folder: Path, files: dict[str, str]) -> Path:
    """Files in a folder that looks like a repository; the first of them."""
    written(folder, "", "README.md")
    for name, text in files.items():
        written(folder, text, name)
    return folder / next(iter(files))
