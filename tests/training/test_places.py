"""Where data is found, that its bytes are the published ones, and how it is fetched: whole or not at all."""

import gzip
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from helpers.idx_files import digests, small_files, write_folder

from functional_nn import cli
from functional_nn.training.choices.config import TrainConfig
from functional_nn.training.data import images, places
from functional_nn.training.data.idx import read_idx
from functional_nn.training.data.images import load
from functional_nn.training.data.places import PUBLISHED, STEMS, find_files
from functional_nn.training.endings import BadInput
from functional_nn.training.run import loop

FILES, OTHER_FILES = small_files(), small_files(seed=1)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home, a Debian and a published data set of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(places.VARIABLE, raising=False)
    monkeypatch.setattr(places, "DEBIAN", tmp_path / "debian")
    monkeypatch.setitem(PUBLISHED, "mnist", digests(FILES))
    monkeypatch.setitem(PUBLISHED, "fashion-mnist", digests(OTHER_FILES))
    monkeypatch.chdir(tmp_path)


def test_the_nearest_place_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(places.VARIABLE, str(tmp_path / "mine"))
    order = ["debian/mnist", "cache/functional_nn/data/mnist", "mine", "mine/mnist"]
    for folder in order:
        write_folder(tmp_path / folder, suffix=".gz", files=FILES)
        assert find_files("mnist", None)[0].folder == tmp_path / folder
    write_folder(tmp_path / "asked", files=FILES)
    assert find_files("mnist", tmp_path / "asked")[0].folder == tmp_path / "asked"


def test_what_is_missing_lists_every_place_and_the_line_that_mends(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (write_folder(tmp_path / "debian" / "fashion-mnist", suffix=".gz") / f"{STEMS[3]}.gz").unlink()
    assert cli.main(["train", "--dataset", "fashion-mnist"]) == 2
    assert capsys.readouterr().err == (
        "functional-nn train: fashion-mnist was not found: "
        f"{tmp_path}/cache/functional_nn/data/fashion-mnist does not exist; "
        f"{tmp_path}/debian/fashion-mnist lacks t10k-labels-idx1-ubyte (plain or .gz); $FUNCTIONAL_NN_DATA is not set; "
        "mend it with: functional-nn train --dataset fashion-mnist --download, "
        "or on Debian and Ubuntu: apt install dataset-fashion-mnist\n"
    )
    monkeypatch.setenv(places.VARIABLE, "mine")
    with pytest.raises(BadInput, match=r"FUNCTIONAL_NN_DATA: mine/mnist does not exist; \$FUNCTIONAL_NN_DATA: mine do"):
        load("mnist")


def test_a_folder_that_was_asked_for_is_the_only_one(tmp_path: Path) -> None:
    write_folder(tmp_path / "debian" / "mnist", files=FILES)
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match=r"found: --data-dir nowhere does not exist; mend it with: functional-nn train "):
        load("mnist", Path("nowhere"))
    with pytest.raises(BadInput, match="--data-dir file is not a folder"):
        load("mnist", Path("file"))


def test_one_data_set_is_not_taken_for_another(tmp_path: Path) -> None:
    write_folder(tmp_path / "mine", suffix=".gz", files=OTHER_FILES)
    with pytest.raises(BadInput, match=r"mine holds fashion-mnist, not mnist; use --dataset fashion-mnist"):
        load("mnist", tmp_path / "mine")


@pytest.mark.parametrize("changed", range(4), ids=STEMS)
def test_bytes_that_nobody_vouches_for_must_be_the_published_ones(tmp_path: Path, changed: int) -> None:
    folder = write_folder(tmp_path / "debian" / "mnist", suffix=".gz", files=FILES)
    assert len(load("mnist").train) == 7
    content = bytearray(FILES[changed])
    content[-1] ^= 1
    (folder / f"{STEMS[changed]}.gz").write_bytes(gzip.compress(bytes(content)))
    with pytest.raises(BadInput, match=rf"{STEMS[changed]}\.gz is not the file that was published: the SHA-256"):
        load("mnist")
    assert len(load("mnist", folder).train) == 7, "whoever names a folder may have changed it"


@pytest.fixture
def mirrors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, Path]]:
    """Two mirrors on this machine, served from two folders."""
    quiet = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *words: None})
    folders = tmp_path / "first", tmp_path / "second"
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), partial(quiet, directory=str(folder))) for folder in folders]
    for server in servers:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
    monkeypatch.setitem(places.MIRRORS, "mnist", tuple(f"http://127.0.0.1:{server.server_port}" for server in servers))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield folders
    for server in servers:
        server.shutdown()
        server.server_close()


