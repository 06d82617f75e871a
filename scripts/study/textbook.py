"""The textbook's form of a page's functions: textbook/numpy/<slug>.py and textbook/jax/<slug>.py beside the pages."""

import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from .excerpt import Function, functions_in
from .refusal import Refusal

SIDES: tuple[str, ...] = ("numpy", "jax")


def file_of(page_file: Path, side: str) -> Path:
    """The file of a page's textbook code on a side, whether or not it is there."""
    return page_file.parents[1] / "textbook" / side / f"{page_file.stem}.py"


def shown(file: Path) -> str:
    """A textbook file as a sentence names it."""
    return "/".join(file.parts[-3:])


def find(page_file: Path, side: str, name: str) -> Function:
    """A function of a page's textbook file."""
    file = file_of(page_file, side)
    if not file.exists():
        raise Refusal(f"a textbook form must have its file; got {name!r} and no {shown(file)}")
    try:
        found = next((function for function in functions_in(file) if function.name == name), None)
    except SyntaxError as error:
        raise Refusal(f"textbook code must be Python; got {shown(file)}:{error.lineno}: {error.msg}") from error
    if found is None:
        raise Refusal(f"a textbook function must stand in {shown(file)}; got {name!r}")
    return found


def names(page_file: Path, side: str) -> dict[str, Any]:
    """What the textbook file of a side defines, without the modules that it imports; nothing where there is none."""
    file = file_of(page_file, side)
    if not file.exists():
        return {}
    module = ModuleType(f"textbook_{side}_{file.stem}")
    try:
        exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), module.__dict__)
    except Exception as error:  # a page's code may raise anything
        line = error.lineno if isinstance(error, SyntaxError) else traceback.extract_tb(error.__traceback__)[-1].lineno
        raise Refusal(f"textbook code must run; got {type(error).__name__} in {shown(file)}:{line}: {error}") from error
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }
