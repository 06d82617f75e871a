"""docs/oracle.md: every command and every line of Python in it runs, shows what it says, and every cause is explained.

Run as a program, this file writes the list of causes into the page.
"""

import re
import shlex
from pathlib import Path

import pytest

from reference.oracle import CAUSES
from reference.oracle.command import cli

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "oracle.md"
BEGIN, END = "<!-- causes: written by `python tests/test_oracle_docs.py` -->\n", "<!-- end of causes -->\n"


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)


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
            exec(compile(block, str(PAGE), "exec"), names)
    assert "report" in names


def causes_section():
    """The list of causes, grouped as in the vocabulary's own file."""
    toml = (ROOT / "reference" / "oracle" / "causes.toml").read_text("utf-8")
    lines = []
    for heading, name in re.findall(r"^# ([A-Z][^.:\n]*)[.:]|^\[(\w+)\]$", toml.partition("\n\n")[2], re.MULTILINE):
        lines += [f"\n### {heading}\n"] if heading else [f"- `{name}`: {CAUSES[name]}"]
    return "\n".join(lines).strip() + "\n"


def test_the_page_explains_every_cause_as_the_vocabulary_does():
    written = PAGE.read_text("utf-8").partition(BEGIN)[2].partition(END)[0].strip() + "\n"
    assert written == causes_section(), "run python tests/test_oracle_docs.py"


def test_every_cause_is_in_the_list():
    listed = re.findall(r"^- `(\w+)`: ", causes_section(), re.MULTILINE)
    assert listed == list(CAUSES)


def rewrite():
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{causes_section()}\n{END}{rest.partition(END)[2]}", "utf-8")


if __name__ == "__main__":
    rewrite()
