"""axe-core finds nothing on the pages of the study site, with every fold open. Each page is looked at in one of the
eight combinations of width, language and colours, in turn; with STUDY_AXE=all in the environment, in all of them, one
test a turn.
"""

import itertools
import os
from pathlib import Path

import pytest
from helpers.axe import axe_source, violations
from helpers.browser import chromium
from helpers.visitor import NARROW, WIDE, Visitor, pages

pytestmark = pytest.mark.slow
COMBINATIONS = list(itertools.product((WIDE, NARROW), ("ja", "en"), ("light", "dark")))
TURNS = range(len(COMBINATIONS) if os.environ.get("STUDY_AXE") == "all" else 1)


@pytest.mark.parametrize("turn", TURNS)
def test_axe_finds_nothing(site: Path, turn: int):
    source = axe_source()
    with chromium() as driver:
        visitor = Visitor(driver, site)
        for number, page in enumerate(pages(site)):
            visitor.open(page)
            visitor.run("document.querySelectorAll('details').forEach((one) => (one.open = true))")
            examine(visitor, source, *COMBINATIONS[(number + turn) % len(COMBINATIONS)])
        finds(visitor, source)
    assert not visitor.wrong, f"{len(visitor.wrong)} things are wrong:\n" + "\n".join(visitor.wrong)


def examine(visitor: Visitor, source: str, width: int, language: str, colours: str) -> None:
    visitor.resize(width)
    visitor.choose("language", language)
    visitor.choose("colours", colours)
    for sentence in violations(visitor.driver, source):
        visitor.note(f"{width} wide, {language}, {colours}: {sentence}")


def finds(visitor: Visitor, source: str) -> None:
    """The list of what search found, and what stands there when it found nothing."""
    visitor.open("index.html")
    box = visitor.driver.find_element("id", "search")
    box.click()
    if not visitor.awaited("Boolean(window.STUDY_INDEX)", True):
        visitor.note("the index of the search is not loaded")
    for typed in ("softmax", "qqqq"):
        box.clear()
        box.send_keys(typed)
        for sentence in violations(visitor.driver, source):
            visitor.note(f"{typed!r} is looked for: {sentence}")


SPOILED = """<!doctype html><html lang="ja"><meta charset="utf-8"><title>x</title><main><h1>x</h1>
<nav><a href="#a">a</a></nav><nav id="a"><a href="#b">b</a></nav><p id="b" style="color: #bbb">Faint</p><input>
<div style="width: 90px; overflow: auto; white-space: nowrap"><p>Wide enough to go beyond</p><p>Its end</p></div>
</main>"""


def test_axe_sees_what_is_wrong(tmp_path: Path):
    source = axe_source()
    (tmp_path / "index.html").write_text(SPOILED, encoding="utf-8")
    with chromium() as driver:
        visitor = Visitor(driver, tmp_path)
        visitor.open("index.html")
        told = "\n".join(violations(driver, source))
    for rule in ("landmark-unique", "scrollable-region-focusable", "color-contrast", "label"):
        assert f"axe: {rule} (" in told, f"axe says nothing of {rule}:\n{told}"
