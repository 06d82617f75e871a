"""The submission's process: started, asked, watched, ended. Whatever it does, the judge goes on."""

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from reference.oracle.command import guard
from reference.oracle.judging import inside, wire
from reference.oracle.judging.breaches import Breach, Ended
from reference.oracle.judging.environment import handed_on
from reference.oracle.judging.task import BadTask, Task

PROGRAM = Path(inside.__file__).with_name("__main__.py")
# Packages that a submission may not look into.
CLOSED = ("reference", "functional_nn")
STARTS_WITHIN, ENDS_WITHIN, LOOKS_EVERY = 60.0, 10.0, 0.05  # seconds
MOST_PROCESSES = 64
# A call may wait so many times its limit for a processor, which the limit does not count.
MOST_WAITING = 9
# An answer may be so many times as large as the question, and this much more.
TIMES, MORE = 64, 1 << 24


class Child:
    """A process that holds the submission, and nothing else of ours than arrays."""

    def __init__(self, task: Task, submission: Path):
        self.task = task
        self.spent = 0.0
        self.asked = 0
        self.breaches: dict[Breach, None] = {}
        self.forget: list[int] = []
        self.folder = tempfile.TemporaryDirectory(prefix="submission-")
        self.too_much = ""
        self.sent, self.deadline, self.within = 0, 0.0, 0.0
        self.process, self.waited = 0, 0.0
        here, there = socket.socketpair()
        self.end = here
        self.guarded = self._started(submission, there)
        there.close()
        self.known: set[int] = set()
        threading.Thread(target=self._watch, daemon=True).start()

    def _started(self, submission: Path, there: socket.socket) -> subprocess.Popen[bytes]:
        """The guard, and under it the program, in a folder that holds a copy of the submission alone."""
        file = Path(self.folder.name) / "submission.py"
        shutil.copyfile(submission, file)
        job = {"file": str(file), "channel": there.fileno(), "closed": CLOSED, **self.task.for_child(self.folder.name)}
        command = [sys.executable, "-I", "-S", guard.__file__, sys.executable, "-P", str(PROGRAM)]
        nowhere = subprocess.DEVNULL
        guarded = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=nowhere, stderr=nowhere, cwd=self.folder.name,
            env=handed_on(self.folder.name, self.task.device), start_new_session=True, pass_fds=[there.fileno()],
        )  # fmt: skip
        assert guarded.stdin is not None
        with contextlib.suppress(OSError):
            guarded.stdin.write(json.dumps(job).encode() + b"\n")
            guarded.stdin.flush()
        return guarded

    def load(self) -> dict[str, Any]:
        """Run the submission's file; its name, the names of its arguments and how it is written.

        Raises:
            Ended: it does not load.
            BadTask: the task's device is not there.
        """
        self.process = int(self._receive(STARTS_WITHIN, "the process")["process"])
        said = self._receive(self.task.seconds, "loading")
        self.spent += self._taken()
        if "no_device" in said:
            raise BadTask(f"device must be there; got {self.task.device}: {said['no_device']}")
        for kind in ("lacks", "raises"):
            if kind in said:
                words = said["lacks"] if kind == "lacks" else f"raises {said['raises']}"
                raise Ended(Breach("does_not_load", f"the submission {words}"))
        return said

    def ask(self, **question: Any) -> dict[str, Any]:
        """The answer to a question.

        Raises:
            Ended: there is none.
        """
        forget, self.forget = self.forget, []
        within = min(self.task.seconds_a_call, self.task.seconds - self.spent)
        self._begin(within)
        try:
            wire.send(self, {**question, "forget": forget})
        except OSError as error:
            raise Ended(self._gone()) from error
        answer = self._receive(within, "a call")
        self.spent += self._taken()
        self.asked += 1
        if "refused" in answer:
            raise Ended(Breach("no_array", f"the submission returns {str(answer['refused'])[:200]}"))
        return answer

    def _begin(self, within: float) -> None:
        self.sent, self.waited = 0, waiting(self.process)
        self._allow(within)

    def _allow(self, within: float) -> None:
        """From now on there is so much time, for a question or for its answer."""
        self.deadline, self.within = time.perf_counter() + within, within

    def _taken(self) -> float:
        """Seconds of the last question, without those in which the process waited for a processor."""
        return max(self.within + time.perf_counter() - self.deadline - self._waiting(), 0.0)

    def _waiting(self) -> float:
        return min(max(waiting(self.process) - self.waited, 0.0), MOST_WAITING * self.within)

    def _left(self) -> float:
        """Seconds until there is no more time, and not less than 0."""
        left = self.deadline - time.perf_counter()
        return max(left if left > 0 else left + self._waiting(), 0.0)

    def send(self, data: bytes) -> None:
        """Write all of it, as long as there is time."""
        self.end.settimeout(max(self._left(), 1e-3))
        try:
            self.end.sendall(data)
        except TimeoutError:
            raise Ended(self._late("a call")) from None
        self.sent += len(data)

    def receive(self, count: int) -> bytes:
        """Read exactly so many bytes, as long as there is time."""
        data = bytearray()
        while len(data) < count:
            if not select.select([self.end], [], [], self._left())[0]:
                if self._left():
                    continue
                raise TimeoutError
            part = self.end.recv(min(count - len(data), 1 << 20))
            if not part:
                raise ConnectionResetError
            data += part
        return bytes(data)

    def _receive(self, within: float, what: str) -> dict[str, Any]:
        self._allow(within)
        try:
            answer = wire.receive(self, TIMES * self.sent + MORE)
            breaches = [Breach(str(name), str(said)[:300]) for name, said in answer.pop("breaches", ())]
        except TimeoutError:
            raise Ended(Breach("too_much_memory", self.too_much) if self.too_much else self._late(what)) from None
        except OSError as error:
            raise Ended(self._gone()) from error
        except (wire.Garbled, TypeError, ValueError) as error:
            raise Ended(Breach("garbled", f"the submission's process sent {error}")) from error
        self.breaches.update(dict.fromkeys(breaches))
        if "MemoryError" in str(answer.get("raises", "")):
            raise Ended(Breach("too_much_memory", f"the submission raises {answer['raises']}"))
        return answer

    def _late(self, what: str) -> Breach:
        if what == "the process":
            return Breach("out_of_time", f"the process took longer than {STARTS_WITHIN:g} s to start")
        for_all = f"longer than the task allows for all calls ({self.task.seconds:g} s)"
        if what == "loading":
            return Breach("does_not_load", f"running the file took {for_all}")
        if self.within < self.task.seconds_a_call:
            return Breach("out_of_time", f"{self.asked} calls took {for_all}; what was asked until then stands")
        return Breach("too_slow", f"a call took longer than the task allows for one ({self.task.seconds_a_call:g} s)")

    def _gone(self) -> Breach:
        if self.too_much:
            return Breach("too_much_memory", self.too_much)
        return Breach("process_ended", "the submission's process ended before it answered")

    def _watch(self) -> None:
        """Sum up what the process and all that it started take, and end them where it is too much."""
        while self.guarded.poll() is None:
            processes = guard.descendants(self.guarded.pid)
            self.known |= processes
            size = sum(map(resident, processes))
            if size > self.task.memory:
                self.too_much = f"the submission took more than {self.task.memory / 2**30:g} GiB of memory"
            elif len(processes) > MOST_PROCESSES:
                self.too_much = f"the submission started more than {MOST_PROCESSES} processes"
            if self.too_much:
                self.guarded.terminate()
                return
            time.sleep(LOOKS_EVERY)

    def stop(self) -> None:
        """End the process and everything that it started."""
        assert self.guarded.stdin is not None
        with contextlib.suppress(OSError):
            self.guarded.stdin.close()
        try:
            self.guarded.wait(ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            self.guarded.kill()
            self.guarded.wait()
        for process in self.known & set(guard.parents_of_all()):  # where the submission ended the guard
            with contextlib.suppress(OSError):
                os.kill(process, signal.SIGKILL)
        self.end.close()
        self.folder.cleanup()


def waiting(process: int) -> float:
    """Seconds for which a process was ready to run and had no processor; 0 where the system does not say."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int((guard.PROC / str(process) / "schedstat").read_text().split()[1]) / 1e9
    return 0.0


def resident(process: int) -> int:
    """The bytes of memory that a process holds; 0 where it has ended, or the system does not say."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        pages = int((guard.PROC / str(process) / "statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    return 0
