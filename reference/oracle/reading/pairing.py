"""Which forward a backward belongs to, by the words of its name, and functions that are both."""

import functools
import importlib
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from reference.oracle.reading.names import OPS
from reference.oracle.reading.source import (
    parameters,
    required,
    returned_names,
    returns_several,
    signature_of,
    undecorated,
)
from reference.oracle.reading.vocabulary import BACKWARD_WORDS, FORWARD_WORDS, LOSSES, plain, words_of
from reference.oracle.specs import SPECS

# A function that gives its derivative where one of these is true.
SWITCHES = (
    "derivative",
    "deriv",
    "derive",
    "derivation",
    "isderivative",
    "prime",
    "grad",
    "gradient",
    "diff",
    "derivate",
)


def forward_of(name: str, by_name: Mapping[str, str]) -> str | None:
    """The forward of a backward's name: affine_backward, relu_bwd, tanh_grad, d_tanh, dtanh, sigmoidPrime."""
    words = words_of(name)
    options: list[list[str]] = []
    for place, word in enumerate(words):
        if word.lower() in BACKWARD_WORDS:
            before, after = words[:place], words[place + 1 :]
            options += [[*before, other, *after] for other in FORWARD_WORDS]
            options += [[*before, *after]]
            options += [[*before, other] for other in FORWARD_WORDS]  # batchnorm_backward_alt
    if name.startswith("d") and words:
        options += [[words[0][1:], *words[1:]]]
    joined = [key_of("".join(option)) for option in options]
    return next((by_name[option] for option in joined if option in by_name and by_name[option] != name), None)


# So many files of a folder are looked through.
FILES = 300
DEFINED = re.compile(r"^def (\w+)\(", re.MULTILINE)


def forward_beside(name: str, function: Any) -> Callable[..., Any] | None:
    """The forward of a backward that stands alone in its file, where a file beside defines it."""
    path = Path(getattr(undecorated(function), "__code__", forward_of.__code__).co_filename)
    if not {word.lower() for word in words_of(name)} & set(BACKWARD_WORDS):
        return None
    defined = _defined_beside(path)
    forward = forward_of(name, {key: own for key, (_, own) in defined.items()})
    sys.path.insert(0, str(path.parent))
    try:
        return getattr(importlib.import_module(defined[key_of(forward)][0]), forward, None) if forward else None
    except (Exception, SystemExit):  # anybody's file may raise anything
        return None
    finally:
        sys.path.remove(str(path.parent))


@functools.cache
def _defined_beside(path: Path) -> dict[str, tuple[str, str]]:
    """The functions of the other files of a folder, each with its file; that of its own name before all others."""
    defined: dict[str, tuple[str, str]] = {}
    for file in sorted(file for file in path.parent.glob("*.py") if file != path)[:FILES]:
        for name in DEFINED.findall(file.read_text("utf-8", errors="replace")):
            if file.stem == name or key_of(name) not in defined:
                defined[key_of(name)] = (file.stem, name)
    return defined


def key_of(name: str) -> str:
    """A name as pairs are found by: conv1d and conv2d are two."""
    return name.lower().replace("_", "")


def stem_of(name: str, forward: str) -> str:
    """What both are about: the words that the pair has in common, and what the backward adds to them."""
    directions = rf"(^|_)({'|'.join((*BACKWARD_WORDS, *FORWARD_WORDS))})(?=_|$)"
    bare, added = (re.sub(directions, "", text).strip("_") for text in (forward, name))
    if added.startswith(f"{bare}_"):
        return added
    return bare if bare or forward in FORWARD_WORDS else name


def switch_of(function: Any) -> str | None:
    """The argument that makes a function give its derivative: sigmoid(x, derivative=False)."""
    offered = (p for p in parameters(function) if p.default is False)
    return next((p.name for p in offered if plain(p.name) in SWITCHES), None)


def switched(function: Callable[..., Any], switch: str) -> Callable[..., Any]:
    """The derivative alone, as a function of the other arguments."""

    @functools.wraps(function)
    def derivative(*arguments: Any, **named: Any) -> Any:
        return function(*arguments, **named, **{switch: True})

    signature = signature_of(function)
    rest = [p for p in signature.parameters.values() if p.name != switch]
    derivative.__signature__ = signature.replace(parameters=rest)  # pyright: ignore
    return derivative


def with_loss_first(function: Callable[..., Any]) -> Callable[..., Any] | None:
    """A function that returns a loss and gradients by their names, with the loss first; None for others."""
    names = returned_names(function) if returns_several(function) else []
    losses = [place for place, name in enumerate(names) if {w.lower() for w in words_of(name)} & set(LOSSES)]
    gradients = [name for name in names if plain(name).startswith(("grad", "dw", "dtheta"))]
    if len(losses) != 1 or not gradients:
        return None
    place = losses[0]

    @functools.wraps(function)
    def loss_first(*arguments: Any, **named: Any) -> Any:
        returned = list(function(*arguments, **named))
        return (returned.pop(place), *returned)

    return loss_first if place else function


def lone(name: str, function: Callable[..., Any]) -> Callable[..., Any] | None:
    """The function of a derivative that stands alone, where its name says which op: tanh_derivative(x)."""
    bare = [plain(word) for word in words_of(name) if word.lower() not in BACKWARD_WORDS]
    named = plain(name.removeprefix("d")) if name.startswith("d") else "".join(bare)
    said = len(bare) < len(words_of(name)) or name.startswith("d")
    op = next((op for op, words in OPS.items() if named in words and SPECS[op].entry_by_entry), None)
    one = len(required(function)) == 1
    return SPECS[op].reference("") if op and said and one else None
