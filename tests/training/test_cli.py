"""The command: every bad input is one sentence and exit status 2, and nothing is left behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from functional_nn import _twin as twin
from functional_nn import cli
from functional_nn.training.machine import packages

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
    monkeypatch.setattr(packages, "find_spec", lambda name: None if name in ("rich", "sklearn") else name)
    assert cli.main(["train"]) == 2
    assert (
        "rich, scikit-learn not installed; mend it with: pip install 'functional_nn[train]'" in capsys.readouterr().err
    )


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


@pytest.mark.slow
def test_the_script_ends_with_the_same_status() -> None:
    done = run_python(str(ROOT / "scripts" / "train.py"), "--epocs", "3")
    assert done.returncode == 2
    assert done.stderr.startswith("functional-nn train: ")
    assert "Traceback" not in done.stderr
