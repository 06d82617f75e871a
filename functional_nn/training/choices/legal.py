"""What is legal about a configuration: each choice by itself, and beside the others. Imports no JAX."""

import math
from typing import Any, get_args

from functional_nn.training.choices.config import (
    KINDS,
    MODELS,
    SIZES,
    Activation,
    DatasetName,
    Initializer,
    Model,
    OptimizerName,
    Precision,
    PresetName,
    TrainConfig,
)
from functional_nn.training.choices.values import did_you_mean, flag_of, numbers_of, written
from functional_nn.training.endings import BadInput

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
LARGEST_SIZE = 100_000
# What may be left to the network or the data, and else is a whole number above 0.
OPTIONAL_NUMBERS = ("width", "heads", "key_heads", "layers", "context", "epoch_steps", "save_every")
# Of the models that do not take as many numbers as one likes.
COUNTS = {("simple_convnet", "filters"): 1, ("deep_convnet", "filters"): 3}
COUNTS |= {(model, "hidden"): 1 for model in ("simple_convnet", "deep_convnet", "transformer", "lstm_lm", "seq2seq")}
# The axes of the mesh: the batch is split over both, large parameters over fsdp and repeated along data.
AXES = ("data", "fsdp")
DOWNLOADED = ("mnist", "fashion-mnist")
IN_FILES = (*DOWNLOADED, "text")
EXAMPLE = "data=4,fsdp=2"


def validate(config: TrainConfig) -> None:
    """Raise BadInput with one sentence unless every choice is legal by itself and beside the others."""
    for name, kind in CHOICES.items():
        if (value := getattr(config, name)) is not None:
            _require_choice(flag_of(name), value, get_args(kind))
    for name, (low, high) in WHOLE_NUMBERS.items():
        if not low <= getattr(config, name) <= high:
            raise BadInput(f"{flag_of(name)} must lie between {low} and {high}; got {getattr(config, name)}")
    for name in OPTIONAL_NUMBERS:
        if (number := getattr(config, name)) is not None and number < 1:
            raise BadInput(f"{flag_of(name)} must be at least 1; got {number}")
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
    require_kind(config)
    require_sizes(config)
    _require_together(config)
    require_topology(config)


def _require_together(config: TrainConfig) -> None:
    if config.download and config.dataset not in DOWNLOADED:
        raise BadInput(f"--download goes with --dataset {' or '.join(DOWNLOADED)}; got --dataset {config.dataset}")
    if config.data_dir is not None and config.dataset not in IN_FILES:
        raise BadInput(
            f"--data-dir goes with --dataset {', '.join(DOWNLOADED)} or text; got --dataset {config.dataset}"
        )
    if config.seed + config.seeds > 2**32:
        raise BadInput(f"--seed and --seeds must stay below 2**32 together; got {config.seed} and {config.seeds}")
    if config.batch_size % config.accumulate:
        sizes = f"--accumulate {config.accumulate}, --batch-size {config.batch_size}"
        raise BadInput(f"--accumulate must divide --batch-size into equal parts; got {sizes}")


