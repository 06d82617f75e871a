"""scripts/survey.py sets what the command says beside what is known of each item, the same way every time."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import survey

ROOT = Path(__file__).resolve().parents[2]
LAYERS = """
class Square:
    def forward(self, x):
        self.x = x
        return x**2

    def backward(self, dout):
        return 2 * self.x * dout


class Cube:
    def forward(self, x):
        self.x = x
        return x**3

    def backward(self, dout):
        return 2 * self.x**2 * dout
"""
RIGHT_PASSED, WRONG_NAMED = {"name": "Square", "verdict": "pass"}, {"name": "Cube", "verdict": "fail"}
STRICT = {"name": "Relu", "verdict": "pass", "status": "right, but it writes into the cotangent"}
NOT_IMPORTED = {"problem": "it does not import: ModuleNotFoundError in line 1: No module named 'cupy'"}


@pytest.fixture
def repositories(tmp_path):
    """A folder with one repository, and what is known of its two layers."""
    folder = tmp_path / "repositories" / "somebody+layers"
    folder.mkdir(parents=True)
    (folder / "layers.py").write_text(LAYERS, "utf-8")
    known = [("Square", "RIGHT"), ("Cube", "WRONG"), ("Quartic", "RIGHT")]
    lines = [{"repo": "somebody/layers", "file": "layers.py", "name": name, "truth": truth} for name, truth in known]
    truth = tmp_path / "truth.jsonl"
    truth.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return folder.parent, truth


def run(*arguments):
    """The script's output and exit status."""
    command = [sys.executable, "scripts/survey.py", *map(str, arguments)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert not ended.stderr, ended.stderr
    return ended.stdout, ended.returncode


def test_the_table_names_what_passed_what_is_wrong_and_what_was_not_found(repositories, tmp_path):
    shown, status = run(*repositories, "--items", "--keep", tmp_path / "kept")
    assert status == 0, shown
    assert "right passed: somebody/layers layers.py Square: RIGHT: pass" in shown
    assert "wrong named: somebody/layers layers.py Cube: WRONG: fail" in shown
    assert "not found: somebody/layers layers.py Quartic: RIGHT" in shown
    again, _ = run(*repositories, "--items", "--keep", tmp_path / "kept", "--reuse")
    assert again == shown, "what was kept gives another table than what the command said"


@pytest.mark.parametrize(
    ("truth", "result", "column"),
    [
        ("RIGHT", RIGHT_PASSED, "right passed"),
        ("RIGHT", {**RIGHT_PASSED, "verdict": "fail"}, "accused"),
        ("RIGHT", {**RIGHT_PASSED, "status": STRICT["status"]}, "right-but"),
        ("RIGHT BUT", {**RIGHT_PASSED, "status": STRICT["status"]}, "right-but"),
        ("RIGHT BUT", {**RIGHT_PASSED, "verdict": "fail"}, "right-but failed"),
        ("WRONG", {**RIGHT_PASSED, "verdict": "fail"}, "wrong named"),
        ("WRONG", RIGHT_PASSED, "missed"),
        ("INTENDED", {**RIGHT_PASSED, "verdict": "fail"}, "intended"),
        ("RIGHT", {**RIGHT_PASSED, "verdict": "cannot tell"}, "cannot tell"),
        ("RIGHT", {"name": "Square", "problem": "Square could not be judged: KeyError: 0"}, "crashed"),
        ("RIGHT", NOT_IMPORTED, "did not import"),
        ("RIGHT", WRONG_NAMED, "not found"),
        ("NOT JUDGEABLE", NOT_IMPORTED, "not judgeable"),
        ("NOT JUDGEABLE", {**RIGHT_PASSED, "verdict": "fail"}, "not judgeable"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_an_outcome_stands_in_its_column(truth, result, column):
    assert survey.outcome_of({"name": "Square", "truth": truth}, [result]) == column


@pytest.mark.parametrize(
    ("item", "found"),
    [
        ("affine_backward", "affine"),
        ("convolutionBackward", "convolution"),
        ("d_tanh", "tanh"),
        ("svm_loss", "svm_loss"),
        ("Activation._tanh", "tanh"),
        ("Tanh", "Tanh"),
    ],
)
def test_an_item_is_found_under_the_name_that_the_command_gives_it(item, found):
    assert survey.same(item, found)


def test_what_the_command_says_is_shown_without_the_folders_of_the_machine():
    said = {"problem": "it does not import: ImportError: cannot import name 'a/b' (/home/me/.venv/lib/scipy/misc.py)"}
    assert survey.sentence(said) == "it does not import: ImportError: cannot import name 'a/b' (misc.py)"


def test_two_different_names_are_not_one_item():
    assert not survey.same("Affine", "AffineRelu")
