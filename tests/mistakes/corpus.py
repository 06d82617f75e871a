"""All cases, by set: "development" was at hand while the diagnosis was written, "held-out" was written afterwards."""

import importlib
import pkgutil
from collections.abc import Iterable

from .case import Family, Mistake

PACKAGES = {
    "development": (
        *("", ".controls", ".practice"),
        *(".first_held_out", ".second_held_out", ".third_held_out", ".fourth_held_out"),
    ),
    "held-out": (".held_out",),
}


def load(which: str) -> tuple[Mistake, ...]:
    """The cases of a set ("all" for both), in the order of the files."""
    return tuple(case for cases in by_file(which).values() for case in cases)


def by_file(which: str) -> dict[str, tuple[Mistake, ...]]:
    """The cases of each file of a set ("all" for both) that defines a Family, by the file's place in this folder."""
    sets = PACKAGES if which == "all" else (which,)
    return dict(file for name in sets for package in PACKAGES[name] for file in _files(package))


def _files(package: str) -> Iterable[tuple[str, tuple[Mistake, ...]]]:
    home = importlib.import_module(f"{__package__}{package}")
    for module in pkgutil.iter_modules(home.__path__):
        if not module.ispkg:
            family = getattr(importlib.import_module(f"{home.__name__}.{module.name}"), "family", None)
            if isinstance(family, Family):
                yield f"{package}/{module.name}".lstrip("./"), tuple(family.cases)
