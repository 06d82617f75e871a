"""axe-core, which finds what keeps people out who hear a page, move by keys or need contrast. It comes with the extra
`dev`, inside a package of which nothing else is used, and is put into the page by the browser's driver.
"""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

PACKAGE = "axe_playwright_python"
RUN = """const done = arguments[arguments.length - 1];
axe.run(document, {resultTypes: ["violations"], preload: false}).then(({violations}) => done(violations.map(
  ({id, help, nodes}) => [id, help, nodes.map((node) => node.target.join(" "))])));"""


def axe_source() -> str:
    """Its script; a skip with the reason where it is not installed."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        pytest.skip(f"axe-core is not installed: it comes with {PACKAGE}, of the extra dev")
    return Path(found.origin).with_name("axe.min.js").read_text(encoding="utf-8")


def violations(driver: Any, source: str) -> list[str]:
    """A sentence for each rule that the page breaks as it now stands; `source` is that of axe."""
    return [
        f"axe: {rule} ({text}): {len(places)} times, first at {places[0]}"
        for rule, text, places in driver.execute_async_script(f"{source}\n{RUN}")
    ]
