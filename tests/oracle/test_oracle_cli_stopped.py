"""Whatever ends `functional-nn check`, nothing that the judged file started outlives it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers.oracle_command import RELU, run_check, written

from reference.oracle.command import guard

pytestmark = pytest.mark.skipif(os.name == "nt", reason="sends POSIX signals")
LONG = 600
PATIENCE = 30.0
# As from a terminal, whatever the runner of the tests ignores.
COMMAND = """
import signal, sys
for name in ("SIGINT", "SIGTERM", "SIGHUP"):
    signal.signal(getattr(signal, name), signal.SIG_DFL)
from reference.oracle.command import cli
sys.exit(cli.main(sys.argv[1:]))
"""
# Starts a child, one in a session of its own, and an orphan in a session of its own, and tells all of their processes.
STARTS = f"""
import os, subprocess, sys, time
SLEEPS = [sys.executable, "-S", "-c", "import time; time.sleep({LONG})"]
ORPHAN = [sys.executable, "-S", "-c", "import subprocess, sys; "
          "print(subprocess.Popen(sys.argv[1:], start_new_session=True, stdout=2).pid)", *SLEEPS]
pids = [os.getpid(), subprocess.Popen(SLEEPS).pid, subprocess.Popen(SLEEPS, start_new_session=True).pid]
if sys.platform == "linux":
    pids.append(int(subprocess.run(ORPHAN, stdout=subprocess.PIPE).stdout))
with open("pids.part", "w") as told:
    told.write(" ".join(map(str, pids)))
os.replace("pids.part", "pids")
"""
HANGS = f"{RELU}{STARTS}time.sleep({LONG})\n"
JUDGED_AND_HANGS = RELU + RELU.replace("class Relu", "class Sleepy").replace(
    "return dout", f"\n        exec(STARTS)\n        time.sleep({LONG})\n        return dout"
)


def eventually(holds, message):
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, message
        time.sleep(0.02)


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Starts the command on a file of this text, and waits until the file has told its processes."""
    monkeypatch.chdir(tmp_path)
    root = str(Path(guard.__file__).parents[3])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
    pipe, running = subprocess.PIPE, []

    def start(text, *options):
        arguments = [sys.executable, "-c", COMMAND, str(written(tmp_path, text)), *map(str, options)]
        running.append(subprocess.Popen(arguments, stdout=pipe, stderr=pipe, text=True, env=environment))
        eventually(Path("pids").exists, "the judged file never told its processes")
        return running[0]

    yield start
    for process in running:
        process.kill()
        process.communicate()


def processes():
    """The judged file's own, and those that it started."""
    return {int(pid) for pid in Path("pids").read_text().split()}


def none_lives():
    said = "the judged file, or something that it started, goes on"
    eventually(lambda: not processes() & set(guard.parents_of_all()), f"{said}: one of {processes()}")


SIGNALS = {"SIGINT": "Ctrl-C", "SIGTERM": "SIGTERM", "SIGHUP": "SIGHUP", "SIGKILL": ""}


@pytest.mark.parametrize("name", SIGNALS)
def test_whatever_ends_the_command_ends_all_that_the_file_started(command, name):
    running = command(HANGS)
    assert len(processes() & set(guard.parents_of_all())) >= 3, "the file's processes were to be alive by now"
    number = getattr(signal, name)
    running.send_signal(number)
    _, said = running.communicate(timeout=PATIENCE)
    none_lives()
    assert running.returncode == (-number if name == "SIGKILL" else 128 + number)
    assert "Traceback" not in said
    if name != "SIGKILL":
        words = f"functional-nn check: stopped by {SIGNALS[name]} while "
        assert said.startswith(words), said
        assert said.endswith("student.py was judged; so far nothing was judged\n"), said


def test_a_command_that_is_stopped_says_what_was_judged(command):
    text = f"STARTS = {STARTS!r}\nimport time\n{JUDGED_AND_HANGS}"
    running = command(text)
    running.send_signal(signal.SIGTERM)
    _, said = running.communicate(timeout=PATIENCE)
    assert said.endswith("; so far 1 right, 0 wrong, 0 could not be judged\n"), said
    none_lives()


def test_a_second_ctrl_c_changes_nothing(command):
    running = command(HANGS)
    for _ in range(3):
        running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=PATIENCE)
    assert (running.returncode, said.count("\n")) == (130, 1), said
    none_lives()


@pytest.mark.parametrize(("ending", "status"), [("", 0), ("os._exit(7)\n", 2)], ids=["judged", "exits"])
def test_what_a_file_started_ends_with_it(tmp_path, monkeypatch, capfd, ending, status):
    monkeypatch.chdir(tmp_path)
    assert run_check(capfd, written(tmp_path, RELU + STARTS + ending))[0] == status
    none_lives()


def test_what_a_file_started_ends_at_the_timeout(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    _, out, _ = run_check(capfd, written(tmp_path, HANGS), "--timeout", 12)
    assert "took more than 12 s and was stopped" in out
    none_lives()
