"""`functional-nn check FOLDER/`: which files are run, the table that it ends in, the totals and the exit status."""

import ast
import json
from functools import partial
from pathlib import Path

import pytest
from helpers.oracle_command import RELU, TEXTBOOK, judge_here, run_check

from reference.oracle.command.walk import defines_backward, judgeable

WRONG = RELU.replace("class Relu", "class Wrong").replace("return dout * self.mask", "return 2 * dout * self.mask")
MUST_NOT_RUN = "raise SystemExit('this file was run')\n"


@pytest.fixture
def check(capfd, monkeypatch):
    judge_here(monkeypatch)
    return partial(run_check, capfd)


@pytest.fixture
def folder(tmp_path):
    def make(files: dict[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / "nets" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        return tmp_path / "nets"

    return make


def test_a_folder_ends_in_one_table_with_totals(check, folder):
    place = folder(
        {"b.py": RELU, "a/wrong.py": WRONG, "old.py": "def relu_backward(dout): exec 'old'\n", "c.py": "x = 1\n"}
    )
    status, out, _ = check(place)
    assert status == 1, out
    lines = out.splitlines()
    assert lines[0] == f"Running 3 of 4 files in {place} (at most 60 s each)."
    assert "fail: " in out[: out.index(f"\n{place / 'a' / 'wrong.py'}")], "the report of what is wrong comes first"
    table = lines[lines.index(str(place / "a" / "wrong.py")) :]
    assert [line for line in table if not line.startswith(" ")] == [
        str(place / "a" / "wrong.py"), str(place / "b.py"), str(place / "old.py"), "",
        "In 3 files: 1 right, 1 wrong, 1 could not be judged.",
    ]  # fmt: skip
    assert [" ".join(line.split())[:30] for line in table if line.startswith(" ")] == [
        "Wrong wrong x_ct is 2 times th", "Relu right the gradient of x i", "cannot tell it is Python 2 (li"
    ]  # fmt: skip


def test_no_line_of_the_table_is_wider_than_the_terminal(check, folder, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    _, out, _ = check(
        folder({"a.py": RELU, "b.py": f"import no_such_module_at_all\n{WRONG}", "c.py": "exec 'a' * 200\ndef bwd(): 1"})
    )
    table = out.splitlines()[-8:]
    assert [line for line in table if len(line) > 80 and line.startswith(" ")] == []


def test_files_without_a_backward_are_not_run(check, folder):
    status, out, _ = check(
        folder({"train.py": MUST_NOT_RUN, "tests/test_backward.py": f"def test_backward(): pass\n{MUST_NOT_RUN}"})
    )
    assert status == 2
    assert "Running 0 of 2 files" in out
    assert "There is nothing to judge in it." in out


def test_a_file_with_nothing_to_judge_after_all_is_not_listed(check, folder):
    status, out, _ = check(folder({"a.py": RELU, "numerical.py": "def numerical_gradient(f, x): return x\n"}))
    assert status == 0, out
    assert "numerical.py" not in out
    assert "In 1 file: 1 right, 0 wrong, 0 could not be judged." in out


def test_a_file_that_fails_half_way_is_listed_with_the_reason(check, folder):
    status, out, _ = check(
        folder({"a.py": f"raise OSError('no data')\n{RELU.replace('class Relu', 'class Relu(Base)')}"})
    )
    assert status == 2
    assert "cannot tell" in out
    assert "no data" in out


PASSED_OVER = (
    "venv/lib/a.py",
    ".hidden/a.py",
    "site-packages/a.py",
    "build/a.py",
    "node_modules/a.py",
    "__pycache__/a.py",
)


def test_environments_and_hidden_folders_are_passed_over_and_the_rest_is_sorted(folder):
    place = folder(
        dict.fromkeys([*PASSED_OVER, "z.py", "b/a.py", "a/b.py", "tests/t.py", "note.txt", "own/a.py"], RELU)
    )
    (place / "own" / "pyvenv.cfg").write_text("", "utf-8")
    files, of = judgeable(place)
    assert ([str(file.relative_to(place)) for file in files], of) == (["a/b.py", "b/a.py", "tests/t.py", "z.py"], 4)


HOLDS = {
    "method": "class Relu:\n    def backward(self, dout): return dout\n",
    "method backprop": "class Net:\n    def back_propagate(self, dout): return dout\n",
    "method bprop": "class Net:\n    def bprop(self, dout): return dout\n",
    "pair": "def affine_backward(dout, cache): return dout\n",
    "pass": "def backward_pass(dout, cache): return dout\n",
    "camel case": "def affineBackward(dout): return dout\n",
    "rule": "def relu_bwd(residuals, ct): return ct\n",
    "derivative": "def sigmoid_derivative(x): return x\n",
    "prime": "def tanh_prime(x): return x\n",
    "d_": "def d_tanh(x): return x\n",
    "dSigmoid": "def dSigmoid(x): return x\n",
    "lambda": "tanh_grad = lambda x: 1 - x\n",
    "loss": "def svm_loss(x, y): return x, y\n",
    "network": "class Net:\n    def loss(self, x, t): return x\n    def gradient(self, x, t): return x\n",
    "vjp": "def relu_vjp(x): return x\n",
    "pullback": "def pullback(ct): return ct\n",
    "torch": "import torch\nclass Cube(torch.autograd.Function): pass\n",
    "torch, imported": "from torch.autograd import Function\nclass Cube(Function): pass\n",
    "jax": "import jax\nf = jax.custom_vjp(abs)\n",
    "a subject": "from reference import oracle\nsubject = oracle.from_layer(None)\n",
    "nested": "def make():\n    def backward(dout): return dout\n    return backward\n",
}  # fmt: skip
HOLDS_NONE = {
    "a trainer": "import net\nnet.fit()\nfor epoch in range(3): net.backward()\n",
    "a loss of one value": "def loss(x, y): return x - y\n",
    "data": "def load_data(path): return open(path)\nclass Dataset:\n    def forward(self, x): return x\n",
    "similar words": "def upgrade(x): return x\ndef graded(x): return x\ndef primes(n): return n\n",
    "tests": "def test_backward(): pass\n",
}


@pytest.mark.parametrize("case", [*HOLDS, *HOLDS_NONE])
def test_what_holds_a_backward_is_told_from_the_text(case):
    assert defines_backward(ast.parse({**HOLDS, **HOLDS_NONE}[case])) is (case in HOLDS)


def test_json_of_a_folder_lists_every_result_with_its_file(check, folder):
    place = folder({"b.py": RELU, "a.py": f"import no_such_module\n{WRONG}"})
    status, out, _ = check(place, "--json")
    parsed = json.loads(out)
    assert (status, parsed["status"]) == (1, 1)
    assert [(Path(result["file"]).name, result["name"], result["verdict"]) for result in parsed["results"]] == [
        ("a.py", "Wrong", "fail"), ("b.py", "Relu", "pass"),
    ]  # fmt: skip
    assert "no_such_module" in parsed["results"][0]["notes"][0]


@pytest.mark.slow
@pytest.mark.thorough
def test_the_textbook_is_a_folder(check, tmp_path):
    status, out, _ = check(TEXTBOOK)
    assert status == 1
    assert "1/3 of the true gradient" in out


def test_a_name_in_a_folder_is_refused(check, tmp_path):
    status, _, err = check(f"{tmp_path}:Relu")
    assert status == 2
    assert "is a folder: a name needs a file" in err


def test_right_but_is_told_in_the_table(check, folder):
    text = RELU.replace("return dout * self.mask", "dout[~self.mask] = 0\n        return dout")
    _, out, _ = check(folder({"a.py": text}))
    assert [line.split()[:3] for line in out.splitlines() if line.startswith("  Relu")] == [["Relu", "right,", "but"]]
    assert "1 right (1 of them with a but), 0 wrong" in out


def test_the_reason_in_the_table_does_not_repeat_the_name(check, folder):
    lines = check(folder({"a.py": RELU.replace("x > 0", "x > undefined")}))[1].splitlines()
    row = next(line for line in lines if line.startswith("  Relu"))
    assert row.count("Relu") == 1, row
    assert row.split()[1:3] == ["cannot", "tell"], row
