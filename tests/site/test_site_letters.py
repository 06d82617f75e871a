"""Every letter of a formula is explained, and what is written of it is shown."""

from pathlib import Path

import pytest
from helpers.study_site import ROOT, SOFTMAX, small_study, spoil

from scripts.study.letters import letters_in, load_letters, used
from scripts.study.page import load_page

STUDY = ROOT / "docs" / "study"
LETTERS = load_letters(STUDY / "letters.toml", ROOT)


@pytest.mark.parametrize("file", sorted((STUDY / "pages").glob("*.toml")), ids=lambda file: file.stem)
def test_the_letters_of_a_page_are_those_of_its_formulas(file: Path):
    page = load_page(file, ROOT)
    assert LETTERS.undefined(page) == []
    own = {one for letter in page.letters for one in letters_in(letter.sign)}
    assert own <= used(page), f"{file.stem}: no formula holds {', '.join(sorted(own - used(page)))}"


@pytest.mark.parametrize(
    ("latex", "letters"),
    [
        (r"\frac{1}{N} \sum_n \ell_n(\theta)", {"N", "n", "\\ell", "\\theta"}),
        (r"\mathrm{softmax}(z), \qquad \max_k x^{\mathsf{T}}", {"z", "k", "x"}),
        (r"\begin{cases} 1 & i = k \end{cases}", {"i", "k"}),
        (r"f'(x) \approx \log 3", {"f", "x"}),
    ],
    ids=["greek", "words", "environment", "prime"],
)
def test_letters_are_found(latex: str, letters: set[str]):
    assert letters_in(latex) == letters


def test_a_letter_counts_as_explained_only_in_both_languages(tmp_path: Path):
    folder = small_study(tmp_path).folder
    spoil(folder, SOFTMAX, r"'y_i = ", r"'S = y_i = ")
    page = load_page(folder / SOFTMAX, folder)
    common = load_letters(folder / "letters.toml", folder)
    assert common.undefined(page) == ["S"]
    spoil(folder, SOFTMAX, "は、{指数|しすう}をとって", "は、$S$ をとって")
    assert common.undefined(load_page(folder / SOFTMAX, folder)) == ["S"]
    spoil(folder, SOFTMAX, "takes exponentials and divides by their sum", "divides by $S$")
    assert common.undefined(load_page(folder / SOFTMAX, folder)) == []


def test_a_page_shows_the_letters_that_it_does_not_explain(tmp_path: Path):
    folder = small_study(tmp_path).folder
    spoil(folder, SOFTMAX, "symbols = {", 'letters = [{sign = \'k\', ja = "印", en = "a mark"}]\nsymbols = {')
    page = load_page(folder / SOFTMAX, folder)
    shown = load_letters(folder / "letters.toml", folder).of(page)
    assert [(letter.sign, letter.text.en) for letter in shown] == [
        ("k", "a mark"),
        ("i", "counts the components"),
        ("j", "counts the components"),
    ]
