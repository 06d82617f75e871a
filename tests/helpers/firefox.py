"""Firefox for the tests of the study site. It is spoken to in its own protocol, Marionette, on this machine only:
selenium would need geckodriver, which few systems have a package of.
"""

import itertools
import json
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

# Firefox chooses a free port and writes it into its profile.
PREFERENCES = {
    "marionette.port": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "browser.aboutwelcome.enabled": False,
}
PATIENCE = 300


class Firefox:
    """One window; the methods are called as those of selenium's drivers."""

    def __init__(self, port: int):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.numbers = itertools.count(1)
        self._received()  # its greeting
        self._do("WebDriver:NewSession", capabilities={})
        self._do("WebDriver:SetTimeouts", script=1000 * PATIENCE, pageLoad=1000 * PATIENCE)

    def close(self) -> None:
        self.socket.close()

    def get(self, address: str) -> None:
        self._do("WebDriver:Navigate", url=address)

    def set_window_size(self, width: int, height: int) -> None:
        self._do("WebDriver:SetWindowRect", width=width, height=height)

    def execute_script(self, script: str, *arguments: Any) -> Any:
        return self._do("WebDriver:ExecuteScript", script=script, args=arguments)["value"]

    def execute_async_script(self, script: str, *arguments: Any) -> Any:
        return self._do("WebDriver:ExecuteAsyncScript", script=script, args=arguments)["value"]

    def _do(self, command: str, **parameters: Any) -> Any:
        message = json.dumps([0, next(self.numbers), command, parameters]).encode()
        self.socket.sendall(b"%d:%s" % (len(message), message))
        _, _, error, result = self._received()
        assert error is None, f"Firefox refuses {command}: {error}"
        return result

    def _received(self) -> Any:
        """A message: how many bytes it has, a colon, and JSON."""
        length = b"".join(iter(lambda: self._bytes(1), b":"))
        return json.loads(self._bytes(int(length)))

    def _bytes(self, count: int) -> bytes:
        received = b""
        while len(received) < count:
            piece = self.socket.recv(count - len(received))
            assert piece, "Firefox has ended"
            received += piece
        return received


@contextmanager
def firefox() -> Iterator[Firefox]:
    """One headless Firefox with an empty profile; a skip with its reason where there is none."""
    browser = shutil.which("firefox-esr") or shutil.which("firefox")
    if browser is None:
        pytest.skip("Firefox is not installed")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFERENCES.items()]
        Path(profile, "user.js").write_text("".join(lines), encoding="utf-8")
        words = [browser, "--headless", "--marionette", "--no-remote", "--profile", profile]
        running = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            with closing(Firefox(_port(Path(profile, "MarionetteActivePort"), running))) as driver:
                yield driver
        finally:
            running.terminate()
            running.wait()


def _port(written: Path, running: subprocess.Popen[bytes]) -> int:
    begun = time.monotonic()
    while not (written.exists() and (text := written.read_text(encoding="utf-8"))):
        assert running.poll() is None, f"Firefox has ended with {running.returncode}"
        assert time.monotonic() - begun < PATIENCE, "Firefox does not say on which port it listens"
        time.sleep(0.1)
    return int(text)
