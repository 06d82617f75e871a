"""The conventions that people write in: of each file in conventions/, every subject passes, and none with its mistake.

A subject's mistake stands above the line that it replaces: `# wrong NAME ARGUMENT [causes]: the wrong line`; what it is
but right, if anything, in a comment: `# right NAME, but ...`. Whatever is found in a file must have a mistake.
"""

import functools
import re
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from helpers.oracle_command import forgotten

from reference.oracle.command.importing import load
from reference.oracle.command.worker import judge_file
from reference.oracle.reading.discover import find
from reference.oracle.reading.readings import readings
from reference.oracle.reading.scenes import scenes
from reference.oracle.reading.settle import settling

FOLDER = Path(__file__).parents[1] / "conventions"
WRONG = re.compile(r"( *)# wrong (\S+) (\S+) \[([\w ]+)\]: (.*)\n.*")
BUT = re.compile(r"# right (\S+), but (.*)")


class Mistake(NamedTuple):
    """One wrong line instead of a right one."""

    argument: str
    causes: list[str]


def mistakes(text: str) -> dict[str, Mistake]:
    """The mistake of each subject of a file."""
    return {name: Mistake(argument, causes.split()) for _, name, argument, causes, _ in WRONG.findall(text)}


def text_of(stem: str) -> str:
    return (FOLDER / f"{stem}.py").read_text("utf-8")


SUBJECTS = [(path.stem, name) for path in sorted(FOLDER.glob("*.py")) for name in mistakes(text_of(path.stem))]
# Of these the mistakes take long, and are made in other files as well; the right subjects are judged always.
SLOW = ("networks", "torch_functions", "torch_pairs")


def of_each_subject(*slow: str):
    """One test a subject; of these files only in `make test-all`."""
    marked = {stem: [pytest.mark.slow, pytest.mark.thorough] if stem in slow else [] for stem, _ in SUBJECTS}
    rows = [pytest.param(stem, name, id=f"{stem}-{name}", marks=marked[stem]) for stem, name in SUBJECTS]
    return pytest.mark.parametrize(("stem", "name"), rows)


@functools.cache
def judged(stem: str, wrong: bool, name: str | None = None) -> dict[str, dict[str, Any]]:
    """Every result of a file by name, or of one subject, judged once; with all its mistakes, or as it stands."""
    if stem.startswith("torch_"):
        # Where arrays are this small, its threads wait for each other and do nothing else.
        pytest.importorskip("torch").set_num_threads(1)
    text = text_of(stem)
    results: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder, forgotten():
        file = Path(folder) / f"{stem}.py"
        file.write_text(WRONG.sub(r"\1\5", text) if wrong else text, "utf-8")
        job = {"file": str(file), "name": name, "op": None, "statics": None, "seeds": [0], "grade": False}
        judge_file({**job, "rich": False, "html": False, "width": 80}, results.append)
    return {result.get("name", ""): result for result in results if {"verdict", "problem"} & set(result)}


def said(stem: str, name: str, wrong: bool) -> dict[str, Any]:
    results = judged(stem, wrong, name if wrong else None)
    assert name in results, f"conventions/{stem}.py: {name} was not found, only {', '.join(results)}: {results}"
    assert "verdict" in results[name], f"conventions/{stem}.py: {name} was not judged: {results[name]['problem']}"
    return results[name]


@of_each_subject()
def test_the_right_subject_is_right(stem, name):
    result = said(stem, name, wrong=False)
    but = dict(BUT.findall(text_of(stem))).get(name)
    assert result["verdict"] == "pass", result["text"]
    assert result["report"]["status"] == (f"right, but {but}" if but else "right"), result["text"]
    assert mistakes(text_of(stem))[name].argument in {a["name"] for a in result["report"]["arguments"]}, result["text"]


@pytest.mark.one_in(3)
@of_each_subject(*SLOW)
def test_the_mistake_is_named(stem, name):
    result, mistake = said(stem, name, wrong=True), mistakes(text_of(stem))[name]
    assert result["verdict"] == "fail", f"{name} passes with its mistake:\n{result.get('text')}"
    first = result["report"]["findings"][0]
    assert first["argument"] == mistake.argument, result["text"]
    assert first["cause"] in mistake.causes, result["text"]


@pytest.mark.parametrize("stem", sorted({stem for stem, _ in SUBJECTS}))
def test_nothing_else_is_listed(stem):
    assert set(judged(stem, False)) == set(mistakes(text_of(stem)))


def test_the_lines_that_settle_a_module_of_one_layer_run(tmp_path):
    with forgotten():
        (found,) = find(load(FOLDER / "layer_struct.py").module)
        reading = next(reading for scene in scenes(0) for reading in readings(found, scene, []))
        namespace: dict[str, Any] = {}
        exec(f"{text_of('layer_struct')}\n{settling(found, reading)}", namespace)
    out, pullback = namespace["layer_struct_vjp"](*namespace["EXAMPLES"]["layer_struct_vjp"])
    assert pullback(out).shape == reading.primals[0].shape
