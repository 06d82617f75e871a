"""The whole study site in headless chromium: every page, both languages, wide and narrow, light and dark, with and
without scripts. What the checks in the page look for stands in tests/helpers/site_checks.js."""

import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag

import pytest
from helpers.browser import chromium
from helpers.site_search import read_index

from scripts import build_site

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
CHECKS = (ROOT / "tests" / "helpers" / "site_checks.js").read_text(encoding="utf-8")
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


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The whole site, built as `make site` builds it."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    monkeypatch.setattr(build_site, "prepare", lambda: None)  # the tests have set JAX up already
    folder = tmp_path / "site"
    assert build_site.main(["--output", str(folder)]) == 0, "the site does not build; the captured text says why"
    return folder


def pages(site: Path) -> list[str]:
    return sorted(file.name for file in site.glob("*.html"))


def test_the_site_in_a_browser(site: Path):
    size = sum(file.stat().st_size for file in site.rglob("*") if file.is_file())
    assert size < 20e6, f"the site has {size / 1e6:.1f} MB; 20 is the most"
    with chromium() as driver:
        visitor = Visitor(driver, site)
        for page in pages(site):
            visit(visitor, page)
        check_links(visitor)
        check_passages(visitor)
        remembers(visitor)
        searches(visitor)
        prints(visitor)
    assert not visitor.wrong, f"{len(visitor.wrong)} things are wrong:\n" + "\n".join(visitor.wrong)


def visit(visitor: Visitor, page: str) -> None:
    """Everything that is asked of every page."""
    visitor.open(page)
    for check in ("partners", "unlabelled", "aligned", "wider", "symbols"):
        visitor.check(check)
    for language in ("en", "ja"):
        visitor.choose("language", language)
        visitor.check("otherLanguage", language)
    for colours in ("dark", "light"):
        visitor.choose("colours", colours)
        visitor.check("faint")
    visitor.check("controls")
    found = visitor.run("siteChecks.anchors()")
    visitor.ids[page] = set(found["ids"])
    visitor.links += [(page, link) for link in found["links"]]
    visitor.resize(NARROW)
    for check in ("tabs", "wider"):
        visitor.check(check)
    without_scripts(visitor, page)
    visitor.overheard()


def without_scripts(visitor: Visitor, page: str) -> None:
    """The text is there, the language can be chosen, and where a widget would be stands its picture."""
    visitor.scripts(allowed=False)
    visitor.open(page)
    for language in ("en", "ja"):
        visitor.driver.find_element("css selector", f"label[for=language-{language}]").click()
        visitor.check("otherLanguage", language)
    for widget in visitor.driver.find_elements("css selector", ".widget"):
        pictures = [one for one in widget.find_elements("css selector", ".picture svg") if one.is_displayed()]
        if len(pictures) != 1:
            visitor.note(f"without scripts {widget.get_attribute('data-widget')} shows {len(pictures)} pictures")
    if not visitor.driver.find_element("css selector", "h1").is_displayed():
        visitor.note("without scripts there is no title")
    visitor.scripts(allowed=True)


def check_links(visitor: Visitor) -> None:
    for page, link in visitor.links:
        visitor.page = page
        address, anchor = urldefrag(link)
        name = address.removeprefix(visitor.site.as_uri() + "/")
        if not (visitor.site / name).is_file():
            visitor.note(f"a link leads to {link}, which is not there")
        elif anchor and anchor not in visitor.ids[name]:
            visitor.note(f"a link leads to {name}#{anchor}, and the page has no such place")


def check_passages(visitor: Visitor) -> None:
    """Every passage that search can open has its place."""
    for page in read_index(visitor.site)["pages"]:
        visitor.page = f"{page['slug']}.html"
        for section, anchor, *_ in page["passages"]:
            if anchor and anchor not in visitor.ids[visitor.page]:
                visitor.note(f"search would open #{anchor} ({section}), and the page has no such place")


def remembers(visitor: Visitor) -> None:
    """A choice made on one page holds on the next."""
    first, other = pages(visitor.site)[:2]
    for name, value in (("language", "en"), ("colours", "dark"), ("language", "ja"), ("colours", "auto")):
        visitor.open(first)
        visitor.choose(name, value)
        visitor.open(other)
        if (kept := visitor.run(f"document.documentElement.dataset.{name}")) != value:
            visitor.note(f"{name} was {value} on the page before and is {kept} here")


