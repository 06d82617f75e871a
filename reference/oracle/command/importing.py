"""Running anybody's file as a module, as its author does."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import NamedTuple


class Loaded(NamedTuple):
    """A file that ran, and what is worth knowing of how it ran: a sentence each."""

    module: ModuleType
    notes: tuple[str, ...] = ()


def load(path: Path) -> Loaded:
    """Run the file as a module; it may import its neighbours. Whatever it raises is passed on."""
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path.name} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    # Registered, as dataclasses and pickle need it; but never in the place of a module that others use.
    sys.modules.setdefault(path.stem, module)
    spec.loader.exec_module(module)
    return Loaded(module)
