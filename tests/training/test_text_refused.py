"""Text that cannot be learned, and choices that do not fit it: one sentence each, and nothing is written."""

from pathlib import Path

import pytest
from helpers.small_runs import contents

from functional_nn import cli


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "keep_compiled_programs", lambda: None)
    monkeypatch.setattr(cli, "keep_freed_memory", lambda: None)


BAD_TEXT: dict[str, tuple[dict[str, bytes], str, str]] = {
    "no file": ({}, "", "--data-dir here holds no text: there is no file in it"),
    "no byte": ({"a": b""}, "", "--data-dir here holds no text: it is empty"),
    "no UTF-8": ({"a": b"good", "b": b"ab\xffc"}, "", "here/b is no UTF-8 text: byte 2 is 0xff"),
    "a character cut off": ({"a": "abä".encode()[:-1]}, "", "here/a is no UTF-8 text: byte 2 is 0xc3"),
    "less than a window": (
        {"a": b"0123456789"},
        "--context 16",
        "--data-dir here: 9 bytes to learn from are less than one window; got --context 16",
    ),
    "fewer windows than a batch": (
        {"a": b"a" * 100},
        "--context 16 --batch-size 6",
        "--batch-size must be at most 5, all windows; got 6",
    ),
    "heads that do not divide": (
        {"a": b"a" * 100},
        "--context 16 --batch-size 2 --heads 3",
        "--model transformer cannot be used like this: transformer: heads must divide width; got heads=3, width=",
    ),
    "key heads that do not divide": (
        {"a": b"a" * 100},
        "--context 16 --batch-size 2 --key-heads 3",
        "transformer: key_heads must divide heads; got key_heads=3, heads=",
    ),
    "a table that cannot be the last layer": (
        {"a": b"a" * 100},
        "--context 16 --batch-size 2 --model lstm_lm --width 5 --hidden 6 --tied",
        "lstm_lm: with tied width must equal hidden; got width=5, hidden=6",
    ),
}


@pytest.mark.parametrize(("files", "words", "sentence"), BAD_TEXT.values(), ids=BAD_TEXT)
def test_bad_text_is_one_sentence_and_leaves_nothing(
    files: dict[str, bytes], words: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "here").mkdir()
    for name, content in files.items():
        (tmp_path / "here" / name).write_bytes(content)
    assert cli.main(["train", "--preset", "text", "--data-dir", "here", *words.split()]) == 2
    out, err = capsys.readouterr()
    assert sentence in err
    assert (err.count("\n"), out) == (1, "")
    assert contents(tmp_path) == ["here"]


BAD_CHOICES = {
    "images for a network of text": (
        "train --model transformer",
        "of images --model mlp or simple_convnet or deep_convnet or vgg or resnet can learn; got --model tra",
    ),
    "text for a network of images": (
        "train --preset text --model vgg",
        "of text --model transformer or lstm_lm can learn; got --model vgg, --dataset text",
    ),
    "mirrored text": ("train --preset text --flip", "--flip varies images; got --dataset text"),
    "heads of a network that has none": (
        "train --heads 2",
        "--heads goes with --model transformer; got --model simple_",
    ),
    "no head": ("train --preset text --heads 0", "--heads must be at least 1; got 0"),
    "two widths within a block": (
        "train --preset text --hidden 8,8",
        "--hidden must be a number for --model transformer; got 8,8",
    ),
    "text that is nowhere": ("train --preset text --data-dir nowhere", "--data-dir nowhere does not exist"),
    "text for an experiment": (
        "experiment optimizers --dataset text",
        "experiment optimizers is on images; got --dataset text",
    ),
}


@pytest.mark.parametrize(("words", "sentence"), BAD_CHOICES.values(), ids=BAD_CHOICES)
def test_what_does_not_fit_is_one_sentence(
    words: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words.split()) == 2
    out, err = capsys.readouterr()
    assert sentence in err
    assert (err.count("\n"), out) == (1, "")
    assert contents(tmp_path) == []
