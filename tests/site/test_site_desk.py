"""`functional-nn study`: what its server answers, to whom, and what becomes of an exercise that misbehaves."""

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from functional_nn import cli
from scripts.study import desk, serve, trial

ROOT = Path(__file__).parents[2]
STUDY = ROOT / "docs" / "study"
STARTER = (STUDY / "exercises" / "activations.py").read_text(encoding="utf-8")
SOLUTION = (STUDY / "solutions" / "activations.py").read_text(encoding="utf-8")
ENDLESS = STARTER.replace("x_ct = None", "while True:\n        pass", 1)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site as small as can be: one page, and the exercises."""
    folder = tmp_path / "site"
    shutil.copytree(STUDY / "exercises", folder / "exercises")
    (folder / "index.html").write_text("Hello")
    return folder


class Caller:
    """Asks a server; every header may be changed, or left out with None."""

    def __init__(self, server: serve.Server):
        self.server, self.prefix = server, server.prefix
        self.host = f"127.0.0.1:{server.server_port}"

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str | None) -> tuple[int, str]:
        usual = {"Host": self.host, "Origin": f"http://{self.host}", "Content-Type": "application/json"}
        sent = {**usual, **{name.replace("_", "-"): value for name, value in headers.items()}}
        connection = http.client.HTTPConnection("127.0.0.1", self.server.server_port, timeout=300)
        connection.putrequest(method, path, skip_host=True)
        for name, value in {**sent, "Content-Length": str(len(body or b""))}.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders(body)
        with connection.getresponse() as answer:
            text = answer.read().decode()
        connection.close()
        return answer.status, text

    def run(
        self, text: str, exercise: str = "activations", language: str = "en", **headers: str | None
    ) -> tuple[int, dict[str, Any]]:
        body = json.dumps({"exercise": exercise, "texts": {exercise: text}, "language": language}).encode()
        status, answer = self.ask("POST", f"{self.prefix}run", body, **headers)
        return status, json.loads(answer)


@contextmanager
def served(folder: Path, seconds: float = 120.0) -> Iterator[Caller]:
    with serve.server(folder, 0, seconds) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Caller(server)
        finally:
            server.shutdown()
            thread.join()


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


def test_only_who_has_the_token_gets_an_answer(site):
    body = json.dumps({"exercise": "activations", "texts": {}}).encode()
    with served(site) as caller:
        token = caller.prefix
        assert caller.ask("GET", f"{token}index.html") == (200, "Hello")
        assert caller.ask("GET", token) == (200, "Hello")
        for method, path in (("GET", "/"), ("GET", "/index.html"), ("GET", f"/study-{'x' * 32}/index.html"),
                             ("POST", "/run"), ("POST", f"/study-{'x' * 32}/run"), ("POST", token[:-1])):  # fmt: skip
            status, said = caller.ask(method, path, body if method == "POST" else None)
            assert status == 403, f"{method} {path}: {said}"
            assert "an earlier start of the server" in said
        with served(site) as other:
            assert other.prefix != token, "the token is not drawn anew"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example:8000"},
        {"Host": None},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": None},
        {"Origin": "http://127.0.0.1"},
    ],
    ids=str,
)
def test_other_sites_get_nothing_run(site, headers):
    with served(site) as caller:
        caller.server.trials.judge = None  # type: ignore[assignment]  # whoever comes so far fails
        status, said = caller.run(STARTER, **headers)
    assert status in (400, 403), said
    assert "its own pages only" in said["sentence"]["en"] or status == 400


def test_a_page_is_not_shown_under_another_name(site):
    with served(site) as caller:
        status, said = caller.ask("GET", f"{caller.prefix}index.html", Host="evil.example")
    assert status == 403
    assert "Hello" not in said


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"", {}),
        (b"{", {}),
        (b"[]", {}),
        (b"\xff", {}),
        (b"[" * 100_000, {}),
        (b'{"exercise": "activations"}', {}),
        (b'{"exercise": "../../secret", "texts": {}}', {}),
        (b'{"exercise": "activations", "texts": {"../x": ""}}', {}),
        (b'{"exercise": "activations", "texts": {"linear": 3}}', {}),
        (b'{"exercise": ["activations"], "texts": {}}', {}),
        (b'{"exercise": "activations", "texts": {}}', {"Content_Type": "text/plain"}),
    ],
)
def test_what_is_no_run_gets_a_sentence(site, body, headers):
    with served(site) as caller:
        caller.server.trials.judge = None  # type: ignore[assignment]
        status, said = caller.ask("POST", f"{caller.prefix}run", body, **headers)
    assert status == 400, said
    assert "JSON with the name of an exercise" in json.loads(said)["sentence"]["en"]


def test_a_text_that_is_too_large_gets_a_sentence(site):
    with served(site) as caller:
        status, said = caller.run("x" * (serve.LARGEST << 10))
    assert status == 413
    assert "256 KB at most" in said["sentence"]["en"]


def test_nothing_but_the_site_is_served(site, tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    with served(site) as caller:
        for path in ("nowhere.html", "../secret.txt", "%2e%2e/secret.txt", "exercises/", "/etc/passwd"):
            status, said = caller.ask("GET", caller.prefix + path)
            assert (status, "There is no page at this address" in said) == (404, True), f"{path}: {status} {said}"
        assert caller.ask("POST", f"{caller.prefix}nowhere")[0] == 404
        assert caller.ask("PUT", f"{caller.prefix}index.html")[0] == 501


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--port", "many"], "a port is a whole number from 0 to 65535; got many"),
        (["--port", "65536"], "a port is a whole number from 0 to 65535; got 65536"),
        (["--seconds", "0"], "seconds must be positive; got 0"),
        (["--prot", "1"], "unrecognized arguments: --prot 1"),
    ],
)
def test_bad_flags_end_in_one_sentence(capsys, words, message):
    assert cli.main(["study", *words]) == 2
    assert capsys.readouterr().err.startswith("functional-nn study: ")
    capsys.readouterr()
    assert desk.main(words) == 2
    assert message in capsys.readouterr().err


def test_a_taken_port_ends_in_one_sentence(site, capsys):
    with serve.server(site, 0) as server:
        assert desk.main(["--site", str(site), "--port", str(server.server_port)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"functional-nn study: the port must be free; got {server.server_port} (")


def test_a_folder_that_is_something_else_is_left_alone(tmp_path, capfd):
    (tmp_path / "letter.txt").write_text("Dear reader")
    assert desk.main(["--site", str(tmp_path)]) == 2
    assert "holds something else" in capfd.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["letter.txt"]


def test_outside_the_repository_the_command_says_where_the_site_is(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(cli, "__file__", str(tmp_path / "functional_nn" / "cli.py"))
    assert cli.main(["study"]) == 2
    assert capsys.readouterr().err.startswith("functional-nn study: the study site is in the repository")


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
