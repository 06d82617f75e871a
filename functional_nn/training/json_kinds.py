"""JSON that was written once and is read again: it may have become anything meanwhile. Imports no JAX."""

import json
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

LONGEST = 60


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
