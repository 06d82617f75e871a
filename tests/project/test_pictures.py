"""The pictures of README and pages: there, of modest size; the oracle's report is what it says today."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from scripts import take_pictures

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "pictures"


def without_numbers(text: str) -> list[str]:
    """Numbers and the width of columns differ from machine to machine."""
    return [" ".join(re.sub(r"-?\d+(\.\d+)?(e-?\d+)?", "#", line).split()) for line in text.splitlines()]


def shown(picture: Path) -> str:
    lines = ElementTree.fromstring(picture.read_text("utf-8")).findall("./{*}text/{*}tspan")
    return "\n".join("".join(line.itertext()) for line in lines)


def test_the_readme_and_the_pages_show_every_picture_and_no_other():
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    text = "\n".join(page.read_text("utf-8") for page in pages)
    pictures = set(re.findall(r"!\[[^]]+\]\((?:docs/)?pictures/([^)]+)\)", text))
    assert pictures == {file.name for file in FOLDER.iterdir()}


def test_pictures_are_small():
    assert {file.name: file.stat().st_size for file in FOLDER.iterdir() if file.stat().st_size > 100_000} == {}


def test_a_terminal_shows_command_and_output_as_they_are(tmp_path: Path):
    output = "fail: x_ct <lacks> a factor & more\n  x  WRONG\n"
    picture = tmp_path / "picture.svg"
    picture.write_text(take_pictures.terminal("check it", output), "utf-8")
    assert shown(picture) == f"$ check it\n{output}".rstrip()


@pytest.mark.slow
def test_the_report_is_what_the_oracle_says_today():
    said = take_pictures.said(take_pictures.REPORT, ROOT)
    picture = shown(FOLDER / "report.svg")
    assert without_numbers(picture) == without_numbers(f"$ {take_pictures.REPORT}\n{said.rstrip()}")
