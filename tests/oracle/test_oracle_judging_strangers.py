"""What strangers' code does besides being wrong: limits of time on a busy machine, and answers in no form."""

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.cheats import FORWARD, RIGHT

from reference import softmax
from reference.oracle.judging import child, cli
from reference.oracle.judging.document import as_dict
from reference.oracle.judging.judging import judge
from reference.oracle.judging.task import Task


def inputs(rng: np.random.Generator, rows: int = 3, columns: int = 5) -> tuple[np.ndarray, ...]:
    return (rng.normal(size=(rows, columns)),)


TASK = Task("softmax", op="softmax", largest=1, checks=1, seconds_a_call=60.0)
OWN = replace(TASK, op=None, reference=softmax, inputs=inputs)
SLEEPS = FORWARD + "import time\ndef backward(g, x):\n    time.sleep({})\n    return true(g, forward(x))\n"


def judged(folder: Path, text: str, task: Task = TASK) -> dict[str, Any]:
    (folder / "kernel.py").write_text(text)
    return as_dict(judge(task, folder / "kernel.py", 0))


def test_a_call_that_takes_too_long_is_named_with_the_limit(tmp_path: Path):
    document = judged(tmp_path, SLEEPS.format(100), replace(TASK, seconds_a_call=0.5))
    assert (document["verdict"], document["cause"]) == ("fail", "too_slow")
    assert document["message"] == "a call took longer than the task allows for one (0.5 s)"


def test_waiting_for_a_processor_is_not_counted(tmp_path: Path, monkeypatch: Any):
    monkeypatch.setattr(child, "waiting", lambda process: time.perf_counter())
    slow_once = SLEEPS.format("0.6 if not PASSED else 0").replace("    time.sleep", "    PASSED or time.sleep")
    text = slow_once.replace("    return true", "    PASSED.append(1)\n    return true") + "PASSED = []\n"
    document = judged(tmp_path, text, replace(TASK, seconds_a_call=0.3))
    assert document["verdict"] == "pass", document["message"]


def test_what_was_not_asked_for_want_of_time_is_not_known(tmp_path: Path):
    # Starting Python and reading the file count too, and take up to half a second.
    document = judged(tmp_path, SLEEPS.format(0.4), replace(TASK, seconds=2.0))
    assert (document["verdict"], document["exit_status"], document["cause"]) == ("cannot tell", 2, "out_of_time")
    assert "longer than the task allows for all calls (2 s)" in document["message"]


def test_a_file_that_does_not_end_does_not_load(tmp_path: Path):
    document = judged(tmp_path, "while True:\n    pass\n", replace(TASK, seconds=0.5))
    assert (document["verdict"], document["cause"]) == ("fail", "does_not_load")


ANSWERS = {
    "no output": ("def forward(x):\n    pass\ndef backward(g, x):\n    return g", "no_array", "no array as its output"),
    "not a number": ("def backward(g, x):\n    return np.full_like(x, np.nan)", "constant_answer", "all nan"),
    "one gradient too many": ("def backward(g, x):\n    return true(g, forward(x)), g", "wrong_shape", "2 cotangents"),
    "complex": ("def backward(g, x):\n    return true(g, forward(x)) + 0j", "no_array", "complex64"),
    "too large": ("def backward(g, x):\n    return np.ones(1 << 25, x.dtype)", "garbled", "134,217,728 bytes, where"),
    "a long name": (
        "def backward(g, x):\n    raise type('E' * 10**6, (Exception,), {})('x' * 10**6)",
        "raises",
        f"raises {'E' * 80}: {'x' * 300} (line 11)",
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_in_no_form_gets_one_cause(tmp_path: Path, name: str):
    text, cause, words = ANSWERS[name]
    document = judged(tmp_path, FORWARD + text + "\n")
    assert (document["verdict"], document["cause"]) == ("fail", cause), document["message"]
    assert words in document["message"]


@pytest.mark.parametrize("task", [OWN, replace(TASK, checks=5)], ids=["a reference", "an op"])
def test_an_error_of_the_submission_is_not_the_tasks(tmp_path: Path, task: Task):
    document = judged(tmp_path, FORWARD + "def backward(g, x):\n    raise ValueError('no')\n", task)
    assert (document["verdict"], document["cause"]) == ("fail", "raises")
    assert document["message"] == "the backward raises ValueError: no (line 11)"


def test_an_output_of_another_size_than_the_references_is_wrong(tmp_path: Path):
    more = RIGHT.replace("return e / e.sum", "e = np.concatenate([e, e]) if len(e) == 2 else e\n    return e / e.sum")
    document = judged(tmp_path, more, replace(OWN, largest=2, checks=60))
    assert (document["verdict"], document["cause"], document["regime"]) == ("fail", "forward", "rows = 2")


LOOKS_AROUND = """
import os
found = [os.environ.get("PLANTED_TOKEN"), os.environ.get("OMP_NUM_THREADS"), os.path.expanduser("~") == os.getcwd()]
for process in ("self", os.getppid()):
    with contextlib.suppress(OSError):
        found.append("PLANTED" in open(f"/proc/{process}/environ").read())
raise RuntimeError(" ".join(map(str, found)))
"""


def test_a_submission_finds_nothing_of_the_environment_but_what_programs_need(tmp_path: Path, monkeypatch: Any):
    monkeypatch.setenv("PLANTED_TOKEN", "PLANTED")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    document = judged(tmp_path, f"import contextlib\n{LOOKS_AROUND}")
    assert document["cause"] == "does_not_load"
    assert document["message"].startswith("the submission raises RuntimeError: None 3 True")
    assert document["message"].count("True") == 1


def test_a_system_without_limits_gets_one_sentence(tmp_path: Path, monkeypatch: Any, capfd: Any):
    monkeypatch.setitem(sys.modules, "resource", None)
    assert cli.main([str(tmp_path / "task.toml"), str(tmp_path / "kernel.py")]) == 2
    out, err = capfd.readouterr()
    said = "functional-nn judge: it must run on Linux or macOS, which limit a process's memory; got a system without\n"
    assert (out, err) == ("", said)
