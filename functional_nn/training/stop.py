"""How a run is asked to end: a signal is remembered, and heeded between two steps."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

HEEDED = (signal.SIGINT, signal.SIGTERM)


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
