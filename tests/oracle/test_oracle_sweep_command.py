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


ADDS_ONE_BY_ONE = """
import numpy as np


def shift_forward(x, b):
    return x + b


def shift_backward(dout):
    return dout, np.cumsum(dout, axis=0)[-1]


EXAMPLES = {"shift": (np.random.default_rng(0).normal(size=(600, 3)), np.random.default_rng(1).normal(size=3))}
"""


def test_a_check_in_a_dtype_is_held_to_its_accuracy(tmp_path, capfd):
    file = written(tmp_path, ADDS_ONE_BY_ONE)
    assert run_check(capfd, file)[0] == 0
    status, out, _ = run_check(capfd, file, "--dtype", "float16", "--json")
    (result,) = json.loads(out)["results"]
    assert status == 1
    assert [found["cause"] for found in result["report"]["findings"]] == ["accumulated_in_low_precision"]


def test_a_sweep_in_a_dtype_hands_out_that_dtype(tmp_path, capfd):
    file = f"{written(tmp_path, IN_BLOCKS + OWN_INPUTS)}:softmax"
    status, out, _ = run_check(capfd, file, "--sweep", "--dtype", "float16", "--json")
    (result,) = json.loads(out)["results"]
    assert (status, result["verdict"]) == (1, "fail")
    assert result["sweep"]["smallest"]["sizes"] == {"rows": 1, "columns": 17}
    assert result["report"]["arguments"][0]["dtype"] == "float16"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("--sweep", "--dtype", "bfloat61"), "--dtype must be one of float64, float32, tf32, bfloat16, float16; got "
         "bfloat61"),
        (("--grade", "--dtype", "float16"), "--grade judges in the dtype of its own inputs; got --dtype float16 beside "
         "it"),
    ],
)  # fmt: skip
def test_a_dtype_that_cannot_be_is_refused(tmp_path, capfd, asked, said):
    status, out, err = run_check(capfd, written(tmp_path, IN_BLOCKS), *asked)
    assert (status, out, err) == (2, "", f"functional-nn check: {said}\n")
