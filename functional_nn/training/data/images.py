"""The images that can be learned from: digits, and data sets of four IDX files."""

from pathlib import Path

import numpy as np

from functional_nn.training.choices.config import DatasetName
from functional_nn.training.data.examples import Dataset, Examples, hold_out
from functional_nn.training.data.idx import holds, read_idx
from functional_nn.training.data.places import PUBLISHED, RANKS, find_files
from functional_nn.training.endings import BadInput

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


def load(name: DatasetName, data_dir: Path | None = None) -> Dataset:
    """Load a data set by name, checked: counts match, every value is finite, every label has a name."""
    train, test = _load_digits() if name == "digits" else _load_idx_files(name, data_dir)
    dataset = Dataset(name, train, test, CLASS_NAMES[name])
    check_examples(f"{name} (train)", train, len(dataset.class_names))
    check_examples(f"{name} (test)", test, len(dataset.class_names))
    learned, judged = train.x.shape[1:], test.x.shape[1:]
    if learned != judged:
        raise BadInput(f"{name}: test images must be as large as training images, {learned}; got {judged}")
    return dataset


def check_examples(name: str, examples: Examples, classes: int) -> None:
    """Raise BadInput unless these are images and labels that a network with so many classes can learn from."""
    images, labels = examples.x, examples.labels
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
