"""The ways in which a backward may be called: where each of its arguments comes from, read off names, else tried."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter
from typing import Any

from reference.oracle.reading.source import parameters, returned_names, signature_of, undecorated
from reference.oracle.reading.vocabulary import OUTPUTS, SLOPES, is_cache, is_cotangent, part_of, plain, words_of

# So many ways are tried at most; the likeliest come first.
WAYS = 8
# The step handed to a backward that takes a learning rate: a power of two, large enough to show its square.
RATE = 0.5


@dataclass(frozen=True)
class Source:
    """Where an argument comes from: cotangent, primal (by name), cache, output, returned (by place) or value."""

    kind: str
    key: Any = None
    # Nothing but its place says so.
    guessed: bool = False


Way = dict[str, Source]


@dataclass(frozen=True)
class Ran:
    """What is at hand when a backward is called: the forward's arguments by name, and what it returned."""

    given: Mapping[str, Any]
    returned: Any
    output: Any

    def value(self, source: Source, cotangents: Sequence[Any], upstream: int) -> Any:
        """The value that a source stands for; the outputs that have a cotangent come before what was saved."""
        match source.kind:
            case "cotangent":
                return cotangents[source.key]
            case "primal":
                return self.given[source.key]
            case "cache":
                rest = self.returned[upstream:] if isinstance(self.returned, tuple | list) else ()
                # A last result that is made of several is what was saved; outputs without a cotangent stand before it.
                return rest[-1] if len(rest) == 1 or (rest and isinstance(rest[-1], tuple | dict)) else tuple(rest)
            case "output":
                return self.output
            case "returned":
                return self.returned[source.key]
        return source.key


def upstreams(way: Way) -> int:
    """How many cotangents a way hands over."""
    return sum(source.kind == "cotangent" for source in way.values())


def ways(
    backward: Callable[..., Any], forward: Callable[..., Any], arguments: Sequence[str], settings: Mapping[str, Any]
) -> list[Way]:
    """The ways to call a backward, the likeliest first.

    Args:
        backward: bound, or a function.
        forward: likewise; the names that it returns say what else a backward may be given.
        arguments: the forward's arguments, by name.
        settings: values by part (a stride, a learning rate) for arguments of these parts.
    """
    own = {p.name for p in parameters(forward)} - set(arguments)
    # What the forward takes too and is not given stays as it is: the delta of a Huber loss is no cotangent.
    taken = [p for p in parameters(backward) if not (p.name in own and p.default is not p.empty)]
    outputs = returned_names(forward)
    usual = {p.name: p.default for p in parameters(forward) if p.name in own and p.default is not p.empty}
    options = [
        [Source("value", usual[p.name])] if p.name in usual else list(_options(p, taken, arguments, outputs, settings))
        for p in taken
    ]
    slope = gives_slope(backward, forward)
    ranked = []
    for ranks in itertools.product(*(range(len(option)) for option in options)):
        chosen = [option[rank] for option, rank in zip(options, ranks, strict=True)]
        if way := _numbered(taken, chosen):
            ranked.append((_unlikely(way, slope) + sum(ranks), len(ranked), way))
        if len(ranked) >= WAYS * WAYS:
            break
    ordered = [way for *_, way in sorted(ranked, key=lambda entry: entry[:2])]
    if not taken:
        return [{name: Source("cotangent", 0)} if (name := _any_number(backward)) else {}]
    return ordered[:WAYS]


def _any_number(backward: Callable[..., Any]) -> str:
    """The name of the only argument of a backward(*gys), with its star; "" for others."""
    try:
        known = list(signature_of(backward).parameters.values())
    except (TypeError, ValueError):
        return ""
    return f"*{known[0].name}" if [p.kind for p in known] == [Parameter.VAR_POSITIONAL] else ""


