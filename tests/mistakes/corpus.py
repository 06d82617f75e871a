"""All cases, by set: "development" was at hand while the diagnosis was written, "held-out" was written afterwards."""

import importlib
import pkgutil
from collections.abc import Iterable

from .case import Family, Mistake

PACKAGES = {
    "development": ("", ".controls", ".first_held_out", ".second_held_out", ".third_held_out", ".practice"),
    "held-out": (".held_out",),
}


def load(which: str) -> tuple[Mistake, ...]:
    """The cases of a set ("all" for both), those of its modules that define a Family, in the order of the files."""
    names = PACKAGES if which == "all" else (which,)
    return tuple(case for name in names for package in PACKAGES[name] for case in _cases(__package__ + package))


def _cases(package: str) -> Iterable[Mistake]:
    try:
        home = importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        return
    for module in pkgutil.iter_modules(home.__path__):
        if not module.ispkg:
            family = getattr(importlib.import_module(f"{package}.{module.name}"), "family", None)
            yield from family.cases if isinstance(family, Family) else ()
