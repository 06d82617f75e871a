"""`functional-nn check FILE:NAME --replay FOLDER`: a table of the calls, the first failure, an exit status."""

import json
from pathlib import Path

import pytest
from helpers import kernels_in_torch as kernels
from helpers.oracle_command import judge_here, run_check

from reference import oracle

pytest.importorskip("torch")
FILE = Path(kernels.__file__)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("recorded") / "calls"
    with oracle.record(kernels.Softmax, path, every=60) as recorded:
        kernels.trained(kernels.Softmax, recorded=recorded)
    return path


@pytest.fixture
def here(monkeypatch):
    judge_here(monkeypatch)


def rows(out):
    lines = out.splitlines()
    begin = next(place for place, line in enumerate(lines) if line.startswith("call "))
    return [line.split(None, 1) for line in lines[begin + 1 :] if line.startswith("call-")]


def test_a_child_process_judges_each_call_and_shows_the_first_failure(folder, capfd):
    status, out, _ = run_check(capfd, f"{FILE}:Softmax", "--replay", folder)
    assert status == 1
    assert [row[1].split() for row in rows(out)[:4]] == [
        ["right", "logits"],
        ["right", "logits"],
        ["right", "logits"],
        ["wrong", "logits", "part_missing"],
    ]
    assert "(at most 100 s)" in out
    assert out.count("cause: part_missing (the backward is to blame)") == 1
    assert "Inputs: call 180 of Softmax at step 180 (torch " in out
    assert out.endswith("\n3 right, 1 wrong, 0 could not be judged.\n")


@pytest.mark.usefixtures("here")
def test_right_code_at_the_same_calls(folder, capfd):
    status, out, _ = run_check(capfd, f"{FILE}:RightSoftmax", "--replay", folder)
    assert (status, out.splitlines()[-1]) == (0, "4 right, 0 wrong, 0 could not be judged.")
    assert "---" not in out


@pytest.mark.usefixtures("here")
def test_json_has_a_result_for_each_call(folder, capfd):
    status, out, _ = run_check(capfd, FILE, "--replay", folder, "--json")
    document = json.loads(out)
    assert status == document["status"] == 1
    assert [result["name"] for result in document["results"]] == [path.name for path in sorted(folder.iterdir())]
    assert [result["verdict"] for result in document["results"]] == ["pass", "pass", "pass", "fail"]
    assert document["results"][3]["report"]["findings"][0]["cause"] == "part_missing"


@pytest.mark.usefixtures("here")
def test_a_damaged_file_costs_only_itself(folder, tmp_path, capfd):
    first, second, *_ = sorted(folder.iterdir())
    (tmp_path / first.name).write_bytes(first.read_bytes()[:-9])
    (tmp_path / second.name).write_bytes(second.read_bytes())
    status, out, _ = run_check(capfd, f"{FILE}:Softmax", "--replay", tmp_path)
    assert status == 2
    (_, damaged), (_, whole) = rows(out)
    assert damaged.startswith("cannot tell")
    assert "is cut off" in damaged
    assert whole.split() == ["right", "logits"]


OTHERS = """
import torch
class LayerNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias):
        return x
    @staticmethod
    def backward(ctx, cotangent):
        return cotangent, None, None
class Needs(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
NUMBER = 3
"""


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("LayerNorm", "was recorded of Softmax(logits, temperature); LayerNorm takes (x, weight, bias)"),
        ("LayerNrm", "there is no LayerNrm in it; did you mean LayerNorm?"),
        ("NUMBER", "NUMBER is a int: no function, Function, module, layer or Subject"),
        ("Needs", "Needs is a class, and Needs() raises TypeError"),
    ],
)
def test_code_that_the_calls_are_not_of(name, sentence, folder, tmp_path, capfd):
    file = tmp_path / "others.py"
    file.write_text(OTHERS)
    status, out, _ = run_check(capfd, f"{file}:{name}", "--replay", folder, "--json")
    assert status == 2
    assert all(sentence in result["problem"] for result in json.loads(out)["results"])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([FILE, "--replay", "nowhere"], "there is no folder nowhere"),
        ([FILE, "--replay", FILE.parent], "holds no recording (*.safetensors)"),
        ([FILE, FILE, "--replay", FILE.parent], "--replay judges one thing, FILE:NAME"),
        ([FILE, "--replay", FILE.parent, "--grade"], "--grade and --replay: one of them at a time"),
    ],
)
def test_what_cannot_be_asked(arguments, sentence, capfd):
    status, out, err = run_check(capfd, *arguments)
    assert (status, out) == (2, "")
    assert sentence in err
