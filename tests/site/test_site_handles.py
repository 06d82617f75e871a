"""What is taken hold of in the widgets: handles by mouse and by keys, and links that keep the settings."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from helpers.widget_page import WIDGETS, begin, mounted, move
from helpers.widget_state import awaited, right_settings, state


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with mounted(tmp_path_factory.mktemp("handles")) as running:
        yield running


def handles(browser: Any, name: str) -> list[Any]:
    begin(browser, name)
    seen = "document.querySelector(`[data-widget=${arguments[0]}] .widget-picture`)"
    browser.execute_script(f"{seen}.scrollIntoView({{block: 'center', behavior: 'instant'}})", name)
    return browser.find_elements("css selector", f"[data-widget={name}] .handle")


@pytest.mark.parametrize("name", WIDGETS)
def test_handles_are_dragged(browser, name: str):
    from selenium.webdriver import ActionChains

    found = handles(browser, name)
    assert found, f"{name} has nothing to take hold of"
    for handle in found:
        before, called = state(browser, name)["settings"], handle.get_attribute("data-handle")
        ActionChains(browser, duration=20).click_and_hold(handle).move_by_offset(45, -35).release().perform()
        after = right_settings(browser, name)
        assert after != before, f"{name}: dragging {called} changes nothing"
        ActionChains(browser, duration=20).move_by_offset(-20, -20).perform()
        let_go = state(browser, name)["settings"]
        if name != "photograph":  # there the window follows the pointer without a press
            assert let_go == after, f"{name}: {called} follows the pointer after it was let go"


@pytest.mark.parametrize("name", WIDGETS)
def test_handles_are_dragged_by_a_finger(browser, name: str):
    """A browser that takes the finger's way for scrolling tells so by a pointercancel, and the handle stays behind."""
    browser.execute_script("window.taken = 0; addEventListener('pointercancel', () => taken++, true)")
    for handle in handles(browser, name):
        before, called = state(browser, name)["settings"], handle.get_attribute("data-handle")
        finger(browser, handle, (45, -35))
        assert right_settings(browser, name) != before, f"{name}: a finger does not move {called}"
        assert browser.execute_script("return window.taken") == 0, f"{name}: the page scrolls in place of {called}"


