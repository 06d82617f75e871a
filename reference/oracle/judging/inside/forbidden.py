"""Calls that the task forbids, seen while they are made: whatever name they are made by."""

import functools
import importlib
import importlib.abc
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

# PyTorch says itself what is called, by any name; of others every name of the function is given a stand-in.
SEES_ITSELF = "torch"


def words(name: str) -> list[str]:
    """The words of a function's own name: scaled, dot, product, attention."""
    return re.findall(r"[a-z0-9]+", name.rpartition(".")[2].lower())


def holds(name: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether these words stand in a name, in order: `softmax` in `_softmax_backward_data` and in `log_softmax`."""
    rest = iter(name)
    return all(word in rest for word in wanted)


class Forbidden:
    """What must not be called, and what of it was."""

    def __init__(self, names: Sequence[str]):
        self.names = tuple(names)
        self.in_torch = {name: words(name) for name in names if name.startswith(SEES_ITSELF)}
        self.seen: dict[tuple[str, str], None] = {}
        self.told = 0

    def stand_in(self) -> None:
        """Put a stand-in wherever a module that is loaded holds one of the functions, which tells that it is called."""
        for name in self.names:
            module, _, own = name.rpartition(".")
            try:
                original = getattr(importlib.import_module(module), own)
            except (ImportError, AttributeError, ValueError):
                continue
            if name not in self.in_torch and callable(original):
                self._replace(original, self._telling(name, original))

    def _replace(self, original: Any, other: Any) -> None:
        for module in list(sys.modules.values()):
            held = vars(module) if hasattr(module, "__dict__") else {}
            for key in [key for key, value in held.items() if value is original]:
                setattr(module, key, other)

    def _telling(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def stand_in(*args: Any, **how: Any) -> Any:
            self._note("forbidden_call", f"{name} was called")
            return original(*args, **how)

        del stand_in.__wrapped__
        return stand_in

    def _note(self, breach: str, said: str) -> None:
        self.seen[breach, said] = None

    def taken(self) -> list[list[str]]:
        """The breaches that were not told before: a name, and what was seen."""
        new = list(self.seen)[self.told :]
        self.told = len(self.seen)
        return [list(one) for one in new]

    def close(self, packages: Sequence[str]) -> None:
        """From now on these packages cannot be imported; who tries is told of."""
        for name in [name for name in sys.modules if name.partition(".")[0] in packages]:
            del sys.modules[name]
        sys.meta_path.insert(0, _Closed(tuple(packages), self._note))

    @contextmanager
    def watching(self) -> Iterator[None]:
        """While this lasts, PyTorch tells of what is called."""
        if not self.in_torch or "torch" not in sys.modules:
            yield
            return
        functions, operations = _modes(self._called)
        with functions, operations:
            yield

    def _called(self, name: str, shown: str) -> None:
        called = words(name)
        for wanted, own in self.in_torch.items():
            if holds(called, own):
                said = "" if shown == wanted else f", as {shown}"
                self._note("forbidden_call", f"{wanted} was called{said}")


class _Closed(importlib.abc.MetaPathFinder):
    """Finds the closed packages first, and refuses them."""

    def __init__(self, packages: tuple[str, ...], note: Callable[[str, str], None]):
        self.packages, self.note = packages, note

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """None for all others, which are looked for elsewhere."""
        if name.partition(".")[0] in self.packages:
            self.note("reads_the_judge", f"{name} was imported")
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def _modes(tell: Callable[[str, str], None]) -> tuple[Any, Any]:
    """Two watchers of PyTorch: of its functions, and of the operations that they come down to."""
    overrides = importlib.import_module("torch.overrides")
    dispatch = importlib.import_module("torch.utils._python_dispatch")

    class Functions(overrides.TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            name = getattr(function, "__name__", "")
            tell(name, f"{getattr(function, '__module__', None) or 'torch'}.{name}")
            return function(*args, **(kwargs or {}))

    class Operations(dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            name = str(getattr(operation, "_schema", operation)).partition("(")[0].partition(".")[0]
            tell(name.rpartition(":")[2], name.replace("::", "."))
            return operation(*args, **(kwargs or {}))

    return Functions(), Operations()
