"""The site on this machine, and behind it the judge of its exercises: for this machine alone, and with a token.

Every address begins with the token, which is drawn anew at each start, so that neither another user of the machine nor
a page of another site can have code run here. Host and Origin are looked at too: a name that somebody else points at
this machine (DNS rebinding) gets no answer.
"""

import json
import secrets
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from .desk_words import said
from .refusal import Refusal
from .schema import LANGUAGES
from .trial import Busy, Trials

LARGEST = 256  # KB of a request
DRAINED = 16 << 20  # bytes of a request that is too large, read so that its sender hears why
PAGE = """<!DOCTYPE html><html lang="ja"><meta charset="utf-8"><title>{ja}</title>
<style>:root {{ color-scheme: light dark; font: 1.1rem/1.7 system-ui, sans-serif; }}
body {{ max-width: 40rem; margin: 3rem auto; padding: 0 1rem; }}</style>
<p lang="ja">{ja}</p><p lang="en">{en}</p></html>
"""
HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",  # the address holds the token
    "X-Content-Type-Options": "nosniff",
}


class Server(ThreadingHTTPServer):
    """Serves a built site, and judges the exercises that stand in it."""

    daemon_threads = True

    def __init__(self, folder: Path, port: int, seconds: float):
        super().__init__(("127.0.0.1", port), Handler)
        self.folder, self.trials = folder, Trials(folder / "exercises", seconds)
        self.prefix = f"/study-{secrets.token_urlsafe(24)}/"
        self.hosts = {f"{name}:{self.server_port}" for name in ("127.0.0.1", "localhost")}

    @property
    def address(self) -> str:
        """Where the site begins."""
        return f"http://127.0.0.1:{self.server_port}{self.prefix}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in the middle of an answer is nothing to tell of."""


class Handler(SimpleHTTPRequestHandler):
    """Answers what carries the token: files of the site, a run of an exercise, the end of one."""

    server: Server  # pyright: ignore[reportIncompatibleVariableOverride]
    timeout = 30  # seconds in which a request must have come

    def do_GET(self) -> None:
        """A file of the site."""
        if self.path == "/favicon.ico":  # every browser asks for it, and there is none
            self.send_response(HTTPStatus.NO_CONTENT)
            self.end_headers()
        elif self._admitted():
            super().do_GET()

    def do_HEAD(self) -> None:
        """The same without its content."""
        if self._admitted():
            super().do_HEAD()

    def do_POST(self) -> None:
        """Judge an exercise, or end the judgment."""
        body = self._body()
        if self._admitted():
            self._heed(body)

    def _heed(self, body: bytes | None) -> None:
        if self.headers.get("Origin") not in {f"http://{host}" for host in self.server.hosts}:
            return self._answer(HTTPStatus.FORBIDDEN, said("not_from_here"))
        asked = self.path.removeprefix(self.server.prefix)
        if asked == "stop":
            self.server.trials.stop()
            return self._answer(HTTPStatus.OK, None)
        if asked != "run":
            return self._answer(HTTPStatus.NOT_FOUND, said("not_there"))
        if body is None:
            return self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, said("too_large", LARGEST))
        return self._run(body)

    def _run(self, body: bytes) -> None:
        try:
            name, texts, language = self._exercise(body)
        except (ValueError, TypeError, KeyError, RecursionError):
            return self._answer(HTTPStatus.BAD_REQUEST, said("not_a_run"))
        try:
            return self._answer(HTTPStatus.OK, **self.server.trials.judge(name, texts, language))
        except Busy:
            return self._answer(HTTPStatus.CONFLICT, said("busy"))

    def _exercise(self, body: bytes) -> tuple[str, dict[str, str], str]:
        if self.headers.get_content_type() != "application/json":  # what another site's form cannot send
            raise ValueError
        asked = json.loads(body)
        name, texts, language = asked["exercise"], asked["texts"], asked.get("language", "en")
        if {name, *texts} - {*self.server.trials.names} or not all(isinstance(text, str) for text in texts.values()):
            raise ValueError
        if language not in LANGUAGES:
            raise ValueError
        return name, texts, language

    def _body(self) -> bytes | None:
        """What was sent, or None where it is too large."""
        length = self.headers.get("Content-Length", "")
        size = int(length) if length.isascii() and length.isdigit() else 0
        if size <= LARGEST << 10:
            return self.rfile.read(size)
        for _ in range(min(size, DRAINED) >> 16):
            self.rfile.read(1 << 16)
        return None

    def _admitted(self) -> bool:
        """Whether the request is meant for this server and carries its token; where not, it is answered here."""
        if self.headers.get("Host") not in self.server.hosts:
            self._answer(HTTPStatus.FORBIDDEN, said("not_from_here"))
            return False
        prefix = self.server.prefix
        if not secrets.compare_digest(self.path[: len(prefix)].encode(), prefix.encode()):
            self._answer(HTTPStatus.FORBIDDEN, said("other_start"))
            return False
        return True

    def _answer(self, status: HTTPStatus, sentence: dict[str, str] | None, **more: Any) -> None:
        """JSON for the editor; for a reader, who gets files, a page with the sentence."""
        asks = self.command == "POST"
        text = json.dumps({"sentence": sentence, **more}) if asks else PAGE.format(**sentence or {})
        body = text.encode("utf-8", "replace")
        self.send_response(status)
        self.send_header("Content-Type", f"{'application/json' if asks else 'text/html'}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def translate_path(self, path: str) -> str:
        """The file: the token is no folder."""
        self.directory = str(self.server.folder)
        return super().translate_path(path.removeprefix(self.server.prefix.rstrip("/")))

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the standard library refuses (no such file, no such method), in the site's words."""
        self.command = self.command or "GET"
        self._answer(HTTPStatus(code), said("not_there"))

    def list_directory(self, path: Any) -> None:
        """No folder is shown."""
        self.send_error(HTTPStatus.NOT_FOUND)

    def end_headers(self) -> None:
        """Every answer forbids other sites to frame it, and keeps the token out of links."""
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def server(folder: Path, port: int, seconds: float = 60.0) -> Server:
    """A server of the folder that only this machine can reach; port 0 takes a free one."""
    if not (folder / "index.html").is_file():
        raise Refusal(f"what is served must be a site that was built; got {folder}, which has no index.html")
    try:
        return Server(folder, port, seconds)
    except (OSError, OverflowError) as error:
        raise Refusal(f"the port must be free; got {port} ({error}); with --port 0 a free one is taken") from error


def until_interrupted(running: Server) -> None:
    """Answer until Ctrl-C."""
    try:
        running.serve_forever()
    except KeyboardInterrupt:
        print()
