"""The script that kills a run again and again; here it aims once at a save, for its page thirty times."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize("on", ["digits", pytest.param("text", marks=pytest.mark.thorough)])
def test_a_run_that_is_killed_ends_with_the_same_weights(on: str, tmp_path: Path) -> None:
    choices = ["--on", on, "--kills", "1", "--epochs", "2", "--latest", "0.2"]
    words = [sys.executable, str(ROOT / "scripts" / "kill_and_resume.py"), *choices]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 kills, " in done.stdout
    assert done.stdout.endswith("the final weights are the same, bit for bit\n")
