"""Functions of others that the submission has put something else in the place of."""

import sys
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

# What comparisons, clocks and generators are made of, and the modules that this process itself is made of.
WATCHED = (
    "builtins", "time", "random", "json", "socket", "numpy", "numpy.testing", "numpy.random", "numpy.linalg", "torch",
    "torch.testing", "torch.nn.functional", "torch.autograd", "torch.cuda", "jax", "jax.numpy", "jax.nn",
)  # fmt: skip
OURS = "reference."


class Patched:
    """What stood in watched modules before the submission was run; closed packages can be found in none."""

    def __init__(self, closed: Sequence[str]) -> None:
        self.closed = tuple(closed)
        self.held: dict[str, tuple[ModuleType, dict[str, Any]]] = {}
        self.told: set[str] = set()

    def remember(self) -> None:
        """Keep every function and class of the watched modules as it is now."""
        names = [name for name in sys.modules if name in WATCHED or name.startswith(OURS)]
        for name in names:
            module = sys.modules[name]
            own = {key: value for key, value in vars(module).items() if callable(value)}
            self.held[name] = module, own

    def taken(self) -> list[list[str]]:
        """The breaches that were not told before: a name, and what is seen."""
        new = [name for name in self._changed() if name not in self.told]
        self.told.update(new)
        return [["patches_globals", f"{name} is not what it was before the submission ran"] for name in new]

    def _changed(self) -> Iterator[str]:
        yield from (name for name in list(sys.modules) if name.partition(".")[0] in self.closed)
        for name, (module, own) in self.held.items():
            if not name.startswith(OURS) and sys.modules.get(name) is not module:
                yield name
            now = vars(module)
            yield from (f"{name}.{key}" for key, value in own.items() if _is_foreign(now.get(key), value, name))


def _is_foreign(now: Any, before: Any, module: str) -> bool:
    """Whether what stands there now is the work of somebody else: libraries put their own functions in their place."""
    return now is not before and str(getattr(now, "__module__", "")).partition(".")[0] != module.partition(".")[0]
