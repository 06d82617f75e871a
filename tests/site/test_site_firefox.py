"""Ten pages of the study site, or some of them, in Firefox: what test_site_browser.py asks in Chromium, and axe."""

import importlib.util
from pathlib import Path

import pytest
from helpers.axe import PACKAGE, axe_source, violations
from helpers.firefox import firefox
from helpers.visitor import NARROW, Visitor

pytestmark = pytest.mark.slow
TEN = (
    "index",
    "glossary",
    "softmax",
    "sigmoid",
    "cnn",
    "convolution",
    "gradient_descent",
    "backpropagation",
    "family_optimizers",
    "exercises",
)
ON_A_PHONE = 8


class InFirefox(Visitor):
    """Its window is resized, since it cannot be told to be a phone; it is never narrower than Firefox allows."""

    def resize(self, width: int) -> None:
        self.driver.set_window_size(width, 900)


def test_pages_in_firefox(site: Path):
    axe = axe_source() if importlib.util.find_spec(PACKAGE) else ""
    with firefox() as driver:
        visitor = InFirefox(driver, site)
        for name in TEN:
            if (site / f"{name}.html").exists():
                visit(visitor, f"{name}.html", axe)
    assert not visitor.wrong, f"{len(visitor.wrong)} things are wrong:\n" + "\n".join(visitor.wrong)


def visit(visitor: Visitor, page: str, axe: str) -> None:
    visitor.open(page)
    for check in ("partners", "unlabelled", "aligned", "wider", "symbols", "controls"):
        visitor.check(check)
    for language, colours in (("en", "dark"), ("ja", "light")):
        visitor.choose("language", language)
        visitor.choose("colours", colours)
        visitor.check("otherLanguage", language)
        visitor.check("faint")
        for sentence in violations(visitor.driver, axe) if axe else []:
            visitor.note(f"{language}, {colours}: {sentence}")
    visitor.resize(NARROW)
    for check in ("tabs", "wider"):
        visitor.check(check)
    visitor.check("letters", ON_A_PHONE)
