"""Somebody's lines, run to see what they compute: what would reach beyond this process is refused, and no line loops.

An audit hook sees every file that is opened, every connection and every process that is started, whatever calls it.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

# Lines that one value may take to compute.
LINES = 200_000
# What these begin with reaches beyond the process.
BEYOND = ("socket.", "subprocess.", "os.", "shutil.", "tempfile.", "urllib.", "ftplib.", "smtplib.", "webbrowser.",
          "sqlite3.", "builtins.input", "pty.", "signal.", "ctypes.dlopen", "_thread.start_new_thread")  # fmt: skip
HARMLESS = ("os.listdir", "os.scandir", "os.walk", "os.fwalk", "os.putenv", "os.unsetenv")
CODE = (".py", ".pyc", ".so", ".pyd", ".pth", ".pyx")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Refused(Exception):
    """It would have reached beyond the process, or taken too long."""


class _Guard:
    """Whether the hook is there, which nothing removes, and whether it refuses at the moment."""

    installed = False
    on = False


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _Guard.on:
        return
    if event == "open":
        path, _, flags = arguments
        is_code = isinstance(path, str | bytes | os.PathLike) and os.fsdecode(path).endswith(CODE)
        if not is_code or (flags or 0) & WRITING:
            raise PermissionError(f"opens {path}")
    elif event.startswith(BEYOND) and event not in HARMLESS:
        raise PermissionError(f"does {event}")


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Nothing in here reaches beyond the process, or runs more than so many lines: Refused."""
    if not _Guard.installed:
        sys.addaudithook(_hook)
        _Guard.installed = True
    before, was_on, left = sys.gettrace(), _Guard.on, [LINES]

    def of_line(frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line":
            left[0] -= 1
            if left[0] < 0:
                raise Refused(f"more than {LINES} lines")
        return of_line

    _Guard.on = True
    sys.settrace(of_line)
    try:
        yield
    finally:
        sys.settrace(before)
        _Guard.on = was_on
