"""The study site in headless chromium: its pages, both languages, wide and narrow, light and dark, with and without
scripts. What the checks in the page look for stands in tests/helpers/site_checks.js.
"""

from collections.abc import Set
from pathlib import Path
from urllib.parse import urldefrag

import pytest
from helpers.browser import chromium
from helpers.site_search import read_index
from helpers.visitor import NARROW, Visitor, pages

pytestmark = pytest.mark.slow
# The height of letters in pictures, in CSS pixels.
ON_A_PHONE, ON_A_DESKTOP = 8, 10


def test_the_site_in_a_browser(site: Path):
    size = sum(file.stat().st_size for file in site.rglob("*") if file.is_file())
    assert size < 20e6, f"the site has {size / 1e6:.1f} MB; 20 is the most"
    with chromium() as driver:
        visitor = Visitor(driver, site)
        for page in pages(site):
            visit(visitor, page)
        not_built = {f"{page['slug']}.html" for page in read_index(site)["pages"]} - set(visitor.ids)
        check_links(visitor, not_built)
        check_passages(visitor, not_built)
        glossary(visitor)
        remembers(visitor)
        searches(visitor)
        prints(visitor)
    assert not visitor.wrong, f"{len(visitor.wrong)} things are wrong:\n" + "\n".join(visitor.wrong)


def visit(visitor: Visitor, page: str) -> None:
    """Everything that is asked of every page."""
    visitor.open(page)
    for check in ("partners", "unlabelled", "aligned", "wider", "symbols"):
        visitor.check(check)
    visitor.check("letters", ON_A_DESKTOP)
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
    visitor.check("letters", ON_A_PHONE)
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


def check_links(visitor: Visitor, not_built: Set[str] = frozenset()) -> None:
    """Each leads somewhere; where it leads to a page that was left out, the build has seen that there is one."""
    for page, link in visitor.links:
        visitor.page = page
        address, anchor = urldefrag(link)
        name = address.removeprefix(visitor.site.as_uri() + "/")
        if name in not_built:
            continue
        if not (visitor.site / name).is_file():
            visitor.note(f"a link leads to {link}, which is not there")
        elif anchor and anchor not in visitor.ids[name]:
            visitor.note(f"a link leads to {name}#{anchor}, and the page has no such place")


def check_passages(visitor: Visitor, not_built: Set[str]) -> None:
    """Every passage that search can open has its place."""
    for page in read_index(visitor.site)["pages"]:
        visitor.page = f"{page['slug']}.html"
        for section, anchor, *_ in page["passages"] if visitor.page not in not_built else ():
            if anchor and anchor not in visitor.ids[visitor.page]:
                visitor.note(f"search would open #{anchor} ({section}), and the page has no such place")


def glossary(visitor: Visitor) -> None:
    """In alphabetical order, and a link to a term in the other language leads to the one that is read."""
    visitor.open("index.html")
    visitor.choose("language", "en")
    visitor.page = "glossary.html"
    visitor.driver.get((visitor.site / visitor.page).as_uri() + "#term-softmax")
    visitor.check("alphabetical")
    for language, wanted in (("en", "#en-term-softmax"), ("ja", "#term-softmax")):
        visitor.choose("language", language)
        if (led := visitor.awaited("location.hash", wanted)) != wanted:
            visitor.note(f"in {language} the glossary is open at {led}, not at {wanted}")


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
<figure><svg viewBox="0 0 99 9" width="99"><text y="9" font-size="7">small</text></svg></figure>
<dl class="glossary" lang="en"><dt>zero</dt><dt>one</dt></dl>
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
        checks = ["partners", "unlabelled", "aligned", "wider", "symbols", "faint", "controls", "tabs", "alphabetical"]
        for check, *arguments in [(name,) for name in checks] + [("letters", ON_A_PHONE)]:
            before = len(visitor.wrong)
            visitor.check(check, *arguments)
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
