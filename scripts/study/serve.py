"""The built site on this machine, for those whose browser does not like pages from disk."""

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from .refusal import Refusal


class Handler(SimpleHTTPRequestHandler):
    """Serves files, without a line for each."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def server(folder: Path, port: int) -> ThreadingHTTPServer:
    """A server of the folder that only this machine can reach; port 0 takes a free one."""
    if not (folder / "index.html").is_file():
        raise Refusal(f"--serve needs a site that was built; got {folder}, which has no index.html")
    try:
        return ThreadingHTTPServer(("127.0.0.1", port), partial(Handler, directory=str(folder)))
    except (OSError, OverflowError) as error:
        raise Refusal(f"--serve needs a free port; got {port} ({error})") from error
