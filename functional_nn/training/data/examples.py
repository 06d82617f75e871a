"""Which images, in which order: once they are on the disk, a pure function of the name, the folder and the seed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from functional_nn.training.choices.config import TrainConfig
from functional_nn.training.data.idx import holds, read_idx
from functional_nn.training.data.places import PUBLISHED, RANKS, download, downloads, find_files
from functional_nn.training.endings import BadInput
from functional_nn.training.machine.processes import by_first, is_first, together

DIGIT_NAMES = tuple("0123456789")
CLASS_NAMES = {
    "digits": DIGIT_NAMES,
    "mnist": DIGIT_NAMES,
    "fashion-mnist": (
        "T-shirt",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
}
DIGITS_TEST_SIZE = 360  # 20 % of 1,797
# Fixed: --seed changes what is learned, never what teaches and what judges.
DIGITS_SPLIT_SEED = 0
HOLD_OUT_SEED = 1
LEARN_FROM_SEED = 2
ALL_ROWS = slice(None)


@dataclass(frozen=True)
class Examples:
    """Images (count, height, width, channels), float32 from 0 to 1, and labels (count,), int32."""

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        """How many examples."""
        return len(self.labels)

    def take(self, indices: np.ndarray | slice) -> "Examples":
        """The examples at these indices."""
        return Examples(self.images[indices], self.labels[indices])


class Batches(NamedTuple):
    """The batches of one call: images (steps, batch, height, width, channels), labels (steps, batch), valid (steps)."""

    images: Any
    labels: Any
    valid: Any


@dataclass(frozen=True)
class Dataset:
    """Examples to learn from, examples never learned from, and what the classes are called."""

    name: str
    train: Examples
    test: Examples
    class_names: tuple[str, ...]


def find_data(config: TrainConfig) -> Dataset:
    """The data set, fetched first when asked to.

    With --hold-out some of the images that would teach judge instead, and of the rest --learn-from takes so many.
    """
    if config.download:
        by_first(fetch := partial(download, config.dataset, config.data_dir or downloads(config.dataset), print))
        together(lambda: None if is_first() else fetch())  # on a machine with a disk of its own
    dataset = load(config.dataset, config.data_dir)
    if config.hold_out:
        if config.hold_out >= len(dataset.train):
            raise BadInput(f"--hold-out must be below {len(dataset.train)}, all images; got {config.hold_out}")
        train, held_out = hold_out(dataset.train, config.hold_out, HOLD_OUT_SEED)
        dataset = replace(dataset, train=train, test=held_out)
    if config.learn_from:
        if config.learn_from > len(dataset.train):
            raise BadInput(f"--learn-from must be at most {len(dataset.train)}, all images; got {config.learn_from}")
        _, few = hold_out(dataset.train, config.learn_from, LEARN_FROM_SEED)
        dataset = replace(dataset, train=few)
    return dataset


def load(name: str, data_dir: Path | None = None) -> Dataset:
    """Load a data set by name, checked: counts match, every value is finite, every label has a name."""
    train, test = _load_digits() if name == "digits" else _load_idx_files(name, data_dir)
    dataset = Dataset(name, train, test, CLASS_NAMES[name])
    check_examples(f"{name} (train)", train, len(dataset.class_names))
    check_examples(f"{name} (test)", test, len(dataset.class_names))
    learned, judged = train.images.shape[1:], test.images.shape[1:]
    if learned != judged:
        raise BadInput(f"{name}: test images must be as large as training images, {learned}; got {judged}")
    return dataset


def check_examples(name: str, examples: Examples, classes: int) -> None:
    """Raise BadInput unless these are images and labels that a network with so many classes can learn from."""
    images, labels = examples.images, examples.labels
    if len(images) != len(labels):
        raise BadInput(f"{name}: as many labels as images are needed; got {len(images)} images, {len(labels)} labels")
    if images.size == 0:
        raise BadInput(f"{name}: at least one image with a pixel is needed; got shape {images.shape}")
    if not np.isfinite(images).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(images))[0])
        raise BadInput(f"{name}: every pixel must be finite; got {images[where]} in image {where[0]} at {where[1:]}")
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if wrong.size:
        first = int(wrong[0])
        raise BadInput(f"{name}: labels must lie in 0..{classes - 1}; got {labels[first]} at index {first}")


def batch_indices(seed: int, epoch: int, step: int, size: int, batch_size: int) -> np.ndarray:
    """Which examples make this step: a shuffle an epoch, and the last batch filled up from the epoch's beginning."""
    return np.take(_epoch_order(seed, epoch, size), np.arange(step * batch_size, (step + 1) * batch_size), mode="wrap")