def call_with(function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """Call a function with arguments by name, and one behind a star by its place."""
    placed = [value for name, value in arguments.items() if name.startswith("*")]
    return function(*placed, **{name: value for name, value in arguments.items() if not name.startswith("*")})


def gives_slope(backward: Callable[..., Any], forward: Callable[..., Any]) -> bool:
    """Whether it is called like the derivative itself: tanh_prime, dtanh, dydx of y, or the forward with a switch."""
    name, other = (getattr(undecorated(f), "__name__", "") for f in (backward, forward))
    said = {word.lower() for word in words_of(name)} & set(SLOPES)
    of = f"d{plain(other)}"
    return bool(said) or name == other or plain(name) == of or plain(name).startswith(f"{of}d")


def guessed(way: Way) -> bool:
    """Whether some argument is given what nothing but its place says, or two of them the same."""
    sources = [(source.kind, repr(source.key)) for source in way.values()]
    return (len(way) > 1 and any(source.guessed for source in way.values())) or len(set(sources)) < len(sources)


def _unlikely(way: Way, slope: bool) -> int:
    """A backward without a cotangent is no first thought, unless it is called a derivative; nor is a guess."""
    kinds = [(source.kind, repr(source.key)) for source in way.values()]
    handed = [source for source in way.values() if source.kind == "cotangent"]
    odd = any(source.guessed for source in handed) if slope else not handed
    return 2 * odd + 3 * (len(set(kinds)) < len(kinds))


def _numbered(taken: Sequence[Parameter], chosen: Sequence[Source | None]) -> Way | None:
    """The way with its cotangents numbered in order; None where an argument without default would be left out."""
    way: Way = {}
    for parameter, source in zip(taken, chosen, strict=True):
        if source is None:
            if parameter.default is parameter.empty:
                return None
        elif source.kind == "cotangent":
            way[parameter.name] = Source("cotangent", upstreams(way), source.guessed)
        else:
            way[parameter.name] = source
    return way


def _options(
    parameter: Parameter,
    taken: Sequence[Parameter],
    arguments: Sequence[str],
    outputs: Sequence[str],
    settings: Mapping[str, Any],
) -> Iterator[Source | None]:
    """What an argument of a backward may be, by its name; where the name says nothing, everything is tried."""
    name, part = parameter.name, part_of(parameter.name)
    optional = parameter.default is not parameter.empty
    if is_cache(name):
        yield Source("returned", outputs.index(name)) if name in outputs else Source("cache")
    elif name in arguments:
        yield Source("primal", name)
        yield from _alone(taken)
    elif _is_upstream(name, outputs, arguments):
        yield Source("cotangent")
    elif name in outputs:
        yield Source("returned", outputs.index(name))
    elif part == "learning_rate":
        yield Source("value", settings.get("learning_rate", RATE))
    elif optional:
        yield None
    elif part and part in settings and part not in ("x", "other", "targets", "predictions"):
        yield Source("value", settings[part])
    else:
        yield from _guesses(name, part, arguments)


def _alone(taken: Sequence[Parameter]) -> Iterator[Source]:
    """A single argument with the name of an input may be the cotangent, backward(x), or the output, derivative(x)."""
    if len(taken) == 1:
        yield from (Source("cotangent", guessed=True), Source("output"))


def _is_upstream(name: str, outputs: Sequence[str], arguments: Sequence[str]) -> bool:
    """Called like a gradient, or like the gradient of something that the forward returns."""
    word = plain(name)
    known = {*map(plain, outputs), *OUTPUTS}
    return is_cotangent(name) or (word.startswith("d") and word[1:] in known and word not in map(plain, arguments))


def _guesses(name: str, part: str | None, arguments: Sequence[str]) -> Iterator[Source]:
    """Everything that an argument may be whose name says little; of its own part first."""
    same = [argument for argument in arguments if part is not None and part_of(argument) == part]
    yield from (Source("primal", argument, len(same) > 1) for argument in same)
    told = plain(name) in ("out", "output", "outputs")
    output, cotangent = Source("output", guessed=not told), Source("cotangent", guessed=True)
    yield from (output, cotangent) if plain(name) in OUTPUTS else (cotangent, output)
    yield from (Source("primal", argument, True) for argument in arguments if argument not in same)
