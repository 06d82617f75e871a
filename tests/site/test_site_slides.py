"""The slides of a page in headless chromium: keys move, nothing sticks out, and each has its own sheet on paper."""

import base64
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.browser import chromium
from helpers.study_site import SIGMOID, small_study, spoil

from scripts.study import site

pytestmark = pytest.mark.slow
WIDTH, HEIGHT = 1280, 720
# As WebDriver writes keys.
LEFT, UP, RIGHT, PAGE_DOWN, END, HOME = "\ue012", "\ue013", "\ue014", "\ue00f", "\ue010", "\ue011"
LARGE = """
return [...document.querySelectorAll(".slide")].flatMap((slide, number) => {
  const out = [...slide.querySelectorAll("*")].filter((one) => one.getBoundingClientRect().right > innerWidth + 1);
  return slide.scrollHeight > innerHeight + 1 || out.length ? [number + 1] : [];
});
"""
PICTURE = '\n[[pictures]]\nname = "sigmoid_saturation"\nalt = {ja = "図", en = "A curve"}\n'


@pytest.fixture(scope="module")
def deck(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A browser on the slides of the small page on sigmoid, which has a picture."""
    order = small_study(tmp_path_factory.mktemp("slides"))
    spoil(order.folder, SIGMOID, "\n[[values]]", PICTURE + "\n[[values]]")
    site.build(replace(order, slides=True))
    with chromium() as driver:
        size = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        driver.get((Path(order.output) / "slides-sigmoid.html").as_uri())
        yield driver


def place(deck: Any) -> tuple[str, int]:
    return tuple(deck.execute_script("return [document.querySelector('.place').textContent, Math.round(scrollY)]"))


def test_keys_move_from_slide_to_slide(deck: Any):
    count = deck.execute_script("return document.querySelectorAll('.slide').length")
    body = deck.find_element("tag name", "body")
    for key, number in (
        (RIGHT, 2),
        (" ", 3),
        (PAGE_DOWN, 4),
        (LEFT, 3),
        (END, count),
        (RIGHT, count),
        (HOME, 1),
        (UP, 1),
    ):
        body.send_keys(key)
        assert place(deck) == (f"{number} / {count}", (number - 1) * HEIGHT)


@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_slide_fits_and_has_a_sheet_of_its_own(deck: Any, language: str):
    deck.execute_script(f"document.querySelector('label[for=language-{language}]').click()")
    assert deck.execute_script(LARGE) == [], "these slides are larger than the window"
    count = deck.execute_script("return document.querySelectorAll('.slide').length")
    wanted = {"preferCSSPageSize": True, "printBackground": True}
    printed = base64.b64decode(deck.execute_cdp_cmd("Page.printToPDF", wanted)["data"])
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == count
    assert not [entry["message"] for entry in deck.get_log("browser")]
