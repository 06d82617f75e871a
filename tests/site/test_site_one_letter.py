"""One letter means one thing on a page: docs/study/letters.toml says which words name one thing, and what is excused.

Three rules, each read off the page itself: a letter is defined once; what counts (an index) is not also counted with
(a value); and the words right before a letter, as in "the width $h$", name one thing.
"""

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from helpers.study_site import ROOT

from scripts.study.letters import GREEK, NAMED, letters_in

STUDY = ROOT / "docs" / "study"
COMMON = tomllib.loads((STUDY / "letters.toml").read_text(encoding="utf-8"))
COUNTED_WITH = {row["page"]: set(row["letters"]) for row in COMMON["counted_with"]}
THING = {word: words[0] for words in COMMON["things"] for word in words}
SLUGS = sorted(file.stem for file in (STUDY / "pages").glob("*.toml"))
every_page = pytest.mark.parametrize("slug", SLUGS)
ACCENTED = re.compile(r"\\(?:bar|hat|tilde|dot)\b")
INSIDE = re.compile(r"_(?:\{((?:[^{}]|\{[^{}]*\})*)\}|(\\[a-z]+|.))|\[([^][]*)\]")
NAMED_LETTER = re.compile(r"([A-Za-z]+) \$(\\[a-z]+|[A-Za-z])(?:_(?:\{[^}]*\}|\w))?\$")


def read(folder: str, slug: str) -> dict[str, Any]:
    return tomllib.loads((STUDY / folder / f"{slug}.toml").read_text(encoding="utf-8"))


def defined_twice(page: dict[str, Any]) -> list[str]:
    """Letters with two definitions: in `letters`, and signs of two names that only an index tells apart."""
    signs = {letter["sign"] for letter in page.get("letters", [])}
    signs |= {sign for sign in page.get("symbols", {}).values() if not ACCENTED.search(sign)}
    firsts = [first for sign in signs for part in sign.split(",") for first in leading(part)]
    return sorted({letter for letter in firsts if firsts.count(letter) > 1})


def leading(sign: str) -> list[str]:
    """The letter of a sign; an index that is a number (W_1, W_2) makes a family of one thing."""
    return re.findall(rf"^\s*({GREEK.pattern}|[a-zA-Z])(?!_\{{?\d)", sign)


def roles(latex: str) -> tuple[set[str], set[str]]:
    """The letters of a formula that are an index somewhere, and those that are a value."""
    index, value = set(), set()
    for piece in re.split(r"\\qquad|\\quad", NAMED.sub(" ", latex)):
        for part in (next(filter(None, found), "") for found in INSIDE.findall(piece)):
            terms = map(str.strip, re.split(r"[-+,:;=]|\\(?:in|le|to)\b", part))  # "s p" is a product, "ij" two indices
            index |= {letter for term in terms if re.fullmatch(r"[a-zA-Z]{1,3}", term) for letter in term}
            value |= set(re.findall(r"([a-zA-Z])_", part))
        outside = re.sub(r"&.*?(?:\\\\|$)", " ", INSIDE.sub(" ", piece))  # without the conditions of its cases
        value |= letters_in(re.sub(r"\([a-zA-Z]\)", " ", outside))  # nor what a function is of: alpha_t(s)
    return index, value


def counted_with(page: dict[str, Any]) -> set[str]:
    """The letters that the page's formulas have as an index and as a value."""
    formulas = [*page["formula"], *(step.get("latex", "") for step in page.get("steps", []))]
    index, value = (set().union(*sets) for sets in zip(*map(roles, formulas), strict=True))
    return index & value


def named(*nodes: Any) -> dict[str, set[str]]:
    """What the words right before each letter name, of those words that letters.toml has."""
    things = defaultdict(set)
    for sentence in (re.sub(r"\s+", " ", text) for node in nodes for text in english(node)):
        for word, letter in NAMED_LETTER.findall(sentence):
            if word.lower() in THING:
                things[letter].add(THING[word.lower()])
    return things


def english(node: Any) -> Iterator[str]:
    """Every English sentence of a file."""
    for key, part in node.items() if isinstance(node, dict) else enumerate(node):
        if key == "en":
            yield part
        elif isinstance(part, dict | list):
            yield from english(part)


def defined(page: dict[str, Any]) -> dict[str, set[str]]:
    """What the page's own `letters` say, by the same words."""
    things = defaultdict(set)
    for letter in page.get("letters", []):
        words = re.findall(r"[a-z]+", letter["en"])
        things[letter["sign"].split("_")[0]] |= {THING[word] for word in words[:2] if word in THING}
    return things


def two_things(page: dict[str, Any], questions: dict[str, Any]) -> dict[str, list[str]]:
    """The letters whose words name two things."""
    said, own = named(page, questions), defined(page)
    return {letter: sorted(both) for letter in {*said, *own} if len(both := said[letter] | own[letter]) > 1}


@every_page
def test_a_letter_is_defined_once(slug: str):
    assert defined_twice(read("pages", slug)) == []


@every_page
def test_an_index_is_no_value_as_well(slug: str):
    assert counted_with(read("pages", slug)) == COUNTED_WITH.get(slug, set())


@every_page
def test_the_words_before_a_letter_name_one_thing(slug: str):
    assert two_things(read("pages", slug), read("questions", slug)) == {}


@pytest.mark.parametrize(
    ("slug", "formula", "letter"),
    [
        ("family_sequence_losses", r"\bar{x} = (p - t) W^{\mathsf{T}}", "t"),
        ("family_linear", r"y_{nj} = T_{i_n j}", "i"),
        ("softmax", r"y_j = j E_j", "j"),
    ],
    ids=["the_step_and_the_answers", "a_component_and_a_row_of_the_table", "a_number_and_its_factor"],
)
def test_a_formula_that_uses_a_letter_twice_is_noticed(slug: str, formula: str, letter: str):
    page = read("pages", slug)
    assert counted_with(page | {"formula": [*page["formula"], formula]}) == COUNTED_WITH.get(slug, set()) | {letter}


def test_a_second_definition_is_noticed():
    letters = [{"sign": sign, "ja": "関数", "en": "a function"} for sign in ("f_k", "f")]
    assert defined_twice(read("pages", "family_models") | {"letters": letters}) == ["f"]
    assert defined_twice({"letters": letters[:1], "symbols": {"function": "f", "slope": r"\bar{f}"}}) == ["f"]
    assert defined_twice({"symbols": {"beta1": r"\beta_1", "beta2": r"\beta_2"}}) == []


def test_a_second_word_is_noticed():
    page = read("pages", "backpropagation")
    question = {"answer": {"ja": "小さな幅 $h$ を使う", "en": "differentiation, with its width $h$"}}
    assert two_things(page, {"questions": [question]}) == {"h": ["output", "width"]}
    both = {"idea": [{"en": "the step $t$, counted from the first one, and the answer $t$"}]}
    assert two_things(both, {}) == {"t": ["answer", "step"]}
