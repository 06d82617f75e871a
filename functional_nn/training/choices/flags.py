"""How flags become a configuration: tyro reads the dataclass, and every complaint becomes one sentence."""

from collections.abc import Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass, fields
from io import StringIO
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import tyro
from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

from functional_nn._interrupt import word_after
from functional_nn.training.choices.config import Filters, Hidden, TrainConfig
from functional_nn.training.choices.presets import PRESETS
from functional_nn.training.choices.saved import saved_config
from functional_nn.training.choices.values import AUTO, READERS, did_you_mean, flag_of, written
from functional_nn.training.endings import BadInput

KINDS: dict[Any, str] = {int: "a whole number", float: "a number"}
KINDS |= {Filters: "numbers as in 32-32,64-64,128", Hidden: "numbers as in 100,50"}


@dataclass(frozen=True)
class PredictConfig:
    """Classify image files with the network of a finished run."""

    run: tyro.conf.Positional[Path]
    """Folder of the run."""
    images: tyro.conf.Positional[tuple[Path, ...]]
    """Image files; they are made as large, and as gray, as the images that were learned."""
    invert: bool = False
    """Turn dark on light into light on dark, as the images of all three data sets are."""


@dataclass(frozen=True)
class ExportConfig:
    """Write the network of a finished run as files that need neither this package nor its code."""

    run: tyro.conf.Positional[Path]
    """Folder of the run."""
    output: Path | None = None
    """Folder to write, must not exist; auto is RUN/export."""


@dataclass(frozen=True)
class GenerateConfig:
    """Go on with a text, by the network of a finished run of text; or answer a question, by one of questions."""

    run: tyro.conf.Positional[Path]
    """Folder of the run."""
    prompt: str = ""
    """What the text begins with, or the question: 123+45 for example."""
    length: int = 1000
    """How many bytes are written after the prompt; an answer ends by itself."""
    temperature: float = 1.0
    """Below 1 the likelier bytes come more often than they are likely, above 1 less often; 0 is always the likeliest.
    An answer is always the likeliest."""
    top_k: int | None = None
    """Draw from so many of the likeliest bytes only; auto is all."""
    seed: int = 0
    """Seed of the draws: the same words give the same text."""


Config = TypeVar("Config")


def parse(argv: Sequence[str]) -> TrainConfig | None:
    """The configuration of a run that the flags describe; None when help was asked for and shown."""
    return read("train", TrainConfig, argv, _start(argv))


def read(command: str, kind: type[Config], argv: Sequence[str], start: Config | None = None) -> Config | None:
    """What the flags of a command describe, beginning from a start; None when help was asked for and shown."""
    registry, complaint = ConstructorRegistry(), StringIO()
    for rule in (_choice, _automatic, _whole_number):
        registry.primitive_rule(rule)
    try:
        with redirect_stderr(complaint):
            config, unknown = tyro.cli(
                kind,
                default=start,
                prog=f"functional-nn {command}",
                args=list(argv),
                return_unknown_args=True,
                registry=registry,
            )
    except SystemExit as stop:
        if stop.code:
            raise BadInput(_one_sentence(complaint.getvalue())) from None
        return None
    if unknown:
        raise BadInput(_unknown(kind, unknown))
    return config


def _start(argv: Sequence[str]) -> TrainConfig:
    """What holds where no flag says otherwise: the choices of the run that is gone on with, or those of the preset."""
    folder, preset = word_after(argv, "--resume"), word_after(argv, "--preset")
    if folder not in (None, AUTO):
        return saved_config(Path(folder))
    return next((choices for name, choices in PRESETS.items() if name == preset), PRESETS["digits"])


def _choice(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[str] | None:
    """A Literal shows its values; `validate` judges them, for it can say which one was meant."""
    if get_origin(info.type) is not Literal:
        return None
    metavar = "{" + ",".join(get_args(info.type)) + "}"
    return PrimitiveConstructorSpec(1, metavar, lambda words: words[0], lambda _: True, lambda value: [value])


def _automatic(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
    """`T | None` is a T or the word auto."""
    if get_origin(info.type) not in (UnionType, Union) or type(None) not in get_args(info.type):
        return None
    (kind,) = (part for part in get_args(info.type) if part is not type(None))
    if get_origin(kind) is Literal:
        metavar, kind = "{" + ",".join((AUTO, *get_args(kind))) + "}", str  # judged by `validate` too
    else:
        metavar = "NUMBERS" if kind in READERS else kind.__name__.upper()
    return PrimitiveConstructorSpec(
        nargs=1,
        metavar=metavar,
        instance_from_str=lambda words: None if words[0] == AUTO else _read(kind, words[0]),
        is_instance=lambda value: value is None or isinstance(value, get_origin(kind) or kind),
        str_from_instance=lambda value: [AUTO if value is None else written(value)],
    )


def _whole_number(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[int] | None:
    if info.type is not int:
        return None
    return PrimitiveConstructorSpec(
        nargs=1,
        metavar="INT",
        instance_from_str=lambda words: _read(int, words[0]),
        is_instance=lambda value: isinstance(value, int),
        str_from_instance=lambda value: [str(value)],
    )


def _read(kind: Any, word: str) -> Any:
    try:
        return (READERS.get(kind) or kind)(word)
    except ValueError:
        raise ValueError(f"{word!r} is not {KINDS[kind]}") from None


def _unknown(kind: type[Any], words: Sequence[str]) -> str:
    known = tuple(flag_of(field.name) for field in fields(kind))
    flag = next((word for word in words if word.startswith("-")), None)
    if flag is None:
        return f"unexpected argument {words[0]!r}; every choice is a flag, --help lists them"
    name = flag.partition("=")[0]
    return f"there is no flag {name}{did_you_mean(name, known)}; --help lists them all"


def _one_sentence(box: str) -> str:
    """The complaint inside tyro's box, down to the first rule under it, on one line."""
    inside = [line.strip("│ ") for line in box.splitlines() if not line.startswith(("╭", "╰"))]
    complaint = " ".join(line for line in inside[: next((i for i, x in enumerate(inside) if "──" in x), None)] if line)
    return complaint.rstrip(".")
