"""`functional-nn check`: what it says of a file, its options, the inputs that a file brings, and grading."""

import json
import re
from functools import partial
from pathlib import Path

import pytest
from helpers.oracle_command import RELU, TEXTBOOK, written

from reference.oracle.command import cli, runner


@pytest.fixture
def file(tmp_path):
    return partial(written, tmp_path)


def test_right_layers_pass_and_their_notes_are_counted(check):
    status, out, _ = check(TEXTBOOK / "layers.py")
    assert status == 0, out
    assert out.startswith(f"Running {TEXTBOOK / 'layers.py'} (at most 60 s).")
    assert "9 right, 0 wrong, 0 could not be judged." in out
    assert "Affine: pass: the gradients of x, W, b are right" in out


def test_pairs_caches_rules_and_vjps_pass(check):
    status, out, _ = check(TEXTBOOK / "pairs.py")
    assert (status, out.count(": pass: ")) == (0, 10), out


def test_a_derivative_of_the_output_passes_with_the_reason(check):
    status, out, _ = check(f"{TEXTBOOK / 'pairs.py'}:sigmoid")
    assert status == 0
    assert "The derivative is a function of the output" in out


def test_a_wrong_derivative_is_no_derivative_of_the_output_either(check, file):
    text = "import numpy as np\ndef tanh(x): return np.tanh(x)\ndef tanh_prime(x): return 1 + x**2\n"
    assert check(file(text))[0] == 1


def test_one_name(check):
    status, out, _ = check(f"{TEXTBOOK / 'broken.py'}:AffineMeanBias")
    assert status == 1
    assert re.search(r"^fail: b_ct is .*1/(3|N) of the true gradient", out, re.MULTILINE), out
    assert "0 right, 1 wrong, 0 could not be judged." in out


def test_a_wrong_name_suggests_the_near_one(check):
    status, out, _ = check(f"{TEXTBOOK / 'layers.py'}:Afine")
    assert status == 2
    assert "there is no Afine to judge. Did you mean Affine?" in " ".join(out.split())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["no_such_file.py"], "there is no file no_such_file.py"),
        ([f"{TEXTBOOK}:Affine"], "is a folder: a name needs a file"),
        ([TEXTBOOK.parent.parent / "pyproject.toml"], "is not a Python file"),
        ([TEXTBOOK / "layers.py", "--op", "convv"], "there is no op convv; did you mean conv?"),
        ([TEXTBOOK / "layers.py", "--op", "qqq"], "it must be one of sigmoid"),
        ([TEXTBOOK / "layers.py", "--statics", "2"], "--statics must be a dict"),
        ([TEXTBOOK / "layers.py", "--statics", "{open('x')}"], "--statics must be a dict"),
        ([TEXTBOOK / "layers.py", "--html", "no/such/folder/page.html"], "there is no folder no/such/folder"),
    ],
    ids=["missing", "folder", "suffix", "op", "far op", "statics", "statics code", "html"],
)
def test_a_bad_call_is_refused_before_anything_runs(check, arguments, says):
    status, out, err = check(*arguments)
    assert (status, out) == (2, "")
    assert says in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--timeout", "0"], ["--timeout", "soon"], ["--seed", "-1"], ["--unknown"], []])
def test_a_bad_option_ends_with_2(arguments, capfd):
    with pytest.raises(SystemExit) as stopped:
        cli.main([*arguments, *([str(TEXTBOOK / "layers.py")] if arguments else [])])
    assert stopped.value.code == 2
    assert "usage: functional-nn check" in capfd.readouterr().err


