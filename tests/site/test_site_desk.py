"""`functional-nn study`: what its server answers, and what becomes of an exercise that misbehaves."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from helpers.desk import STARTER, STUDY, served, small_site

from scripts.study import trial

ROOT = Path(__file__).parents[2]
SOLUTION = (STUDY / "solutions" / "activations.py").read_text(encoding="utf-8")
ENDLESS = STARTER.replace("x_ct = None", "while True:\n        pass", 1)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return small_site(tmp_path / "site")


def test_an_exercise_is_judged_as_it_stands_in_the_editor(site):
    with served(site) as caller:
        status, answer = caller.run(STARTER)
        mended = caller.run(SOLUTION)[1]
    assert status == 200
    assert [(part["name"], part["verdict"]) for part in answer["parts"]] == [
        ("relu", "fail"), ("sigmoid", "fail"), ("softmax", "fail")
    ]  # fmt: skip
    assert "x_ct is missing" in answer["parts"][0]["first"]["message"]
    assert "Compute the gradient" in answer["parts"][0]["first"]["fix"]
    in_japanese = answer["parts"][0]["ja"]
    assert "勾配" in in_japanese[answer["parts"][0]["first"]["message"]]
    assert "勾配" in in_japanese[answer["parts"][0]["first"]["fix"]]
    assert "1. x_ct is missing" in answer["parts"][0]["text"], "the whole report is not there"
    assert [part["verdict"] for part in mended["parts"]] == ["pass"] * 3, mended
    assert mended["parts"][0]["first"] is None
    assert (site / "exercises" / "activations.py").read_text(encoding="utf-8") == STARTER, "a file was changed"


def test_the_whole_report_is_in_the_language_of_the_page(site):
    with served(site) as caller:
        part = caller.run(STARTER, language="ja")[1]["parts"][0]
        unknown, said = caller.run(STARTER, language="fr")
    assert "1. x の勾配は、返ってきません" in part["text"]
    assert "Compute the gradient" in part["first"]["fix"], "the first finding is no longer in both languages"
    assert unknown == 400
    assert "JSON" in said["sentence"]["en"]


def test_an_exercise_may_import_what_was_written_in_another(site):
    linear = (STUDY / "solutions" / "linear.py").read_text(encoding="utf-8")
    own = """\
from linear import dense_bwd, dense_fwd


def twice_fwd(x, kernel, bias):
    out, residuals = dense_fwd(x, kernel, bias)
    return 2 * out, residuals


def twice_bwd(residuals, cotangent):
    return dense_bwd(residuals, 2 * cotangent)


def example_inputs(name):
    import numpy as np

    return np.ones((2, 3)), np.ones((3, 4)), np.ones(4)
"""
    asked = {"exercise": "activations", "texts": {"linear": linear, "activations": own}}
    with served(site) as caller:
        _, answer = caller.ask("POST", f"{caller.prefix}run", json.dumps(asked).encode())
    assert [(part["name"], part["verdict"]) for part in json.loads(answer)["parts"]] == [("twice", "pass")], answer


def test_an_endless_loop_ends_in_a_sentence(site):
    with served(site, seconds=4) as caller:
        status, answer = caller.run(ENDLESS)
    assert status == 200
    assert "a loop that never ends" in answer["sentence"]["en"]
    assert "took more than 4 s and was stopped" in answer["parts"][-1]["reason"]


def test_a_syntax_error_is_named_with_its_line(site):
    with served(site) as caller:
        _, answer = caller.run("import numpy as np\n\n\ndef relu_fwd(x:\n    return x\n")
    (part,) = answer["parts"]
    assert part["verdict"] == "cannot tell"
    assert re.search(r"SyntaxError in line 4: ", part["reason"]), part


def test_a_million_lines_are_cut(site):
    with served(site) as caller:
        _, answer = caller.run('print("a line\\n" * 1_000_000)\n' + STARTER)
    assert answer["cut"]
    assert answer["printed"] == ("a line\n" * trial.PRINTED)[: trial.PRINTED]
    assert [part["verdict"] for part in answer["parts"]] == ["fail"] * 3


def test_what_is_printed_is_read_to_its_end_and_not_kept():
    with trial.drained(10) as (entrance, heard):
        for _ in range(100):
            os.write(entrance, b"x" * 10_000)  # a pipe that nobody reads would be full
    assert len(heard) == 11


def test_a_file_that_ends_its_process_is_told_of(site):
    with served(site) as caller:
        _, answer = caller.run(STARTER.replace("x_ct = None", "import os; os._exit(7)", 1))
    assert "ended the process (exit status 7)" in answer["parts"][-1]["reason"]


def test_a_second_run_gets_a_sentence_and_the_first_can_be_stopped(site):
    with served(site) as caller:
        first: list[Any] = []
        thread = threading.Thread(target=lambda: first.append(caller.run(ENDLESS)))
        thread.start()
        while caller.server.trials._running is None and thread.is_alive():
            time.sleep(0.01)
        status, second = caller.run(STARTER)
        stopped, _ = caller.ask("POST", f"{caller.prefix}stop")
        thread.join()
        again, _ = caller.run(STARTER)
    assert status == 409
    assert "Another run is not over yet" in second["sentence"]["en"]
    assert (stopped, again) == (200, 200)
    assert first[0][1]["sentence"]["en"] == "It was stopped."
    assert not [part for part in first[0][1]["parts"] if "SIGKILL" in part["reason"]]


# A job in the background of a shell ignores Ctrl-C, and so would its child.
HEARS_CONTROL_C = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from functional_nn.cli import main
sys.exit(main())
"""


def test_the_command_serves_until_control_c(site):
    command = [sys.executable, "-c", HEARS_CONTROL_C, "study", "--site", str(site), "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        lines = iter(running.stdout.readline, "")
        address = next(line for line in lines if line.startswith("http://127.0.0.1:")).strip()
        ((port, path),) = re.findall(r"^http://127\.0\.0\.1:(\d+)(/study-[\w-]{32}/)$", address)
        connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=60)
        connection.request("GET", path)
        assert connection.getresponse().read() == b"Hello"
        running.send_signal(signal.SIGINT)
        try:
            assert running.wait(60) == 0
        finally:
            running.kill()
