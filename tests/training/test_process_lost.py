"""One of several processes is gone, or never comes: the others end with one sentence and a status of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from functional_nn.training.endings import ProcessLost
from functional_nn.training.machine import processes

ROOT = Path(__file__).parents[2]
RUN = ["--model", "mlp", "--epochs", "100000", "--save-every", "20", "--output", "run"]
LONGEST = 120.0
# The command, in which Ctrl-C comes a second after it has begun to wait for the others.
INTERRUPTED = """
import os, signal, sys, threading
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.argv[0] = "functional-nn"
from functional_nn import cli
from functional_nn.training.machine import processes
find = processes._find_the_others
def find_and_be_interrupted(*which):
    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
    find(*which)
processes._find_the_others = find_and_be_interrupted
sys.exit(cli.main())
"""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("localhost", 0))
        return found.getsockname()[1]


def start(folder: Path, number: int, port: int, program: list[str]) -> subprocess.Popen[str]:
    """One of two processes of a run."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu", "FUNCTIONAL_NN_FAST": "xla"}
    environment |= {"JAX_NUM_CPU_DEVICES": "1", "XDG_CACHE_HOME": str(folder / "cache")}
    which = ["--coordinator", f"localhost:{port}", "--process-count", "2", "--process-id", str(number)]
    words = [sys.executable, *program, "train", *RUN, *which]
    return subprocess.Popen(words, cwd=folder, env=environment, stdout=-3, stderr=-1, text=True)


def wait_for_a_checkpoint(folder: Path) -> None:
    end = time.monotonic() + LONGEST
    while not any((folder / "run" / "checkpoints").glob("[0-9]*")):
        assert time.monotonic() < end, "the run saved nothing"
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("killed", [1, 0], ids=["the second is killed", "the first is killed"])
def test_the_other_ends_at_once_and_says_how_to_go_on(killed: int, tmp_path: Path) -> None:
    port = free_port()
    pair = [start(tmp_path, number, port, ["-m", "functional_nn.cli"]) for number in (0, 1)]
    try:
        wait_for_a_checkpoint(tmp_path)
        pair[killed].send_signal(signal.SIGKILL)
        # JAX alone would find out after a minute, or abort.
        _, err = pair[1 - killed].communicate(timeout=30)
    finally:
        for process in pair:
            process.kill()
            process.communicate()
    assert pair[1 - killed].returncode == 3, err
    said = "functional-nn train: another process of this run is gone; go on with: functional-nn train --resume run\n"
    assert said in err.splitlines(keepends=True)
    assert "Traceback" not in err
    if killed:  # of the first JAX itself may have words before and behind
        assert err == said
    assert any((tmp_path / "run" / "checkpoints").glob("[0-9]*"))


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 1], ids=["the first waits", "the second waits"])
def test_one_that_waits_in_vain_ends_with_a_sentence(number: int, tmp_path: Path) -> None:
    impatient = "import sys; from functional_nn import cli; from functional_nn.training.machine import processes"
    impatient += "; processes.AWAITED = 2; sys.exit(cli.main())"
    with start(tmp_path, number, free_port(), ["-c", impatient]) as process:
        try:
            _, err = process.communicate(timeout=LONGEST)
        finally:
            process.kill()
    said = "functional-nn train: the other processes of this run did not come within 2 seconds\n"
    assert (process.returncode, err) == (3, said)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_control_c_is_heeded_while_one_waits(tmp_path: Path) -> None:
    with start(tmp_path, 0, free_port(), ["-c", INTERRUPTED]) as process:
        try:
            _, err = process.communicate(timeout=LONGEST)
        finally:
            process.kill()
    assert err == "functional-nn train: interrupted; nothing of this run was kept\n"
    assert process.returncode == 130


def test_only_what_is_said_of_silence_is_a_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "several", lambda: True)
    silence = RuntimeError("UNKNOWN: Gloo all-reduce failed: Read error: Connection reset by peer")
    with (
        pytest.raises(ProcessLost, match="another process of this run is gone; go on"),
        processes.noticing_loss("go on"),
    ):
        raise silence
    with pytest.raises(ValueError, match="shapes"), processes.noticing_loss("go on"):
        raise ValueError("shapes differ")
    monkeypatch.setattr(processes, "several", lambda: False)
    assert not processes.is_loss(silence)
