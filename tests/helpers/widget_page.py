"""A page with every widget on it, in a headless browser, and what it shows against Python's numbers."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.browser import chromium
from helpers.widget_numbers import EXPECTED

from scripts.study.widget_files import COMPUTED, SHARED, data_script

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
STATIC = SCRIPTS / "study" / "static"
WIDGETS = sorted(path.stem for path in (STATIC / "widgets").glob("*.js"))

MOVE = """
const [name, settings] = arguments;
const element = document.querySelector(`[data-widget=${name}]`);
for (const [control, value] of Object.entries(settings)) {
  const input = element.querySelector(`input[data-control=${control}]`);
  if (!input) {
    element.querySelector(`button[data-control=${control}][data-option=${value}]`).click();
    continue;
  }
  input.value = value;
  if (Number(input.value) !== Number(value)) throw new Error(`${control} cannot be ${value}`);
  input.dispatchEvent(new Event("input"));
}
const numbers = {};
for (const { dataset } of element.querySelectorAll("[data-quantity]")) numbers[dataset.quantity] = dataset.value;
return [numbers, element.querySelector(".widget-picture svg").innerHTML];
"""


def page(language: str = "en") -> str:
    """Every widget on a page of its own, with the site's scripts and styles."""
    shared, own = SHARED, [f"widgets/{name}.js" for name in WIDGETS]
    first, last = (
        "".join(f'<script src="{(STATIC / file).as_uri()}"></script>' for file in files) for files in (shared, own)
    )
    scripts = first + "".join(f"<script>{data_script(name)}</script>" for name in COMPUTED) + last
    styles = "".join(
        f'<link rel="stylesheet" href="{(STATIC / file).as_uri()}">' for file in ("site.css", "widgets.css")
    )
    places = "".join(f'<div class="widget" data-widget="{name}">static</div>' for name in WIDGETS)
    head = f'<!doctype html><html lang="{language}" data-language="{language}"><meta charset="utf-8">'
    return f"{head}{styles}{scripts}<body>{places}"


@contextmanager
def mounted(folder: Path) -> Iterator[Any]:
    """One headless chromium with all widgets mounted."""
    with chromium() as running:
        running.set_window_size(1200, 3000)
        file = folder / "page.html"
        file.write_text(page(), encoding="utf-8")
        running.get(file.as_uri())
        yield running


def begin(browser: Any, name: str) -> None:
    """Mount a widget anew, with its first setting."""
    browser.execute_script(
        "const e = document.querySelector(`[data-widget=${arguments[0]}]`);"
        "delete e.dataset.mounted; widgets.mountAll(e.parentElement);",
        name,
    )


def move(browser: Any, name: str, settings: dict[str, Any]) -> tuple[dict[str, float | None], str]:
    """The numbers and the picture of a freshly mounted widget after these controls were moved, in this order."""
    begin(browser, name)
    numbers, picture = browser.execute_script(MOVE, name, settings)
    return {key: None if text == "" else float(text) for key, text in numbers.items()}, picture


def differs(shown: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    """What a widget shows otherwise than Python has it."""
    wrong = [f"{quantity} is not shown" for quantity in sorted(set(expected) - set(shown))]
    for quantity, value in expected.items():
        got = shown.get(quantity)
        if value is None or np.isnan(value):
            right = got is None or np.isnan(got)
        else:
            # Relative, so that an error of 1e-11 must be right too; 1e-12 for what is 0 but for rounding.
            right = got is not None and got == pytest.approx(float(value), rel=1e-6, abs=1e-12)
        if not right:
            wrong.append(f"{quantity} is {got}; Python has {value}")
    return wrong


def compare(browser: Any, name: str, settings: dict[str, Any]) -> None:
    """Every number that the widget shows at these settings against Python's."""
    shown, _ = move(browser, name, settings)
    wrong = differs(shown, EXPECTED[name](**settings))
    assert not wrong, f"{name} {settings}: {wrong}"
