"""The process between `functional-nn check` and the one that runs a file: it sees to it that nothing outlives either.

Run as a program, by its path and without any package: it reads the job, one line, from standard input, hands it to the
command in its arguments, and prints how that ended. When standard input ends, because the one who asked is done or
dead by whatever cause, it ends the command and everything that the command started.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

PROC = Path("/proc")
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
SET_PARENT_DEATH_SIGNAL, SET_CHILD_SUBREAPER = 1, 36  # <linux/prctl.h>
ROUNDS = 200  # of killing what descends from here: a process may start another while it is being killed


def main(command: list[str]) -> int:
    """Run the command on the job until it ends, or nobody waits for it any more."""
    job = sys.stdin.buffer.readline()
    for name in ("SIGINT", "SIGHUP"):  # meant for the one who asked, who will close standard input
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    _prctl(SET_CHILD_SUBREAPER, 1)
    tied = _tied_to_its_parent if LIBC else None
    # What the one who asked lets this process have, the command has too: a socket between the two.
    worker = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=2, start_new_session=True, preexec_fn=tied, close_fds=False
    )
    signal.signal(signal.SIGTERM, lambda *_: end(worker.pid))
    threading.Thread(target=_end_when_alone, args=(worker.pid,), daemon=True).start()
    worker.communicate(job)
    end(worker.pid)
    with contextlib.suppress(OSError):
        os.write(1, str(worker.returncode).encode())
    return 0


def _prctl(option: int, value: int) -> None:
    if LIBC:
        LIBC.prctl(option, value, 0, 0, 0)


def _tied_to_its_parent() -> None:
    """In the child, before the command: it dies with this process, and before others where memory runs out."""
    _prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    with contextlib.suppress(OSError):
        (PROC / "self" / "oom_score_adj").write_text("1000")


def _end_when_alone(worker: int) -> None:
    """Standard input ends when the process that asked closes it, or dies."""
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    end(worker)


def end(worker: int) -> None:
    """Kill the worker, its process group and all that descends from here, until nothing is left."""
    if not hasattr(os, "killpg"):
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(worker)], capture_output=True, check=False)
        return
    for _ in range(ROUNDS):
        left = descendants(os.getpid())
        for pid in left:
            _kill(os.kill, pid)
        _kill(os.killpg, worker)
        if not left:
            return
        time.sleep(0.01)


def _kill(kill: Callable[[int, int], None], target: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        kill(target, signal.SIGKILL)


def descendants(ancestor: int) -> set[int]:
    """The living processes that descend from this one; on Linux orphans among them count as its children."""
    parents = parents_of_all()
    found = {ancestor}
    while new := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= new
    return found - {ancestor}


def parents_of_all() -> dict[int, int]:
    """The parent of every process that has not ended."""
    return dict(_proc_parents() if PROC.is_dir() else _ps_parents())


def _proc_parents() -> Iterator[tuple[int, int]]:
    for stat in PROC.glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended since
            state, parent = stat.read_text(errors="replace").rpartition(")")[2].split()[:2]
            if state not in "ZX":
                yield int(stat.parent.name), int(parent)


def _ps_parents() -> Iterator[tuple[int, int]]:
    ps = subprocess.Popen(["ps", "-axo", "pid=,ppid=,stat="], stdout=subprocess.PIPE)
    for line in ps.communicate()[0].decode("ascii", "replace").splitlines():
        pid, parent, state = line.split()[:3]
        if int(pid) != ps.pid and not state.startswith("Z"):
            yield int(pid), int(parent)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
