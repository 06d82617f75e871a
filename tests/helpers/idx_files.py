"""IDX files for tests, written by the format's definition and not by the package."""

import gzip
import hashlib
from pathlib import Path

import numpy as np

from functional_nn.training.data.idx import DTYPES
from functional_nn.training.data.places import STEMS


def idx_bytes(array: np.ndarray) -> bytes:
    """The array as the bytes of an IDX file."""
    code = {np.dtype(dtype).newbyteorder("="): code for code, dtype in DTYPES.items()}[array.dtype]
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, code, array.ndim]) + sizes + array.astype(array.dtype.newbyteorder(">")).tobytes()


def small_files(train_size: int = 7, test_size: int = 5, shape: tuple[int, int] = (4, 3), seed: int = 0) -> list[bytes]:
    """The four files of a data set in the layout of MNIST, with small random images."""
    rng = np.random.default_rng(seed)
    files = []
    for stem in STEMS:
        size = train_size if stem.startswith("train") else test_size
        drawn = rng.integers(0, 256, (size, *shape)) if "images" in stem else rng.integers(0, 10, size)
        files.append(idx_bytes(drawn.astype(np.uint8)))
    return files


def write_folder(folder: Path, *, suffix: str = "", files: list[bytes] | None = None) -> Path:
    """A folder with the four files, gzipped where the suffix is .gz."""
    folder.mkdir(parents=True, exist_ok=True)
    for stem, content in zip(STEMS, files or small_files(), strict=True):
        (folder / f"{stem}{suffix}").write_bytes(gzip.compress(content) if suffix else content)
    return folder


def digests(files: list[bytes]) -> tuple[str, ...]:
    """SHA-256 of each file."""
    return tuple(hashlib.sha256(content).hexdigest() for content in files)
