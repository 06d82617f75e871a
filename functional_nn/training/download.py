"""How the files of a data set come over the network: whole and the published ones, or not at all."""

import os
from collections.abc import Callable
from pathlib import Path

from functional_nn.training.errors import BadInput
from functional_nn.training.idx import read_idx
from functional_nn.training.places import PUBLISHED, RANKS, STEMS, candidate

MIRRORS = {
    "mnist": (
        "https://storage.googleapis.com/cvdf-datasets/mnist",
        "https://ossci-datasets.s3.amazonaws.com/mnist",
    ),
    "fashion-mnist": (
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
    ),
}
SECONDS_OF_SILENCE = 30


def download(name: str, folder: Path, say: Callable[[str], None]) -> None:
    """Fetch into the folder each of the four files that is missing; one that is there must be the published one."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{folder} cannot be made, so nothing was fetched: {error.strerror or error}") from error
    for stem, rank, digest in zip(STEMS, RANKS, PUBLISHED[name], strict=True):
        there = candidate(folder, stem)
        if there.exists():
            read_idx(there, rank=rank, sha256=digest)
        else:
            _fetch_from_a_mirror(name, folder / f"{stem}.gz", rank, digest, say)


def _fetch_from_a_mirror(name: str, target: Path, rank: int, digest: str, say: Callable[[str], None]) -> None:
    reasons = []
    for mirror in MIRRORS[name]:
        url = f"{mirror}/{target.name}"
        say(f"fetching {url}")
        fault = _fetch(url, target, rank, digest)
        if fault is None:
            return
        reasons.append(f"{url} ({fault})")
    raise BadInput(f"{name}: {target.name} could not be fetched: {'; '.join(reasons)}")


def _fetch(url: str, target: Path, rank: int, digest: str) -> str | None:
    """Put the file in its place and return None, or leave nothing and return what is wrong."""
    import pooch

    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        pooch.HTTPDownloader(timeout=SECONDS_OF_SILENCE)(url, str(partial), None)
        read_idx(partial, rank=rank, sha256=digest)
        partial.replace(target)
    except BadInput as error:
        return str(error).replace(f"{partial} ", "the file ")
    except OSError as error:  # those of the network have an answer or a telling name, those of the disk their words
        answer = getattr(error, "response", None)
        return f"{answer.status_code} {answer.reason}" if answer is not None else error.strerror or type(error).__name__
    finally:
        partial.unlink(missing_ok=True)
    return None
