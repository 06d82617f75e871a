"""The judge of submissions that nobody trusts: whatever they do instead of computing, they fail, and it is named."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.cheats import AROUND, BUILT_IN, CHEATS, RIGHT, Cheat, together

from reference.oracle.command import guard
from reference.oracle.judging.breaches import BREACHES
from reference.oracle.judging.document import as_dict
from reference.oracle.judging.judging import Judged, judge
from reference.oracle.judging.task import Task

# One input, so that each is quick; what needs more is asked for more.
TASK = Task("softmax", op="softmax", largest=1, checks=2, seconds_a_call=60.0, memory=1 << 30)
# On Linux alone memory is counted, and what a dead process has started is found.
ON_LINUX = {"takes all memory", "forks, and ends the process that watches"}
PAGE = Path(__file__).parents[2] / "docs" / "judge.md"


def judged(folder: Path, text: str, task: Task = TASK, seed: int = 0) -> Judged:
    path = folder / "kernel.py"
    path.write_text(text, "utf-8")
    before = guard.descendants(os.getpid())
    found = judge(task, path, seed)
    assert guard.descendants(os.getpid()) <= before, "nothing is left of the submission"
    return found


@pytest.mark.one_in(2)
@pytest.mark.parametrize("cheat", CHEATS, ids=lambda cheat: cheat.does)
def test_a_cheat_fails_and_is_named(tmp_path: Path, cheat: Cheat):
    if cheat.does in ON_LINUX and sys.platform != "linux":
        pytest.skip("the judge holds this off on Linux alone")
    task = replace(TASK, seconds_a_call=1.0) if cheat.cause == "too_slow" else TASK
    document = as_dict(judged(tmp_path, cheat.text, task))
    assert document["verdict"] == "fail"
    assert document["cause"] in (cheat.cause, cheat.or_else), document["message"]
    assert document["message"]


def test_what_a_cheat_does_around_it_is_named(tmp_path: Path):
    found = judged(tmp_path, together(AROUND), replace(TASK, checks=1))
    changed = "is not what it was before the submission ran"
    assert [(breach.name, breach.said) for breach in found.breaches] == [
        ("reads_the_judge", "line 32 uses gc.get_objects"),
        ("reads_the_judge", "line 35 uses sys._getframe"),
        ("patches_globals", f"reference.oracle {changed}"),
        ("patches_globals", f"numpy.allclose {changed}"),
        ("reads_the_judge", "reference was imported"),
    ]
    assert as_dict(found)["cause"] == "reads_the_judge"


@pytest.mark.slow
@pytest.mark.one_in(3)
@pytest.mark.parametrize("cheat", BUILT_IN, ids=lambda cheat: cheat.does)
def test_what_is_right_where_it_is_shown_fails_elsewhere(tmp_path: Path, cheat: Cheat):
    document = as_dict(judged(tmp_path, cheat.text, replace(TASK, largest=9, checks=60)))
    assert (document["verdict"], document["cause"]) == ("fail", cheat.cause), document["message"]
    assert document["regime"]


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)])
def test_right_code_passes(tmp_path: Path, seed: int):
    document = as_dict(judged(tmp_path, RIGHT, replace(TASK, checks=6), seed))
    assert document["verdict"] == "pass", document
    assert (document["breaches"], document["cause"]) == ([], None)
    assert document["time"]["forward_seconds"] > 0
    assert document["dtypes"][0]["accuracy_class"] in ("right", "as accurate as can be")


def test_every_cheat_and_every_breach_stands_on_the_page():
    page = " ".join(PAGE.read_text("utf-8").split())
    assert not [
        cheat.does for cheat in (*CHEATS, *AROUND, *BUILT_IN) if f"| {cheat.does} | `{cheat.cause}`" not in page
    ]
    assert not [name for name in BREACHES if f"`{name}`" not in page]
