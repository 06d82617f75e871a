"""The submission answers: loaded under limits, called on arrays that are its own, its answers sent as bytes."""

import contextlib
import os
import socket
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from reference.oracle.judging import wire
from reference.oracle.judging.inside import entry, memory
from reference.oracle.judging.inside.by_hand import not_by_hand
from reference.oracle.judging.inside.forbidden import Forbidden
from reference.oracle.judging.inside.patched import Patched
from reference.oracle.subjects import trees
from reference.oracle.subjects.interpreted import mended
from reference.oracle.subjects.placed import missing, placed
from reference.oracle.subjects.subject import Subject

PLAIN = (np.ndarray, bool, int, float, type(None))


class Refused(Exception):
    """An answer that is made of something else than arrays and numbers."""


class Stream:
    """The socket to the judge, which no process that the submission starts keeps."""

    def __init__(self, end: socket.socket):
        self.end = end
        os.register_at_fork(after_in_child=end.close)

    def send(self, data: bytes) -> None:
        """Write all of it."""
        self.end.sendall(data)

    def receive(self, count: int) -> bytes:
        """Read exactly so many bytes; the process ends where there are no more."""
        data = bytearray()
        while len(data) < count:
            part = self.end.recv(min(count - len(data), 1 << 20))
            if not part:
                os._exit(0)
            data += part
        return bytes(data)


def serve(end: socket.socket, job: dict[str, Any]) -> None:
    """Load the submission, say how it is written, and answer every question."""
    stream = Stream(end)
    wire.send(stream, {"process": os.getpid()})
    memory.limit(job["memory"])
    serving = Serving(job)
    wire.send(stream, serving.load())
    while True:
        wire.send(stream, serving.answer(wire.receive(stream, job["memory"])))


class Serving:
    """The submission, and what was seen of it."""

    def __init__(self, job: dict[str, Any]):
        self.job = job
        self.subject: Subject | None = None
        self.device = None if job["device"] == "cpu" else job["device"]
        self.pullbacks: dict[int, tuple[Callable[[Any], Any], tuple[Any, ...]]] = {}
        self.calls = 0
        self.forbidden = Forbidden(job["forbid"])
        self.patched = Patched(job["closed"])

    def load(self) -> dict[str, Any]:
        """Run the file; what it has, or why it has nothing."""
        for name in ("ml_dtypes", *self.job["imports"]):  # the first gives NumPy its bfloat16
            with contextlib.suppress(ImportError):
                __import__(name)
        self.forbidden.stand_in()
        self.patched.remember()
        self.forbidden.close(self.job["closed"])
        if self.device and (why := missing(self.job["framework"], self.device)):
            return {"no_device": why}
        try:
            with self.forbidden.watching():
                module = entry.loaded(Path(self.job["file"]))
                self.subject = self._entry(module)
        except entry.NoEntry as lack:
            return {"lacks": str(lack), **self._seen()}
        except BaseException as error:  # a file may raise anything
            return {"raises": _said(error), **self._seen()}
        names = list(self.subject.names) if self.subject.names else None
        return {"name": self.subject.name, "names": names, "style": self.subject.style, **self._seen()}

    def _entry(self, module: ModuleType) -> Subject:
        if self.job["around"]:
            found = entry.within(Path(self.job["around"]), module, self.job["name"], self.job["settled"])
        else:
            found = entry.entry(module, self.job["name"], self.job["framework"])
        return placed(found, self.device) if self.device else found

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """The answer to one question; what the submission raises is one."""
        for number in question.get("forget", ()):
            self.pullbacks.pop(number, None)
        ask = {"forward": self._forward, "vjp": self._vjp, "pull": self._pull, "by_hand": self._by_hand,
               "echo": self._echo}[question["ask"]]  # fmt: skip
        try:
            with memory.unwritten(question.get("unwritten")), self.forbidden.watching(), mended():
                answer = ask(question)
        except Refused as refused:
            answer = {"refused": str(refused)}
        except BaseException as error:  # anybody's code may raise anything
            answer = {"raises": _said(error), "type": type(error).__name__, "line": _line(error, self.job["file"])}
        return {**answer, **self._seen()}

    def _seen(self) -> dict[str, Any]:
        return {"breaches": [*self.forbidden.taken(), *self.patched.taken()]}

    def _of(self) -> Subject:
        assert self.subject is not None
        return self.subject

    def _echo(self, question: dict[str, Any]) -> dict[str, Any]:
        return {"out": question["arrays"]}

    def _forward(self, question: dict[str, Any]) -> dict[str, Any]:
        before = trees.snapshot(list(map(_memory, question["arrays"])))
        out = _output(self._of().forward(*question["arrays"]))
        return {"out": out, "changed": _changed(before, question["arrays"])}

    def _vjp(self, question: dict[str, Any]) -> dict[str, Any]:
        primals = tuple(question["arrays"])
        before = trees.snapshot(list(map(_memory, primals)))
        out, pullback = self._of().vjp(*primals)
        self.calls += 1
        self.pullbacks[self.calls] = pullback, primals
        return {"out": _output(out), "number": self.calls, "changed": _changed(before, primals)}

    def _pull(self, question: dict[str, Any]) -> dict[str, Any]:
        pullback, primals = self.pullbacks[question["number"]]
        leaves = trees.leaves(question["cotangent"])
        before, upstream = trees.snapshot(list(map(_memory, primals))), trees.snapshot(list(map(_memory, leaves)))
        found = pullback(question["cotangent"])
        return {
            "out": _plain(found),
            "changed": _changed(before, primals),
            "changed_cotangent": _changed(upstream, leaves),
        }

    def _by_hand(self, question: dict[str, Any]) -> dict[str, Any]:
        return {"sentences": not_by_hand(self._of(), tuple(question["arrays"]), self.device)}