OPENED = ["sigmoid", "idea-3"]
# What is typed, and the page that must be among the first three.
WANTED = {
    "softmax": "softmax.html",
    "そふとまっくす": "softmax.html",
    "ソフトマックス": "softmax.html",
    "勾配": "gradient.html",
    "chain rule": "backpropagation.html",
    "central difference": "central_difference.html",
}


def searches(visitor: Visitor) -> None:
    visitor.open("index.html")
    box = visitor.driver.find_element("id", "search")
    box.click()
    if not visitor.awaited("Boolean(window.STUDY_INDEX)", True):
        visitor.note("the index of the search is not loaded")
    for typed, wanted in WANTED.items():
        box.clear()
        box.send_keys(typed)
        found = visitor.driver.find_elements("css selector", "#found a")
        links = [urldefrag(one.get_attribute("href").rsplit("/", 1)[-1])[0] for one in found]
        if wanted not in links[:3]:
            visitor.note(f"who looks for {typed!r} finds {links[:3]}, not {wanted}")
    box.clear()
    box.send_keys("qqqq")
    if not visitor.driver.find_element("css selector", "#found p").is_displayed():
        visitor.note("a search that finds nothing does not say so")
    box.clear()
    box.send_keys("why does the sigmoid vanish\n")
    place = "[document.body.dataset.page, document.querySelector(':target')?.id]"
    if (opened := visitor.awaited(place, OPENED)) != OPENED:
        visitor.note(f"who asks why the sigmoid vanishes is led to {opened}, not {OPENED}")
    visitor.overheard()


def prints(visitor: Visitor) -> None:
    """On paper every fold is open but for answers and solutions, and the bar is gone."""
    visitor.open("softmax.html")
    visitor.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    visitor.run("window.dispatchEvent(new Event('beforeprint'))")
    state = visitor.run(
        "{closed: document.querySelectorAll('details:not([open], .answer)').length,"
        " told: document.querySelectorAll('details.answer[open]').length,"
        " bar: document.querySelector('.bar').checkVisibility()}"
    )
    if state != {"closed": 0, "told": 0, "bar": False}:
        visitor.note(f"on paper: {state}")
    visitor.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


SPOILED = """<!doctype html><html lang="ja"><meta charset="utf-8"><title>x</title>
<style>.step, .heads { display: grid; grid-template-columns: 1fr 1fr 1fr; } .low { margin-top: 9px; }</style>
<body style="background: #fff; color: #000"><h1>漢字</h1><p><span lang="ja">片方だけ</span></p>
<p style="color: #aaa">Faint</p><input type="text"><div style="width: 3000px">wide</div>
<div class="heads"><div>a</div><div>b</div><div>c</div></div>
<div class="step" id="step-1"><div class="cell" data-column="a">a</div><div class="cell low" data-column="b">b</div>
<div class="cell" data-column="c">c</div></div>
<label><input type="radio" name="column" value="a">a</label>
<button data-symbol="x">x</button>
<div class="widget" data-widget="dead"><label>h <input type="range"></label><svg></svg>
<output data-quantity="q"></output></div>
<a href="nowhere.html">nowhere</a><img src="https://example.invalid/x.png" alt="x"><script>console.error("oh")</script>
"""


def test_the_checks_see_what_is_wrong(tmp_path: Path):
    (tmp_path / "index.html").write_text(SPOILED, encoding="utf-8")
    with chromium() as driver:
        visitor = Visitor(driver, tmp_path)
        visitor.open("index.html")
        for check in ("partners", "unlabelled", "aligned", "wider", "symbols", "faint", "controls", "tabs"):
            before = len(visitor.wrong)
            visitor.check(check)
            assert len(visitor.wrong) > before, f"the check {check!r} sees nothing wrong with a page that is"
        visitor.wrong.clear()
        visitor.check("otherLanguage", "en")
        visitor.links = [("index.html", link) for link in visitor.run("siteChecks.anchors()")["links"]]
        check_links(visitor)
        visitor.overheard()
    told = "\n".join(visitor.wrong)
    for wanted in (
        'Japanese is seen: "漢字"',
        "nowhere.html, which is not there",
        "the console says",
        "asks for https://",
    ):
        assert wanted in told, f"nothing says {wanted!r}:\n{told}"
