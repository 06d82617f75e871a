"""The players of the widgets: play, step and reset."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from helpers.widget_page import begin, mounted
from helpers.widget_state import awaited, right_settings, state

PLAYED = [
    ("descent", "steps", 1),
    ("optimizers", "steps", 1),
    ("sliding_window", "position", 1),
    ("small_network", "stage", 1),
    ("small_network", "steps", 1),
    ("turning_direction", "angle", 3),
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with mounted(tmp_path_factory.mktemp("players")) as running:
        yield running


def press(browser: Any, name: str, action: str, of: str) -> None:
    browser.execute_script(
        "document.querySelector(`[data-widget=${arguments[0]}] [data-player='${arguments[1]}']`).click()",
        name,
        f"{action} {of}",
    )


@pytest.mark.parametrize(("name", "of", "by"), PLAYED)
def test_a_player_resets_steps_plays_and_stops(browser, name: str, of: str, by: int):
    begin(browser, name)
    press(browser, name, "reset", of)
    assert right_settings(browser, name)[of] == 0
    press(browser, name, "step", of)
    assert right_settings(browser, name)[of] == by
    press(browser, name, "play", of)
    assert awaited(lambda: state(browser, name)["settings"][of] > by), f"{name}: play does not move {of}"
    press(browser, name, "play", of)
    stopped = right_settings(browser, name)[of]
    time.sleep(1.5)
    assert state(browser, name)["settings"][of] == stopped, f"{name}: {of} moves on after it was stopped"


def test_who_asks_for_less_motion_sees_the_end_at_once(browser):
    media = [{"name": "prefers-reduced-motion", "value": "reduce"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
    begin(browser, "descent")
    press(browser, "descent", "play", "steps")
    assert state(browser, "descent")["settings"]["steps"] == 50
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_two_players_at_once_leave_each_other_alone(browser):
    """Both of a widget and one of another: each moves its own control by its own step, and one stops alone."""
    played = ("small_network", "stage"), ("small_network", "steps"), ("descent", "steps")
    for name in ("small_network", "descent"):
        begin(browser, name)
    for name, of in played:
        press(browser, name, "reset", of)
        press(browser, name, "play", of)
    for name, of in played:
        assert awaited(lambda name=name, of=of: state(browser, name)["settings"][of] >= 2), f"{name} {of} stands"
    press(browser, "small_network", "play", "steps")
    stopped = right_settings(browser, "small_network")["steps"]
    at = state(browser, "descent")["settings"]["steps"]
    assert awaited(lambda: state(browser, "descent")["settings"]["steps"] > at), "the other widget's player stopped"
    assert state(browser, "small_network")["settings"]["steps"] == stopped, "it moves on after it was stopped"
    for name, of in played:
        press(browser, name, "reset", of)
        assert right_settings(browser, name)[of] == 0


SET = """
const [name, control, value] = arguments;
const input = document.querySelector(`[data-widget=${name}] input[data-control=${control}]`);
input.value = value;
input.dispatchEvent(new Event("input"));
"""


def test_a_control_is_moved_while_its_player_plays(browser):
    """It goes on from there, and what it shows stays true."""
    begin(browser, "descent")
    press(browser, "descent", "reset", "steps")
    press(browser, "descent", "play", "steps")
    browser.execute_script(SET, "descent", "steps", 30)
    assert awaited(lambda: state(browser, "descent")["settings"]["steps"] > 30)
    press(browser, "descent", "play", "steps")
    assert right_settings(browser, "descent")["steps"] < 50


def test_nothing_is_logged(browser):
    assert browser.get_log("browser") == []
