"""How large a network is: read from a flag, written as one, and judged beside the model. Imports no JAX."""

from collections.abc import Callable
from typing import Any

from functional_nn.training.config import SIZES, Filters, Hidden, TrainConfig
from functional_nn.training.errors import BadInput

LARGEST = 100_000
# Of the models that do not take as many numbers as one likes.
COUNTS = {("simple_convnet", "filters"): 1, ("deep_convnet", "filters"): 3}
COUNTS |= {("simple_convnet", "hidden"): 1, ("deep_convnet", "hidden"): 1}


def read_filters(word: str) -> Filters:
    """`32-32,64-64,128`: stages parted by commas, their convolutions by hyphens; ValueError for other words."""
    return tuple(tuple(int(number) for number in stage.split("-")) for stage in word.split(","))


def read_hidden(word: str) -> Hidden:
    """`100,50`: numbers parted by commas; ValueError for other words."""
    return tuple(int(number) for number in word.split(","))


READERS: dict[Any, Callable[[str], Any]] = {Filters: read_filters, Hidden: read_hidden}


def written(value: Any) -> str:
    """The word that is read as this value."""
    if not isinstance(value, tuple):
        return str(value)
    return ",".join("-".join(map(str, part)) if isinstance(part, tuple) else str(part) for part in value)


def from_lists(value: Any) -> Any:
    """The tuples that JSON made lists of."""
    return tuple(map(from_lists, value)) if isinstance(value, list) else value


def numbers_of(value: Any) -> tuple[int, ...]:
    """All numbers of a size, stage by stage."""
    parts = value if isinstance(value, tuple) else (value,)
    return tuple(number for part in parts for number in (part if isinstance(part, tuple) else (part,)))


def require_sizes(config: TrainConfig) -> None:
    """Raise BadInput unless only what the model has is chosen, as many numbers as it takes, each above 0."""
    for name in ("filters", "hidden", "activation", "batch_norm", "dropout_rate"):
        value, flag = getattr(config, name), f"--{name.replace('_', '-')}"
        if value is None or value is False:
            continue
        if name not in SIZES[config.model]:
            models = " or ".join(model for model, sizes in SIZES.items() if name in sizes)
            raise BadInput(f"{flag} goes with --model {models}; got --model {config.model}")
        if name in ("filters", "hidden"):
            _require_numbers(config.model, name, value)


def _require_numbers(model: str, name: str, value: tuple[Any, ...]) -> None:
    numbers, count = numbers_of(value), COUNTS.get((model, name))
    if not all(isinstance(number, int) and 1 <= number <= LARGEST for number in numbers):
        raise BadInput(f"--{name} must hold whole numbers between 1 and {LARGEST}; got {written(value)}")
    if count is not None and (len(numbers), len(value)) != (count, count):
        plural = "a number" if count == 1 else f"{count} numbers parted by commas"
        raise BadInput(f"--{name} must be {plural} for --model {model}; got {written(value)}")
