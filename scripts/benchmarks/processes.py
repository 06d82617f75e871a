"""Each library in a process of its own, which makes its steps and times them, one when it is asked for one.

What one library leaves behind in a process changes another's times: PyTorch's LSTM took up to 2.5 times as long behind
JAX. The steps stay interleaved, so that what else the machine does meets all of them alike.
"""

import signal
from argparse import Namespace
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from functools import partial
from multiprocessing import get_context
from typing import Any

from benchmarks import contenders, measure
from benchmarks.measure import Timed
from benchmarks.plan import Case
from functional_nn.training.machine.memory import keep_freed_memory


class Place(ExitStack):
    """Where the contenders of a run make their steps: all libraries in this process.

    On a CPU that is not fair to all of them; of the accelerators, some let only one process have them.
    """

    def __init__(self, options: Namespace):
        super().__init__()
        self.device, self.compiled = contenders.torch_device(options.platform), options.compiled

    def started(self, case: Case) -> tuple[dict[str, Timed], dict[str, str]]:
        """By contender, what runs and times a step, once all is compiled; and of those that fail, why."""
        runs, refused = contenders.started(contenders.builders(case, self.device, self.compiled))
        return measure.timed(runs), refused


class Apart(Place):
    """By library, the process of its contenders; each begins when it is first needed."""

    def __init__(self, options: Namespace):
        super().__init__(options)
        self.settings = (options.platform, options.tf32, options.keep_memory)
        self.pools: dict[str, ProcessPoolExecutor] = {}

    def started(self, case: Case) -> tuple[dict[str, Timed], dict[str, str]]:
        """The same, of steps that run there."""
        runs: dict[str, Timed] = {}
        refused: dict[str, str] = {}
        names = list(contenders.builders(case, self.device, self.compiled))
        for library in dict.fromkeys(map(_library, names)):
            self._asked(library, _forget)
        for name in names:
            library = _library(name)
            if reason := self._asked(library, _start, case, name, self.device, self.compiled):
                refused[name] = reason
            else:
                runs[name] = partial(self._asked, library, _step, name)
        return runs, refused

    def _asked(self, library: str, task: Callable[..., Any], *arguments: Any) -> Any:
        """What a task gives in the library's process."""
        if library not in self.pools:
            pool = ProcessPoolExecutor(1, get_context("spawn"), _begin, self.settings)
            self.pools[library] = self.enter_context(pool)
        try:
            return self.pools[library].submit(task, *arguments).result()
        except BrokenProcessPool:
            del self.pools[library]
            raise Ended(f"the process of {library} ended") from None


class Ended(RuntimeError):
    """A library's process is no more; the next case gets a new one."""


def _library(contender: str) -> str:
    return contender.split()[0]


# What follows runs in a library's process, where these are the steps of the case at hand.
_steps: dict[str, Callable[[], Any]] = {}


def _begin(platform: str, tf32: bool, keep_memory: bool) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that prints the table
    if keep_memory:
        keep_freed_memory()
    contenders.settle(platform, tf32)


def _forget() -> None:
    _steps.clear()


def _start(case: Case, name: str, device: str | None, compiled: bool) -> str | None:
    """Why the step cannot be made and called, if it cannot."""
    runs, refused = contenders.started({name: contenders.builders(case, device, compiled)[name]})
    _steps.update(runs)
    return refused.get(name)


def _step(name: str) -> tuple[float, float]:
    return measure.seconds_a_step(_steps[name])
