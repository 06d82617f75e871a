"""The calls that `--replay` judges: the thing in the file that they are calls of, or that is to be in its place."""

import difflib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from reference.oracle.reading.discover import NotFound
from reference.oracle.recorder.call import from_file
from reference.oracle.recorder.files import Unreadable
from reference.oracle.recorder.in_numpy import is_layer
from reference.oracle.recorder.replay import judged, recordings
from reference.oracle.report import Report
from reference.oracle.subjects.subject import Subject


@dataclass(frozen=True)
class RecordedCall:
    """A file of a recording, and the code to judge at it."""

    path: Path
    target: Any

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.path.name

    def report(self, **options: Any) -> Report:
        """The judgment at this call; options are those of `check`.

        Raises:
            ValueError: the file is damaged, of another version, or of another function.
        """
        return judged(self.target, from_file(self.path), **options)


def recorded_calls(module: ModuleType, name: str | None, folder: str) -> list[RecordedCall]:
    """The calls in a folder, of what the module has by a name; by that in the recording, where none is given.

    Raises:
        NotFound: the module has nothing by this name, or something that no call can be one of.
    """
    paths = recordings(folder)
    target = _target(module, name or _recorded_name(paths))
    return [RecordedCall(path, target) for path in paths]


def _recorded_name(paths: list[Path]) -> str:
    for path in paths:
        try:
            return from_file(path).target
        except Unreadable as error:
            reason = error
    raise NotFound(str(reason))  # pyright: ignore[reportPossiblyUnboundVariable] - there is at least one file


def _target(module: ModuleType, name: str) -> Any:
    names: Mapping[str, Any] = vars(module)
    if name not in names:
        callable_names = [own for own, value in names.items() if callable(value) or isinstance(value, Subject)]
        near = difflib.get_close_matches(name, callable_names, n=1)
        raise NotFound(f"there is no {name} in it" + (f"; did you mean {near[0]}?" if near else ""))
    target, torch = names[name], sys.modules.get("torch")
    if isinstance(target, type) and not (torch and issubclass(target, torch.autograd.Function)):
        try:
            return target()
        except Exception as error:
            need = f"{name} is a class, and {name}() raises {type(error).__name__}: {error}"
            raise NotFound(f"{need}. Give the name of an object of it in the file") from error
    if callable(target) or isinstance(target, Subject) or is_layer(target):
        return target
    raise NotFound(f"{name} is a {type(target).__name__}: no function, Function, module, layer or Subject")
