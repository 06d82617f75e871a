"""How flags become a configuration: tyro reads the dataclass, and every complaint becomes one sentence."""

from collections.abc import Sequence
from contextlib import redirect_stderr
from dataclasses import fields
from io import StringIO
from pathlib import Path
from types import UnionType
from typing import Any, Literal, get_args, get_origin

import tyro
from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

from functional_nn.training.config import TrainConfig
from functional_nn.training.errors import BadInput
from functional_nn.training.resume import saved_config
from functional_nn.training.validate import did_you_mean

AUTO = "auto"  # what stands for None on the command line
KINDS: dict[type, str] = {int: "a whole number", float: "a number"}


def parse(argv: Sequence[str]) -> TrainConfig | None:
    """The configuration that the flags describe; None when help was asked for and shown."""
    start = _start(argv)
    registry, complaint = ConstructorRegistry(), StringIO()
    registry.primitive_rule(_choice)
    registry.primitive_rule(_automatic)
    registry.primitive_rule(_whole_number)
    try:
        with redirect_stderr(complaint):
            config, unknown = tyro.cli(
                TrainConfig,
                default=start,
                prog="functional-nn train",
                args=list(argv),
                return_unknown_args=True,
                config=(tyro.conf.FlagCreatePairsOff,),
                registry=registry,
            )
    except SystemExit as stop:
        if stop.code:
            raise BadInput(_one_sentence(complaint.getvalue())) from None
        return None
    if unknown:
        raise BadInput(_unknown(unknown))
    return config


def _start(argv: Sequence[str]) -> TrainConfig:
    """What holds where no flag says otherwise: the choices of the run that is gone on with, or the defaults."""
    folder = _value(argv, "--resume")
    return TrainConfig() if folder in (None, AUTO) else saved_config(Path(folder))


def _value(argv: Sequence[str], flag: str) -> str | None:
    """The word after a flag, or after its equals sign; None where the flag or its word is missing."""
    words = [part for word in argv for part in (word.split("=", 1) if word.startswith(f"{flag}=") else [word])]
    return words[words.index(flag) + 1] if flag in words[:-1] else None


def _choice(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[str] | None:
    """A Literal shows its values; `config.validate` judges them, for it can say which one was meant."""
    if get_origin(info.type) is not Literal:
        return None
    metavar = "{" + ",".join(get_args(info.type)) + "}"
    return PrimitiveConstructorSpec(1, metavar, lambda words: words[0], lambda _: True, lambda value: [value])


def _automatic(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
    """`T | None` is a T or the word auto."""
    if get_origin(info.type) is not UnionType or type(None) not in get_args(info.type):
        return None
    (kind,) = (part for part in get_args(info.type) if part is not type(None))
    return PrimitiveConstructorSpec(
        nargs=1,
        metavar=kind.__name__.upper(),
        instance_from_str=lambda words: None if words[0] == AUTO else _read(kind, words[0]),
        is_instance=lambda value: value is None or isinstance(value, kind),
        str_from_instance=lambda value: [AUTO if value is None else str(value)],
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


def _read(kind: type[Any], word: str) -> Any:
    try:
        return kind(word)
    except ValueError:
        raise ValueError(f"{word!r} is not {KINDS[kind]}") from None


def _unknown(words: Sequence[str]) -> str:
    known = tuple(f"--{field.name.replace('_', '-')}" for field in fields(TrainConfig))
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
