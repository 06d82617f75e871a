"""What `functional-nn generate` writes: the network's own continuation in whole characters, and clear refusals."""

import json
import signal
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from functional_nn import cli
from functional_nn.models import generation
from functional_nn.training.choices.config import TrainConfig
from functional_nn.training.choices.saved import of_the_run
from functional_nn.training.data.examples import sizes_given
from functional_nn.training.finished.generate import generate, in_characters
from functional_nn.training.finished.loaded import load_finished
from functional_nn.training.kept.weights import WEIGHTS, write_weights
from functional_nn.training.setup import build

ALPHABET = bytes(sorted({*b"\n def():x", *"é".encode()}))


def finished_run(folder: Path, config: TrainConfig, facts: dict[str, Any]) -> Path:
    """A run as it is when it is done, with weights that nobody taught."""
    network = build(config.model, sizes_given(facts), config.sizes)
    params, _ = network.init(jax.random.key(0))
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(of_the_run(config) | facts))
    write_weights(folder / WEIGHTS, jax.tree.map(np.asarray, params), {}, {})
    return folder


@pytest.fixture(scope="module")
def of_text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sizes: dict[str, Any] = {"width": 8, "heads": 2, "layers": 1, "hidden": (8,), "context": 8}
    config = TrainConfig(dataset="text", model="transformer", **sizes)
    return finished_run(tmp_path_factory.mktemp("runs") / "text", config, {"alphabet": list(ALPHABET)})


@pytest.fixture(scope="module")
def of_questions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = TrainConfig(dataset="addition", model="seq2seq", width=4, hidden=(8,))
    facts = {"alphabet": list(b" +0123456789_"), "question_length": 7, "answer_length": 4}
    return finished_run(tmp_path_factory.mktemp("runs") / "addition", config, facts)


def said(words: list[str], capsys: pytest.CaptureFixture[str], status: int = 0) -> str:
    assert cli.main(["generate", *words]) == status
    captured = capsys.readouterr()
    return captured.err if status else captured.out


def test_a_text_begins_with_the_prompt_and_goes_on_as_the_network_does(of_text: Path, capsys: Any):
    words = [str(of_text), "--prompt", "def é", "--length", "30", "--temperature", "0.5", "--top-k", "9", "--seed", "3"]
    text = said(words, capsys)
    finished = load_finished(of_text)
    tokens = [ALPHABET.index(byte) for byte in "\ndef é".encode()]
    after = generation.generate(
        finished.params, {"config": finished.network.config}, tokens, temperature=0.5, top_k=9, seed=3
    )
    written = bytes(ALPHABET[token] for token in islice(after, 30))
    assert text == "def é" + written.decode("utf-8", "replace") + "\n"
    assert said(words, capsys) == text
    assert said([*words[:-1], "4"], capsys) != text


def test_a_question_is_answered_and_blanks_are_left_out(of_questions: Path, capsys: Any):
    answer = said([str(of_questions), "--prompt", "12+3"], capsys)
    assert answer == "".join(generate(of_questions, "12+3   ")) + "\n"
    assert set(answer) <= set(" +0123456789_\n")


def test_a_character_of_several_bytes_comes_when_it_is_complete():
    text = "aé€😀b"
    assert list(in_characters(text.encode())) == list(text)
    assert list(in_characters("é".encode()[:1])) == ["\ufffd"]
    assert "".join(in_characters(b"\xffx")) == "\ufffdx"


def test_control_characters_reach_a_file_and_no_terminal(of_text: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch):
    written = "a\tb\r\x1b[2J\x00\x7f\x9b\n"
    monkeypatch.setattr("functional_nn.training.finished.generate.generate", lambda *_, **__: iter([written]))
    assert said([str(of_text), "--prompt", "d"], capsys) == written + "\n"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert said([str(of_text), "--prompt", "d"], capsys) == "a\tb␍␛[2J␀␡\ufffd\n\n"