def finger(browser: Any, handle: Any, way: tuple[int, int]) -> None:
    """One finger on the handle, moved in steps, as a hand does, and lifted."""
    from selenium.webdriver.common.actions import interaction
    from selenium.webdriver.common.actions.action_builder import ActionBuilder
    from selenium.webdriver.common.actions.pointer_input import PointerInput

    actions = ActionBuilder(browser, mouse=PointerInput(interaction.POINTER_TOUCH, "finger"), duration=20)
    touch = actions.pointer_action.move_to(handle).pointer_down()
    for part in range(1, 6):
        touch.move_to(handle, *(part * side // 5 for side in way))
    touch.pointer_up()
    actions.perform()


@pytest.mark.parametrize("name", WIDGETS)
def test_a_handle_that_loses_the_pointer_is_let_go(browser, name: str):
    """As when the page is resized while a handle is held: the browser takes the pointer away without a pointerup."""
    from selenium.webdriver import ActionChains

    for handle in handles(browser, name):
        called = f"{name}: {handle.get_attribute('data-handle')}"
        browser.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", handle)
        ActionChains(browser, duration=20).click_and_hold(handle).move_by_offset(10, -10).perform()
        try:
            size = {"width": 800, "height": 1400, "deviceScaleFactor": 1, "mobile": False}
            browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            browser.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", handle)
            picture = browser.find_element("css selector", f"[data-widget={name}] .widget-picture")
            ActionChains(browser, duration=20).move_to_element(picture).release().perform()
            before = right_settings(browser, name)
            ActionChains(browser, duration=20).move_to_element(handle).move_by_offset(8, 8).perform()
            if name != "photograph":  # there the window follows the pointer without a press
                assert right_settings(browser, name) == before, f"{called} follows a pointer that holds nothing"
        finally:
            browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize("name", WIDGETS)
def test_handles_are_sliders_that_keys_move(browser, name: str):
    from selenium.webdriver.common.keys import Keys

    for handle in handles(browser, name):
        called = f"{name}: {handle.get_attribute('data-handle')}"
        assert handle.aria_role == "slider", called
        assert handle.accessible_name.strip(), f"{called} has no name"
        low, now, high = (float(handle.get_attribute(f"aria-value{which}")) for which in ("min", "now", "max"))
        assert low <= now <= high, called
        settings = [state(browser, name)["settings"]]
        for key in (Keys.ARROW_RIGHT, Keys.ARROW_UP, Keys.ARROW_LEFT, Keys.ARROW_DOWN):
            handle.send_keys(key)
            settings.append(right_settings(browser, name))
            assert settings[-1] != settings[-2], f"{called}: arrow key {len(settings) - 1} of right, up, left, down"
            told = handle.get_attribute("aria-valuetext")
            assert told.strip(), f"{called} does not say where it is"
            assert "undefined" not in told, f"{called} says {told!r}"
        assert settings[-1] == settings[0], f"{called}: there and back again is somewhere else"
        handle.send_keys(Keys.HOME)
        assert float(handle.get_attribute("aria-valuenow")) == low, f"{called}: Home does not lead to the least value"


def test_no_control_stands_inside_an_image(browser):
    inside = "return [...document.querySelectorAll('[role=img] [tabindex], [role=img] [role]')].length"
    assert browser.execute_script(inside) == 0


MOVED = """
const element = document.querySelector(`[data-widget=${arguments[0]}]`);
for (const input of element.querySelectorAll("input")) {
  input.value = Number(input.max) - 2 * Number(input.step);
  input.dispatchEvent(new Event("input"));
}
element.querySelector("button[aria-pressed=false], [data-action]")?.click();
"""


@pytest.mark.parametrize("name", WIDGETS)
def test_a_link_keeps_the_settings(browser, name: str):
    begin(browser, name)
    first = state(browser, name)
    assert first["hash"] == f"#widget={name}"
    browser.execute_script(MOVED, name)
    moved = state(browser, name)
    assert moved["settings"] != first["settings"]
    # Who opens the page with the link.
    browser.execute_script("history.replaceState(null, '', arguments[0])", moved["hash"])
    begin(browser, name)
    assert state(browser, name) == moved
    # Who follows another link on the page already open.
    browser.execute_script("location.hash = arguments[0]", f"#widget={name}&nowhere=1")
    assert awaited(lambda: state(browser, name)["settings"] == first["settings"])
    browser.execute_script("history.replaceState(null, '', ' ')")


@pytest.mark.parametrize("name", WIDGETS)
def test_keys_of_the_browser_are_left_to_it(browser, name: str):
    """Alt and an arrow are the way back to the page before."""
    pressed = """
    const event = new KeyboardEvent("keydown", {key: "ArrowLeft", bubbles: true, cancelable: true, ...arguments[1]});
    return arguments[0].dispatchEvent(event);"""
    before = None
    for handle in handles(browser, name):
        before = before or state(browser, name)["settings"]
        for held in ("altKey", "ctrlKey", "metaKey"):
            assert browser.execute_script(pressed, handle, {held: True}), f"{name}: {held} and an arrow are taken"
    assert state(browser, name)["settings"] == before


# The smallest letters of a picture in pixels, and what is written in them.
SMALLEST = """
const picture = document.querySelector(`[data-widget=${arguments[0]}] .widget-picture svg`);
const shown = picture.getBoundingClientRect().width / picture.viewBox.baseVal.width;
const seen = [...picture.querySelectorAll("text")].filter((text) => text.getBoundingClientRect().width);
return seen.map((text) => [shown * parseFloat(getComputedStyle(text).fontSize), text.textContent])
  .reduce((least, one) => (one[0] < least[0] ? one : least), [99, ""]);
"""
SMALL = {
    "sliding_window": [
        {"padding": 2},
        {"padding": 2, "kernel_00": -0.25, "kernel_12": 0.75},
        {"dimensions": "one", "padding": 2, "kernel_11": -2.25},
    ]
}


@pytest.mark.parametrize("name", WIDGETS)
def test_the_letters_of_a_widget_are_read_on_a_phone(browser, name: str):
    size = {"width": 390, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        for settings in ({}, *SMALL.get(name, [])):
            move(browser, name, settings)
            least, text = browser.execute_script(SMALLEST, name)
            assert least >= 8, f"{name} {settings}: {text!r} is {least:.1f} pixels high"
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_setting_that_there_is_not_is_told(browser):
    said = "#widget=descent&steps=20&learning_rate=9&surface=moon&nowhere=1&start_0="
    browser.execute_script("history.replaceState(null, '', arguments[0])", said)
    begin(browser, "descent")
    browser.execute_script("history.replaceState(null, '', ' ')")
    now = state(browser, "descent")
    assert now["settings"] | {"steps": 20, "learning_rate": 0.3, "surface": "bowl", "start_0": -4} == now["settings"]
    told = "The link sets “learning_rate=9, surface=moon, nowhere=1, start_0=”, which this widget does not take"
    assert told in now["note"]


def test_float64_is_round_and_float32_square(browser):
    begin(browser, "central_difference")
    shapes = browser.execute_script(
        "return [...document.querySelectorAll('[data-shape]')].map((one) => [one.dataset.shape, one.tagName])"
    )
    kinds = {name: {tag for other, tag in shapes if other == name} for name, _ in shapes}
    wanted = {f"{rule}_{kind}": {tag} for rule in ("central", "forward") for kind, tag in SHAPES.items()}
    assert kinds == wanted
    assert all(sum(name == other for other, _ in shapes) > 5 for name in kinds), "too few marks along a curve"


SHAPES = {"float64": "circle", "float32": "rect"}


def click_text(browser: Any, name: str, text: str) -> None:
    buttons = "return [...document.querySelectorAll(`[data-widget=${arguments[0]}] button`)]"
    [one] = [each for each in browser.execute_script(buttons, name) if each.get_attribute("innerText") == text]
    browser.execute_script("arguments[0].click()", one)


def test_a_digit_is_drawn_by_mouse_and_by_keys(browser):
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.keys import Keys

    name = "digit_network"
    [pen] = handles(browser, name)
    click_text(browser, name, "Clear")
    assert set(right_settings(browser, name)["pixels"]) == {"0"}
    pen.send_keys(Keys.ENTER)
    dotted = right_settings(browser, name)["pixels"]
    assert [dotted.count("g"), dotted.index("g")] == [1, 8 * 3 + 3]
    pen.send_keys(Keys.ENTER)
    assert set(right_settings(browser, name)["pixels"]) == {"0"}
    pen.send_keys(Keys.ARROW_UP * 2)
    ActionChains(browser, duration=20).click_and_hold(pen).move_by_offset(0, 140).release().perform()
    levels = [int(level, 17) for level in right_settings(browser, name)["pixels"]]
    drawn = np.array(levels).reshape(8, 8)
    assert (drawn[1:6, 3] == 16).all(), drawn  # a stroke covers the pixels under it
    assert not drawn[:, [0, 1, 5, 6, 7]].any(), drawn


def test_every_example_of_the_network_is_one_of_its_digit(browser):
    begin(browser, "digit_network")
    answers = []
    for digit in range(10):
        click_text(browser, "digit_network", str(digit))
        right_settings(browser, "digit_network")
        answers.append(int(state(browser, "digit_network")["numbers"]["answer"]))
    assert sum(one == digit for digit, one in enumerate(answers)) >= 8, answers


def test_nothing_is_logged(browser):
    assert browser.get_log("browser") == []
