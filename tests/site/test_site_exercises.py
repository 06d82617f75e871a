"""The exercises of the study site: each starter fails with what is missing, each solution passes."""

import ast
import re
import runpy
import sys
from pathlib import Path

import pytest
from helpers.oracle_command import forgotten

from reference.oracle.command import cli
from reference.oracle.command.worker import judge_file

STUDY = Path(__file__).parents[2] / "docs" / "study"
FAMILIES = sorted(path.stem for path in (STUDY / "exercises").glob("*.py"))
JOB = {"name": None, "op": None, "statics": None, "seeds": [0], "grade": False, "html": False, "rich": False}


@pytest.fixture
def judged(monkeypatch):
    """The results of a file by name, judged in this process: no child, and no trace of the file's module after."""
    monkeypatch.setattr(sys, "path", list(sys.path))

    def judge(path: Path) -> dict[str, dict]:
        results: list[dict] = []
        judge_file({**JOB, "file": str(path), "width": 80}, results.append)
        return {result["name"]: result for result in results if "name" in result}

    with forgotten():
        yield judge


def functions(path: Path) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.FunctionDef)}


def is_to_be_written(name: str) -> bool:
    return name.endswith(("_bwd", "_derivative", "_step"))


def test_every_exercise_has_a_solution_and_the_other_way_round():
    assert sorted(path.stem for path in (STUDY / "solutions").glob("*.py")) == FAMILIES


@pytest.mark.parametrize("family", FAMILIES)
def test_a_starter_is_told_what_is_missing(family, judged):
    path = STUDY / "exercises" / f"{family}.py"
    results = judged(path)
    assert len(results) == sum(map(is_to_be_written, functions(path))), f"{family}: judged {sorted(results)}"
    for name, result in results.items():
        findings = result["report"]["findings"]
        assert result["verdict"] == "fail", f"{name} passes before it is written:\n{result['text']}"
        said = [finding["message"] for finding in findings if finding["cause"] in ("missing", "raises")]
        assert said, f"{name} is not told what is missing:\n{result['text']}"
        assert all("is missing" in words or "NotImplementedError: write" in words for words in said), said


FORGOTTEN = {
    "the sum": ("cotangent.sum(axis=0)", "cotangent", "bias_ct is not summed over axis 0: shape (3, 5) for (5,)"),
    "the transpose": ("@ kernel.T", "@ kernel", "on the inputs of EXAMPLES the backward of dense raised ValueError"),
}


@pytest.mark.parametrize("what", FORGOTTEN)
def test_what_a_learner_forgets_of_the_dense_layer_is_said(what, judged, tmp_path):
    right, wrong, words = FORGOTTEN[what]
    solution = (STUDY / "solutions" / "linear.py").read_text("utf-8")
    assert right in solution
    (tmp_path / "linear.py").write_text(solution.replace(right, wrong), "utf-8")
    result = judged(tmp_path / "linear.py")["dense"]
    assert words in (result.get("problem") or result["report"]["findings"][0]["message"])


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_a_solution_passes(family, judged):
    path = STUDY / "solutions" / f"{family}.py"
    results = judged(path)
    assert len(results) == sum(map(is_to_be_written, functions(path))), f"{family}: judged {sorted(results)}"
    wrong = {name: result.get("text", result.get("problem")) for name, result in results.items()
             if result.get("verdict") != "pass"}  # fmt: skip
    assert not wrong, "\n".join(f"{name}\n{text}" for name, text in wrong.items())


@pytest.mark.parametrize("family", FAMILIES)
def test_a_solution_changes_nothing_but_what_was_to_be_written(family):
    given, solved = (functions(STUDY / folder / f"{family}.py") for folder in ("exercises", "solutions"))
    assert list(given) == list(solved), f"{family}: other functions"
    for name in given:
        same = ast.dump(given[name]) == ast.dump(solved[name])
        assert same != is_to_be_written(name), f"{family}: {name} is {'unchanged' if same else 'changed'}"


def test_the_solution_of_the_network_learns():
    network = runpy.run_path(str(STUDY / "solutions" / "models.py"))
    first, later = (network["train"](steps=steps) for steps in (1, 60))
    assert later > 0.7 > first, f"accuracy after 1 step {first}, after 60 steps {later}"


def run_as_script(folder: Path, text: str) -> None:
    file = folder / "models.py"
    file.write_text(text, encoding="utf-8")
    runpy.run_path(str(file), run_name="__main__")


def test_the_finish_line_of_the_network_is_a_right_backward(tmp_path, capsys):
    """With the backward of relu left out it learns as well, or better, and is not finished."""
    solution = (STUDY / "solutions" / "models.py").read_text("utf-8").replace("steps=300", "steps=60")
    wrong = solution.replace("(images_ct,) = relu_bwd(relu_saved, active_ct)", "images_ct = active_ct")
    assert wrong != solution
    with pytest.raises(SystemExit, match=r"Not finished yet, though it learns(.|\n)*lacks the derivative of maximum"):
        run_as_script(tmp_path, wrong)
    (reached,) = re.findall(r"accuracy on test images: ([\d.]+)%", capsys.readouterr().out)
    assert float(reached) > 70, f"it does not even learn: {reached} %"
    run_as_script(tmp_path, solution)
    assert capsys.readouterr().out.endswith("Finished: it learns, and its backward is right.\n")


def test_an_unfinished_network_is_not_trained():
    network = runpy.run_path(str(STUDY / "exercises" / "models.py"))
    with pytest.raises(SystemExit, match="network_bwd is not finished"):
        network["train"](steps=1)


def test_the_command_names_the_argument_and_the_repair(capfd):
    status = cli.main([str(STUDY / "exercises" / "linear.py")])
    said = capfd.readouterr().out
    assert status == 1, said
    for gradient in ("x_ct", "kernel_ct", "bias_ct"):
        assert f"{gradient} is missing: None is returned for a floating argument" in said
    assert "repair: Compute the gradient of this argument and return it" in said
