"""docs/kernels.md, command by command, as somebody would who has just installed the package."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "kernels.md").read_text()
# The command that the page shows, and the beginning of its answer that it shows.
COMMAND, ANSWER = re.findall(r"```console\n\$ functional-nn ([^\n]*)\n(.*?)```", PAGE, re.DOTALL)[0]
KERNEL = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0]
MENDED = re.findall(r"```text\n(    tl\.store.*\n)```", PAGE)[0]


def answered(folder: Path, code: str) -> str:
    """What the page's command says of a kernel."""
    if not all(map(importlib.util.find_spec, ("torch", "triton"))):
        pytest.skip("PyTorch or Triton is not installed")
    (folder / "my_softmax.py").write_text(code)
    # Nobody has told Triton to interpret.
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    environment["PYTHONPATH"] = str(ROOT)
    words = [sys.executable, "-m", "functional_nn.cli", *COMMAND.split()]
    run = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return run.stdout + run.stderr


@pytest.mark.slow
def test_the_first_mistake_has_the_name_that_the_page_says(tmp_path: Path):
    assert answered(tmp_path, KERNEL).startswith(ANSWER)


@pytest.mark.slow
@pytest.mark.thorough
def test_the_mended_kernel_is_right(tmp_path: Path):
    lines = KERNEL.splitlines(keepends=True)
    wrong = next(number for number, line in enumerate(lines) if "p * (1 - p) * upstream" in line)
    mended = "".join([*lines[:wrong], MENDED, *lines[wrong + 1 :]])
    assert "1 right, 0 wrong, 0 could not be judged." in answered(tmp_path, mended)
