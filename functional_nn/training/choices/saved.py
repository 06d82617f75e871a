"""Whether a run that is gone on with is the one that was begun. Imports no JAX."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, get_type_hints

from functional_nn.training.choices.config import TrainConfig
from functional_nn.training.choices.legal import validate
from functional_nn.training.choices.values import flag_of, from_lists, in_short, is_a, json_object, written
from functional_nn.training.endings import BadInput

CONFIG = "config.json"
# What may be chosen anew, because nothing that is learned depends on it.
FREE = {
    "resume",
    "output",
    "download",
    "data_dir",
    "save_every",
    "keep",
    "keep_every",
    "verify_every",
    "tensorboard",
    "profile",
    "devices",
    "mesh",
}
PATHS = {"data_dir", "output", "resume"}
# How one process was started, which says nothing about the run.
STARTED = {"coordinator", "process_id", "process_count"}


def of_the_run(config: TrainConfig) -> dict[str, Any]:
    """What config.json holds of a configuration: every choice but how this process was started."""
    return {name: value for name, value in asdict(config.settled).items() if name not in STARTED}


def saved_config(folder: Path) -> TrainConfig:
    """The choices of the run in a folder, to go on with; BadInput where there is none, or it cannot be written to."""
    chosen = choices(read_description(folder, f"--resume {folder}"), f"--resume {folder}")
    if not os.access(folder, os.W_OK):
        raise BadInput(f"--resume {folder}: the folder cannot be written to")
    return replace(chosen, resume=folder, output=folder)


def read_description(folder: Path, asked: str) -> dict[str, Any]:
    """What stands in the run folder's config.json; BadInput, beginning with what was asked for, where that is none."""
    if not folder.is_dir():
        raise BadInput(f"{asked}: there is no such folder")
    try:
        return json_object((folder / CONFIG).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(f"{asked}: this is not the folder of a run, it has no {CONFIG}") from None
    except ValueError as error:
        raise BadInput(f"{asked}: {CONFIG} is damaged ({error})") from None


def require_same(config: TrainConfig, saved: TrainConfig, folder: Path) -> None:
    """Raise BadInput, naming each difference, where a choice that decides what is learned is not the saved one."""
    pairs = {
        field.name: (getattr(saved.settled, field.name), getattr(config.settled, field.name))
        for field in fields(TrainConfig)
        if field.name not in FREE | STARTED
    }
    differences = [
        f"{flag_of(name)} is {_shown(there)} there, not {_shown(here)}"
        for name, (there, here) in pairs.items()
        if there != here
    ]
    if differences:
        raise BadInput(f"--resume {folder} goes on as it began: {'; '.join(differences)}")


def choices(content: dict[str, Any], asked: str) -> TrainConfig:
    """The configuration in a description; BadInput, beginning with what was asked for, where it is none."""
    names = [field.name for field in fields(TrainConfig) if field.name not in STARTED]
    missing = [name for name in names if name not in content]
    if missing:
        raise BadInput(f"{asked}: {CONFIG} is of another version, it has no {', '.join(missing)}")
    chosen: dict[str, Any] = {name: from_lists(content[name]) for name in names}
    try:
        _require_kinds(chosen)
        chosen |= {name: Path(chosen[name]) for name in PATHS if chosen[name] is not None}
        config = TrainConfig(**chosen)
        validate(config)
    except BadInput as error:
        raise BadInput(f"{asked}: {CONFIG} is damaged ({error})") from None
    return config


def _require_kinds(chosen: Mapping[str, Any]) -> None:
    for name, kind in get_type_hints(TrainConfig).items():
        if name in chosen and not is_a(chosen[name], kind):
            raise BadInput(f"{flag_of(name)} cannot be {in_short(json.dumps(chosen[name]))}")


def _shown(value: Any) -> str:
    return "auto" if value is None else written(value)
