"""Data: what is read, that nothing wrong is, and that the order is a function of the seed alone."""

import gzip
import math
from pathlib import Path

import numpy as np
import pytest
from helpers.idx_files import idx_bytes, small_files, write_folder

from functional_nn.training.data.examples import (
    Examples,
    batch_indices,
    padded_batches,
    steps_per_epoch,
    training_batches,
)
from functional_nn.training.data.idx import DTYPES, read_idx
from functional_nn.training.data.images import check_examples, load
from functional_nn.training.data.places import STEMS
from functional_nn.training.endings import BadInput

WHOLE = idx_bytes(np.arange(24, dtype=np.uint8).reshape(2, 4, 3))
HUGE = bytes([0, 0, 8, 3]) + b"\xff" * 12 + b"abc"
DAMAGED = {
    "empty": ("x", b"", "truncated: 0 bytes are no IDX header"),
    "no header": ("x", WHOLE[:3], "truncated: 3 bytes"),
    "half a header": ("x", WHOLE[:9], "header ends after 9 of 16 bytes"),
    "truncated": ("x", WHOLE[:-1], "truncated: 2 x 4 x 3 values are 24 bytes, and 23 follow"),
    "too long": ("x", WHOLE + b"!", "longer than its header says"),
    "not IDX": ("x", b"\x89PNG" + WHOLE[4:], "wrong magic number 0x89504e47"),
    "labels for images": ("x", idx_bytes(np.arange(4, dtype=np.uint8)), "wrong magic number 0x00000801"),
    "overflow": ("x", HUGE, "truncated: 4294967295 x 4294967295 x 4294967295 values"),
    "overflow, gzipped": ("x", gzip.compress(HUGE), "truncated: 4294967295 x 4294967295"),
    "not gzip": ("x.gz", WHOLE, "named .gz but is not a gzip file"),
    "truncated gzip": ("x.gz", gzip.compress(WHOLE)[:-12], "does not decompress"),
    "wrong checksum": ("x.gz", gzip.compress(WHOLE)[:-8] + b"\0" * 8, "does not decompress"),
    "broken gzip": ("x.gz", b"\x1f\x8bnonsense that goes on", "does not decompress"),
}


class TestIdx:
    @pytest.mark.parametrize("dtype", [np.dtype(d).newbyteorder("=") for d in DTYPES.values()], ids=str)
    def test_every_dtype_comes_back(self, tmp_path: Path, dtype: np.dtype) -> None:
        array = np.arange(-3, 21).reshape(2, 4, 3).astype(dtype)
        (tmp_path / "x").write_bytes(idx_bytes(array))
        read = read_idx(tmp_path / "x", rank=3)
        assert read.dtype == dtype
        np.testing.assert_array_equal(read, array)

    def test_gzip_is_known_by_its_content_not_its_name(self, tmp_path: Path) -> None:
        array = np.arange(5, dtype=np.uint8)
        (tmp_path / "x").write_bytes(gzip.compress(idx_bytes(array)))
        np.testing.assert_array_equal(read_idx(tmp_path / "x", rank=1), array)

    @pytest.mark.parametrize(("name", "content", "fault"), DAMAGED.values(), ids=DAMAGED)
    def test_a_damaged_file_is_one_sentence_that_names_it(
        self, tmp_path: Path, name: str, content: bytes, fault: str
    ) -> None:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BadInput) as error:
            read_idx(tmp_path / name, rank=3)
        assert str(tmp_path / name) in str(error.value)
        assert fault in str(error.value)
        assert "\n" not in str(error.value)


