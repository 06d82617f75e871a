"""`functional-nn study`: the study site on this machine, with an editor in which its exercises are written."""

import argparse
import subprocess
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from reference.oracle.command.spoken import language_of

from .desk_words import said
from .refusal import Refusal
from .serve import Server, server, until_interrupted

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("docs/study", "scripts/study")
DESCRIPTION = """Serve the study site on this machine alone (127.0.0.1), and judge the exercises that are written in
its pages, as `functional-nn check` does: what you write runs on this machine, with your rights. The address holds a
token, drawn anew at each start; who does not have it gets nothing. The site is built first if it is not there."""


class Parser(argparse.ArgumentParser):
    """What is wrong with the flags, as a Refusal."""

    def error(self, message: str) -> NoReturn:
        """End here."""
        raise Refusal(message)


def main(argv: Sequence[str]) -> int:
    """Serve until Ctrl-C; 2 where that cannot be."""
    try:
        options = _parser().parse_args(argv)
        if not (options.site / "index.html").is_file():
            _say("not_built", options.site)
            if status := _build(options.site):
                return status
        elif _older_than_sources(options.site):
            _say("older", options.site)
        with server(options.site.resolve(), options.port, options.seconds) as running:
            _serve(running, options.open)
    except Refusal as problem:
        print(f"functional-nn study: {problem}", file=sys.stderr)
        return 2
    return 0


def _parser() -> Parser:
    parser = Parser("functional-nn study", description=DESCRIPTION, allow_abbrev=False)
    parser.add_argument("--port", type=_port, default=8000, help="on this machine (8000; 0 takes a free one)")
    parser.add_argument("--open", action="store_true", help="open it in the browser")
    parser.add_argument("--site", type=Path, default=ROOT / "site", metavar="FOLDER", help="the site, as built (site/)")
    parser.add_argument("--seconds", type=_seconds, default=60.0, help="for one run of an exercise (60)")
    return parser


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"a port is a whole number from 0 to 65535; got {text}")
    return int(text)


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"seconds must be positive; got {text}")
    return value


def _build(folder: Path) -> int:
    """A process of its own, since JAX must be told what it computes in before it is imported."""
    command = [sys.executable, str(ROOT / "scripts" / "build_site.py"), "--quiet", "--output", str(folder)]
    return subprocess.run(command).returncode


def _say(name: str, value: object = "") -> None:
    """A sentence in the language of the terminal."""
    print(said(name, value)[language_of(None)], flush=True)


def _older_than_sources(folder: Path) -> bool:
    built = (folder / "index.html").stat().st_mtime
    files = (file for source in SOURCES for file in (ROOT / source).rglob("*") if file.suffix != ".pyc")
    return any(file.stat().st_mtime > built for file in files if file.is_file())


def _serve(running: Server, opens: bool) -> None:
    _say("serving", running.address)
    if opens:
        webbrowser.open(running.address)
    until_interrupted(running)
