"""The numbers in the prose of the study pages: alike in both languages, and none that the build does not check."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PAGES = {
    file.stem: tomllib.loads(file.read_text(encoding="utf-8"))
    for file in sorted((Path(__file__).resolve().parents[2] / "docs" / "study" / "pages").glob("*.toml"))
}
every_page = pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
# A number with a point, in prose: 0.766. Whole numbers count things, and each language may spell them out.
DECIMAL = re.compile(r"(?<![0-9A-Za-z.])\d+\.\d+")
LITERAL = re.compile(r"(?<![\w.])\d+\.?\d*(?:e-?\d+)?")


def prose(node: Any) -> Iterator[dict[str, str]]:
    """Every sentence of a page, in its two languages."""
    if isinstance(node, dict) and set(node) == {"ja", "en"}:
        yield node
    elif isinstance(node, dict | list):
        for part in node.values() if isinstance(node, dict) else node:
            yield from prose(part)


def unchecked(page: dict[str, Any]) -> set[str]:
    """The decimals of the explanations that no claim, call or example of the page holds, rounded to their digits."""
    values = page.get("values", [])
    code = [page.get("example", ""), *(value[key] for value in values for key in ("numpy", "claim") if key in value)]
    known = [float(number) for number in LITERAL.findall(" ".join(code))]
    explained = [page[key] for key in ("idea", "seed_note", "kink") if key in page]
    stated = {number for both in prose(explained) for text in both.values() for number in DECIMAL.findall(text)}
    return {number for number in stated if not any(is_rounded(number, exact) for exact in known)}


def is_rounded(number: str, exact: float) -> bool:
    return abs(round(exact, len(number.split(".")[1])) - float(number)) < 1e-12


@pytest.mark.parametrize("row", range(1, 20))
def test_a_row_of_the_seed_has_one_page(row: int):
    answering = [slug for slug, page in PAGES.items() if row in page.get("rows", [])]
    assert len(answering) == 1, f"row {row} is answered by {answering or 'no page'}"


@every_page
def test_both_languages_state_the_same_decimals(page: dict[str, Any]):
    # The English note to the seed translates its words as well, numbers included.
    for both in prose({key: part for key, part in page.items() if key != "seed_note"}):
        stated = {language: sorted(set(DECIMAL.findall(text))) for language, text in both.items()}
        assert stated["ja"] == stated["en"], f"{page['slug']}: {stated} in {both['en'][:90]!r}"


@every_page
def test_a_decimal_of_the_prose_is_checked_by_the_build(page: dict[str, Any]):
    alone = unchecked(page)
    assert not alone, f"{page['slug']}: no claim or call of the page holds {', '.join(sorted(alone))}"


def test_a_decimal_that_nothing_checks_is_noticed():
    values = [{"numpy": "loss(0.5)", "claim": "abs(numpy - 0.7656) < 5e-5"}]
    page = {"idea": [{"ja": "0.5 で 0.766", "en": "0.766 at 0.5, and 0.695 later"}], "values": values}
    assert unchecked(page) == {"0.695"}
