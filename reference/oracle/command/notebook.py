"""The check inside a notebook: `check("relu")` judges what is called so there, and says what the command would say."""

import inspect
import sys
from collections.abc import Mapping
from types import FrameType, ModuleType
from typing import Any

from reference.oracle.command.stepped import Declared, found_in
from reference.oracle.reading.discover import NotFound
from reference.oracle.reading.judge import CannotTell, judge
from reference.oracle.reading.request import Request
from reference.oracle.report import Report


def check(name: str) -> None:
    """Print the judgment of a backward, or of an optimizer, that the notebook defines."""
    print(_judged(_asking(inspect.currentframe()), name))


def passes(name: str) -> bool:
    """Whether that judgment is `pass`."""
    judged = _judged(_asking(inspect.currentframe()), name)
    return isinstance(judged, Report) and judged.verdict == "pass"


def _asking(frame: FrameType | None) -> ModuleType:
    """The module of whoever asks: of a notebook's cells, and of a script, `__main__`."""
    assert frame is not None
    assert frame.f_back is not None
    return sys.modules[frame.f_back.f_globals["__name__"]]


def _judged(module: ModuleType, name: str) -> Report | str:
    """The report, or the sentence that says why there is none."""
    try:
        found = found_in(module, name)[0]
        if isinstance(found, Declared):
            return found.report(seed=0)
        return judge(found, Request(examples=own_examples(module, name)))
    except (CannotTell, NotFound, TypeError, ValueError) as unsure:
        return f"cannot tell: {unsure}"


def own_examples(module: ModuleType, name: str) -> Any:
    """The inputs that the file brings: `EXAMPLES[name]` or `example_inputs(name)`."""
    listed = getattr(module, "EXAMPLES", {})
    if not isinstance(listed, Mapping):
        raise TypeError(f"EXAMPLES must be a dict from names to inputs; got a {type(listed).__name__}")
    given = listed.get(name)
    hook = getattr(module, "example_inputs", None)
    return hook(name) if given is None and callable(hook) else given
