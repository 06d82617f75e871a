"""Tasks and submissions that make no sense: one clear sentence each; the command, its document and its exit status."""

import json
from pathlib import Path
from typing import Any

import pytest
from helpers.cheats import RIGHT

from functional_nn import cli

TASK = 'op = "softmax"\nlargest = 1\nchecks = 1\nseconds_a_call = 60\n'
BAD = {
    "no TOML": ("op = = 3\n", "the task must be a TOML file"),
    "an unknown op": ('op = "softmx"\n', "did you mean softmax?"),
    "an unknown dtype": ('op = "softmax"\ndtypes = ["bfloat61"]\n', "did you mean bfloat16?"),
    "an unknown key": ('op = "softmax"\nforbidden = []\n', "did you mean forbid?"),
    "an unknown static": ('op = "softmax"\nstatics = {axes = 1}\n', "statics of softmax must be among axis"),
    "neither op nor reference": ('dtypes = ["float32"]\n', "a task must have an op or a reference; got neither"),
    "a reference without inputs": ('reference = "r.py:f"\n', "must have inputs, a function of sizes"),
    "a reference that is not there": ('reference = "r.py:f"\ninputs = "r.py:g"\n', "with a file beside the task"),
    "another kind of value": ('op = "softmax"\nchecks = "many"\n', "checks must be a whole number; got 'many'"),
    "no time": ('op = "softmax"\nseconds = 0\n', "seconds must be positive and finite; got 0"),
    "an unknown framework": (
        'op = "softmax"\nframework = "tensorflow"\n',
        "framework must be one of numpy, torch, jax",
    ),
}


def run(capfd: Any, *words: Any) -> tuple[int, str, str]:
    status = cli.main(["judge", *map(str, words)])
    out, err = capfd.readouterr()
    assert "Traceback" not in out + err
    return status, out, err


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    path = tmp_path / "kernel.py"
    path.write_text(RIGHT)
    return path


@pytest.mark.parametrize("name", BAD)
def test_a_bad_task_gets_one_sentence(tmp_path: Path, kernel: Path, capfd: Any, name: str):
    text, words = BAD[name]
    (tmp_path / "task.toml").write_text(text)
    status, out, err = run(capfd, tmp_path / "task.toml", kernel, "--json")
    assert (status, out) == (2, "")
    assert err.startswith("functional-nn judge: ")
    assert err.count("\n") == 1
    assert words in err


@pytest.mark.parametrize("missing", ["task.toml", "other.py"])
def test_a_missing_file_gets_one_sentence(tmp_path: Path, kernel: Path, capfd: Any, missing: str):
    (tmp_path / "task.toml").write_text(TASK)
    task = tmp_path / ("task.toml" if missing == "other.py" else "no.toml")
    status, _, err = run(capfd, task, tmp_path / "other.py" if missing == "other.py" else kernel)
    assert status == 2
    assert "must be a file that can be read" in err


def test_a_folder_that_is_no_task(tmp_path: Path, kernel: Path, capfd: Any):
    status, _, err = run(capfd, tmp_path, kernel)
    assert status == 2
    assert "must be a task of robust-kbench with a backward" in err


WRONG = {
    "another shape": ("return true(g, forward(x))[:2]", "wrong_shape"),
    "text": ("return 'gradient'", "no_array"),
    "nothing": ("return None", "missing"),
    "whole numbers": ("return np.zeros(x.shape, int)", "constant_answer"),
    "an exception": ("raise ValueError('two\\nlines')", "raises"),
    "SystemExit": ("raise SystemExit(0)", "raises"),
    "another output": (
        "return true(g, forward(x))\ndef forward(x):\n    return x[:, [0, 0, 0, 0, 0, 0]]",
        "wrong_shape",
    ),
    "no syntax": ("return (", "does_not_load"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_bad_submission_fails_in_one_document(tmp_path: Path, capfd: Any, name: str):
    text, cause = WRONG[name]
    (tmp_path / "task.toml").write_text(TASK)
    (tmp_path / "kernel.py").write_text(RIGHT.partition("def backward")[0] + f"def backward(g, x):\n    {text}\n")
    status, out, err = run(capfd, tmp_path / "task.toml", tmp_path / "kernel.py", "--json", "--seed", 0)
    document = json.loads(out)
    assert (status, document["verdict"], document["cause"], err) == (1, "fail", cause, "")
    assert (document["schema"], document["seed"]) == ("functional-nn-judge/1", 0)


def test_a_short_text(tmp_path: Path, kernel: Path, capfd: Any):
    (tmp_path / "task.toml").write_text(TASK)
    status, out, _ = run(capfd, tmp_path / "task.toml", kernel)
    assert status == 0
    assert out.startswith("pass\n")
    assert "float32: right; right in 1 of 1 inputs" in out


REFERENCE = """
import numpy as np

def cube(x, scale):
    return scale * x**3

def inputs(rows, columns, rng):
    return rng.normal(size=(rows, columns)), rng.normal(size=columns)
"""
CUBE = """
def fwd(x, scale):
    return scale * x**3, (x, scale)

def bwd(kept, g):
    x, scale = kept
    return {} * g * scale * x**2, (g * x**3).sum(0)
"""


@pytest.mark.parametrize(("factor", "cause"), [("3", None), ("2.5", "scaled_by_constant")])
def test_a_reference_in_a_file_beside(tmp_path: Path, capfd: Any, factor: str, cause: str | None):
    (tmp_path / "cubes.py").write_text(REFERENCE)
    (tmp_path / "task.toml").write_text('reference = "cubes.py:cube"\ninputs = "cubes.py:inputs"\nchecks = 1\n')
    (tmp_path / "kernel.py").write_text(CUBE.format(factor))
    status, out, _ = run(capfd, tmp_path / "task.toml", tmp_path / "kernel.py", "--json")
    document = json.loads(out)
    assert (status, document["cause"]) == (0 if cause is None else 1, cause), document["message"]
