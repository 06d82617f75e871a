"""What can be chosen about a run, what is legal, and what is taken when nothing is said. Imports no JAX."""

import math
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Literal, get_args

from functional_nn.training.errors import BadInput

Model = Literal["mlp", "simple_convnet", "deep_convnet"]
DatasetName = Literal["digits", "mnist", "fashion-mnist"]
OptimizerName = Literal["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"]

# Peak of the schedule, by a coarse grid on a part held out of the digits' training images (docs/training.md).
LEARNING_RATES: dict[str, float] = {
    "sgd": 0.2,
    "momentum": 0.05,
    "nesterov": 0.05,
    "adagrad": 0.1,
    "rmsprop": 0.005,
    "adam": 0.005,
    "adamw": 0.005,
}


@dataclass(frozen=True)
class TrainConfig:
    """Train a network on images and keep everything about the run in one folder."""

    model: Model = "simple_convnet"
    """Which network."""
    dataset: DatasetName = "digits"
    """Which images; digits come with scikit-learn, the others are IDX files."""
    data_dir: Path | None = None
    """Folder with the four IDX files (plain or gzipped); auto is $FUNCTIONAL_NN_DATA, the cache or Debian's folder."""
    download: bool = False
    """Fetch the files that are missing into --data-dir, or into the user's cache."""
    hold_out: int = 0
    """Judge by so many training images, held out, instead of the test images: for choosing hyperparameters."""
    epochs: int = 30
    """How many times every training image is seen."""
    batch_size: int = 32
    """How many images make one step."""
    optimizer: OptimizerName = "adamw"
    """Which update rule."""
    learning_rate: float | None = None
    """Peak of the learning rate, after warm-up and before the cosine; auto fits the optimizer."""
    label_smoothing: float = 0.1
    """How much of the target is spread over all classes, from 0 to below 1."""
    seed: int = 0
    """Seed of the weights, the order of the images and dropout."""
    output: Path | None = None
    """Run folder, must not exist; auto is runs/DATASET-MODEL-TIME."""
    verify: bool = False
    """Before the first step, compare its gradients with the hand-written ones of the NumPy twin."""

    @property
    def peak_learning_rate(self) -> float:
        """The learning rate asked for, or the one that fits the optimizer."""
        return LEARNING_RATES[self.optimizer] if self.learning_rate is None else self.learning_rate


def validate(config: TrainConfig) -> None:
    """Raise BadInput with one sentence unless every choice is legal by itself and beside the others."""
    _require_choice("--model", config.model, get_args(Model))
    _require_choice("--dataset", config.dataset, get_args(DatasetName))
    _require_choice("--optimizer", config.optimizer, get_args(OptimizerName))
    _require_range("--epochs", config.epochs, 1, 100_000)
    _require_range("--batch-size", config.batch_size, 1, 1_000_000)
    _require_range("--hold-out", config.hold_out, 0, 1_000_000)
    _require_range("--seed", config.seed, 0, 2**32 - 1)
    rate = config.learning_rate
    if rate is not None and not (math.isfinite(rate) and 0.0 < rate <= 100.0):
        raise BadInput(f"--learning-rate must be above 0 and at most 100; got {rate}")
    if not 0.0 <= config.label_smoothing < 1.0:
        raise BadInput(f"--label-smoothing must be at least 0 and below 1; got {config.label_smoothing}")
    if config.dataset == "digits" and (config.data_dir is not None or config.download):
        flag = "--download" if config.download else "--data-dir"
        raise BadInput(f"{flag} goes with --dataset mnist or fashion-mnist; the digits come with scikit-learn")


def did_you_mean(word: str, known: tuple[str, ...]) -> str:
    """` (did you mean NAME?)` when a known name is near, else nothing."""
    near = [name for name in known if name.startswith(word)] or get_close_matches(word, known, n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def _require_choice(flag: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise BadInput(f"{flag} must be one of {', '.join(known)}; got {value!r}{did_you_mean(value, known)}")


def _require_range(flag: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise BadInput(f"{flag} must lie between {low} and {high}; got {value}")
