"""The notebooks: those that stand in docs/notebooks are the exercises', every cell runs, and the check is inside."""

import json
from pathlib import Path

import pytest

from scripts import build_notebooks
from scripts.study import notebooks
from scripts.study.refusal import Refusal

ROOT = Path(__file__).parents[2]
EXERCISES, SOLUTIONS = (ROOT / "docs" / "study" / folder for folder in ("exercises", "solutions"))
NOTEBOOKS = ROOT / "docs" / "notebooks"
FAMILIES = sorted(file.stem for file in EXERCISES.glob("*.py"))


def test_the_notebooks_are_those_of_the_exercises(tmp_path):
    made = {file.name: file.read_text(encoding="utf-8") for file in notebooks.build(EXERCISES, tmp_path)}
    kept = {file.name: file.read_text(encoding="utf-8") for file in NOTEBOOKS.iterdir()}
    assert kept == made, "docs/notebooks is not what scripts/build_notebooks.py writes"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_notebook_holds_the_whole_exercise_once(family):
    source = (EXERCISES / f"{family}.py").read_text(encoding="utf-8")
    whole = json.loads((NOTEBOOKS / f"{family}.ipynb").read_text(encoding="utf-8"))
    code = ["".join(cell["source"]) for cell in whole["cells"] if cell["cell_type"] == "code"]
    lines = [line for cell in code for line in cell.splitlines() if line.strip()]
    for line in source.split('"""\n', 1)[1].partition("\nif __name__")[0].splitlines():
        assert lines.count(line) == source.splitlines().count(line) or not line.strip(), f"{family}: {line!r}"
    assert len({cell["id"] for cell in whole["cells"]}) == len(whole["cells"])
    checks = [cell for cell in code if cell.startswith("check(")]
    assert len(checks) == len(notebooks.TO_WRITE.findall(source)) == len(set(checks))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_cell_runs_and_says_what_is_missing(family):
    said = [text for text in notebooks.run(NOTEBOOKS / f"{family}.ipynb") if text]
    assert said
    for text in said:
        assert text.startswith(("fail: ", "First its backward must be right")), text
        assert "is missing" in text or "NotImplementedError: write" in text or text.startswith("First"), text


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_the_check_inside_passes_what_is_right(family, tmp_path):
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / f"{family}.py").write_text((SOLUTIONS / f"{family}.py").read_text("utf-8"), "utf-8")
    (made,) = notebooks.build(tmp_path / "given", tmp_path)
    said = [text for text in notebooks.run(made) if text]
    assert all(text.startswith(("pass: ", "step 0: loss")) for text in said), said
    if family == "models":
        assert said[-1].endswith("Finished: it learns, and its backward is right.\n")


SPOILED = (
    '"""Title.\n\nWords.\n"""\n\nimport numpy as np\n\n\ndef f_fwd(x):\n    return x, ()\n\n\nnothing = np.nothing\n'
)


def test_a_cell_that_fails_stops_the_build_with_its_line(tmp_path):
    (tmp_path / "spoiled.py").write_text(SPOILED)
    (made,) = notebooks.build(tmp_path, tmp_path)
    with pytest.raises(Refusal, match=r"^spoiled\.ipynb: cell 3, line 8: AttributeError: module 'numpy' has no"):
        notebooks.run(made)


def test_a_cell_that_is_no_python_stops_the_build_with_its_line(tmp_path):
    cells = [("markdown", "# Title"), ("code", "x = 1\ny = (")]
    (tmp_path / "spoiled.ipynb").write_text(notebooks.notebook(cells, "spoiled"))
    with pytest.raises(Refusal, match=r"^spoiled\.ipynb: cell 2, line 2: SyntaxError: "):
        notebooks.run(tmp_path / "spoiled.ipynb")


def test_the_command_says_which_cell_failed(tmp_path, monkeypatch, capsys):
    (tmp_path / "docs" / "study" / "exercises").mkdir(parents=True)
    (tmp_path / "docs" / "study" / "exercises" / "spoiled.py").write_text(SPOILED)
    monkeypatch.setattr(build_notebooks, "ROOT", tmp_path)
    assert build_notebooks.main(["--output", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.startswith("build_notebooks: spoiled.ipynb: cell 3, line 8: AttributeError")