class TestFolder:
    @pytest.mark.parametrize("suffix", ["", ".gz"], ids=["plain", "gzipped"])
    def test_four_files_make_a_data_set(self, tmp_path: Path, suffix: str) -> None:
        dataset = load("mnist", write_folder(tmp_path, suffix=suffix))
        assert dataset.train.x.shape == (7, 4, 3, 1)
        assert dataset.test.x.shape == (5, 4, 3, 1)
        assert dataset.train.x.dtype == np.float32
        assert dataset.train.labels.dtype == np.int32
        pixels = np.frombuffer(small_files()[0], np.uint8, offset=16).reshape(7, 4, 3, 1)
        np.testing.assert_allclose(dataset.train.x, pixels / 255.0, rtol=1e-6)

    def test_counts_must_match(self, tmp_path: Path) -> None:
        write_folder(tmp_path)
        (tmp_path / STEMS[1]).write_bytes(idx_bytes(np.zeros(6, np.uint8)))
        with pytest.raises(BadInput, match="got 7 images, 6 labels"):
            load("mnist", tmp_path)

    def test_labels_must_be_integers_with_a_name(self, tmp_path: Path) -> None:
        write_folder(tmp_path)
        (tmp_path / STEMS[1]).write_bytes(idx_bytes(np.array([1, 2, 10, 3, 4, 5, 6], np.uint8)))
        with pytest.raises(BadInput, match=r"labels must lie in 0..9; got 10 at index 2"):
            load("mnist", tmp_path)
        (tmp_path / STEMS[1]).write_bytes(idx_bytes(np.ones(7, np.float32)))
        with pytest.raises(BadInput, match="labels must be integers"):
            load("mnist", tmp_path)

    def test_nan_is_found(self, tmp_path: Path) -> None:
        write_folder(tmp_path)
        images = np.zeros((7, 4, 3), np.float32)
        images[3, 1, 2] = np.nan
        (tmp_path / STEMS[0]).write_bytes(idx_bytes(images))
        with pytest.raises(BadInput, match=r"every pixel must be finite; got nan in image 3 at \(1, 2, 0\)"):
            load("mnist", tmp_path)

    def test_an_empty_set_is_refused(self) -> None:
        with pytest.raises(BadInput, match="at least one image"):
            check_examples("x", Examples(np.zeros((0, 2, 2, 1), np.float32), np.zeros(0, np.int32)), 10)


def test_digits_are_split_once_and_for_all() -> None:
    first, second = load("digits"), load("digits")
    assert (len(first.train), len(first.test)) == (1437, 360)
    np.testing.assert_array_equal(first.test.x, second.test.x)
    both = np.concatenate([first.train.x, first.test.x]).reshape(1797, -1)
    assert len(np.unique(both, axis=0)) == 1797, "an image is in both parts, or in one of them twice"
    assert first.train.x.min() == 0.0
    assert first.train.x.max() == 1.0


@pytest.mark.parametrize(("size", "batch_size"), [(1, 1), (7, 3), (9, 3), (5, 5), (11, 4)])
class TestOrder:
    def test_an_epoch_shows_every_example_in_batches_of_one_size(self, size: int, batch_size: int) -> None:
        steps = steps_per_epoch(size, batch_size)
        assert steps == math.ceil(size / batch_size)
        batches = [batch_indices(3, 1, step, size, batch_size) for step in range(steps)]
        assert {len(batch) for batch in batches} == {batch_size}
        seen = np.concatenate(batches)
        assert sorted(seen[:size]) == list(range(size))
        np.testing.assert_array_equal(seen[size:], seen[: len(seen) - size])

    def test_padding_loses_no_example_and_counts_none_twice(self, size: int, batch_size: int) -> None:
        examples = Examples(np.zeros((size, 1, 1, 1), np.float32), np.arange(size, dtype=np.int32))
        batches = list(padded_batches(examples, batch_size))
        assert {len(batch) for batch, _ in batches} == {batch_size}
        counted = np.concatenate([batch.labels[mask == 1] for batch, mask in batches])
        np.testing.assert_array_equal(counted, examples.labels)


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    examples = Examples(np.zeros((50, 1, 1, 1), np.float32), np.arange(50, dtype=np.int32))

    def order(seed: int, epoch: int) -> list[int]:
        return [int(label) for batch in training_batches(examples, seed, epoch, 10) for label in batch.labels[0]]

    assert order(0, 1) == order(0, 1)
    assert order(0, 1) != order(0, 2)
    assert order(0, 1) != order(1, 1)
