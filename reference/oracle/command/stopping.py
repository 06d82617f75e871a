"""Ctrl-C, SIGTERM and SIGHUP: one sentence about what was judged so far, and an exit status that says which."""

import signal
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

HEEDED = ("SIGINT", "SIGTERM", "SIGHUP")


class Stopped(BaseException):
    """Somebody asked the command to stop."""

    def __init__(self, number: int):
        super().__init__(number)
        self.number = number
        # The file that was being judged, and what was finished of it.
        self.file = ""
        self.results: list[dict[str, Any]] = []

    @property
    def status(self) -> int:
        """The exit status, as shells have it."""
        return 128 + self.number

    def sentence(self, before: Sequence[dict[str, Any]]) -> str:
        """What was judged until then."""
        by = "Ctrl-C" if self.number == signal.SIGINT else signal.Signals(self.number).name
        verdicts = Counter(result.get("verdict", "cannot tell") for result in (*before, *self.results))
        counts = f"{verdicts['pass']} right, {verdicts['fail']} wrong, {verdicts['cannot tell']} could not be judged"
        at = f" while {self.file} was judged" if self.file else ""
        return f"functional-nn check: stopped by {by}{at}; so far {counts if verdicts else 'nothing was judged'}"


@contextmanager
def stoppable() -> Iterator[None]:
    """While this lasts, the first of these signals raises Stopped and further ones are ignored."""
    here = threading.current_thread() is threading.main_thread()
    numbers = [getattr(signal, name) for name in HEEDED if here and hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    heeded = {number: handler for number, handler in before.items() if handler not in (None, signal.SIG_IGN)}

    def stop(number: int, _: FrameType | None) -> None:
        for other in heeded:
            signal.signal(other, signal.SIG_IGN)
        raise Stopped(number)

    for number in heeded:  # those that are ignored, as under nohup, stay so
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in heeded.items():
            signal.signal(number, handler)
