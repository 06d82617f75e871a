"""Text to learn from: the bytes of a file or of a folder's files, cut into windows, whose bytes are to be predicted."""

import os
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from functional_nn.training.data.examples import IGNORED, Dataset, Examples
from functional_nn.training.endings import BadInput

HELD_OUT = 20  # one file in so many is held out; where there are fewer files, the last part of the text, as large
GLANCES = 16  # after an epoch that is not the last, one held-out window in so many is judged
# What of the standard library is not its source: what was installed into it, and its tests.
NOT_THE_LIBRARY = {"site-packages", "dist-packages", "test", "tests", "idle_test"}
CACHE = "__pycache__"  # of what Python compiled, in any folder of its source
START = b"\n"  # a text begins as after the end of a line


def load(place: Path | None, context: int) -> Dataset:
    """The text of a file or folder, that of Python's standard library where none is given, in windows of a context.

    Every byte of the held-out text is predicted exactly once, after the first window from at least half a context.
    """
    called = "the standard library" if place is None else f"--data-dir {place}"
    texts = [_read(file) for file in _files(place)]
    if not any(texts):
        raise BadInput(f"{called} holds no text: {'it is empty' if texts else 'there is no file in it'}")
    learned, judged = _parted(texts)
    if len(learned) < context:
        raise BadInput(
            f"{called}: {len(learned)} bytes to learn from are less than one window; got --context {context}"
        )
    alphabet = bytes(sorted({*START, *learned, *judged}))
    train, test = _windows(_tokens(learned, alphabet), context), _overlapping(_tokens(judged, alphabet), context)
    digest = sha256(learned + START + judged).hexdigest()
    glance = test.take(slice(None, None, GLANCES))
    return Dataset("text", train, test, glance=glance, alphabet=alphabet, digest=digest)


def _files(place: Path | None) -> list[Path]:
    """The files of a text, in the order of their names; without hidden ones, and what Python compiled."""
    if place is None:
        root = Path(os.__file__).parent
        return [path for path in _under(root, "*.py") if not NOT_THE_LIBRARY.intersection(path.relative_to(root).parts)]
    if place.is_dir():
        return _under(place, "*")
    if place.is_file():
        return [place]
    raise BadInput(f"--data-dir {place} {'is neither a file nor a folder' if place.exists() else 'does not exist'}")


def _under(root: Path, pattern: str) -> list[Path]:
    def hidden(path: Path) -> bool:
        return any(part.startswith(".") or part == CACHE for part in path.relative_to(root).parts)

    paths = (path for path in root.rglob(pattern) if not hidden(path) and path.is_file())
    return sorted(paths, key=lambda path: path.relative_to(root).as_posix())


def _read(file: Path) -> bytes:
    try:
        content = file.read_bytes()
        content.decode()
    except UnicodeDecodeError as error:
        raise BadInput(f"{file} is no UTF-8 text: byte {error.start} is 0x{error.object[error.start]:02x}") from None
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror or error}") from error
    return content


def _parted(texts: Sequence[bytes]) -> tuple[bytes, bytes]:
    """What is learned from, and what is held out."""
    if len(texts) >= HELD_OUT:
        held = range(HELD_OUT // 2, len(texts), HELD_OUT)
        learned = b"".join(text for index, text in enumerate(texts) if index not in held)
        return learned, b"".join(texts[index] for index in held)
    whole = b"".join(texts)
    end = len(whole) - max(1, len(whole) // HELD_OUT)
    return whole[:end], whole[end:]


def _tokens(text: bytes, alphabet: bytes) -> np.ndarray:
    """The place in the alphabet of the byte that a text starts after, and of each of its bytes: int16, (bytes + 1,)."""
    places = np.zeros(256, np.int16)
    places[list(alphabet)] = np.arange(len(alphabet))
    return places[np.frombuffer(START + text, np.uint8)]


def _windows(tokens: np.ndarray, context: int) -> Examples:
    """Windows side by side, and the token after each token; a rest shorter than a window is left out."""
    # Views: the text is in memory once, however many windows it has.
    return Examples(*(sliding_window_view(part, context)[::context] for part in (tokens[:-1], tokens[1:])))


def _overlapping(tokens: np.ndarray, context: int) -> Examples:
    """Windows that each begin half a window after the other; a label that an earlier window has is IGNORED."""
    count, step = len(tokens) - 1, max(1, context // 2)
    starts = np.arange(0, max(count - context, 0) + step, step)
    places = starts[:, None] + np.arange(context)
    seen = np.concatenate([[0], starts[:-1] + context])
    fresh = (places >= seen[:, None]) & (places < count)
    labels = np.where(fresh, tokens[np.minimum(places + 1, count)], IGNORED)
    return Examples(tokens[np.minimum(places, count)], labels.astype(np.int16))
