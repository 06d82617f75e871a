"""An exercise as it stands in the editor, judged: in the process that `functional-nn check` uses, one at a time."""

import contextlib
import os
import subprocess
import tempfile
import threading
import time
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from reference.oracle.command import runner
from reference.oracle.rendering.language import saying

from .desk_words import said

PRINTED = 4000  # characters that are shown of what the file prints
REPORTED = 100_000  # characters of a report
SECONDS_TO_DRAIN = 10.0
ASKED = ("op", "strict", "seed", "grade", "replay", "sweep", "dtype", "html", "students", "language")
NOTHING = dict.fromkeys(ASKED)


class Busy(Exception):
    """Another run is not over yet."""


class Trials:
    """Judges the exercises of a folder, one run at a time, each within a number of seconds."""

    def __init__(self, folder: Path, seconds: float):
        self.folder, self.seconds = folder, seconds
        self.names = sorted(file.stem for file in folder.glob("*.py"))
        self._one = threading.Lock()
        self._running: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def judge(self, name: str, texts: Mapping[str, str], language: str = "en") -> dict[str, Any]:
        """The judgment of an exercise, whose text may import the others'; Busy while another run is going on.

        The whole report is in the language; the first finding in both.
        """
        if not self._one.acquire(blocking=False):
            raise Busy
        try:
            self._stopped = False
            with tempfile.TemporaryDirectory(prefix="exercise-") as made:
                for other in self.names:
                    text = texts.get(other)
                    own = (self.folder / f"{other}.py").read_text(encoding="utf-8") if text is None else text
                    Path(made, f"{other}.py").write_text(own, encoding="utf-8", errors="replace")
                return self._judged(Path(made, f"{name}.py"), language)
        finally:
            self._running = None
            self._one.release()

    def stop(self) -> None:
        """End the run that is going on, if there is one."""
        if (running := self._running) is not None:
            self._stopped = True
            running.terminate()

    def _judged(self, file: Path, language: str) -> dict[str, Any]:
        options = Namespace(**NOTHING | {"language": language}, json=True, timeout=self.seconds)
        begun = time.monotonic()
        with drained(PRINTED) as (entrance, heard):
            results = runner.run(file, None, None, options, printed=entrance, started=self._started)
        late = time.monotonic() - begun >= self.seconds
        sentence = said("stopped") if self._stopped else said("too_long", f"{self.seconds:g}") if late else None
        if self._stopped:  # how the process ended is no news to who ended it
            results = [result for result in results if "verdict" in result]
        printed = heard.decode("utf-8", "replace")
        return {
            "sentence": sentence,
            "parts": [_part(result, language) for result in in_order(results, file)],
            "printed": printed[:PRINTED],
            "cut": len(heard) > PRINTED,
        }

    def _started(self, running: subprocess.Popen[bytes]) -> None:
        self._running = running


@contextlib.contextmanager
def drained(most: int) -> Iterator[tuple[int, bytearray]]:
    """A file descriptor to write to, and the first bytes that come (one more than `most`); the rest is thrown away."""
    exit, entrance = os.pipe()
    heard = bytearray()

    def read() -> None:
        while piece := os.read(exit, 1 << 16):
            heard.extend(piece[: most + 1 - len(heard)])

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield entrance, heard
    finally:
        os.close(entrance)
        reader.join(SECONDS_TO_DRAIN)  # a process that got away may hold the other end
        if not reader.is_alive():
            os.close(exit)


def in_order(results: Sequence[dict[str, Any]], file: Path) -> list[dict[str, Any]]:
    """The results in the order of the file; what is not found there comes last."""
    text = file.read_text(encoding="utf-8")
    places = {id(result): text.find(f"\ndef {result.get('name', '')}") for result in results}
    return sorted(results, key=lambda result: places[id(result)] % (len(text) + 1))


def _part(result: dict[str, Any], language: str) -> dict[str, Any]:
    """What the page shows of one function: the first finding in words, in Japanese too, and the whole report."""
    report = result.get("report", {})
    findings = report.get("findings", []) if result.get("verdict") == "fail" else []
    keys = ("message", "fix", "line", "argument", "index", "got", "expected")
    first = {key: findings[0][key] for key in keys} if findings else None
    reason = result.get("problem") or report.get("headline", "")
    say = saying(language)
    told = "\n".join([*map(say, result.get("notes", ())), result.get("text") or say(result.get("problem", ""))])
    return {
        "name": result.get("name", ""),
        "verdict": result.get("verdict", "cannot tell"),
        "first": first,
        "reason": reason,
        "ja": {text: saying("ja")(text) for text in (reason, *(first or {}).values()) if isinstance(text, str)},
        "text": told[:REPORTED],
    }
