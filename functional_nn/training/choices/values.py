"""What a value is called on the command line and in JSON, and how it is read back: both may hold anything."""

import json
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from functional_nn.training.choices.config import Filters, Hidden

LONGEST = 60  # characters of a value that an error shows
AUTO = "auto"  # what stands for None on the command line


def json_object(text: str) -> dict[str, Any]:
    """The JSON object of a text; ValueError where the text is none."""
    try:
        content = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(content, dict):
        raise ValueError(f"it is no JSON object; got {in_short(text)}")
    return content


def is_a(value: Any, kind: Any) -> bool:
    """Whether JSON, its lists made tuples, can stand for a value of an annotated type; a Literal or Path is text."""
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return any(is_a(value, part) for part in get_args(kind))
    if origin is tuple:
        return isinstance(value, tuple) and _are(value, get_args(kind))
    if kind is float:
        return type(value) in (int, float)
    if kind is Path or origin is Literal:
        return isinstance(value, str)
    return value is None if kind is NoneType else type(value) is kind


def _are(values: tuple[Any, ...], kinds: tuple[Any, ...]) -> bool:
    kinds = kinds[:1] * len(values) if kinds[-1] is Ellipsis else kinds
    return len(values) == len(kinds) and all(map(is_a, values, kinds))


def in_short(text: str) -> str:
    """The beginning of a text, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}..."


def read_filters(word: str) -> Filters:
    """`32-32,64-64,128`: stages parted by commas, their convolutions by hyphens; ValueError for other words."""
    return tuple(tuple(int(number) for number in stage.split("-")) for stage in word.split(","))


def read_hidden(word: str) -> Hidden:
    """`100,50`: numbers parted by commas; ValueError for other words."""
    return tuple(int(number) for number in word.split(","))


READERS: dict[Any, Callable[[str], Any]] = {Filters: read_filters, Hidden: read_hidden}


def written(value: Any) -> str:
    """The word that is read as this value."""
    if not isinstance(value, tuple):
        return str(value)
    return ",".join("-".join(map(str, part)) if isinstance(part, tuple) else str(part) for part in value)


def from_lists(value: Any) -> Any:
    """The tuples that JSON made lists of."""
    return tuple(map(from_lists, value)) if isinstance(value, list) else value


def numbers_of(value: Any) -> tuple[int, ...]:
    """All numbers of a size, stage by stage."""
    parts = value if isinstance(value, tuple) else (value,)
    return tuple(number for part in parts for number in (part if isinstance(part, tuple) else (part,)))


def did_you_mean(word: str, known: tuple[str, ...]) -> str:
    """` (did you mean NAME?)` when a known name is near, else nothing."""
    near = [name for name in known if name.startswith(word)] or get_close_matches(word, known, n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def flag_of(name: str) -> str:
    """How a choice is called on the command line."""
    return f"--{name.replace('_', '-')}"
