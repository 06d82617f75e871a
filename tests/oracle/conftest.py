"""What tests of the oracle are given: files as somebody wrote them, loaded here, and the command that judges them."""

import sys
from functools import partial

import pytest
from helpers.oracle_command import forgotten, judge_here, planted, run_check, written

from reference.oracle.command.importing import load
from reference.oracle.reading.discover import find


@pytest.fixture
def tree(tmp_path):
    """Files, given by path and text, or the text of one, in a folder that looks like a repository; one is loaded."""

    def make(files, name=None):
        first = planted(tmp_path / "repository", files if isinstance(files, dict) else {"net.py": files})
        return load(tmp_path / "repository" / name if name else first)

    with forgotten():
        yield make


@pytest.fixture
def loaded(tmp_path, monkeypatch):
    """A module from text, in this process."""

    def make(text, name="loaded_by_a_test.py"):
        monkeypatch.delitem(sys.modules, "loaded_by_a_test", raising=False)
        return load(written(tmp_path, text, name)).module

    with forgotten():
        yield make


@pytest.fixture
def repository(tmp_path):
    """Files written into a repository, and what is found in one of them."""
    with forgotten():
        yield lambda files, name="gate.py": find(load(planted(tmp_path, files).with_name(name)).module)


@pytest.fixture
def check(capfd, monkeypatch):
    """The command, which judges in this process."""
    judge_here(monkeypatch)
    return partial(run_check, capfd)
