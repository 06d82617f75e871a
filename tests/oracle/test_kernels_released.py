"""The table of released mistakes in docs/kernels.md: every line is shown by a test or a kernel that is there."""

import re
from pathlib import Path

import pytest

from examples.kernels.mistakes import NAMED

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/kernels.md").read_text()
TABLE = PAGE.partition("## What was released")[2]
LINES = [line for line in TABLE.splitlines() if line.startswith("| ")]
ROWS = [line.strip("| ").split(" | ") for line in LINES[1:]]
BY = {"plain", "layouts", "sweep", "convention", "recording", "repeats", "accuracy"}
TESTS = "\n".join(path.read_text() for path in sorted((ROOT / "tests").rglob("*.py")) if path != Path(__file__))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_line_is_shown_by_what_is_there(row: list[str]):
    threads, _, by, shown = row[0], row[1], row[2], row[3].strip("`")
    assert by in BY
    if shown in NAMED:
        assert NAMED[shown].needs == by
    elif shown.startswith("tests/"):
        text = (ROOT / shown).read_text()
        assert all(_number(thread) in text for thread in threads.split(", "))
    else:
        assert re.search(rf"(def {re.escape(shown)}\(|^    {re.escape(shown)}: _subjects)", TESTS, re.MULTILINE)


def _number(thread: str) -> str:
    """`#355` or `PR871`, as the threads are cited everywhere."""
    return re.findall(r"(?:#|PR)\d+", thread)[0]


def test_every_thread_of_the_kernels_beside_the_page_stands_in_its_table():
    told = {number for row in ROWS for number in re.findall(r"(?:#|PR)\d+", row[0])}
    assert len(told) >= 27
    released = {mistake.released for mistake in NAMED.values() if mistake.needs != "plain"}
    assert {number for name in released for number in re.findall(r"(?:#|PR)\d+", name)} <= told