def test_a_signal_ends_a_text_after_the_line(of_text: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch):
    def pieces(*_: Any, **__: Any) -> Any:
        yield "de"
        signal.raise_signal(signal.SIGINT)
        yield "f"
        raise AssertionError("it went on after Ctrl-C")

    monkeypatch.setattr("functional_nn.training.finished.generate.generate", pieces)
    assert cli.main(["generate", str(of_text), "--prompt", "d"]) == 130
    captured = capsys.readouterr()
    assert captured.out == "def\n"
    assert captured.err == "functional-nn generate: interrupted\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("TEXT --prompt=", "--prompt is empty: there is nothing to go on with"),
        ("TEXT --prompt dog", "--prompt holds what the network has never seen: byte 1 is 'o'"),
        ("TEXT --prompt dñ", "--prompt holds what the network has never seen: byte 2 is 0xb1"),
        ("TEXT --prompt d --temperature -1", "--temperature must be a number of at least 0; got -1.0"),
        ("TEXT --prompt d --temperature nan", "--temperature must be a number of at least 0; got nan"),
        ("TEXT --prompt d --top-k 0", "--top-k must be at least 1; got 0"),
        ("TEXT --prompt d --length 0", "--length must be at least 1 and below 2**31; got 0"),
        ("TEXT --prompt d --seed -1", "--seed must be at least 0 and below 2**31; got -1"),
        ("nowhere --prompt d", "nowhere: there is no such folder"),
        ("QUESTIONS --prompt 12345+678", "--prompt must have at most 7 characters, as the questions have; got 9"),
        ("QUESTIONS --prompt 1-2", "--prompt holds what the network has never seen: byte 1 is '-'"),
        ("IMAGES --prompt d", "this run learned images, and only one of text can go on with a text"),
    ],
)
def test_bad_input_is_one_sentence(
    words: str, sentence: str, of_text: Path, of_questions: Path, tmp_path: Path, capsys: Any
):
    if "IMAGES" in words:
        facts = {"image_shape": (2, 2, 1), "class_names": ("a", "b")}
        finished_run(tmp_path / "images", TrainConfig(model="mlp", hidden=(2,)), facts)
    places = {"TEXT": of_text, "QUESTIONS": of_questions, "IMAGES": tmp_path / "images"}
    line = said([str(places.get(word, word)) for word in words.split()], capsys, 2)
    assert line.startswith("functional-nn generate: ")
    assert sentence in line
    assert line.count("\n") == 1


@pytest.mark.parametrize("preset", ["addition", pytest.param("dates", marks=pytest.mark.slow)])
def test_a_preset_of_questions_trains_and_is_asked_and_exported(
    preset: str, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("functional_nn.training.data.questions.LEARNED", 40)
    monkeypatch.setattr("functional_nn.training.data.questions.JUDGED", 20)
    monkeypatch.setattr("functional_nn.cli.keep_compiled_programs", lambda: None)
    monkeypatch.setattr("functional_nn.cli.keep_freed_memory", lambda: None)
    words = "--hidden 8 --width 4 --epochs 1 --epoch-steps 2 --batch-size 8 --verify-every 1 --output run"
    assert cli.main(["train", "--preset", preset, *words.split()]) == 0
    out = capsys.readouterr().out
    assert "40 questions to learn, 20 to test" in out
    assert "of 20)" in out
    pictures = {"attention.png", "curves.png", "histograms.png", "mistakes.txt"}
    assert {path.name for path in Path("run").iterdir()} == pictures | {
        "checkpoints",
        "config.json",
        "metrics.jsonl",
        "model.safetensors",
    }
    figures = json.loads(Path("run/metrics.jsonl").read_text())
    wrong = Path("run/mistakes.txt").read_text().splitlines()
    assert len(wrong) == round(20 * (1 - figures["test_accuracy"]))
    assert cli.main(["generate", "run", "--prompt", "1/2/99" if preset == "dates" else "1+2"]) == 0
    assert cli.main(["export", "run"]) == 0
