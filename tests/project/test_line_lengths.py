"""No line of text or code is longer than 120 characters, tables included."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MOST = 120
# Data and pictures; what a program wrote for programs.
DATA = (".ipynb", ".json", ".jsonl", ".lock", ".png", ".svg")


def texts() -> list[Path]:
    """Every file that git knows or would take up, but for data."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode:
        pytest.skip("not a clone")
    names = sorted(set(listed.stdout.splitlines()))
    return [ROOT / name for name in names if not name.endswith(DATA) and (ROOT / name).is_file()]


def too_long(text: str) -> list[int]:
    """The numbers of the lines that are too long."""
    return [number for number, line in enumerate(text.splitlines(), 1) if len(line) > MOST]


def test_a_long_line_is_noticed():
    assert too_long(f"{'a' * MOST}\n{'a' * (MOST + 1)}\nb") == [2]


def test_no_line_is_too_long():
    found = {str(file.relative_to(ROOT)): too_long(file.read_text("utf-8")) for file in texts()}
    assert {name: lines for name, lines in found.items() if lines} == {}
