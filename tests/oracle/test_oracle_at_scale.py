"""The table of costs at scale: every mistake found at its place, and the page in the repository is such a table."""

import pytest
from helpers import at_scale

CASES = list(at_scale.sized(quick=True))


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.split()[0])
def test_a_mistake_is_found_at_its_place_in_few_evaluations(case):
    row = at_scale.judged(case, gradcheck=False)
    assert row.located, str(row.report)
    assert row.report.forward_evaluations < at_scale.MOST
    assert row.cells()[0] == case.name


def test_a_row_whose_mistake_is_not_found_is_not_good():
    softmax = CASES[2]
    right = at_scale.judged(softmax, gradcheck=False)
    moved = at_scale.Row(at_scale.Large(**{**vars(softmax), "wrong": "y", "names": ("y",)}), right.report, 0.0, "")
    assert right.good
    assert not moved.good


def test_the_committed_table_has_every_case_and_no_count_above_the_promise():
    page = (at_scale.ROOT / "docs" / "oracle_at_scale.md").read_text("utf-8")
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| ") and "---" not in line][1:]
    assert [row[0].removeprefix("| ") for row in rows] == [case.name for case in at_scale.sized(quick=False)]
    assert all(int(row[3]) < at_scale.MOST and "not found" not in row[2] for row in rows)
