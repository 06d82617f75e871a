"""Whether a run that is gone on with is the one that was begun. Imports no JAX."""

import json
import os
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from functional_nn.training.config import TrainConfig
from functional_nn.training.errors import BadInput
from functional_nn.training.validate import validate

CONFIG = "config.json"
# What may be chosen anew, because nothing that is learned depends on it.
FREE = {"resume", "output", "download", "data_dir", "save_every", "keep", "keep_every", "verify_every"}
PATHS = {"data_dir", "output", "resume"}


def saved_config(folder: Path) -> TrainConfig:
    """The choices of the run in a folder; BadInput where there is none, or it cannot be written to."""
    if not folder.is_dir():
        raise BadInput(f"--resume {folder}: there is no such folder")
    try:
        content = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(f"--resume {folder}: this is not the folder of a run, it has no {CONFIG}") from None
    except ValueError as error:
        raise BadInput(f"--resume {folder}: {CONFIG} is damaged ({error})") from None
    if not os.access(folder, os.W_OK):
        raise BadInput(f"--resume {folder}: the folder cannot be written to")
    return replace(_read(folder, content), resume=folder, output=folder)


def require_same(config: TrainConfig, saved: TrainConfig, folder: Path) -> None:
    """Raise BadInput, naming each difference, where a choice that decides what is learned is not the saved one."""
    pairs = {
        field.name: (getattr(saved.settled, field.name), getattr(config.settled, field.name))
        for field in fields(TrainConfig)
        if field.name not in FREE
    }
    differences = [
        f"--{name.replace('_', '-')} is {_shown(there)} there, not {_shown(here)}"
        for name, (there, here) in pairs.items()
        if there != here
    ]
    if differences:
        raise BadInput(f"--resume {folder} goes on as it began: {'; '.join(differences)}")


def _read(folder: Path, content: dict[str, Any]) -> TrainConfig:
    missing = [field.name for field in fields(TrainConfig) if field.name not in content]
    if missing:
        raise BadInput(f"--resume {folder}: {CONFIG} is of another version, it has no {', '.join(missing)}")
    chosen: dict[str, Any] = {field.name: content[field.name] for field in fields(TrainConfig)}
    chosen |= {name: Path(chosen[name]) for name in PATHS if chosen[name] is not None}
    config = TrainConfig(**chosen)
    try:
        validate(config)
    except (TypeError, BadInput) as error:
        raise BadInput(f"--resume {folder}: {CONFIG} is damaged ({error})") from None
    return config


def _shown(value: Any) -> str:
    return "auto" if value is None else str(value)
