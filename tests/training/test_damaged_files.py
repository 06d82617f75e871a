"""What is damaged is refused in one sentence: images, a run's description, its weights, its checkpoints, data files."""

import json
import shutil
import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.idx_files import idx_bytes, small_files, write_folder
from helpers.resumed_runs import CONFIG, in_an_empty_folder
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from functional_nn import cli
from functional_nn.training.data import images
from functional_nn.training.data.idx import read_idx
from functional_nn.training.data.images import load
from functional_nn.training.data.places import STEMS
from functional_nn.training.endings import BadInput
from functional_nn.training.finished.loaded import load_finished
from functional_nn.training.finished.predict import read_image
from functional_nn.training.kept import checkpoint
from functional_nn.training.report.results import write_learned
from functional_nn.training.run import loop

RUN = Path("run")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with a checkpoint in the middle of its third epoch, to be copied."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        in_an_empty_folder(folder, patch)
        loop.train(replace(CONFIG, save_every=5), write_learned)
    return folder / RUN


@pytest.fixture(autouse=True)
def _a_copy(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_an_empty_folder(tmp_path, monkeypatch)
    shutil.copytree(finished, RUN)


def refused(words: str, capsys: pytest.CaptureFixture[str]) -> str:
    """The one sentence in which the command refuses."""
    assert cli.main(words.split()) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1, f"more than one sentence: {err}"
    return err


def png(side: int, rows: bytes, *between: bytes) -> bytes:
    """A gray PNG by its definition, with chunks (kind and content) between its header and its pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunks = [header, *between, b"IDAT" + zlib.compress(rows, 9), b"IEND"]
    framed = (struct.pack(">I", len(one) - 4) + one + struct.pack(">I", zlib.crc32(one)) for one in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


SMALL = png(8, bytes(9 * 8))
IMAGES = {
    "of 400 million pixels": (png(20_000, b""), "x cannot be read: Image size (400000000 pixels) exceeds limit"),
    "with a text of 90 MB": (png(8, bytes(72), b"zTXta\0\0" + zlib.compress(bytes(90_000_000), 9)), "too large"),
    "cut short": (SMALL[:45], "x cannot be read: "),
    "cut in its header": (SMALL[:20], "x cannot be read: "),
    "whose size is no number": (b"P5 8 8\xee 255\n" + bytes(64), "x cannot be read: invalid literal for int()"),
}


class TestImage:
    @pytest.mark.parametrize(("content", "sentence"), IMAGES.values(), ids=IMAGES)
    def test_is_refused(self, content: bytes, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
        Path("x").write_bytes(content)
        assert sentence in refused("predict run x", capsys)

    def test_large_ones_are_read_without_a_word(self, capsys: pytest.CaptureFixture[str]) -> None:
        Path("x.png").write_bytes(png(9600, bytes(9601 * 9600)))
        assert cli.main(["predict", "run", "x.png"]) == 0
        assert capsys.readouterr().err == ""

    def test_16_bits_are_made_8_and_32_are_refused(self) -> None:
        pixels = np.arange(16).reshape(4, 4) * 4369
        Image.fromarray(pixels.astype(np.uint16)).save("x.png")
        np.testing.assert_allclose(read_image(Path("x.png"), (4, 4, 1), False)[..., 0], pixels / 65535, atol=1e-6)
        Image.fromarray(pixels.astype(np.float32)).save("x.tiff")
        with pytest.raises(BadInput, match=r"x.tiff has pixels of 32 bits, whose range is not known"):
            read_image(Path("x.tiff"), (4, 4, 1), False)


CONFIGS = {
    "a list": ([], "config.json is damaged (it is no JSON object; got [])"),
    "pairs": ([["model", "mlp"]], "config.json is damaged (it is no JSON object"),
    "a number": (7, "config.json is damaged (it is no JSON object; got 7)"),
    "null": (None, "config.json is damaged (it is no JSON object; got null)"),
    "a model of null": ({"model": None}, "config.json is damaged (--model cannot be null)"),
    "a model of a list": ({"model": ["mlp"]}, '(--model cannot be ["mlp"])'),
    "epochs of true": ({"epochs": True}, "(--epochs cannot be true)"),
    "epochs of a half": ({"epochs": 2.5}, "(--epochs cannot be 2.5)"),
    "a rate of words": ({"learning_rate": "fast"}, '(--learning-rate cannot be "fast")'),
    "layers of null": ({"hidden": [None]}, "(--hidden cannot be [null])"),
    "a place of a number": ({"data_dir": 5}, "(--data-dir cannot be 5)"),
    "no epochs": ({"epochs": 0}, "(--epochs must lie between 1 and 100000; got 0)"),
}
IMAGES_OF_A_RUN = {
    "no shape": ({"image_shape": None}, "run: config.json is damaged (image_shape cannot be null)"),
    "two sizes": ({"image_shape": [8, 8]}, "image_shape cannot be [8, 8]"),
    "sizes in words": ({"image_shape": ["8", "8", "1"]}, "image_shape cannot be"),
    "no size": ({"image_shape": [0, 8, 1]}, "image_shape cannot be [0, 8, 1]"),
    "names of numbers": ({"class_names": [0] * 10}, "class_names cannot be [0, 0"),
    "one name": ({"class_names": "0123456789"}, 'class_names cannot be "0123456789"'),
    "no names": ({"class_names": []}, "class_names cannot be []"),
    "half a character": ({"class_names": ["\ud800"] * 10}, "class_names cannot be"),
}


def describe(content: Any) -> None:
    """Make this the run's description, or change these entries of it."""
    saved = json.loads((RUN / "config.json").read_text())
    (RUN / "config.json").write_text(json.dumps({**saved, **content} if isinstance(content, dict) else content))


class TestDescription:
    @pytest.mark.parametrize("command", ["train --resume run", "predict run x.png"])
    @pytest.mark.parametrize(("content", "sentence"), CONFIGS.values(), ids=CONFIGS)
    def test_that_is_none_is_refused(
        self, content: Any, sentence: str, command: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        describe(content)
        assert sentence in refused(command, capsys)

    def test_that_is_nested_without_end_is_refused(self, capsys: pytest.CaptureFixture[str]) -> None:
        (RUN / "config.json").write_text("[" * 200_000)
        assert "config.json is damaged (it is nested too deeply)" in refused("train --resume run", capsys)

    @pytest.mark.parametrize(("content", "sentence"), IMAGES_OF_A_RUN.values(), ids=IMAGES_OF_A_RUN)
    def test_of_images_that_cannot_be_is_refused(
        self, content: Any, sentence: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        describe(content)
        assert sentence in refused("predict run x.png", capsys)


class TestWeights:
    @pytest.mark.parametrize("command", ["predict run x.png", "export run"])
    def test_a_bit_that_fell_over_is_seen(self, command: str, capsys: pytest.CaptureFixture[str]) -> None:
        path = RUN / "model.safetensors"
        whole = path.read_bytes()
        for at in (len(whole) - 1, len(whole) // 2, whole.index(b"test_accuracy") + 18):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            sentence = refused(command, capsys)
            assert "run/model.safetensors is damaged: " in sentence, f"byte {at}"
            assert "its run writes it anew: functional-nn train --resume run" in sentence

    def test_the_run_writes_them_anew(self, monkeypatch: pytest.MonkeyPatch) -> None:
        path = RUN / "model.safetensors"
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        monkeypatch.setattr(loop, "write_results", write_learned)
        assert cli.main(["train", "--resume", "run"]) == 0
        assert path.read_bytes() == whole

    def test_without_a_checksum_are_taken_with_a_word(self, capsys: pytest.CaptureFixture[str]) -> None:
        path = RUN / "model.safetensors"
        with safe_open(path, "np") as file:
            about = json.loads(file.metadata()["functional_nn"])
        del about["sha256"]
        arrays = load_file(path)
        save_file(arrays, path, {"functional_nn": json.dumps(about)})
        kernel = load_finished(RUN).params["dense1"]["kernel"]
        assert capsys.readouterr().err == (
            "warning: run/model.safetensors carries no checksum, as no earlier version wrote one: taken as it is\n"
        )
        np.testing.assert_array_equal(kernel, arrays["dense1.kernel"])


FACTS = {
    "a list": ([], "facts.json: it is no JSON object; got []"),
    "steps of words": ({"step": "ten"}, 'facts.json: step cannot be "ten"'),
    "arrays of null": ({"arrays": None}, "facts.json: arrays cannot be null"),
    "rows of numbers": ({"rows": [1, 2]}, "facts.json: rows cannot be [1, 2]"),
    "a row of nothing": ({"rows": [{}, {}]}, "facts.json: learning_rate cannot be null"),
    "two sums": ({"seen": [0.0, 0.0]}, "facts.json: seen cannot be [0.0, 0.0]"),
    "another epoch": ({"rows": []}, "it is of 10 steps and 0 epochs, and an epoch of these images is 4 steps"),
    "too many steps": ({"step": 400}, "it is of 400 steps and 2 epochs"),
}


class TestCheckpoint:
    """One whose sums are right and whose content is not: the sums do not say who wrote it."""

    def signed(self) -> Path:
        """The checkpoint within the third epoch, the only one that is left."""
        for path in (RUN / "checkpoints").iterdir():
            if path.name != "00000010":
                shutil.rmtree(path)
        return RUN / "checkpoints" / "00000010"

    @pytest.mark.parametrize(("content", "sentence"), FACTS.values(), ids=FACTS)
    def test_of_other_facts_is_refused(self, content: Any, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
        path = self.signed()
        facts = json.loads((path / "facts.json").read_text())
        changed = {**facts, **content} if isinstance(content, dict) else content
        (path / "facts.json").write_text(json.dumps(changed))
        (path / "SHA256SUMS").write_text(checkpoint._sums(path))
        said = refused("train --resume run", capsys)
        assert "checkpoint run/checkpoints/00000010 is " in said
        assert sentence in said

    def test_without_its_arrays_is_refused(self, capsys: pytest.CaptureFixture[str]) -> None:
        path = self.signed()
        shutil.rmtree(path / "arrays" / "d")
        (path / "SHA256SUMS").write_text(checkpoint._sums(path))
        assert "checkpoint run/checkpoints/00000010 is damaged (" in refused("train --resume run", capsys)


class TestData:
    def test_sizes_that_no_array_can_have_are_refused(self) -> None:
        sizes = b"".join(size.to_bytes(4, "big") for size in (2**32 - 1, 2**32 - 1, 0))
        Path("x").write_bytes(bytes([0, 0, 8, 3]) + sizes)
        with pytest.raises(BadInput, match=r"x is damaged: no array is as large as its header says, 4294967295 x "):
            read_idx(Path("x"), rank=3)
        Path("x").write_bytes(idx_bytes(np.zeros((0, 4, 3), np.uint8)))
        assert read_idx(Path("x"), rank=3).shape == (0, 4, 3)

    def test_test_images_of_another_size_are_refused_at_once(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(images, "load", load)
        write_folder(Path("data"), files=small_files(shape=(8, 8)))
        (Path("data") / STEMS[2]).write_bytes(small_files(shape=(9, 9))[2])
        words = "train --dataset mnist --data-dir data --batch-size 4 --model mlp --output new"
        sentence = "mnist: test images must be as large as training images, (8, 8, 1); got (9, 9, 1)"
        assert sentence in refused(words, capsys)
        assert not Path("new").exists()
