"""What a page of the study site shows: the lines of the code, shapes, values, mistakes, symbols, both languages."""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest
from helpers.site_search import read_index
from helpers.study_site import SOFTMAX, small_study, spoil

import reference.activations
from scripts.study import site
from scripts.study.shapes import shown_shape
from scripts.study.site import Order


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small site, built once."""
    order = small_study(tmp_path_factory.mktemp("shown"))
    site.build(order)
    return order.output


@pytest.fixture
def page(built: Path) -> str:
    """The HTML of its page on softmax."""
    return (built / "softmax.html").read_text(encoding="utf-8")


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html)).replace("&#39;", "'").replace("&gt;", ">")


def test_the_lines_are_those_of_the_code(page: str):
    source = inspect.getsource(reference.activations.softmax_bwd)
    shown = text_of(page)
    for line in source.splitlines():
        assert re.sub(r"\s+", " ", line.strip()) in shown, f"the page does not show this line of softmax_bwd: {line}"
    assert '"""' not in shown, "a docstring is shown"


@pytest.mark.parametrize(
    ("line", "shapes"),
    [
        ("mean_ct = np.sum(out * cotangent, axis, keepdims=True)", "(2, 1)"),
        ("return raised / jnp.sum(raised, axis, keepdims=True)", "(2, 3)"),
        ("def softmax_bwd(residuals, cotangent):", "residuals (2, 3), …, cotangent (2, 3)"),
    ],
    ids=["numpy-assignment", "jax-return", "numpy-arguments"],
)
def test_shapes_stand_at_the_line_ends(page: str, line: str, shapes: str):
    assert f"{line} # {shapes}" in text_of(page)


@pytest.mark.parametrize(
    ("sizes", "shown"),
    [
        ((2, 2, 2), "(2,), (2,), (2,)"),
        ((2, 2, 2, 2), "4 × (2,)"),
        ((3, 2, 2, 2, 2, 3, 3), "(3,), 4 × (2,), (3,), (3,)"),
    ],
    ids=str,
)
def test_many_equal_shapes_beside_each_other_are_counted(sizes: tuple[int, ...], shown: str):
    assert shown_shape([np.zeros(size) for size in sizes]) == shown


def test_values_come_from_both_sides_with_their_difference(page: str):
    results = page.partition('id="values"')[2]
    assert results.count("[[0.018211, 0.245192, 0.736597]") == 2, "softmax of the example is not shown on both sides"
    differences = [float(number) for number in re.findall(r'<span class="number">([^<]+)</span>', results)]
    assert len(differences) == 2
    assert all(0 <= difference <= 1e-12 for difference in differences)


def test_one_calculation_on_both_sides_shows_no_difference(tmp_path: Path):
    made = small_study(tmp_path)
    row = '[[values]]\nlabel = {ja = "和", en = "A sum"}\nnumpy = "x + 1"\njax = "x + 1"\n\n[[mistakes]]'
    spoil(made.folder, SOFTMAX, "[[mistakes]]", row)
    site.build(Order(made.folder, made.output, made.root, only=("softmax",)))
    rows = (made.output / "softmax.html").read_text(encoding="utf-8").partition('id="value-3"')[2].partition("</tr>")[0]
    assert "the same calculation on both sides" in rows
    assert '<span class="number">' not in rows


def test_a_mistake_shows_its_line_the_right_one_and_the_report(page: str):
    mistakes = text_of(page.partition('id="mistakes"')[2])
    assert "return p * (1 - p) * dout" in mistakes
    assert "return (out * (cotangent - mean_ct),)" in mistakes
    assert "only the diagonal of the Jacobian" in mistakes or "diagonal_only" in mistakes


def test_a_symbol_is_marked_in_formulas_in_code_and_in_the_list(page: str):
    for where in (
        r'<mi data-symbol="x">x</mi>',
        r'<span data-symbol="x">x</span>',
        r'<button type="button" data-symbol="x"',
    ):
        assert where in page, f"nothing is marked as {where}"
    assert '<mover data-symbol="cotangent">' in page, "a letter with a bar is marked as a whole"


def test_every_sentence_has_its_partner(page: str):
    parts = re.findall(r'<(\w+)(?: [^<>]*)? lang="(ja|en)"', page.partition("<body")[2])
    assert len(parts) > 40
    assert [language for _, language in parts if language == "ja"] == [
        "ja" for _, language in parts if language == "en"
    ], "one language has more sentences than the other"


def test_markup_becomes_html(page: str):
    assert "<ruby>指数<rp>(</rp><rt>しすう</rt><rp>)</rp></ruby>" in page
    assert '<a href="sigmoid.html">シグモイド関数</a>' in page
    assert '<a class="term" href="glossary.html#term-softmax">' in page


def test_the_search_index_knows_names_passages_and_code(built: Path):
    index = read_index(built)
    softmax = next(page for page in index["pages"] if page["slug"] == "softmax")
    assert {"ソフトマックス関数", "Softmax", "ソフトマックスかんすう", "softmax"} <= set(softmax["called"])
    assert "return p * (1 - p)" in next(code for section, *_, code in softmax["passages"] if section == "mistakes")
    assert [term["anchor"] for term in index["terms"]] == ["term-softmax"]


def test_every_passage_of_the_search_index_has_its_place(built: Path):
    index = read_index(built)
    for page in index["pages"]:
        html = (built / f"{page['slug']}.html").read_text(encoding="utf-8")
        for section, anchor, *_ in page["passages"]:
            assert not anchor or f'id="{anchor}"' in html, f"{page['slug']}: no place for {anchor}, of {section}"
