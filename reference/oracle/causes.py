"""The vocabulary of causes: what each name means, how to mend it, and where it was really made.

The texts stand in `causes.toml`, one table a cause; their source is the catalogue of public mistakes.
"""

import tomllib
from importlib.resources import files
from typing import Any

TABLE: dict[str, dict[str, Any]] = tomllib.loads(files("reference.oracle").joinpath("causes.toml").read_text("utf-8"))

REPAIRS: dict[str, str] = {name: entry["repair"] for name, entry in TABLE.items()}

# What reports of earlier versions call a cause that has another name now, and that name.
RENAMED: dict[str, str] = {old: name for name, entry in TABLE.items() for old in entry["old"] if old != name}

# The causes that are a matter of strictness, and what they leave the gradient with: "right, but" these words.
BUTS: dict[str, str] = {name: entry["but"] for name, entry in TABLE.items() if "but" in entry}

# How far the gradient may be off by such a cause, as a share of its largest entry.
WITHIN: dict[str, float] = {name: float(TABLE[name].get("within", 0.0)) for name in BUTS}


def current(name: str) -> str:
    """The name that a cause has now, whichever version named it."""
    return RENAMED.get(name, name)


def _explanation(entry: dict[str, Any]) -> str:
    seen = f" Reported in {entry['seen']}." if entry["seen"] else ""
    up_to = f", up to {entry['within']:g} of the largest entry" if "within" in entry else ""
    strict = f" Where the gradient is right but for it{up_to}, a matter of strictness." if "but" in entry else ""
    return f"{entry['says']} {entry['repair']}{strict}{seen}"


CAUSES: dict[str, str] = {name: _explanation(entry) for name, entry in TABLE.items()}
