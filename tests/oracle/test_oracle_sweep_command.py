"""`functional-nn check FILE:NAME --sweep`."""

import json

import pytest
from helpers.oracle_command import judge_here, run_check, written

IN_BLOCKS = """
import numpy as np

BLOCK = 16


def softmax_forward(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    out = e / e.sum(-1, keepdims=True)
    return out, out


def softmax_backward(dout, out):
    dots = np.zeros(out.shape[:-1] + (1,))
    lanes = np.zeros(out.shape[:-1] + (BLOCK,))
    for start in range(0, out.shape[-1], BLOCK):
        here = slice(start, min(start + BLOCK, out.shape[-1]))
        lanes[..., : here.stop - start] = out[..., here] * dout[..., here]
        dots += lanes.sum(-1, keepdims=True)
    return out * (dout - dots)
"""
OWN_INPUTS = """
EXAMPLES = {"softmax": (np.random.default_rng(0).normal(size=(3, 16)),)}
SWEEP = {"softmax": lambda rows, columns, rng: (rng.normal(size=(rows, columns)),)}
"""


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch: pytest.MonkeyPatch):
    judge_here(monkeypatch)


def test_a_mistake_beyond_a_block_is_found_in_a_file(tmp_path, capfd):
    status, out, _ = run_check(capfd, written(tmp_path, IN_BLOCKS), "--sweep")
    assert status == 1
    assert "fail: with axis 1 of x = 17, x (1, 17), x_ct is " in " ".join(out.split())
    assert "Visited:" in out
    assert run_check(capfd, written(tmp_path, IN_BLOCKS))[0] == 0, "its ordinary input shows nothing"


def test_the_document_holds_the_sweep_and_the_files_own_inputs_are_swept(tmp_path, capfd):
    status, out, _ = run_check(capfd, f"{written(tmp_path, IN_BLOCKS + OWN_INPUTS)}:softmax", "--sweep", "--json")
    (result,) = json.loads(out)["results"]
    assert (status, result["verdict"], result["status"]) == (1, "fail", "wrong")
    assert result["sweep"]["smallest"]["sizes"] == {"rows": 1, "columns": 17}
    assert result["sweep"]["visited"][0]["seen"] == "right"


def test_right_code_passes(tmp_path, capfd):
    right = IN_BLOCKS.replace("        lanes[", "        lanes[:] = 0\n        lanes[")
    status, out, _ = run_check(capfd, written(tmp_path, right + OWN_INPUTS), "--sweep")
    assert status == 0
    assert "pass: right in " in out
    assert "1 right, 0 wrong" in out


def test_a_sweep_is_no_grade(tmp_path, capfd):
    status, out, err = run_check(capfd, written(tmp_path, IN_BLOCKS), "--sweep", "--grade")
    assert (status, out, err) == (2, "", "functional-nn check: --grade and --sweep: one of them at a time\n")


def test_what_the_file_gives_must_be_a_function(tmp_path, capfd):
    status, out, _ = run_check(capfd, written(tmp_path, IN_BLOCKS + 'SWEEP = {"softmax": 3}\n'), "--sweep")
    assert status == 2
    assert "SWEEP must be a dict from names to functions of the dimensions; got 3" in " ".join(out.split())
