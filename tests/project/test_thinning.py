"""What `make test` leaves to `make test-all`, and that of everything something stays."""

from pathlib import Path

import pytest
from helpers import thinning

CONFTEST = """
from helpers import thinning

def pytest_addoption(parser):
    thinning.add_option(parser)

def pytest_collection_modifyitems(config, items):
    thinning.thin(config, items)
"""
GRID = """
import pytest

ROWS = [f"{op}-{case}" for op in ("conv", "dense", "relu") for case in range(6)]

@pytest.mark.one_in(3)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("row", ROWS)
def test_grid(row, dtype):
    pass

@pytest.mark.one_in(3)
@pytest.mark.parametrize("row", ROWS)
def test_rows(row):
    pass

@pytest.mark.one_in(2)
@pytest.mark.parametrize("name", ["first", "second", "third", "fourth"])
def test_names(name):
    pass

@pytest.mark.parametrize("size", [1, pytest.param(10**9, marks=pytest.mark.thorough)])
def test_sizes(size):
    pass

@pytest.mark.thorough
def test_all_of_it():
    pass

def test_alone():
    pass
"""


class Listener:
    """Which tests a run chose, and how many it says it left out."""

    def __init__(self) -> None:
        self.chosen: list[str] = []
        self.left_out = 0

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.chosen = [item.name for item in session.items]

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        self.left_out += len(items)


@pytest.fixture
def chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The tests of the file above that a run with these options chooses."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_grid.py").write_text(GRID)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n    one_in(n): some\n    thorough: left\n")
    monkeypatch.chdir(tmp_path)

    def run(*options: str, cell: str = "") -> Listener:
        listener = Listener()
        words = ["--collect-only", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--import-mode=importlib"]
        words += [f"test_grid.py{cell}", *options]
        assert pytest.main(words, plugins=[listener]) == pytest.ExitCode.OK
        return listener

    return run


def of(listener: Listener, test: str) -> list[str]:
    return [name for name in listener.chosen if name.startswith(f"{test}[")]


def test_of_a_grid_every_op_stays_with_every_dtype(chosen):
    listener = chosen()
    cells = of(listener, "test_grid")
    assert len(cells) == 12
    left = {(op, dtype) for op in ("conv", "dense", "relu") for dtype in ("f4", "f8")}
    assert {(name.split("[")[1].split("-")[0], name[-3:-1]) for name in cells} == left
    assert len(of(listener, "test_names")) == 2
    assert of(listener, "test_sizes") == ["test_sizes[1]"]
    assert "test_all_of_it" not in listener.chosen
    assert "test_alone" in listener.chosen
    assert len(listener.chosen) + listener.left_out == 36 + 18 + 4 + 2 + 1 + 1


def test_of_a_row_the_same_stays_wherever_it_is_asked_for(chosen):
    rows = of(chosen(), "test_rows")
    assert len(rows) == 6
    assert rows == of(chosen("-k", "test_rows"), "test_rows")


def test_one_in_one_is_everything(chosen):
    listener = chosen("--one-in", "1")
    assert (len(listener.chosen), listener.left_out) == (62, 0)


def test_one_in_more_thins_what_no_mark_does_and_leaves_one_of_each(chosen):
    listener = chosen("--one-in", "6")
    assert len(of(listener, "test_grid")) == 6
    assert len(of(listener, "test_names")) == 1
    assert "test_alone" in listener.chosen


def test_a_cell_that_is_asked_for_by_name_stays(chosen):
    for name in of(chosen("--one-in", "1"), "test_names"):
        assert chosen(cell=f"::{name}").chosen == [name]


@pytest.mark.parametrize(("asked", "drawn"), [(None, 5), (1, 15), (2, 5), (6, 3), (100, 1)])
def test_of_the_examples_that_hypothesis_draws_a_third_stays(asked, drawn, monkeypatch):
    monkeypatch.setattr(thinning, "_asked", asked)
    assert thinning.examples(15) == drawn


@pytest.mark.parametrize("word", ["0", "-1", "2.5", "x", ""])
def test_what_is_no_number_of_cells_is_refused(word: str):
    with pytest.raises(Exception, match="N must be a whole number from 1; got"):
        thinning.whole(word)