def test_the_help_fits_80_columns(capfd, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    wide = [line for line in capfd.readouterr().out.splitlines() if len(line) > 80]
    assert not wide, wide


def test_json_is_one_document(check, file):
    status, out, _ = check(file(RELU), "--json", "--seed", 5)
    parsed = json.loads(out)
    assert (status, parsed["status"], parsed["format"]) == (0, 0, 1)
    assert [(result["name"], result["verdict"]) for result in parsed["results"]] == [("Relu", "pass")]
    assert parsed["results"][0]["report"]["seed"] == 5


def test_html_is_written(check, tmp_path):
    page = tmp_path / "page.html"
    status, _, _ = check(f"{TEXTBOOK / 'broken.py'}:AffineMeanBias", "--html", page)
    assert status == 1
    assert "1/3 of the true gradient" in page.read_text("utf-8")


OWN = """
import numpy as np
class Scale:
    def __init__(self, factor): self.factor = factor
    def forward(self, q): return q * self.factor
    def backward(self, dout): return dout * self.factor
def odd_forward(q): return q.reshape(13, 2).sum(1)
def odd_backward(dout, q): return np.repeat(dout, 2)
"""
HOOKS = {
    "mapping": "EXAMPLES = {'Scale': {'init': [2.0], 'inputs': [np.arange(5.0)]}, 'odd': (np.arange(26.0),)}\n",
    "function": "def example_inputs(name):\n"
    "    return {'Scale': {'init': {'factor': 2.0}, 'inputs': np.arange(5.0)}, 'odd': np.arange(26.0)}[name]\n",
}


@pytest.mark.parametrize("hook", HOOKS)
def test_the_file_brings_its_own_inputs(check, file, hook):
    status, out, _ = check(file(OWN + HOOKS[hook]), "--verbose")
    assert status == 0, out
    assert out.count("Inputs: the file's own EXAMPLES.") == 2
    assert "q (26,) float64" in out


def test_without_inputs_it_says_how_to_give_them(check, file):
    status, out, _ = check(f"{file(OWN)}:odd")
    assert status == 2
    assert "These lines, at the end of the file, settle it:" in out
    pasted = "\n".join(line[4:] for line in out.splitlines() if line.startswith("    "))
    assert 'EXAMPLES = globals().get("EXAMPLES", {}) | {"odd":' in pasted
    status, out, _ = check(f"{file(OWN + pasted.replace('(3, 7)', '(26,)'))}:odd")
    assert status == 0, out


def test_op_can_be_named_and_refused(check, file):
    wrong = file(RELU.replace("x > 0", "x > -0.5").replace("class Relu", "class Mystery"))
    assert check(wrong)[0] == 0, "its backward fits its own forward"
    status, out, _ = check(wrong, "--op", "relu")
    assert status == 1, out
    assert "judged as relu" in out
    assert check(file(RELU.replace("x > 0", "x > -0.5")), "--op", "none")[0] == 0


GRADED = """
import numpy as np
class Affine:
    def __init__(self, W, b):
        self.W, self.b = W, b
    def forward(self, x):
        self.x = x
        return x @ self.W + self.b
    def backward(self, dout):
        self.dW, self.db = self.x.T @ dout, dout.mean(axis=0)
        return dout @ self.W.T
class Dead:
    def forward(self, x): return np.maximum(x, 100.0)
    def backward(self, dout): return 0 * dout
"""


def test_grading_gives_points_for_each_part_and_none_for_a_vacuous_gradient(check, file):
    status, out, _ = check(file(GRADED), "--grade", "--json")
    assert status == 1
    parts = {result["name"]: {p["name"]: p["earned"] for p in result["grade"]} for result in json.loads(out)["results"]}
    assert parts["Affine"] == {
        "forward": 1,
        "gradient of x": 1,
        "gradient of W": 1,
        "gradient of b": 0,
        "no side effects": 1,
    }
    assert parts["Dead"]["gradient of x"] == 0


def test_grading_draws_hidden_inputs_unless_a_seed_is_given(file):
    def seeds(*arguments):
        options = cli._parser().parse_args(["x.py", *arguments])
        return runner.job_of(Path("x.py"), None, None, options, Path("results"))["seeds"]

    assert seeds("--grade", "--seed", "7") == [7, 8, 9]
    assert seeds("--grade") != seeds("--grade")
    assert seeds() == [0]
