"""The one place that reaches the NumPy twin: by name, as text, and only when asked."""

import importlib
from types import ModuleType


def twin(name: str) -> ModuleType:
    """The module of the reference with this name, `models.mlp` or `oracle.command.cli` for example."""
    return importlib.import_module(f"reference.{name}")
