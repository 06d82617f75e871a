"""The oracle's pages: their commands and Python run and show what they say, and every cause is explained.

Run as a program, this file writes docs/causes.md.
"""

import re
import shlex
import textwrap
from pathlib import Path

import pytest

from reference.oracle import CAUSES
from reference.oracle.command import cli

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "docs" / name for name in ("oracle.md", "command.md")]
CAUSES_PAGE = ROOT / "docs" / "causes.md"
INTRODUCTION = """\
# Causes

Every cause that a finding of [the oracle](oracle.md) can name: what is wrong, how to mend it, and where the mistake
was reported in public. Written by `python tests/oracle/test_oracle_docs.py` from `reference/oracle/causes.toml`.
"""


def blocks(language):
    text = "\n".join(page.read_text("utf-8") for page in PAGES)
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def commands():
    """Every command of the page, with the lines that the page shows of its output."""
    found = []
    for block in blocks("console"):
        for part in block.split("$ ")[1:]:
            command, *shown = part.rstrip("\n").split("\n")
            found.append((command, [line for line in shown if line]))
    return found


def without_numbers(line):
    """Numbers differ from machine to machine, and with them the columns; the words do not."""
    return " ".join(re.sub(r"-?\d+(\.\d+)?(e-?\d+)?", "#", line).split())


@pytest.mark.slow
@pytest.mark.parametrize(("command", "shown"), commands(), ids=[command for command, _ in commands()])
def test_a_command_prints_what_the_page_shows(command, shown, monkeypatch, capfd, tmp_path):
    monkeypatch.chdir(ROOT)
    program, check, *arguments = shlex.split(command.replace("page.html", str(tmp_path / "page.html")))
    assert (program, check) == ("functional-nn", "check")
    status = cli.main(arguments)
    printed = capfd.readouterr().out
    lines = [without_numbers(line) for line in printed.splitlines()]
    missing = [line for line in shown if not any(has.startswith(without_numbers(line)) for has in lines)]
    assert not missing, f"not printed: {missing}\nprinted:\n{printed}"
    assert status == int("broken.py" in command)


def test_the_python_of_the_page_runs():
    names: dict[str, object] = {}
    for block in blocks("python"):
        if "EXAMPLES" not in block:
            exec(compile(block, "docs/oracle.md", "exec"), names)
    assert "report" in names


def causes_page():
    """The list of causes, grouped as in the vocabulary's own file."""
    toml = (ROOT / "reference" / "oracle" / "causes.toml").read_text("utf-8")
    lines = [INTRODUCTION]
    for heading, name in re.findall(r"^# ([A-Z][^.:\n]*)[.:]|^\[(\w+)\]$", toml.partition("\n\n")[2], re.MULTILINE):
        lines += [f"## {heading}\n"] if heading else [explained(name)]
    return re.sub(r"\n(?=## )", "\n\n", "\n".join(lines)).replace("\n\n\n", "\n\n") + "\n"


def explained(name):
    text = f"- `{name}`: {CAUSES[name]}"
    return textwrap.fill(text, 118, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def test_the_page_explains_every_cause_as_the_vocabulary_does():
    assert CAUSES_PAGE.read_text("utf-8") == causes_page(), "run python tests/oracle/test_oracle_docs.py"


def test_every_cause_is_in_the_list():
    listed = re.findall(r"^- `(\w+)`: ", causes_page(), re.MULTILINE)
    assert listed == list(CAUSES)


if __name__ == "__main__":
    CAUSES_PAGE.write_text(causes_page(), "utf-8")