def _require_choice(flag: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise BadInput(f"{flag} must be one of {', '.join(known)}; got {value!r}{did_you_mean(value, known)}")


def _require_above(name: str, value: float | None, most: float) -> None:
    if value is not None and not (math.isfinite(value) and 0.0 < value <= most):
        raise BadInput(f"{flag_of(name)} must be above 0 and at most {most:g}; got {value}")


def _require_share(name: str, value: float, *, below: bool = True) -> None:
    if not (0.0 <= value < 1.0 or (value == 1.0 and not below)):
        raise BadInput(f"{flag_of(name)} must be at least 0 and {'below' if below else 'at most'} 1; got {value}")


def require_kind(config: TrainConfig) -> None:
    """Raise BadInput where the network, or a way to vary the examples, is for another kind of data."""
    kind = KINDS[config.dataset]
    if config.model not in MODELS[kind]:
        got = f"--model {config.model}, --dataset {config.dataset}"
        raise BadInput(f"of {kind} --model {' or '.join(MODELS[kind])} can learn; got {got}")
    for name in ("shift", "flip", "cutout"):
        if getattr(config, name) and kind != "images":
            raise BadInput(f"{flag_of(name)} varies images; got --dataset {config.dataset}")


def require_sizes(config: TrainConfig) -> None:
    """Raise BadInput unless only what the model has is chosen, as many numbers as it takes, each above 0."""
    for name in sorted(set().union(*SIZES.values())):
        value = getattr(config, name)
        if value is None or value is False:
            continue
        if name not in SIZES[config.model]:
            models = " or ".join(model for model, sizes in SIZES.items() if name in sizes)
            raise BadInput(f"{flag_of(name)} goes with --model {models}; got --model {config.model}")
        if name in ("filters", "hidden"):
            _require_numbers(config.model, name, value)


def _require_numbers(model: str, name: str, value: tuple[Any, ...]) -> None:
    numbers, count = numbers_of(value), COUNTS.get((model, name))
    if not all(isinstance(number, int) and 1 <= number <= LARGEST_SIZE for number in numbers):
        raise BadInput(f"--{name} must hold whole numbers between 1 and {LARGEST_SIZE}; got {written(value)}")
    if count is not None and (len(numbers), len(value)) != (count, count):
        plural = "a number" if count == 1 else f"{count} numbers parted by commas"
        raise BadInput(f"--{name} must be {plural} for --model {model}; got {written(value)}")


def require_draws(temperature: float, top_k: int | None, length: int, seed: int) -> None:
    """Raise BadInput unless bytes can be drawn like this."""
    if not (math.isfinite(temperature) and temperature >= 0):
        raise BadInput(f"--temperature must be a number of at least 0; got {temperature}")
    if top_k is not None and top_k < 1:
        raise BadInput(f"--top-k must be at least 1; got {top_k}")
    for flag, value, low in (("--length", length, 1), ("--seed", seed, 0)):
        if not low <= value < 2**31:
            raise BadInput(f"{flag} must be at least {low} and below 2**31; got {value}")


def require_topology(config: TrainConfig) -> None:
    """Raise BadInput where the mesh or the processes cannot be: read, be as many, or find each other."""
    shape = asked_shape(config)
    if shape is not None and config.devices not in (0, math.prod(shape)):
        raise BadInput(f"--mesh {config.mesh} is of {math.prod(shape)} devices; got --devices {config.devices}")
    if config.coordinator is None:
        if config.process_id is not None or config.process_count not in (None, 1):
            raise BadInput("--process-id and --process-count need --coordinator HOST:PORT, where process 0 runs")
        return
    if config.process_id is None or config.process_count is None:
        raise BadInput("--coordinator needs --process-id, which of the processes this is, and --process-count")
    if not 0 <= config.process_id < config.process_count:
        counts = f"--process-id {config.process_id}, --process-count {config.process_count}"
        raise BadInput(f"--process-id must be at least 0 and below --process-count; got {counts}")
    host, _, port = config.coordinator.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise BadInput(f"--coordinator must be HOST:PORT, node1:8476 for example; got {config.coordinator!r}")


def asked_shape(config: TrainConfig) -> tuple[int, ...] | None:
    """How many devices stand along each axis, 1 where nothing is said of it; None where no mesh is asked for."""
    if config.mesh is None:
        return None
    parts = [part.partition("=") for part in config.mesh.split(",")]
    named = {name: size for name, _, size in parts}
    if len(named) < len(parts) or not named.keys() <= set(AXES) or not all(map(_is_size, named.values())):
        raise BadInput(f"--mesh must be like {EXAMPLE}, numbers of devices along the axes; got {config.mesh!r}")
    return tuple(int(named.get(axis, 1)) for axis in AXES)


def require_equal_parts(config: TrainConfig, devices: int) -> None:
    """Raise BadInput unless the devices get equal parts of every batch, or of every part of it."""
    parts = devices * config.accumulate
    if config.batch_size % parts:
        nearest = parts * max(1, round(config.batch_size / parts))
        accumulate = f", each {config.accumulate} parts" if config.accumulate > 1 else ""
        raise BadInput(
            f"--batch-size must be the same number of images for each of {devices} devices{accumulate}; "
            f"got {config.batch_size}, {nearest} would do"
        )


def _is_size(word: str) -> bool:
    return word.isdecimal() and int(word) > 0
