"""The server of `functional-nn study`, on a site as small as can be, and somebody who asks it."""

import http.client
import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scripts.study import serve

STUDY = Path(__file__).parents[2] / "docs" / "study"
STARTER = (STUDY / "exercises" / "activations.py").read_text(encoding="utf-8")


def small_site(folder: Path) -> Path:
    """One page, and the exercises."""
    shutil.copytree(STUDY / "exercises", folder / "exercises")
    (folder / "index.html").write_text("Hello")
    return folder


class Caller:
    """Asks a server; every header may be changed, or left out with None."""

    def __init__(self, server: serve.Server):
        self.server, self.prefix = server, server.prefix
        self.host = f"127.0.0.1:{server.server_port}"

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str | None) -> tuple[int, str]:
        usual = {"Host": self.host, "Origin": f"http://{self.host}", "Content-Type": "application/json"}
        sent = {**usual, **{name.replace("_", "-"): value for name, value in headers.items()}}
        connection = http.client.HTTPConnection("127.0.0.1", self.server.server_port, timeout=300)
        connection.putrequest(method, path, skip_host=True)
        for name, value in {**sent, "Content-Length": str(len(body or b""))}.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders(body)
        with connection.getresponse() as answer:
            text = answer.read().decode()
        connection.close()
        return answer.status, text

    def run(
        self, text: str, exercise: str = "activations", language: str = "en", **headers: str | None
    ) -> tuple[int, dict[str, Any]]:
        body = json.dumps({"exercise": exercise, "texts": {exercise: text}, "language": language}).encode()
        status, answer = self.ask("POST", f"{self.prefix}run", body, **headers)
        return status, json.loads(answer)


@contextmanager
def served(folder: Path, seconds: float = 120.0) -> Iterator[Caller]:
    """Somebody who asks a server of this site."""
    with serve.server(folder, 0, seconds) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Caller(server)
        finally:
            server.shutdown()
            thread.join()
