"""A page shows what a textbook would print: no private name, no harness; what is left of them may only become less."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.study_site import ROOT

from scripts.study.content import excerpt_of
from scripts.study.page import Page, load_page

PAGES = [load_page(file, ROOT) for file in sorted((ROOT / "docs" / "study" / "pages").glob("*.toml"))]
LISTED = Path(__file__).with_name("shown_plumbing.txt").read_text(encoding="utf-8").splitlines()
LIBRARY_FIRST = Path(__file__).with_name("library_first.txt").read_text(encoding="utf-8").split()
PLUMBING = re.compile(
    r"(?<![A-Za-z0-9_])_[a-z]\w*"  # a private name
    r"|\b(?:accumulated_gradients|value_and_gradients|one_step|StepRules|create_state|make_train_call|make_optimizer)\b"
    r"|\b(?:map_arrays|in_float32|check_pair|conv_geometry|custom_jvp|defjvps?)\b"
    r"|\bby_(?:hand|jax|optax|differences)\b"  # what only the library's calls need
    r"|\b(?:slope|count|gate|value)=lambda"
)


def shown(page: Page) -> Iterator[str]:
    """The code of a page that stands open: not behind a fold."""
    for step in page.steps:
        for excerpt in (step.textbook if page.in_textbook_form else step.library).values():
            yield excerpt.function
            yield from (line for piece in excerpt_of(excerpt, page)[1] for line in piece.lines)
    yield page.example
    for value in page.values:
        yield from value.textbook.values() or (value.numpy, value.jax)
    for mistake in page.mistakes:
        yield from (mistake.wrong, mistake.right)


def plumbing(texts: Iterator[str]) -> set[str]:
    return {name for text in texts for name in PLUMBING.findall(text)}


def test_no_page_shows_more_plumbing_than_is_listed():
    found = {f"{page.slug} {name}" for page in PAGES for name in plumbing(shown(page))}
    more, less = sorted(found - set(LISTED)), sorted(set(LISTED) - found)
    assert not more, f"a page shows what a textbook would not print: {', '.join(more)}"
    assert not less, f"no longer shown, so to be taken out of shown_plumbing.txt: {', '.join(less)}"
    assert sorted(LISTED) == LISTED


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("return _beside(ct, y) * (p - t)", {"_beside"}),
        ("_, z = forward(params, x)", set()),
        ("self.backward(x, t, slope=lambda z: 1)", {"slope=lambda"}),
        ("reference.optimizers._adam", {"_adam"}),
        ("dW_1 = x.T @ dout", set()),
    ],
    ids=["private-function", "not-used", "harness", "private-part", "index"],
)
def test_plumbing_is_recognised(code: str, names: set[str]):
    assert plumbing(iter([code])) == names


def test_pages_that_show_the_library_first_only_become_fewer():
    first = [page.slug for page in PAGES if page.steps and not page.in_textbook_form]
    more, less = sorted(set(first) - set(LIBRARY_FIRST)), sorted(set(LIBRARY_FIRST) - set(first))
    assert not more, f"a new page shows a textbook's code first: {', '.join(more)}"
    assert not less, f"in the textbook's form now, so to be taken out of library_first.txt: {', '.join(less)}"
