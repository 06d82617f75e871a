"""Ctrl-C and SIGTERM while the command is not yet training: one sentence, and the process is gone.

A KeyboardInterrupt that is raised in the middle of an import can be swallowed there, or abort the process; a handler
that leaves cannot. Only the process of the command itself is watched, from its first import on.
"""

import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType

COMMAND, MODULE = "functional-nn", "functional_nn.cli"
LEARNS = ("train", "experiment")
BEFORE = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}


def sentence(argv: Sequence[str]) -> str:
    """What a command says that was interrupted before it could save anything."""
    command, *words = argv or ["--help"]
    if command not in LEARNS:
        return f"{COMMAND} {command}: interrupted"
    begun = word_after(words, "--resume")
    what = f"nothing was changed in {begun}, --resume goes on from there" if begun else "nothing of this run was kept"
    return f"{COMMAND} {command}: interrupted; {what}"


def word_after(argv: Sequence[str], flag: str) -> str | None:
    """The word after a flag, or after its equals sign; None where the flag or its word is missing."""
    words = [part for word in argv for part in (word.split("=", 1) if word.startswith(f"{flag}=") else [word])]
    return words[words.index(flag) + 1] if flag in words[:-1] else None


def watch() -> None:
    """Where this process is the command: end it at a signal with that sentence, until somebody else heeds signals."""
    here = threading.current_thread() is threading.main_thread()
    if here and _is_command():
        for number, default in BEFORE.items():
            if signal.getsignal(number) is default:
                signal.signal(number, _leave)


def unwatch() -> None:
    """Signals do what they do in any program of Python."""
    for number, default in BEFORE.items():
        if signal.getsignal(number) is _leave:
            signal.signal(number, default)


def _is_command() -> bool:
    name = os.path.basename((getattr(sys, "argv", None) or [""])[0])
    return name == COMMAND or (name == "-m" and MODULE in sys.orig_argv)


def _leave(number: int, frame: FrameType | None) -> None:
    with suppress(OSError):
        os.write(2, f"{sentence(sys.argv[1:])}\n".encode(errors="replace"))
    os._exit(128 + number)


watch()
