"""The language of a report: English, or Japanese by the tables in `japanese/`."""

import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files

from reference.oracle.rendering.translate import Table

LANGUAGES = ("en", "ja")
# In the order in which a terminal asks them; the first that is set decides.
VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")
Say = Callable[[str], str]


def english(text: str) -> str:
    """A sentence as it was made."""
    return text


def saying(language: str) -> Say:
    """What turns an English sentence of a report into one of this language.

    Raises:
        ValueError: there is no such language.
    """
    if language not in LANGUAGES:
        raise ValueError(f"language must be one of {', '.join(LANGUAGES)}; got {language}")
    return japanese().said if language == "ja" else english


def preferred(environment: Mapping[str, str]) -> str:
    """The language that the terminal asks for."""
    asked = next((environment[name] for name in VARIABLES if environment.get(name)), "")
    return "ja" if asked.split(".")[0].split("_")[0] == "ja" else "en"


@cache
def japanese() -> Table:
    """All that the oracle says, in Japanese."""
    folder = files("reference.oracle.rendering").joinpath("japanese")
    tables = [tomllib.loads(one.read_text("utf-8")) for one in folder.iterdir() if one.name.endswith(".toml")]
    frames, said = ([(a, b) for one in tables for a, b in one.get(key, ())] for key in ("frames", "said"))
    labels, words = ({k: v for one in tables for k, v in one.get(key, {}).items()} for key in ("labels", "words"))
    return Table(frames, said, labels, words)
