"""All cases, by set: "development" was at hand while the diagnosis was written, "held-out" was written afterwards."""

import importlib
import json
import pkgutil
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType

from reference.oracle.causes import current

from .case import Family, Mistake

PACKAGES = {
    "development": (
        *("", ".controls", ".practice"),
        *(".first_held_out", ".second_held_out", ".third_held_out", ".fourth_held_out"),
    ),
    "held-out": (".held_out",),
}
SECOND_READING = "second_reading.json"
# By case, what a reader called it who went by the definitions of the 59 causes and read each case's code (2026-11-30).
ONE_NAME = Path(__file__).parent / "one_name.json"


@cache
def load(which: str) -> tuple[Mistake, ...]:
    """The cases of a set ("all" for both), in the order of the files."""
    return tuple(case for cases in by_file(which).values() for case in cases)


def by_file(which: str) -> dict[str, tuple[Mistake, ...]]:
    """The cases of each file of a set ("all" for both) that defines a Family, by the file's place in this folder."""
    sets = PACKAGES if which == "all" else (which,)
    return dict(file for name in sets for package in PACKAGES[name] for file in _files(package))


def _files(package: str) -> Iterable[tuple[str, tuple[Mistake, ...]]]:
    home = importlib.import_module(f"{__package__}{package}")
    second = _second_reading(home)
    for module in pkgutil.iter_modules(home.__path__):
        if not module.ispkg:
            family = getattr(importlib.import_module(f"{home.__name__}.{module.name}"), "family", None)
            if isinstance(family, Family):
                read = tuple(_as_both_read_it(case, second) for case in family.cases)
                yield f"{package}/{module.name}".lstrip("./"), read


def _as_both_read_it(case: Mistake, second: dict[str, list[str]]) -> Mistake:
    """With what a second reader called it. The files keep the names of earlier versions."""
    read = (*case.expected_cause, *second.get(case.id, ()))
    one = tuple(_one_names().get(case.id, ()))
    return replace(case, expected_cause=tuple(dict.fromkeys(map(current, read))), one_name=one)


@cache
def _one_names() -> dict[str, list[str]]:
    return json.loads(ONE_NAME.read_text(encoding="utf-8"))


def _second_reading(home: ModuleType) -> dict[str, list[str]]:
    """What a second reader, who had not seen the writer's names, called each mistake; nothing where there was none."""
    file = Path(home.__path__[0]) / SECOND_READING
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
