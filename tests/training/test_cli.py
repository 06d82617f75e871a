"""The command: every bad input is one sentence and exit status 2, and nothing is left behind."""

import os
import subprocess
import sys
from dataclasses import fields
from importlib import util
from pathlib import Path
from typing import Any

import pytest

from functional_nn import _libraries, cli
from functional_nn import _twin as twin
from functional_nn.cpu import onednn
from functional_nn.training.choices.config import TrainConfig
from functional_nn.training.choices.flags import parse
from functional_nn.training.machine import doctor

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test runs in an empty folder, so that what it writes can be seen."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "keep_compiled_programs", lambda: None)
    monkeypatch.setattr(cli, "keep_freed_memory", lambda: None)


def run_python(*args: str, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    return subprocess.run([sys.executable, *args], capture_output=True, text=True, timeout=timeout, env=environment)


BAD_INPUT = {
    "unknown command": ("tarin", "there is no command 'tarin' (did you mean train?)"),
    "misspelt flag": ("train --epocs 3", "there is no flag --epocs (did you mean --epochs?)"),
    "misspelt flag with =": ("train --epoch=3", "there is no flag --epoch (did you mean --epochs?)"),
    "cut-off flag": ("train --learning 3", "there is no flag --learning (did you mean --learning-rate?)"),
    "flag like no other": ("train --zzz", "there is no flag --zzz; --help"),
    "stray word": ("train digits", "unexpected argument 'digits'"),
    "missing value": ("train --epochs", "Missing value for argument '--epochs'"),
    "no number": ("train --epochs many", "--epochs: 'many' is not a whole number"),
    "no real number": ("train --learning-rate fast", "--learning-rate: 'fast' is not a number"),
    "unknown model": ("train --model simple_convet", "got 'simple_convet' (did you mean simple_convnet?)"),
    "unknown data set": (
        "train --dataset digit",
        "--dataset must be one of digits, mnist, fashion-mnist, text, addition, dates; got 'digit'",
    ),
    "unknown optimizer": ("train --optimizer adma", "got 'adma' (did you mean adam?)"),
    "no epochs": ("train --epochs 0", "--epochs must lie between 1 and 100000; got 0"),
    "negative batch": ("train --batch-size -4", "--batch-size must lie between 1 and 1000000; got -4"),
    "batch above the data": ("train --batch-size 2000", "--batch-size must be at most 1437, all images; got 2000"),
    "learning rate of nothing": ("train --learning-rate 0", "--learning-rate must be above 0 and at most 100; got 0.0"),
    "learning rate of nan": ("train --learning-rate nan", "--learning-rate must be above 0 and at most 100; got nan"),
    "smoothing of all": ("train --label-smoothing 1", "--label-smoothing must be at least 0 and below 1; got 1.0"),
    "unequal parts": (
        "train --accumulate 3",
        "--accumulate must divide --batch-size into equal parts; got --accumulate",
    ),
    "no call": ("train --steps-per-call 0", "--steps-per-call must lie between 1 and 100000; got 0"),
    "unknown precision": ("train --precision bf16", "got 'bf16' (did you mean bfloat16?)"),
    "warm-up of more than all": ("train --warmup 1.5", "--warmup must be at least 0 and at most 1; got 1.5"),
    "average for ever": ("train --average 1", "--average must be at least 0 and below 1; got 1.0"),
    "decay of nan": ("train --weight-decay nan", "--weight-decay must be at least 0 and below 1; got nan"),
    "norm of nothing": ("train --clip-norm 0", "--clip-norm must be above 0 and at most 1e+09; got 0.0"),
    "save never": ("train --save-every 0", "--save-every must be at least 1; got 0"),
    "keep nothing": ("train --keep 0", "--keep must lie between 1 and 1000000; got 0"),
    "keep always": ("train --keep-every 0", "--keep-every must be above 0 and at most 1e+09; got 0.0"),
    "resume from nothing": ("train --resume nowhere", "--resume nowhere: there is no such folder"),
    "resume from no run": ("train --resume=.", "--resume .: this is not the folder of a run, it has no config.json"),
    "unknown preset": (
        "train --preset digit",
        "--preset must be one of digits, fashion-mnist, fashion-mnist-fast, mnist, text, addition, dates; got 'digi",
    ),
    "filters without a number": (
        "train --model vgg --filters 8-,4",
        "--filters: '8-,4' is not numbers as in 32-32,64-64,128",
    ),
    "no filters": ("train --filters 0", "--filters must hold whole numbers between 1 and 100000; got 0"),
    "two stages for one": ("train --filters 8,8", "--filters must be a number for --model simple_convnet; got 8,8"),
    "two filters of one stage": (
        "train --model deep_convnet --filters 8,8,8-8",
        "--filters must be 3 numbers parted by commas for --model deep_convnet; got 8,8,8-8",
    ),
    "two widths of one stage": (
        "train --model resnet --filters 8-8,16-8",
        "--filters must be the same number for all blocks of a stage of --model resnet; got 8-8,16-8",
    ),
    "filters of what has none": (
        "train --model mlp --filters 8",
        "--filters goes with --model simple_convnet or deep_convnet or vgg or resnet; got --model mlp",
    ),
    "hidden layers by another sign": ("train --model mlp --hidden 3-4", "--hidden: '3-4' is not numbers as in 100,50"),
    "dropout of all": ("train --model mlp --dropout-rate 1", "--dropout-rate must be at least 0 and below 1; got 1.0"),
    "no seed": ("train --seeds 0", "--seeds must lie between 1 and 10000; got 0"),
    "seeds beyond all": (
        "train --seed 4294967295 --seeds 2",
        "--seed and --seeds must stay below 2**32 together; got 42",
    ),
    "negative seed": ("train --seed -1", "--seed must lie between 0 and 4294967295; got -1"),
    "folder for digits": ("train --data-dir .", "--data-dir goes with --dataset mnist, fashion-mnist or text"),
    "download of digits": ("train --download", "--download goes with --dataset mnist or fashion-mnist"),
    "missing folder": ("train --dataset mnist --data-dir nowhere", "--data-dir nowhere does not exist; mend it with"),
    "unknown activation": (
        "train --model mlp --activation relo",
        "--activation must be one of relu, sigmoid, tanh; got 'relo' (did you mean relu?)",
    ),
    "norms of what has none": ("train --batch-norm", "--batch-norm goes with --model mlp; got --model simple_convnet"),
    "unknown initializer": ("train --initializer he", "--initializer must be one of normal, glorot_normal"),
    "more than all to learn from": ("train --learn-from 1438", "--learn-from must be at most 1437, all images"),
    "nothing left to learn": ("train --hold-out 1437", "--hold-out must be below 1437, all images; got 1437"),
    "negative part": ("train --hold-out -1", "--hold-out must lie between 0 and 1000000; got -1"),
    "questions for a network of text": (
        "train --preset dates --model transformer",
        "of questions --model seq2seq can learn; got --model transformer, --dataset dates",
    ),
    "folder for questions": (
        "train --preset addition --data-dir .",
        "--data-dir goes with --dataset mnist, fashion-mnist or text; got --dataset addition",
    ),
    "doctor with words": ("doctor please", "doctor takes no arguments; got please"),
}


@pytest.mark.parametrize(("words", "sentence"), BAD_INPUT.values(), ids=BAD_INPUT)
def test_bad_input_is_one_sentence(
    words: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words.split()) == 2
    out, err = capsys.readouterr()
    assert sentence in err
    assert err.count("\n") == 1, f"more than one line: {err}"
    assert out == ""
    assert list(tmp_path.iterdir()) == [], "something was written"


@pytest.mark.parametrize("kind", ["folder", "file", "dangling link"])
def test_an_output_that_exists_is_refused_and_unchanged(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = tmp_path / "taken"
    if kind == "folder":
        taken.mkdir()
        (taken / "mine").write_text("precious")
    elif kind == "file":
        taken.write_text("precious")
    else:
        taken.symlink_to("nowhere")
    before = sorted((path, path.lstat().st_mtime_ns) for path in tmp_path.rglob("*"))
    assert cli.main(["train", "--output", "taken"]) == 2
    assert "--output taken exists already; nothing was changed" in capsys.readouterr().err
    assert sorted((path, path.lstat().st_mtime_ns) for path in tmp_path.rglob("*")) == before


def test_an_output_below_a_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("precious")
    assert cli.main(["train", "--output", "file/run"]) == 2
    assert "--output file/run cannot be made: Not a directory" in capsys.readouterr().err


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(cli, "find_spec", lambda name: None if name in ("rich", "sklearn") else util.find_spec(name))
    assert cli.main(["train"]) == 2
    assert (
        "rich, scikit-learn not installed; mend it with: pip install 'functional_nn[train]'" in capsys.readouterr().err
    )


# Every flag with a value that is not its default, and what the configuration then holds.
FLAGS = {
    "--model mlp": "mlp",
    "--filters 8-8,16": ((8, 8), (16,)),
    "--hidden 20,10": (20, 10),
    "--width 48": 48,
    "--heads 6": 6,
    "--key-heads 3": 3,
    "--layers 3": 3,
    "--context 96": 96,
    "--tied": True,
    "--activation tanh": "tanh",
    "--batch-norm": True,
    "--initializer lecun_normal": "lecun_normal",
    "--dropout-rate 0.3": 0.3,
    "--dataset mnist": "mnist",
    "--data-dir d": Path("d"),
    "--download": True,
    "--hold-out 4": 4,
    "--learn-from 50": 50,
    "--epochs 2": 2,
    "--epoch-steps 11": 11,
    "--batch-size 6": 6,
    "--accumulate 3": 3,
    "--steps-per-call 5": 5,
    "--precision bfloat16": "bfloat16",
    "--optimizer sgd": "sgd",
    "--learning-rate 0.5": 0.5,
    "--warmup 0.3": 0.3,
    "--weight-decay 0.02": 0.02,
    "--clip-norm 1.5": 1.5,
    "--label-smoothing 0.2": 0.2,
    "--average 0.9": 0.9,
    "--shift 1": 1,
    "--flip": True,
    "--cutout 3": 3,
    "--seed 6": 6,
    "--seeds 2": 2,
    "--output out": Path("out"),
    "--save-every 7": 7,
    "--keep 3": 3,
    "--keep-every 2.5": 2.5,
    "--verify-every 8": 8,
    "--tensorboard": True,
    "--profile": True,
    "--devices 6": 6,
    "--mesh data=2,fsdp=3": "data=2,fsdp=3",
    "--coordinator here:9": "here:9",
    "--process-id 1": 1,
    "--process-count 2": 2,
}
ELSEWHERE = {"resume", "preset"}  # tests/training/test_resume.py, tests/training/test_finished.py
CHOSEN: dict[str, Any] = {flag.split()[0][2:].replace("-", "_"): value for flag, value in FLAGS.items()}


def test_no_flag_is_left_out_of_these_tests() -> None:
    chosen_here = [field for field in fields(TrainConfig) if field.name not in ELSEWHERE]
    assert list(CHOSEN) == [field.name for field in chosen_here]
    assert all(CHOSEN[field.name] != field.default for field in chosen_here)


def test_every_flag_reaches_the_configuration() -> None:
    assert parse([word for flag in FLAGS for word in flag.split()]) == TrainConfig(**CHOSEN)
    assert parse([]) == TrainConfig()
    assert parse(["--learning-rate", "auto", "--output", "auto", "--data-dir", "auto"]) == TrainConfig()


def test_help_shows_every_flag_and_choice(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["train", "--help"]) == 0
    # Long choices are broken over lines, within a frame.
    out = "".join(capsys.readouterr().out.replace("│", "").split())
    flags = [f"--{field.name.replace('_', '-')}" for field in fields(TrainConfig)]
    missing = [
        word
        for word in [
            *flags,
            "{mlp,simple_convnet,deep_convnet,vgg,resnet,transformer,lstm_lm,seq2seq}",
            "rmsprop",
            "fashion",
        ]
        if word not in out
    ]
    assert missing == []


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"]], ids=str)
def test_help_of_the_command_names_them_all(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 0
    out = capsys.readouterr().out
    assert all(f"functional-nn {command}" in out for command in cli.COMMANDS if command.isalpha() and command != "help")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("functional_nn")


def test_the_command_line_itself_needs_no_jax() -> None:
    """The package's __init__ may import JAX; the command's own modules must not (a bare package stands in for it)."""
    program = f"""
import sys, types
package = types.ModuleType("functional_nn")
package.__path__ = [{str(ROOT / "functional_nn")!r}]
sys.modules["functional_nn"] = package
from functional_nn import cli
assert cli.main(["--help"]) == 0 and cli.main(["train", "--help"]) == 0 and cli.main(["train", "--epocs"]) == 2
print(sorted({{"jax", "optax", "matplotlib", "reference"}} & set(sys.modules)))
"""
    done = run_python("-c", program)
    assert done.stdout.splitlines()[-1:] == ["[]"], done.stdout + done.stderr


def test_an_interrupt_is_one_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(words: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setitem(cli.COMMANDS, "doctor", interrupted)
    assert cli.main(["doctor"]) == 130
    assert capsys.readouterr().err == "functional-nn doctor: interrupted\n"


def test_check_hands_its_words_to_the_oracle(monkeypatch: pytest.MonkeyPatch) -> None:
    class Oracle:
        @staticmethod
        def main(argv: list[str]) -> int:
            return 7 if argv == ["file.py:relu", "--json"] else 0

    monkeypatch.setattr(cli, "twin", {"oracle.command.cli": Oracle}.__getitem__)
    assert cli.main(["check", "file.py:relu", "--json"]) == 7
    assert twin.twin("activations").__name__ == "reference.activations"


class TestDoctor:
    def test_it_names_versions_devices_and_precision(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert cli.main(["doctor"]) == 0
        out = capsys.readouterr().out
        for word in ("python", "jaxlib", "optax", "devices", "cpu:0", "matrix products", "highest"):
            assert word in out

    def test_it_says_what_computes_convolutions(self, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
        tried = {
            ("1", None): "oneDNN on the CPU",
            ("1", "no compiler"): "XLA alone: no compiler",
            ("xla", None): "XLA alone: FUNCTIONAL_NN_FAST=xla",
        }
        for (mode, away), words in tried.items():
            monkeypatch.setattr(_libraries, "MODE", mode)
            monkeypatch.setattr(_libraries, "WANTED", mode == "1")
            monkeypatch.setattr(onednn, "unusable", lambda away=away: away)
            assert cli.main(["doctor"]) == 0
            assert f"convolutions     {words}\n" in capsys.readouterr().out

    def test_it_says_what_the_c_files_compute(self, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
        monkeypatch.setattr(_libraries, "WANTED", True)
        for away, words in {None: "a C file, compiled for this CPU", "none": "XLA alone: none"}.items():
            for calls in doctor.c_files().values():
                monkeypatch.setattr(calls, "unusable", lambda away=away: away)
            assert cli.main(["doctor"]) == 0
            out = capsys.readouterr().out
            computed = ("activations", "attention", "batch norm", "layer norm", "cross-entropy", "pooling")
            assert all(f"{name:<16} {words}\n" in out for name in computed)

    def test_an_idle_gpu_is_a_warning(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        driver = tmp_path / "version"
        driver.touch()
        monkeypatch.setattr(doctor, "DRIVER_FILES", {str(driver): "cuda13"})
        assert doctor.advice("cpu") == [
            f"warning: an accelerator is visible ({driver}) but JAX uses the cpu; "
            "mend it with: pip install 'functional_nn[cuda13]'"
        ]
        assert doctor.idle_accelerator("cpu") == doctor.advice("cpu")[-1], "training says it too"
        assert doctor.advice("gpu") == ["all is well: training runs on gpu"]

    def test_nothing_visible_is_no_warning(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(doctor, "DRIVER_FILES", {})
        monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
        assert doctor.advice("cpu") == ["all is well: training runs on cpu"]

    def test_a_missing_package_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(doctor, "versions", lambda: {"tyro": "1", "rich": "1"})
        missing = "flatbuffers, matplotlib, orbax-checkpoint, pillow, pooch, safetensors, scikit-learn, tensorboardX"
        assert doctor.advice("gpu")[0].startswith(f"warning: train needs {missing}: pip install")


@pytest.mark.slow
def test_the_script_ends_with_the_same_status() -> None:
    done = run_python(str(ROOT / "scripts" / "train.py"), "--epocs", "3")
    assert done.returncode == 2
    assert done.stderr.startswith("functional-nn train: ")
    assert "Traceback" not in done.stderr
