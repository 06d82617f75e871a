"""`functional-nn check` runs a file in a process of its own: whatever it raises, prints or ends, it hurts nobody."""

import json
import os
import sys
from functools import partial

import pytest
from helpers.oracle_command import RELU, judge_here, run_check, written

from reference.oracle.command import runner


@pytest.fixture
def check(capfd):
    return partial(run_check, capfd)


@pytest.fixture
def file(tmp_path):
    return partial(written, tmp_path)


BAD = {
    "syntax": ("def relu(:\n", "does not import: SyntaxError in line 1"),
    "raises": ("x = 1\nraise RuntimeError('no luck')\n", "line 2 was left out: RuntimeError: no luck"),
    "exits": ("import sys\nsys.exit(3)\n", "line 2 was left out: SystemExit: 3"),
    "missing import": (
        "import no_such_module\n",
        "line 1 imports what is not there: there is no module no_such_module",
    ),
    "empty": ("", "nothing to judge"),
    "nothing there": ("def relu(x):\n    return x\n", "nothing to judge"),
    "kills": ("import os\nos._exit(7)\n", "the file ended the process (exit status 7)"),
    "hangs": ("import time\ntime.sleep(60)\n", "the file took more than 15 s and was stopped"),
    "forward raises": (RELU.replace("x > 0", "x > undefined"), "NameError: name 'undefined' is not defined"),
    "forward interrupts": (RELU.replace("return x * self.mask", "raise KeyboardInterrupt"), "KeyboardInterrupt"),
    "examples": (f"EXAMPLES = [1]\n{RELU}", "EXAMPLES must be a dict from names to inputs; got a list"),
    "forward is text": (RELU.replace("return x * self.mask", "return 'text'"), "no floating numbers"),
}


NEEDS_A_CHILD = {"kills", "hangs", "exits"}


# That one waits; `test_what_was_judged_before_a_hang_or_a_crash_is_kept` waits for such a file too.
WAITS = pytest.param("hangs", marks=[pytest.mark.slow, pytest.mark.thorough])


@pytest.mark.parametrize("name", [WAITS if name == "hangs" else name for name in BAD])
def test_a_bad_file_gets_one_clear_sentence(check, file, name, monkeypatch):
    text, words = BAD[name]
    if name not in NEEDS_A_CHILD:
        judge_here(monkeypatch)
    status, out, _ = check(file(text), "--timeout", 15 if name == "hangs" else 60)
    assert status == 2, out
    assert words in " ".join(out.split()), out
    assert "0 right, 0 wrong, 1 could not be judged." in out


def test_a_file_that_is_no_text(check, tmp_path, monkeypatch):
    judge_here(monkeypatch)
    path = tmp_path / "student.py"
    path.write_bytes(b"\xff\xfe\x00")
    status, out, _ = check(path)
    assert status == 2
    assert "does not import: SyntaxError" in out


HANGS = RELU + RELU.replace("class Relu", "class Sleepy").replace(
    "return dout", "import time; time.sleep(60); return dout"
)
KILLS = RELU + RELU.replace("class Relu", "class Deadly").replace("return dout", "import os; os._exit(0); return dout")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "says"),
    [(HANGS, "Sleepy: cannot tell: the file took more than 15 s and was stopped while Sleepy was judged"),
     (KILLS, "Deadly: cannot tell: the file ended the process (exit status 0) while Deadly was judged")],
    ids=["hangs", "kills"],
)  # fmt: skip
def test_what_was_judged_before_a_hang_or_a_crash_is_kept(check, file, text, says):
    status, out, _ = check(file(text), "--timeout", 15)
    assert status == 2
    assert "Relu: pass" in out
    assert says in " ".join(out.split())


# What a file does beside its layer, the status of the command and how often the layer is judged.
ODD = {
    "forks": ("import os\nos.fork()\n", 0, 1),
    "closes its output": ("import os, sys\nsys.stdout.close(); os.close(1); os.close(2)\n", 0, 1),
    "closes every file": ("import os\nos.closerange(0, 256)\n", 2, 0),
    "leaves a thread": ("import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\n", 0, 1),
    "waits at its exit": ("import atexit, time\natexit.register(time.sleep, 60)\n", 0, 1),
    "prints megabytes": ("print('x' * 5_000_000)\n", 0, 1),
    "reads its input": ("import sys\nassert sys.stdin.read() == ''\n", 0, 1),
    "kills its guard": ("import os, time\nos.kill(os.getppid(), 9)\ntime.sleep(60)\n", 2, 0),
    "dies of memory": ("import os\nos.kill(os.getpid(), 9)\n", 2, 0),
    "stops itself": ("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\n", 2, 0),
    "ignores signals": ("import signal, time\nsignal.signal(15, signal.SIG_IGN)\ntime.sleep(60)\n", 2, 0),
}
if sys.platform == "linux":
    first = "with open('/proc/self/oom_score_adj') as score:\n    assert score.read() == '1000\\n'\n"
    ODD["is the first to go where memory runs out"] = (first, 0, 1)
HELD = {"stops itself", "ignores signals"}


@pytest.mark.skipif(os.name == "nt", reason="uses POSIX signals")
@pytest.mark.parametrize("name", ODD)
def test_whatever_a_file_does_beside_its_layer_the_command_ends(check, file, name, monkeypatch):
    does, status, judged = ODD[name]
    ended, child = [], runner._child
    monkeypatch.setattr(runner, "_child", lambda *job: ended.append(child(*job)) or ended[0])
    got, out, _ = check(file(does + RELU), "--timeout", 2 if name in HELD else 50)
    assert (got, out.count("pass: the gradient of x is right")) == (status, judged), out
    assert ("took more than" in ended[0]) == (name in HELD), "it waited for what nobody needs"


NOISY = RELU.replace("import numpy", "print('hello from the file')\nimport numpy")


def test_json_is_one_document_whatever_the_file_prints(check, file):
    status, out, err = check(file(NOISY), "--json")
    assert (status, json.loads(out)["status"]) == (0, 0)
    assert "hello from the file" in err
