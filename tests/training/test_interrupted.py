"""Ctrl-C and SIGTERM before a run can save anything, between runs, and as one is found again; a disk that is full."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from helpers.resumed_runs import WORDS, in_an_empty_folder, signal_at
from helpers.small_runs import contents

from functional_nn import _interrupt, cli
from functional_nn.training.kept import keeper

ROOT = Path(__file__).parents[2]
# A process in which a signal comes as soon as a module is imported.
PROGRAM = """
import runpy, signal, sys
moment, number, script, *words = sys.argv[1:]
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background of a shell ignores it
class Moment:
    def find_spec(self, name, path=None, target=None):
        if name == moment:
            signal.raise_signal(int(number))
sys.meta_path.insert(0, Moment())
sys.argv[:] = [script, *words]
if script == "functional-nn":
    from functional_nn.cli import main
    sys.exit(main())
runpy.run_path(script, run_name="__main__")
"""
NARROW = """
import resource, sys
from functional_nn import cli
from functional_nn.training.run import loop  # imports what keeps caches of its own
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
sys.exit(cli.main())
"""
NOTHING = "functional-nn train: interrupted; nothing of this run was kept\n"
MOMENTS = {
    "at once": ("jax", "functional-nn", "train", NOTHING),
    "in the script": ("jax", str(ROOT / "scripts" / "train.py"), "", NOTHING),
    "at the flags": ("tyro", "functional-nn", "train", NOTHING),
    "at the loop": ("functional_nn.training.run.loop", "functional-nn", "train", NOTHING),
    "going on": (
        "jax",
        "functional-nn",
        "train --resume runs/one",
        "functional-nn train: interrupted; nothing was changed in runs/one, --resume goes on from there\n",
    ),
    "going on, with =": (
        "jax",
        "functional-nn",
        "experiment optimizers --resume=here",
        "functional-nn experiment: interrupted; nothing was changed in here, --resume goes on from there\n",
    ),
    "at a prediction": ("jax", "functional-nn", "predict run x.png", "functional-nn predict: interrupted\n"),
    "at a check": ("reference", "functional-nn", "check file.py", "functional-nn check: interrupted\n"),
}


def run_python(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu", "XDG_CACHE_HOME": str(tmp_path / "c")}
    environment |= {"JAX_ENABLE_COMPILATION_CACHE": "false", "FUNCTIONAL_NN_FAST": "xla"}
    words = (sys.executable, *words)
    return subprocess.run(words, capture_output=True, text=True, timeout=120, env=environment, cwd=tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("moment", "script", "words", "said"), MOMENTS.values(), ids=MOMENTS)
def test_while_it_imports_an_interrupt_is_one_sentence(
    moment: str, script: str, words: str, said: str, tmp_path: Path
) -> None:
    done = run_python(tmp_path, "-c", PROGRAM, moment, str(int(signal.SIGINT)), script, *words.split())
    assert (done.returncode, done.stderr) == (130, said)
    assert contents(tmp_path) == []


@pytest.mark.slow
def test_so_is_sigterm(tmp_path: Path) -> None:
    done = run_python(tmp_path, "-c", PROGRAM, "optax", str(int(signal.SIGTERM)), "functional-nn", "train")
    assert (done.returncode, done.stderr) == (143, NOTHING)


@pytest.mark.slow
def test_no_other_programs_signals_change(tmp_path: Path) -> None:
    said = "import signal, functional_nn; print(signal.getsignal(2).__name__, signal.getsignal(15) is signal.SIG_DFL)"
    done = run_python(tmp_path, "-c", f"import signal; signal.signal(2, signal.default_int_handler); {said}")
    assert done.stdout == "default_int_handler True\n", done.stderr


def test_the_folder_that_is_gone_on_with_is_found_among_the_words() -> None:
    assert _interrupt.word_after(["--epochs", "3", "--resume", "run"], "--resume") == "run"
    assert _interrupt.word_after(["--resume=a=b"], "--resume") == "a=b"
    assert _interrupt.word_after(["run", "--resume"], "--resume") is None


class TestRuns:
    @pytest.fixture(autouse=True)
    def _small_and_elsewhere(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        in_an_empty_folder(tmp_path, monkeypatch)

    @pytest.mark.slow
    def test_a_signal_at_the_end_of_one_seed_is_heeded_before_the_next(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        signal_at(monkeypatch, 11)
        assert cli.main([*WORDS, "--seeds", "2"]) == 143
        go_on = "go on with: functional-nn train --resume run\n"
        assert capsys.readouterr().err == f"functional-nn train: interrupted after 1 of 2 runs; {go_on}"
        assert contents(Path("run")) == ["config.json", "seed-0"]
        assert cli.main(["train", "--resume", "run"]) == 0
        assert contents(Path("run")) == ["config.json", "seed-0", "seed-1", "summary.json"]

    def test_a_second_one_while_the_run_is_found_says_how_to_go_on(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def impatient(*what: Any) -> None:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

        monkeypatch.setattr(keeper.Keeper, "find", impatient)
        assert cli.main(WORDS) == 130
        assert capsys.readouterr().err.endswith("interrupted twice; go on with: functional-nn train --resume run\n")


@pytest.mark.slow
@pytest.mark.parametrize("choices", [[], ["--tensorboard"]], ids=["a checkpoint", "events"])
def test_what_cannot_be_written_is_one_sentence_and_nothing_waits(choices: list[str], tmp_path: Path) -> None:
    """No file may become larger than 20,000 bytes, which ends like a full disk: arrays and events are larger."""
    words = ["train", "--model", "mlp", "--epochs", "2", "--save-every", "80", "--output", "run", *choices]
    done = run_python(tmp_path, "-c", NARROW, *words)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1, f"more than one sentence: {done.stderr}"
    assert "File too large" in done.stderr


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_so_is_what_cannot_be_printed(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        words = [sys.executable, "-m", "functional_nn.cli", "--help"]
        done = subprocess.run(words, stdout=full, stderr=-1, text=True, timeout=120, env=environment, cwd=tmp_path)
    said = "functional-nn --help: [Errno 28] No space left on device\n"
    assert (done.returncode, done.stderr) == (2, said)


@pytest.mark.slow
def test_who_reads_may_stop_reading() -> None:
    """`functional-nn --help | head -1` says nothing of the pipe that was closed, and ends as other programs do."""
    words = [sys.executable, "-m", "functional_nn.cli", "--help"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.close()
        _, err = process.communicate(timeout=300)
    assert (process.returncode, err) == (141, "")
