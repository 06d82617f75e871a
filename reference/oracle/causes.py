"""The vocabulary of causes: what each name means, how to mend it, and where it was really made.

The texts stand in `causes.toml`, one table a cause; their source is the catalogue of public mistakes.
"""

import tomllib
from importlib.resources import files

_TABLE: dict[str, dict[str, str]] = tomllib.loads(files("reference.oracle").joinpath("causes.toml").read_text("utf-8"))

REPAIRS: dict[str, str] = {name: entry["repair"] for name, entry in _TABLE.items()}

THREADS: dict[str, str] = {name: entry["seen"] for name, entry in _TABLE.items() if entry["seen"]}


def _explanation(entry: dict[str, str]) -> str:
    seen = f" Reported in {entry['seen']}." if entry["seen"] else ""
    return f"{entry['says']} {entry['repair']}{seen}"


CAUSES: dict[str, str] = {name: _explanation(entry) for name, entry in _TABLE.items()}
