"""Optimizers that a file declares, judged by `functional-nn check`."""

import json
from pathlib import Path

import pytest

from reference.oracle.command import cli

STUDY = Path(__file__).parents[2] / "docs" / "study"
SGD = """\
def step(params, grads, state):
    return {name: p - 0.1 * grads[name] for name, p in params.items()}, state


"""


def checked(capfd, *words: str) -> tuple[int, list[dict]]:
    status = cli.main([*words, "--json"])
    return status, json.loads(capfd.readouterr().out)["results"]


def test_a_declared_optimizer_is_judged_by_its_steps(tmp_path, capfd):
    file = tmp_path / "steps.py"
    file.write_text(SGD + 'OPTIMIZERS = {"step": ("sgd", {"learning_rate": 0.1})}\n')
    status, (result,) = checked(capfd, str(file))
    assert (status, result["name"], result["verdict"], result["report"]["op"]) == (0, "step", "pass", "sgd")
    file.write_text(SGD + 'OPTIMIZERS = {"step": ("sgd", {"learning_rate": 0.2})}\n')
    status, (result,) = checked(capfd, str(file))
    assert (status, result["report"]["findings"][0]["cause"]) == (1, "optimizer_scale")


def test_backwards_and_optimizers_of_a_file_are_judged_together_or_by_name(tmp_path, capfd):
    backward = "def square(x):\n    return x**2\n\n\ndef square_derivative(x):\n    return 2 * x\n\n\n"
    (tmp_path / "both.py").write_text(backward + SGD + 'OPTIMIZERS = {"step": ("sgd", {"learning_rate": 0.1})}\n')
    assert {result["name"] for result in checked(capfd, str(tmp_path / "both.py"))[1]} == {"square", "step"}
    (one,) = checked(capfd, f"{tmp_path / 'both.py'}:step")[1]
    assert one["name"] == "step"
    (other,) = checked(capfd, f"{tmp_path / 'both.py'}:square")[1]
    assert other["name"] == "square"


def test_a_folder_finds_a_file_that_holds_nothing_but_optimizers(tmp_path, capfd):
    (tmp_path / "steps.py").write_text(SGD + 'OPTIMIZERS = {"step": ("sgd", {"learning_rate": 0.1})}\n')
    (tmp_path / "other.py").write_text("x = 1\n")
    assert [result["name"] for result in checked(capfd, str(tmp_path))[1]] == ["step"]


def test_an_optimizer_earns_one_point(tmp_path, capfd):
    (tmp_path / "steps.py").write_text(SGD + 'OPTIMIZERS = {"step": ("sgd", {"learning_rate": 0.2})}\n')
    (part,) = checked(capfd, str(tmp_path / "steps.py"), "--grade")[1][0]["grade"]
    assert (part["name"], part["earned"], part["possible"]) == ("steps", 0, 1)
    assert "half as long" in part["why"]


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ("[1]", "OPTIMIZERS must be a dict such as"),
        ('{"step": "sgd"}', "got 'step': 'sgd'"),
        ('{"stop": ("sgd", {})}', "OPTIMIZERS names stop, which the file does not define"),
        ('{"step": ("sdg", {})}', "name must be one of sgd,"),
        ('{"step": ("sgd", {"rate": 1})}', "sgd takes learning_rate; got rate"),
    ],
)
def test_a_wrong_declaration_ends_in_one_sentence(tmp_path, capfd, declared, message):
    (tmp_path / "steps.py").write_text(f"{SGD}OPTIMIZERS = {declared}\n")
    status, (result,) = checked(capfd, str(tmp_path / "steps.py"))
    assert status == 2
    assert message in result["problem"]
