"""The search of the study site, run as the page runs it: the same scripts, in node or else in chromium."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

STATIC = Path(__file__).resolve().parents[2] / "scripts" / "study" / "static"
ASK = """
const made = ranking.prepared(window.STUDY_INDEX);
const found = asked.map((query) => ranking.answers(made, query));
"""


def read_index(site: Path) -> dict[str, Any]:
    """The index of a built site, which is a script that sets one variable."""
    text = (site / "search-index.js").read_text(encoding="utf-8")
    return json.loads(text.removeprefix("window.STUDY_INDEX = ").removesuffix(";\n"))


def answers(index: str, queries: list[str], folder: Path) -> list[list[dict[str, Any]]]:
    """What the search answers to each query; a skip with its reason where nothing runs JavaScript."""
    scripts = "\n".join((STATIC / name).read_text(encoding="utf-8") for name in ("words.js", "ranking.js"))
    program = f"{scripts}\n{index}\nconst asked = {json.dumps(queries)};{ASK}"
    if shutil.which("node"):
        file = folder / "search.js"
        shown = "process.stdout.write(JSON.stringify(found));"
        file.write_text(f"globalThis.window = globalThis;\n{program}{shown}\n", encoding="utf-8")
        ran = subprocess.run(["node", str(file)], capture_output=True, encoding="utf-8")
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)
    return in_chromium(program)


def in_chromium(program: str) -> list[list[dict[str, Any]]]:
    """The same in a browser's page."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="neither node nor selenium is installed")
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (browser and driver):
        pytest.skip("neither node nor chromium with chromedriver is installed")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(flag)
    running = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=driver))
    try:
        return running.execute_script(f"{program}return found;")
    finally:
        running.quit()
