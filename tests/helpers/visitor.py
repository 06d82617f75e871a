"""Who visits the built study site in a browser and remembers what is wrong. What the checks in the page look for stands
in site_checks.js.
"""

import json
import time
from pathlib import Path
from typing import Any

CHECKS = Path(__file__).with_name("site_checks.js").read_text(encoding="utf-8")
WIDE, NARROW = 1400, 390


class Visitor:
    """A browser on the built site, which remembers everything that is wrong, page by page."""

    def __init__(self, driver: Any, site: Path):
        self.driver, self.site = driver, site
        self.wrong: list[str] = []
        self.ids: dict[str, set[str]] = {}
        self.links: list[tuple[str, str]] = []
        self.page = ""

    def open(self, page: str, width: int = WIDE) -> None:
        self.page = page
        self.resize(width)
        self.driver.get((self.site / page).as_uri())

    def resize(self, width: int) -> None:
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(f"{CHECKS}\nreturn {script}", *arguments)

    def awaited(self, script: str, wanted: Any) -> Any:
        """What a script returns once it is what is wanted, or still returns after a while."""
        for _ in range(300):
            if self.run(script) == wanted:
                break
            time.sleep(0.1)
        return self.run(script)

    def check(self, name: str, *arguments: Any) -> None:
        """Run a check of site_checks.js on the page."""
        for sentence in self.run(f"siteChecks.{name}(...arguments)", *arguments):
            self.note(f"{name}: {sentence}")

    def note(self, sentence: str) -> None:
        self.wrong.append(f"{self.page}: {sentence}")

    def choose(self, name: str, value: str) -> None:
        self.driver.execute_script(f"document.querySelector('label[for={name}-{value}]').click()")

    def scripts(self, allowed: bool) -> None:
        self.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not allowed})

    def overheard(self) -> None:
        """What the console said, and what was asked of anything but the site's own folder."""
        for entry in self.driver.get_log("browser"):
            self.note(f"the console says {entry['message']}")
        for entry in self.driver.get_log("performance"):
            event = json.loads(entry["message"])["message"]
            if event["method"] == "Network.requestWillBeSent":
                address = event["params"]["request"]["url"]
                if not address.startswith((self.site.as_uri() + "/", "data:")):
                    self.note(f"asks for {address}")


def pages(site: Path) -> list[str]:
    return sorted(file.name for file in site.glob("*.html"))
