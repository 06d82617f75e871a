"""Where the four files of a data set may lie, how they come there, and which bytes the published ones hold."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from functional_nn._user_cache import user_cache
from functional_nn.training.data.idx import read_idx
from functional_nn.training.endings import BadInput

VARIABLE = "FUNCTIONAL_NN_DATA"
DEBIAN = Path("/usr/share/datasets")
STEMS = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
RANKS = (3, 1, 3, 1)
# SHA-256 of the files as published, decompressed: mirrors and packages compress them anew.
PUBLISHED = {
    "mnist": (
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    "fashion-mnist": (
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
}
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


@dataclass(frozen=True)
class Place:
    """A folder that may hold the files; whoever names it vouches for its content, any other must hold PUBLISHED."""

    folder: Path
    called: str
    vouched_for: bool


def places(name: str, data_dir: Path | None) -> tuple[Place, ...]:
    """Where a data set is looked for, in order; a folder that was asked for is the only one."""
    if data_dir is not None:
        return (Place(data_dir, f"--data-dir {data_dir}", vouched_for=True),)
    cache, package = downloads(name), DEBIAN / name
    found = (Place(cache, str(cache), vouched_for=False), Place(package, str(package), vouched_for=False))
    named = os.environ.get(VARIABLE)
    if not named:
        return found
    own = (Path(named) / name, Path(named))
    return (*(Place(folder, f"${VARIABLE}: {folder}", vouched_for=True) for folder in own), *found)


def downloads(name: str) -> Path:
    """Where --download puts a data set when no folder is given."""
    return user_cache() / "data" / name


def find_files(name: str, data_dir: Path | None) -> tuple[Place, tuple[Path, ...]]:
    """The first place that holds all four files, and the files; BadInput lists every place and the line that mends."""
    looked_at = places(name, data_dir)
    for place in looked_at:
        if not _fault(place.folder):
            return place, tuple(candidate(place.folder, stem) for stem in STEMS)
    faults = "; ".join(f"{place.called} {_fault(place.folder)}" for place in looked_at)
    unset = "" if data_dir or os.environ.get(VARIABLE) else f"; ${VARIABLE} is not set"
    mend = f"functional-nn train --dataset {name} --download"
    raise BadInput(f"{name} was not found: {faults}{unset}; mend it with: {mend}{_package(name)}")


def candidate(folder: Path, stem: str) -> Path:
    """The file that serves: the plain one where it exists, else the gzipped one."""
    plain = folder / stem
    return plain if plain.is_file() else folder / f"{stem}.gz"


def _fault(folder: Path) -> str:
    if not folder.is_dir():
        return "is not a folder" if folder.exists() else "does not exist"
    missing = [stem for stem in STEMS if not candidate(folder, stem).is_file()]
    return f"lacks {', '.join(missing)} (plain or .gz)" if missing else ""


def _package(name: str) -> str:
    return ", or on Debian and Ubuntu: apt install dataset-fashion-mnist" if name == "fashion-mnist" else ""


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