def _memory(value: Any) -> Any:
    """All of the memory that an array lies in."""
    return value.base if isinstance(value, np.ndarray) and isinstance(value.base, np.ndarray) else value


def _changed(before: list[np.ndarray], values: Sequence[Any]) -> list[list[Any]]:
    """The places of the arrays that hold other bytes than before, and what they hold."""
    arrays = [(place, value) for place, value in enumerate(values) if isinstance(value, np.ndarray)]
    pairs = zip(before, arrays, strict=True)
    return [[place, np.array(value)] for kept, (place, value) in pairs if not trees.same(kept, _memory(value))]


def _output(tree: Any) -> Any:
    """What a forward returns, and Refused where that is nothing."""
    plain = _plain(tree)
    if all(leaf is None for leaf in trees.leaves(plain)):
        raise Refused("no array as its output")
    return plain


def _plain(tree: Any, depth: int = 0) -> Any:
    """The same in containers and arrays of our own making; Refused where it holds anything else."""
    if type(tree) in (tuple, list, dict) and depth < wire.DEEPEST - 4:
        if type(tree) is dict:
            return {str(key): _plain(value, depth + 1) for key, value in tree.items()}
        return type(tree)(_plain(value, depth + 1) for value in tree)
    if type(tree) in PLAIN or isinstance(tree, np.generic):
        if isinstance(tree, np.ndarray) and tree.dtype.name not in wire.DTYPES:
            raise Refused(f"an array of {tree.dtype.name}")
        return np.array(tree, order="C") if isinstance(tree, np.ndarray) else tree
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return tuple(_plain(value, depth + 1) for value in tree)
    raise Refused(f"an object of the class {type(tree).__name__}")


def _said(error: BaseException) -> str:
    """The last line of a traceback, cut where it is long."""
    kind = type(error).__name__[:80]
    try:
        words = str(error).strip().splitlines()
    except Exception:  # an exception may be broken itself
        words = []
    return f"{kind}: {words[0][:300]}" if words else kind


def _line(error: BaseException, file: str) -> int | None:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return frames[-1].lineno if frames else None
