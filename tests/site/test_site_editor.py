"""The editor of an exercise in headless chromium: written, judged, kept; and what it says where something is amiss."""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from helpers.browser import chromium

from scripts.study import serve
from scripts.study.library import Library
from scripts.study.parts import exercise_part
from scripts.study.refusal import Problems
from scripts.study.render import Renderer
from scripts.study.schema import Both

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
STUDY, STATIC = ROOT / "docs" / "study", ROOT / "scripts" / "study" / "static"
CHECKS = (ROOT / "tests" / "helpers" / "site_checks.js").read_text(encoding="utf-8")
SOLUTION = (STUDY / "solutions" / "activations.py").read_text(encoding="utf-8")
STARTER = (STUDY / "exercises" / "activations.py").read_text(encoding="utf-8")
ENDLESS = STARTER.replace("x_ct = None", "while True:\n        pass", 1)
PAGE = """{% extends "base.html" %}{% block name %}exercise{% endblock %}
{% block text %}{% include "exercise.html" %}{% endblock %}
{% block scripts %}<script src="editor.js"></script>{% endblock %}"""
SECONDS = 120


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The page of one exercise alone, and the contents that lead to it."""
    folder = tmp_path / "site"
    shutil.copytree(STATIC, folder)
    shutil.copytree(STUDY / "exercises", folder / "exercises")
    (folder / "search-index.js").write_text("window.STUDY_INDEX = [];")
    page: Any = SimpleNamespace(slug="page", exercise="activations")
    library: Any = SimpleNamespace(exercise=lambda page, place: STUDY / place / f"{page.exercise}.py")
    environment = Renderer(Library(STUDY), Problems()).environment
    part, name = exercise_part(page, library), Both("演習のページ", "An exercise")
    (folder / "page.html").write_text(environment.from_string(PAGE).render(slug="page", exercise=part), "utf-8")
    contents = {"groups": [(name, [page])], "titles": {"page": name}, "questions": {"page": name}}
    (folder / "index.html").write_text(environment.get_template("index.html").render(slug="index", **contents), "utf-8")
    return folder


class Reader:
    """Somebody at the page of the exercise."""

    def __init__(self, driver: Any, address: str):
        self.driver, self.address = driver, address

    def open(self, page: str = "page.html", language: str = "en") -> None:
        self.driver.get(self.address + page)
        self.do(f"document.querySelector('label[for=language-{language}]').click()")

    def do(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def write(self, text: str) -> None:
        self.do("const c = document.querySelector('#code'); c.value = arguments[0];"
                "c.dispatchEvent(new Event('input'))", text)  # fmt: skip

    def press(self, *keys: str) -> None:
        self.driver.find_element("id", "code").send_keys(*keys)

    def click(self, place: str) -> None:
        self.do("document.querySelector(arguments[0]).click()", place)

    def seen(self, place: str) -> str:
        """What is read there: of the language that is shown, and of nothing that is hidden."""
        return " ".join(one.text for one in self.driver.find_elements("css selector", place)).strip()

    @property
    def code(self) -> str:
        return self.do("return document.querySelector('#code').value")

    def until(self, condition: Callable[[], object]) -> None:
        from selenium.webdriver.support.wait import WebDriverWait

        WebDriverWait(self.driver, SECONDS, poll_frequency=0.1).until(lambda _: condition())


@contextmanager
def served(folder: Path) -> Iterator[serve.Server]:
    with serve.server(folder, 0, SECONDS) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def test_the_loop_of_an_exercise_in_a_browser(site: Path):
    with chromium() as driver:
        without_a_server(Reader(driver, site.as_uri() + "/"))
        with served(site) as server:
            reader = Reader(driver, server.address)
            is_well_made(reader)
            heeds_keys(reader)
            finds_the_first_cause(reader)
            passes_and_is_remembered(reader)
            two_tabs(reader)
            puts_back(reader)
        serious = [entry["message"] for entry in driver.get_log("browser") if "409 (Conflict)" not in entry["message"]]
        assert not serious, f"the console says {serious}"
        after_the_server(reader)


def without_a_server(reader: Reader) -> None:
    reader.open()
    reader.write("kept = 1\n")
    reader.click("[data-does='run']")
    assert "run this in a terminal" in reader.seen(".status")
    assert reader.seen(".start") == ".venv/bin/functional-nn study --open"
    reader.open()
    assert reader.code == "kept = 1\n", "what was written is gone after a visit"


def is_well_made(reader: Reader) -> None:
    """In both languages, on a phone, in dark colours."""
    size = {"width": 390, "height": 900, "deviceScaleFactor": 1, "mobile": True}
    reader.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    for language in ("en", "ja"):
        reader.open(language=language)
        for colours in ("dark", "light"):
            reader.do(f"document.querySelector('label[for=colours-{colours}]').click()")
            for check in ("partners()", "unlabelled()", "wider()", "faint()", f"otherLanguage('{language}')"):
                assert reader.do(f"{CHECKS}\nreturn siteChecks.{check}") == []
    reader.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def heeds_keys(reader: Reader) -> None:
    from selenium.webdriver.common.keys import Keys

    reader.open()
    assert reader.code == STARTER
    reader.write("def f(x):")
    reader.press(Keys.END, Keys.ENTER, "return x")
    assert reader.code == "def f(x):\n    return x"
    reader.press(Keys.CONTROL, "a", Keys.NULL, Keys.TAB)
    assert reader.code == "    def f(x):\n        return x"
    reader.press(Keys.SHIFT, Keys.TAB, Keys.NULL)
    assert reader.code == "def f(x):\n    return x"
    reader.press(Keys.CONTROL, "z", Keys.NULL)
    assert reader.code == "    def f(x):\n        return x", "undo does not know of it"
    reader.press(Keys.ESCAPE)
    assert reader.do("return document.activeElement.dataset.does") == "run", "the keyboard cannot leave the field"


def finds_the_first_cause(reader: Reader) -> None:
    from selenium.webdriver.common.keys import Keys

    reader.open()
    wrong = SOLUTION.replace("cotangent * out * (1 - out)", "cotangent * out").replace("(cotangent - np", "(np")
    reader.write(wrong)
    reader.press(Keys.CONTROL, Keys.ENTER, Keys.NULL)
    reader.until(lambda: reader.seen(".parts"))
    assert reader.seen(".parts li").count("not yet") == 2, reader.seen(".judged")
    assert reader.seen(".parts li").count("✓") == 1
    assert len(reader.driver.find_elements("css selector", ".mend")) == 1, "not one cause first"
    assert "sigmoid" in reader.seen(".mend")
    assert "What to do" in reader.seen(".mend")
    assert "1 - out" in reader.seen(".mend p:nth-of-type(2) span[lang=en] code")
    assert "`" not in reader.seen(".mend")
    assert "evidence" not in reader.seen(".judged"), "the whole report is not behind a fold"
    reader.click(".judged summary")
    assert "evidence" in reader.seen(".judged")
    speaks_japanese(reader)
    reader.click(".mend button")
    chosen = reader.do("const c = document.activeElement; return c.value.slice(c.selectionStart, c.selectionEnd)")
    assert "sigmoid_bwd" in chosen or "x_ct = cotangent * out" in chosen


def speaks_japanese(reader: Reader) -> None:
    """What is to mend at once; the whole report from the next run on."""
    reader.click("label[for=language-ja]")
    assert "行目" in reader.seen(".mend button")
    assert "実際の値" in reader.seen(".mend")
    assert "got" not in reader.seen(".mend")
    reader.click("[data-does='run']")
    reader.until(lambda: reader.seen(".parts"))
    reader.click(".judged summary")
    assert "根拠" in reader.seen(".judged")
    assert "evidence" not in reader.seen(".judged")
    reader.click("label[for=language-en]")


def passes_and_is_remembered(reader: Reader) -> None:
    reader.write(SOLUTION)
    reader.click("[data-does='run']")
    reader.until(lambda: "All of it is right" in reader.seen(".status"))
    reader.open("index.html")
    assert reader.seen(".contents .progress") == "Exercise 3 / 3"
    assert reader.seen(".again") == "Where you were: An exercise"
    reader.open()
    assert reader.code == SOLUTION


def two_tabs(reader: Reader) -> None:
    first = reader.driver.current_window_handle
    reader.driver.switch_to.new_window("tab")
    reader.open()
    reader.write(ENDLESS)
    reader.click("[data-does='run']")
    other = reader.driver.current_window_handle
    reader.driver.switch_to.window(first)
    assert reader.code == ENDLESS, "another tab's text is not seen here"
    assert "Another tab changed" in reader.seen(".status")
    reader.click("[data-does='run']")
    reader.until(lambda: "Another run is not over yet" in reader.seen(".status"))
    reader.driver.switch_to.window(other)
    reader.click("[data-does='stop']")
    reader.until(lambda: "It was stopped" in reader.seen(".status"))
    reader.driver.close()
    reader.driver.switch_to.window(first)


def puts_back(reader: Reader) -> None:
    reader.click("[data-does='put-back']")
    assert reader.code == ENDLESS, "one press throws away what was written"
    reader.click("[data-does='put-back']")
    assert reader.code == STARTER


def after_the_server(reader: Reader) -> None:
    reader.click("[data-does='run']")
    reader.until(lambda: "The server has stopped" in reader.seen(".status"))
    assert reader.seen(".start") == ".venv/bin/functional-nn study --open"
