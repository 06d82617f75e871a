"""Submissions in Triton, which a CPU interprets: right ones pass in bfloat16 too, and what is wrong is named."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.triton_submissions import PRODUCT, SOFTMAX

from reference.oracle.judging.document import as_dict
from reference.oracle.judging.judging import judge
from reference.oracle.judging.task import Task
from reference.oracle.subjects.interpreted import rounded

TASK = Task("softmax", op="softmax", framework="torch", dtypes=("bfloat16",), checks=5, largest=1, seconds_a_call=60.0)


def judged(folder: Path, monkeypatch: Any, task: Task, text: str) -> dict[str, Any]:
    pytest.importorskip("triton")
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    (folder / "kernel.py").write_text(text)
    return as_dict(judge(task, folder / "kernel.py", 0))


@pytest.mark.slow
def test_right_code_passes_where_the_interpreter_would_cut_numbers(tmp_path: Path, monkeypatch: Any):
    document = judged(tmp_path, monkeypatch, TASK, SOFTMAX.replace("{along}", "y * dy"))
    assert document["verdict"] == "pass", document["message"]
    assert "zeros" in [visit["regime"] for visit in document["dtypes"][0]["visited"]]


@pytest.mark.slow
def test_a_factor_that_is_left_out_is_named(tmp_path: Path, monkeypatch: Any):
    document = judged(tmp_path, monkeypatch, TASK, SOFTMAX.replace("{along}", "dy"))
    assert (document["verdict"], document["cause"]) == ("fail", "wrong_factor"), document["message"]


@pytest.mark.slow
@pytest.mark.thorough
def test_a_matrix_product_in_bfloat16_passes(tmp_path: Path, monkeypatch: Any):
    task = Task("dense", op="dense", framework="torch", dtypes=("bfloat16",), checks=1, seconds_a_call=60.0)
    document = judged(tmp_path, monkeypatch, task, PRODUCT)
    assert document["verdict"] == "pass", document["message"]


def test_numbers_are_rounded_to_bfloat16_as_by_others():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    rng = np.random.default_rng(0)
    values = np.ldexp(rng.normal(size=5000), rng.integers(-140, 127, 5000)).astype(np.float32)
    special = np.array([np.nan, np.inf, -np.inf, -0.0, 3.4e38, 1 + 2**-8, 1 + 3 * 2**-8], np.float32)
    values = np.concatenate([values, special])
    np.testing.assert_array_equal(rounded(values), values.astype(ml_dtypes.bfloat16).view(np.uint16))
