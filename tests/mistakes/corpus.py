"""All cases, by set: "development" was at hand while the diagnosis was written, "held-out" was written without it."""

import importlib
import pkgutil
from functools import cache
from importlib.util import find_spec

from .case import Family, Mistake

PACKAGES = {"development": "cases", "held-out": "held_out"}


@cache
def load(which: str) -> tuple[Mistake, ...]:
    """The cases of a set ("all" for both), in the order of the files."""
    return tuple(case for cases in by_file(which).values() for case in cases)


def by_file(which: str) -> dict[str, tuple[Mistake, ...]]:
    """The cases of each file of a set ("all" for both) that defines a Family, by the file's place in this folder."""
    packages = [PACKAGES[which]] if which in PACKAGES else list(PACKAGES.values())
    return {file: cases for package in packages for file, cases in _files(package) if cases}


def _files(package: str) -> list[tuple[str, tuple[Mistake, ...]]]:
    """Nothing where the package is not there."""
    name = f"{__package__}.{package}"
    if find_spec(name) is None:
        return []
    files = [module.name for module in pkgutil.iter_modules(importlib.import_module(name).__path__)]
    return [(f"{package}/{file}", _cases(f"{name}.{file}")) for file in files]


def _cases(module: str) -> tuple[Mistake, ...]:
    family = getattr(importlib.import_module(module), "family", None)
    return tuple(family.cases) if isinstance(family, Family) else ()
