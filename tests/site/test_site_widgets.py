"""The widgets of the study site, moved in a headless browser: their numbers are Python's, their pictures follow."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.widget_numbers import EXPECTED
from helpers.widget_page import MOVE, STATIC, WIDGETS, begin, compare, mounted, move, page

from scripts.study.pictures import PICTURES, differences, windows


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with mounted(tmp_path_factory.mktemp("widgets")) as running:
        yield running


EIGHT = ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw", "muon")

# Several controls at once; every control by itself, at its ends and between them, has a test of its own.
SETTINGS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in WIDGETS),
    *(("central_difference", {"f": f, "x": 2.25, "h": h}) for f in ("reciprocal", "cube") for h in (3, 12, 22)),
    ("descent", {"learning_rate": 1.1, "steps": 50}),
    *(("descent", {"surface": "valleys"} | s) for s in ({}, {"start_0": 4.0, "learning_rate": 1.1, "steps": 50})),
    ("temperature", {"temperature": 5, "score_0": -5, "score_3": 4.9}),
    *(
        ("boundary", s)
        for s in ({"w1": -3, "w2": 2.4, "b": 0.5}, {"w1": 0, "w2": 0}, {"w1": 2.6, "w2": -0.3, "b": -0.4})
    ),
    *(("sliding_window", s) for s in ({"stride": 2, "position": 5}, {"padding": 2, "stride": 3})),
    ("sliding_window", {"kernel_00": 2.25, "kernel_12": -3, "kernel_21": 1.5, "stride": 3}),
    *(("sliding_window", {"dimensions": "one"} | s) for s in ({}, {"stride": 3, "padding": 2, "kernel_11": -2.5})),
    *(("small_network", s) for s in ({"steps": 10, "learning_rate": 1}, {"x1": -2, "x2": 0, "target": -2})),
    *(("optimizers", {"left": one, "right": other}) for one, other in zip(EIGHT[::2], EIGHT[1::2], strict=True)),
    *(
        ("optimizers", {"left": one, "right": "muon", "surface": "valleys", "start_1": -1.25})
        for one in ("adamw", "nesterov")
    ),
    ("optimizers", {"left_rate": 10, "right": "momentum", "right_rate": 10, "surface": "valleys", "steps": 60}),
    *(("turning_direction", s) for s in ({"angle": 301, "x0": -2.1}, {"x0": 0, "x1": 0}, {"x0": -1, "x1": -1.8})),
    ("photograph", {"row": 45, "column": 0, "kernel_00": 2.25, "kernel_22": -3}),
    ("digit_network", {"target": 8, "pen_row": 6, "pen_column": 4}),
    ("small_network", {"w11": -1.5, "w12": 2, "w21": 0, "w22": -0.3, "b1": 1, "b2": -2, "v1": -1, "v2": 2, "c": -0.5}),
]


def spelled(value: Any) -> str:
    return value if isinstance(value, str) else ",".join(f"{k}={v}" for k, v in value.items()) or "first"


@pytest.mark.parametrize(("name", "settings"), SETTINGS, ids=spelled)
def test_the_numbers_are_those_of_python(browser, name: str, settings: dict[str, Any]):
    compare(browser, name, settings)


RANGES = """
const inputs = [...document.querySelectorAll(`[data-widget=${arguments[0]}] input`)];
return inputs.map(({ dataset, min, max, step }) => [dataset.control, Number(min), Number(max), Number(step)]);
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", WIDGETS)
def test_every_control_at_its_ends_and_between_gives_the_numbers_of_python(browser, name: str):
    begin(browser, name)
    ranges = browser.execute_script(RANGES, name)
    assert len(ranges) >= 2, f"{name}: {ranges}"
    for control, low, high, step in ranges:
        count = round((high - low) / step)
        for tick in (0, count // 3, count):
            value = low + step * tick
            compare(browser, name, {control: round(value) if step == 1 else round(value, 10)})


def test_every_quantity_is_compared(browser):
    for name in WIDGETS:
        shown, _ = move(browser, name, {})
        best = {"best_h_float32", "best_h_float64"} if name == "central_difference" else set()
        assert set(shown) - best == set(EXPECTED[name]()), f"{name}: what it shows and what is compared differ"


@pytest.mark.parametrize(("kind", "quantity"), [(np.float64, "best_h_float64"), (np.float32, "best_h_float32")])
def test_the_step_of_least_error_is_the_one_that_python_finds(browser, kind, quantity: str):
    steps = differences.steps()
    least = steps[int(np.nanargmin(differences.errors(differences.central, kind, 3.0, steps)))]
    assert move(browser, "central_difference", {})[0][quantity] == least


CONTROLS = """
const element = document.querySelector(`[data-widget=${arguments[0]}]`);
const [inputs, buttons] = ["input", "button[aria-pressed=false]"].map((kind) => [...element.querySelectorAll(kind)]);
const ranges = inputs.map((input) => [input.dataset.control, input.value === input.max ? input.min : input.max]);
return [...ranges, ...buttons.map((button) => [button.dataset.control, button.dataset.option])];
"""


@pytest.mark.parametrize("name", WIDGETS)
def test_every_control_changes_the_picture_and_the_numbers(browser, name: str):
    numbers, picture = move(browser, name, {})
    controls = browser.execute_script(CONTROLS, name)
    assert len(controls) >= 3, f"{name}: {controls}"
    for control, value in controls:
        # Where nothing is updated a learning rate has nothing to change.
        before = {"steps": 5} if (name, control) == ("small_network", "learning_rate") else {}
        first = move(browser, name, before) if before else (numbers, picture)
        after = move(browser, name, before | {control: value})
        assert after[1] != first[1], f"{name}: {control}={value} leaves the picture as it was"
        assert after[0] != first[0], f"{name}: {control}={value} leaves the numbers as they were"


def test_a_filter_to_try_sets_the_weights(browser):
    begin(browser, "sliding_window")
    browser.execute_script("document.querySelectorAll('[data-widget=sliding_window] [data-action]')[2].click()")
    shown, _ = browser.execute_script(MOVE, "sliding_window", {})
    assert [float(shown[f"out_{i}_{j}"]) for i in range(6) for j in range(6)] == windows.IMAGE.ravel().tolist()


@pytest.mark.parametrize("name", WIDGETS)
def test_controls_have_names_and_answer_the_keyboard(browser, name: str):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    begin(browser, name)
    element = browser.find_element(By.CSS_SELECTOR, f"[data-widget={name}]")
    for control in element.find_elements(By.CSS_SELECTOR, "input, button"):
        if control.is_displayed():
            assert control.accessible_name.strip(), f"{name}: {control.get_attribute('outerHTML')} has no name"
    slider = element.find_element(By.CSS_SELECTOR, "input[type=range]")
    before = element.find_element(By.CSS_SELECTOR, ".widget-picture svg").get_attribute("innerHTML")
    slider.send_keys(Keys.ARROW_LEFT)
    after = element.find_element(By.CSS_SELECTOR, ".widget-picture svg").get_attribute("innerHTML")
    assert before != after, f"{name}: the arrow key leaves the picture as it was"


LANGUAGES = """
const texts = (widget, language) => [...widget.querySelectorAll(`[lang=${language}]`)].map((each) => each.textContent);
return [...document.querySelectorAll(".widget")].map((w) => [w.dataset.widget, texts(w, "ja"), texts(w, "en")]);
"""


def test_both_languages_are_whole(browser):
    for name, japanese, english in browser.execute_script(LANGUAGES):
        assert len(japanese) == len(english) > 5, f"{name}: {len(japanese)} Japanese texts, {len(english)} English"
        assert all(text.strip() for text in japanese + english), f"{name}: a text is empty"
        mixed = [text for text in english if re.search("[\u3040-\u30ff\u4e00-\u9fff]", text)]
        assert not mixed, f"{name}: Japanese stands in English text: {mixed}"


def test_nothing_is_logged_and_nothing_of_the_page_before_is_left(browser):
    assert browser.get_log("browser") == []
    assert browser.execute_script("return document.body.innerText.includes('static')") is False


@pytest.mark.parametrize("name", WIDGETS)
def test_a_widget_has_a_static_picture(name: str):
    assert name in PICTURES, f"static/widgets/{name}.js needs a picture of the same name"


@pytest.mark.slow
def test_no_widget_asks_a_network():
    for file in (*STATIC.glob("*.js"), *(STATIC / "widgets").glob("*.js")):
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        # The editor asks the server that gave it out, on this machine, and nobody else.
        text = text.replace("fetch(desk + what", "") if file.name == "editor.js" else text
        assert not any(word in text for word in ("http://", "https://", "fetch(", "import(")), (
            f"{file.name} loads something"
        )


LETTERS = """
const wrong = [];
for (const svg of document.querySelectorAll("svg")) {
  const { widget, name = widget } = svg.closest("[data-name], [data-widget]").dataset;
  const edge = svg.getBoundingClientRect();
  const boxes = [...svg.querySelectorAll("text")].map((each) => [each.textContent, each.getBoundingClientRect()]);
  const seen = boxes.filter(([text, box]) => text.trim() && box.width > 0);
  seen.forEach(([text, box], i) => {
    const beyond = Math.max(edge.left - box.left, box.right - edge.right);
    const over = Math.max(edge.top - box.top, box.bottom - edge.bottom);
    if (beyond > 1 || over > 2) wrong.push(`${name}: ${text} leaves the picture`);
    for (const [other, next] of seen.slice(i + 1)) {
      const wide = Math.min(box.right, next.right) - Math.max(box.left, next.left);
      const high = Math.min(box.bottom, next.bottom) - Math.max(box.top, next.top);
      if (wide > 2 && high > 4) wrong.push(`${name}: ${text} lies on ${other}`);
    }
  });
}
return [document.querySelectorAll("svg").length, wrong];
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", WIDGETS)
def test_letters_stay_apart_at_the_ends_of_every_control(browser, name: str):
    begin(browser, name)
    for control, low, high, _ in browser.execute_script(RANGES, name):
        for value in (low, high):
            move(browser, name, {control: round(value, 10)})
            wrong = [one for one in browser.execute_script(LETTERS)[1] if one.startswith(f"{name}: ")]
            assert not wrong, f"{control}={value}: {wrong}"


TIPS = """
const stage = document.querySelector("[data-widget=turning_direction] .widget-picture svg");
const heads = [...stage.querySelectorAll("path")].filter((one) => one.getAttribute("fill")?.includes("series-4"));
return heads.map((one) => one.getAttribute("d").slice(1).split("L")[0].split(" ").map(Number));
"""


@pytest.mark.parametrize("x0", [-2.4, 2.4])
@pytest.mark.parametrize("x1", [-1.8, 1.8])
def test_the_tip_of_the_gradient_is_seen_wherever_the_point_is(browser, x0: float, x1: float):
    move(browser, "turning_direction", {"x0": x0, "x1": x1})
    tips = browser.execute_script(TIPS)
    assert tips, "no arrow is drawn"
    assert all(32 < left < 252 and 34 < top < 254 for left, top in tips), tips


@pytest.mark.slow
@pytest.mark.parametrize("language", ["ja", "en"])
def test_letters_stay_inside_their_picture_and_apart(browser, language: str, tmp_path: Path):
    drawn = "".join(f'<div data-name="{name}">{PICTURES[name](language)}</div>' for name in PICTURES)
    (tmp_path / "page.html").write_text(f'{page(language)}<div style="width: 700px">{drawn}</div>', encoding="utf-8")
    browser.get((tmp_path / "page.html").as_uri())
    count, wrong = browser.execute_script(LETTERS)
    assert count == len(PICTURES) + len(WIDGETS)
    assert not wrong, "\n".join(wrong)
