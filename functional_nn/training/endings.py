"""How a run is asked to end, and the ways it ends early, each with one sentence for the person at the terminal."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

HEEDED = (signal.SIGINT, signal.SIGTERM)


class BadInput(Exception):
    """Something that was asked for or given cannot be used; nothing was written or changed (exit status 2)."""


class Diverged(Exception):
    """The loss stopped being a finite number (exit status 1)."""


class GradientsDisagree(Exception):
    """The jitted gradient is not the one derived by hand (exit status 1)."""


class Interrupted(Exception):
    """A signal asked the run to end, and what it had learned was saved (exit status 128 and the signal's number)."""

    def __init__(self, sentence: str, signal: int | None = None) -> None:
        super().__init__(sentence)
        self.signal = signal


class InterruptedTwice(Interrupted):
    """A second signal ended the run at once: what was learned since the last save is lost."""


class ProcessLost(Interrupted):
    """Another process of the run is gone or did not come; no step can be taken without it (exit status 3)."""


class Stop:
    """Whether a signal came, and which; a second one interrupts at once."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Be told of a signal."""
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number


@contextmanager
def heeding_signals() -> Iterator[Stop]:
    """While this lasts, Ctrl-C and SIGTERM are remembered instead of ending the process; one inside another is one."""
    outer = signal.getsignal(signal.SIGINT)
    stop = outer if isinstance(outer, Stop) else Stop()
    if stop is outer or threading.current_thread() is not threading.main_thread():
        yield stop  # as remembered already; and only the main thread may say what a signal does
        return
    before = {number: signal.signal(number, stop) for number in HEEDED}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