@lru_cache(maxsize=2)
def _epoch_order(seed: int, epoch: int, size: int) -> np.ndarray:
    return np.random.default_rng((seed, epoch)).permutation(size)


def steps_per_epoch(size: int, batch_size: int) -> int:
    """How many batches it takes to see every example."""
    return -(-size // batch_size)


def training_batches(
    examples: Examples,
    seed: int,
    epoch: int,
    batch_size: int,
    *,
    together: int = 1,
    first: int = 0,
    rows: np.ndarray | slice = ALL_ROWS,
) -> Iterator[Batches]:
    """The epoch's batches from its first step on, so many together, every example in at least one batch of the epoch.

    Where the epoch ends before so many are together, batches that are not valid fill up: every shape is the same.
    Only these rows of each batch are read: with several processes, those that the devices of this one hold.
    """
    steps = steps_per_epoch(len(examples), batch_size)
    for start in range(first, steps, together):
        numbers = range(start, start + together)
        indices = np.stack([batch_indices(seed, epoch, step, len(examples), batch_size)[rows] for step in numbers])
        yield Batches(examples.images[indices], examples.labels[indices], np.arange(start, start + together) < steps)


def padded_batches(
    examples: Examples, batch_size: int, rows: np.ndarray | slice = ALL_ROWS
) -> Iterator[tuple[Examples, np.ndarray]]:
    """Every example once, in order, in batches of one shape, with a mask (batch,) that is 0 where there is padding.

    Only these rows of each batch are read.
    """
    for start in range(0, len(examples), batch_size):
        indices = np.arange(start, start + batch_size)[rows]
        mask = (indices < len(examples)).astype(np.float32)
        yield examples.take(np.minimum(indices, len(examples) - 1)), mask


def hold_out(examples: Examples, count: int, seed: int) -> tuple[Examples, Examples]:
    """Split off so many examples at random, for example to choose hyperparameters by: (the rest, the held out)."""
    order = np.random.default_rng(seed).permutation(len(examples))
    return examples.take(order[count:]), examples.take(order[:count])


def _load_digits() -> tuple[Examples, Examples]:
    from sklearn.datasets import load_digits  # a second of import, for this data set only

    pixels, labels = load_digits(return_X_y=True)
    images = (np.asarray(pixels).reshape(-1, 8, 8, 1) / 16.0).astype(np.float32)
    return hold_out(Examples(images, np.asarray(labels, np.int32)), DIGITS_TEST_SIZE, DIGITS_SPLIT_SEED)


def _load_idx_files(name: str, data_dir: Path | None) -> tuple[Examples, Examples]:
    place, files = find_files(name, data_dir)
    _refuse_another(name, files[-1])
    digests = (None,) * len(files) if place.vouched_for else PUBLISHED[name]
    arrays = [read_idx(path, rank=rank, sha256=sha) for path, rank, sha in zip(files, RANKS, digests, strict=True)]
    _require_integers(files[1], arrays[1])
    _require_integers(files[3], arrays[3])
    return _examples(*arrays[:2]), _examples(*arrays[2:])


def _refuse_another(name: str, test_labels: Path) -> None:
    """All IDX data sets have the same file names: one must not be taken for another."""
    for other in PUBLISHED.keys() - {name}:
        if holds(test_labels, rank=1, sha256=PUBLISHED[other][-1]):
            raise BadInput(f"{test_labels.parent} holds {other}, not {name}; use --dataset {other}")


def _require_integers(path: Path, labels: np.ndarray) -> None:
    if not np.issubdtype(labels.dtype, np.integer):
        raise BadInput(f"{path} holds {labels.dtype} values; labels must be integers")


def _examples(pixels: np.ndarray, labels: np.ndarray) -> Examples:
    images = pixels[..., None].astype(np.float32)
    if pixels.dtype == np.uint8:
        images /= np.float32(255.0)
    return Examples(images, labels.astype(np.int32))