class TestDownload:
    def test_each_file_comes_from_the_first_mirror_that_has_it_right(
        self, tmp_path: Path, mirrors: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
    ) -> None:
        first, second = mirrors
        write_folder(second, suffix=".gz", files=FILES)
        write_folder(first, suffix=".gz", files=FILES)
        (first / f"{STEMS[0]}.gz").unlink()
        (first / f"{STEMS[1]}.gz").write_bytes(gzip.compress(OTHER_FILES[1]))
        (first / f"{STEMS[2]}.gz").write_bytes(gzip.compress(FILES[2])[:-9])
        dataset = loop.find_data(TrainConfig(dataset="mnist", download=True))
        assert (len(dataset.train), len(dataset.test)) == (7, 5)
        cached = tmp_path / "cache" / "functional_nn" / "data" / "mnist"
        assert sorted(path.name for path in cached.iterdir()) == sorted(f"{stem}.gz" for stem in STEMS)
        said = capsys.readouterr().out
        assert said.count("fetching http") == 4 + 3, said
        loop.find_data(TrainConfig(dataset="mnist", download=True))
        assert not capsys.readouterr().out, "what was there was fetched again"

    def test_when_no_mirror_serves_each_reason_is_named_and_nothing_is_left(
        self, tmp_path: Path, mirrors: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
    ) -> None:
        write_folder(mirrors[0], suffix=".gz", files=OTHER_FILES)
        words = ["train", "--dataset", "mnist", "--download", "--data-dir", "fetched"]
        assert cli.main(words) == 2
        err = capsys.readouterr().err
        assert "train-images-idx3-ubyte.gz could not be fetched: http://127.0.0.1:" in err
        assert "(the file is not the file that was published: the SHA-256 of its decompressed bytes is " in err
        assert "(404 File not found)" in err
        assert err.count("\n") == 1
        assert list((tmp_path / "fetched").iterdir()) == []

    def test_a_network_that_is_not_there_is_a_sentence(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(places.MIRRORS, "mnist", ("http://127.0.0.1:1",))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        with pytest.raises(BadInput, match=r"could not be fetched: http://127.0.0.1:1/train-images-\S+ \(ConnectionEr"):
            places.download("mnist", tmp_path / "fetched", lambda line: None)

    def test_a_file_that_is_there_is_never_replaced(self, tmp_path: Path) -> None:
        folder = write_folder(tmp_path / "mine", files=small_files(seed=2))
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        with pytest.raises(BadInput, match=f"{STEMS[0]} is not the file that was published"):
            places.download("mnist", folder, lambda line: None)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before

    def test_every_mirror_is_secure_and_there_are_several(self) -> None:
        assert places.MIRRORS.keys() == PUBLISHED.keys()
        for mirrors in places.MIRRORS.values():
            assert len(mirrors) >= 2
            assert all(mirror.startswith("https://") for mirror in mirrors)


def test_held_out_images_judge_and_teach_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_folder(tmp_path / "mine", files=FILES)
    config = TrainConfig(dataset="mnist", data_dir=folder, hold_out=3, batch_size=4)
    dataset, whole = loop.find_data(config), images.load("mnist", folder)
    assert (len(dataset.train), len(dataset.test)) == (4, 3)
    seen = {image.tobytes() for part in (dataset.train, dataset.test) for image in part.x}
    assert seen == {image.tobytes() for image in whole.train.x}
    few = loop.find_data(replace(config, learn_from=2)).train
    assert len(few) == 2
    assert {image.tobytes() for image in few.x} < {i.tobytes() for i in dataset.train.x}
    with pytest.raises(BadInput, match="--hold-out must be below 7, all images; got 7"):
        loop.find_data(TrainConfig(dataset="mnist", data_dir=folder, hold_out=7))


@pytest.mark.parametrize("dataset", sorted(PUBLISHED))
def test_the_published_files_are_read_where_they_are(dataset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    try:
        _, files = find_files(dataset, None)
    except BadInput as missing:
        pytest.skip(str(missing))
    for path, rank, digest in zip(files, places.RANKS, PUBLISHED[dataset], strict=True):
        read_idx(path, rank=rank, sha256=digest)
