"""Several processes as one run: they start together, the first speaks and writes, and what ends one ends all.

Imports no JAX: a word to the person must not wait for it.
"""

import ctypes
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from signal import SIGABRT
from threading import Thread
from typing import Any, TypeVar

import numpy as np

from functional_nn.training.choices.config import TrainConfig
from functional_nn.training.endings import BadInput, ProcessLost

# What is there where a TPU is.
TPU_FILES = ("/dev/accel0", "/dev/vfio/0")
AWAITED = 300  # seconds
SILENCE = re.compile("gloo|nccl|connection|socket|barrier|coordination|heartbeat|unavailable|deadline", re.IGNORECASE)
BLOCK = 256  # bytes; messages of about the same length are exchanged by the same program

T = TypeVar("T")


def join(config: TrainConfig) -> None:
    """Become one of several processes where the flags, SLURM or a Cloud TPU say so; before JAX is used otherwise."""
    asked = config.coordinator is not None
    found = config.process_count != 1 and (_in_slurm_step() or _on_tpu())
    if several() or not (asked or found):
        return
    import jax

    jax.config.update("jax_enable_preemption_service", False)  # SIGTERM is heeded in endings.py
    _abort_late()
    try:
        _find_the_others(config, "deactivate" if asked else None)  # None: JAX asks the surroundings itself
    except TimeoutError:
        raise ProcessLost(f"the other processes of this run did not come within {AWAITED} seconds") from None
    except (RuntimeError, ValueError, OSError) as error:
        if asked or _in_slurm_step():
            raise BadInput(f"the processes of this run did not find each other: {first_line(error)}") from error

        # A TPU of one machine, which knows of no others.


def _find_the_others(config: TrainConfig, method: str | None) -> None:
    """Join them in a thread: signals are not heeded in JAX, which may wait there for minutes, and aborts in the end."""
    import jax

    found: Future[None] = Future()

    def initialize() -> None:
        which = config.coordinator, config.process_count, config.process_id
        try:
            options: dict[str, Any] = {"cluster_detection_method": method, "initialization_timeout": 2 * AWAITED}
            found.set_result(jax.distributed.initialize(*which, **options))
        except Exception as error:
            found.set_exception(error)

    Thread(target=initialize, daemon=True).start()
    found.result(AWAITED)


def _abort_late() -> None:
    """Let what a process waits for fail first: JAX aborts it as soon as it hears that the first process is gone.

    The handler is the C function `sleep`, which the aborting thread calls with the number of the signal: 6 seconds.
    """
    c = ctypes.CDLL(None)
    c.signal.argtypes, c.signal.restype = (ctypes.c_int, ctypes.c_void_p), ctypes.c_void_p
    c.signal(SIGABRT, ctypes.cast(c.sleep, ctypes.c_void_p))


def is_loss(error: BaseException) -> bool:
    """Whether this is what JAX says where another process does not answer."""
    return several() and isinstance(error, (RuntimeError, ValueError)) and bool(SILENCE.search(str(error)))


@contextmanager
def noticing_loss(go_on: str) -> Iterator[None]:
    """Where another process does not answer, ProcessLost says so, and how to go on."""
    try:
        yield
    except (RuntimeError, ValueError) as error:
        if is_loss(error):
            raise ProcessLost(f"another process of this run is gone; {go_on}") from error
        raise


def several() -> bool:
    """Whether this process is one of several."""
    jax = sys.modules.get("jax")
    return jax is not None and jax.distributed.is_initialized() and jax.process_count() > 1


def is_first() -> bool:
    """Whether this is the process that speaks and writes."""
    return not several() or sys.modules["jax"].process_index() == 0


def together(act: Callable[[], T]) -> T:
    """What every process gets when it acts; where one fails all fail, with its sentence."""
    if not several():
        return act()
    result: list[T] = []
    fault = None
    try:
        result.append(act())
    except (BadInput, OSError) as error:
        fault = str(error)
    for process, other in enumerate(map(json.loads, everyones(json.dumps(fault)))):
        if other is not None:
            raise BadInput(f"process {process}: {other}" if process else other)
    return result[0]


def by_first(act: Callable[[], T]) -> T:
    """What the first process gets when it alone acts, as JSON carries it; where it fails all fail."""
    if not several():
        return act()
    result = together(lambda: act() if is_first() else None)
    return json.loads(everyones(json.dumps(result))[0])


def everyones(text: str) -> list[str]:
    """What each process says, in their order; every process must say something."""
    words = np.frombuffer(text.encode(), np.uint8)
    longest = max(numbers[0] for numbers in everyones_numbers((len(words),)))
    padded = np.pad(words, (0, -(-longest // BLOCK) * BLOCK - len(words)))
    return [bytes(row).rstrip(b"\0").decode() for row in _gathered(padded)]


def everyones_numbers(numbers: Sequence[int]) -> list[list[int]]:
    """The whole numbers of each process, in their order; all must give as many."""
    return _gathered(np.asarray(numbers, np.int32)).tolist() if several() else [list(numbers)]


def first_line(error: object) -> str:
    """The beginning of what an error says, its kind where it says nothing."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _gathered(array: np.ndarray) -> np.ndarray:
    from jax.experimental.multihost_utils import process_allgather

    return np.asarray(process_allgather(array))


def _in_slurm_step() -> bool:
    """Whether srun started this process beside others."""
    return "SLURM_STEP_NODELIST" in os.environ and os.environ.get("SLURM_NTASKS", "1") != "1"


def _on_tpu() -> bool:
    return find_spec("libtpu") is not None and any(Path(file).exists() for file in TPU_FILES)
