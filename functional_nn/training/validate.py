"""What is legal about a configuration: each choice by itself, and beside the others. Imports no JAX."""

import math
from difflib import get_close_matches
from typing import get_args

from functional_nn.training.config import (
    Activation,
    DatasetName,
    Initializer,
    Model,
    OptimizerName,
    Precision,
    PresetName,
    TrainConfig,
)
from functional_nn.training.errors import BadInput
from functional_nn.training.sizes import require_sizes
from functional_nn.training.topology import require_topology

CHOICES = {
    "preset": PresetName,
    "model": Model,
    "dataset": DatasetName,
    "precision": Precision,
    "optimizer": OptimizerName,
    "activation": Activation,
    "initializer": Initializer,
}
WHOLE_NUMBERS = {
    "hold_out": (0, 1_000_000),
    "learn_from": (0, 1_000_000),
    "epochs": (1, 100_000),
    "batch_size": (1, 1_000_000),
    "accumulate": (1, 1_000_000),
    "steps_per_call": (1, 100_000),
    "shift": (0, 1000),
    "cutout": (0, 1000),
    "keep": (1, 1_000_000),
    "seeds": (1, 10_000),
    "verify_every": (0, 1_000_000_000),
    "devices": (0, 1_000_000),
    "seed": (0, 2**32 - 1),
}


def validate(config: TrainConfig) -> None:
    """Raise BadInput with one sentence unless every choice is legal by itself and beside the others."""
    for name, kind in CHOICES.items():
        if (value := getattr(config, name)) is not None:
            _require_choice(flag_of(name), value, get_args(kind))
    for name, (low, high) in WHOLE_NUMBERS.items():
        if not low <= getattr(config, name) <= high:
            raise BadInput(f"{flag_of(name)} must lie between {low} and {high}; got {getattr(config, name)}")
    if config.save_every is not None and config.save_every < 1:
        raise BadInput(f"--save-every must be at least 1; got {config.save_every}")
    _require_above("keep_every", config.keep_every, 1e9)
    _require_above("learning_rate", config.learning_rate, 100.0)
    _require_above("clip_norm", config.clip_norm, 1e9)
    _require_share("warmup", config.warmup, below=False)
    _require_share("label_smoothing", config.label_smoothing)
    _require_share("average", config.average)
    if config.weight_decay is not None:
        _require_share("weight_decay", config.weight_decay)
    if config.dropout_rate is not None:
        _require_share("dropout_rate", config.dropout_rate)
    require_sizes(config)
    _require_together(config)
    require_topology(config)


def _require_together(config: TrainConfig) -> None:
    if config.dataset == "digits" and (config.data_dir is not None or config.download):
        flag = "--download" if config.download else "--data-dir"
        raise BadInput(f"{flag} goes with --dataset mnist or fashion-mnist; the digits come with scikit-learn")
    if config.seed + config.seeds > 2**32:
        raise BadInput(f"--seed and --seeds must stay below 2**32 together; got {config.seed} and {config.seeds}")
    if config.batch_size % config.accumulate:
        sizes = f"--accumulate {config.accumulate}, --batch-size {config.batch_size}"
        raise BadInput(f"--accumulate must divide --batch-size into equal parts; got {sizes}")


def did_you_mean(word: str, known: tuple[str, ...]) -> str:
    """` (did you mean NAME?)` when a known name is near, else nothing."""
    near = [name for name in known if name.startswith(word)] or get_close_matches(word, known, n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def flag_of(name: str) -> str:
    """How a choice is called on the command line."""
    return f"--{name.replace('_', '-')}"


def _require_choice(flag: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise BadInput(f"{flag} must be one of {', '.join(known)}; got {value!r}{did_you_mean(value, known)}")


def _require_above(name: str, value: float | None, most: float) -> None:
    if value is not None and not (math.isfinite(value) and 0.0 < value <= most):
        raise BadInput(f"{flag_of(name)} must be above 0 and at most {most:g}; got {value}")


def _require_share(name: str, value: float, *, below: bool = True) -> None:
    if not (0.0 <= value < 1.0 or (value == 1.0 and not below)):
        raise BadInput(f"{flag_of(name)} must be at least 0 and {'below' if below else 'at most'} 1; got {value}")
