"""What a widget is set to and shows, against Python's numbers."""

import time
from collections.abc import Callable
from typing import Any

from helpers.widget_numbers import EXPECTED
from helpers.widget_page import differs

# Everything that a widget is set to, drawing included, and every number that it shows.
STATE = """
const element = document.querySelector(`[data-widget=${arguments[0]}]`);
const settings = {}, numbers = {};
for (const input of element.querySelectorAll("input")) settings[input.dataset.control] = Number(input.value);
for (const { dataset } of element.querySelectorAll("button[aria-pressed=true]"))
  settings[dataset.control] = dataset.option;
const link = element.querySelector(".widget-link");
const pixels = new URLSearchParams(link.hash.slice(1)).get("pixels");
if (pixels) settings.pixels = pixels;
for (const { dataset } of element.querySelectorAll("[data-quantity]")) numbers[dataset.quantity] = dataset.value;
return {settings, numbers, hash: link.hash, note: element.querySelector(".widget-note").innerText};
"""


def state(browser: Any, name: str) -> dict[str, Any]:
    return browser.execute_script(STATE, name)


def right_settings(browser: Any, name: str) -> dict[str, Any]:
    """The settings of a widget, once its numbers are found to be Python's."""
    now = state(browser, name)
    shown = {key: None if text == "" else float(text) for key, text in now["numbers"].items()}
    wrong = differs(shown, EXPECTED[name](**now["settings"]))
    assert not wrong, f"{name} {now['settings']}: {wrong}"
    return now["settings"]


def awaited(true: Callable[[], bool]) -> bool:
    for _ in range(200):
        if true():
            return True
        time.sleep(0.1)
    return False
