"""The search of the study site: every query of docs/study/queries has an answer among the first three."""

import re
from pathlib import Path
from typing import Any

import pytest
from helpers.site_search import answers

from scripts.study.library import Library, load_library
from scripts.study.queries import Query, load_queries
from scripts.study.refusal import Problems, Refusal
from scripts.study.search import search_script, search_words

ROOT = Path(__file__).resolve().parents[2]
STUDY = ROOT / "docs" / "study"
SETS = ("asked_for", "development", "set_aside", "afterwards")
Found = list[dict[str, Any]]
Asked = dict[str, list[tuple[Query, Found]]]


@pytest.fixture(scope="module")
def library() -> Library:
    """All that is written for the site."""
    problems = Problems()
    library = load_library(STUDY, ROOT, problems)
    assert not problems
    return library


@pytest.fixture(scope="module")
def index(library: Library) -> str:
    """The search index of the whole site."""
    return search_script(library, search_words(STUDY / "search.toml", ROOT))


@pytest.fixture(scope="module")
def asked(library: Library, index: str, tmp_path_factory: pytest.TempPathFactory) -> Asked:
    """Every query of every set with what the search answers."""
    sets = {name: load_queries(STUDY / "queries" / f"{name}.toml", ROOT, library.pages) for name in SETS}
    texts = [query.text for queries in sets.values() for query in queries]
    found = iter(answers(index, texts, tmp_path_factory.mktemp("search")))
    return {name: [(query, next(found)) for query in queries] for name, queries in sets.items()}


def rank(query: Query, found: Found) -> int:
    """The place of the first page that answers, from 1; 99 where there is none."""
    return next((place for place, one in enumerate(found, 1) if one["page"] in query.pages), 99)


# The same thing typed otherwise: width, case, minus signs, kana, the long vowel, romaji, slips, not yet to its end.
TYPED = {
    "softmax": [
        "ＳＯＦＴＭＡＸ",
        "Softmax",
        "ｿﾌﾄﾏｯｸｽ",
        "ソフトマックス",
        "そふとまっくす",
        "sofutomakkusu",
        "sotfmax",
        "softm",
        "そふとま",
    ],
    "p-t": ["p - t", "p−t", "ｐ－ｔ", "P–T", "pーt"],
    "モーメンタム": ["モメンタム", "もーめんたむ", "momentum", "momentam"],
    "im2col": ["IM2COL", "im2co"],
    "hollows": ["hollow", "holows", "hollo"],
}
# What finds nothing, and must not break either; of what is pasted, the first 200 letters are read.
NOTHING = [
    "",
    "   ",
    "。、!?",
    "qqqq",
    "constructor",
    "toString hasOwnProperty",
    "の",
    "the of what",
    "qqqq " * 50 + "softmax",
]


def test_what_is_typed_otherwise_finds_the_same(index: str, tmp_path: Path):
    asked = [(plain, text) for plain, others in TYPED.items() for text in (plain, *others)]
    found = answers(index, [text for _, text in asked], tmp_path)
    first = {text: rows[0]["page"] if rows else None for (_, text), rows in zip(asked, found, strict=True)}
    other = {text: first[text] for plain, text in asked if first[text] != first[plain]}
    assert None not in first.values()
    assert not other, f"found for what was typed otherwise: {other}"


def test_what_says_nothing_finds_nothing(index: str, tmp_path: Path):
    found = answers(index, [*NOTHING, "softmax " * 5000], tmp_path)
    assert [text for text, rows in zip(NOTHING, found, strict=False) if rows] == []
    assert found[-1][0]["page"] == "softmax"


def test_a_list_of_queries_that_is_wrong_is_refused_with_its_line(tmp_path: Path):
    for text, message in {
        'ja = [\n  ["勾配", "nowhere"],\n]\n': "list.toml:2: a query must be answered by pages that are there",
        'en = [\n  ["a", "loss"],\n  ["b"],\n]\n': "list.toml:1: a query must be a list of what is typed",
        'en = [["a", "loss"]]\nmissed = ["b"]\n': "list.toml:2: a query that is missed must stand in the list; got 'b'",
        'fr = [["a", "loss"]]\n': "list.toml:1: a key must be one of ja, en, missed; got 'fr'",
    }.items():
        (tmp_path / "list.toml").write_text(text, encoding="utf-8")
        with pytest.raises(Refusal, match=re.escape(message)):
            load_queries(tmp_path / "list.toml", tmp_path, {"loss"})


@pytest.mark.parametrize("name", SETS)
def test_an_answer_is_among_the_first_three(asked: Asked, name: str):
    wrong = []
    for query, found in asked[name]:
        if (rank(query, found) <= 3) == query.missed:
            said = "is listed as missed, and is found" if query.missed else f"must find {' or '.join(query.pages)}"
            wrong.append(f"{query.where}: {query.text!r} {said}; got {[one['link'] for one in found[:3]]}")
    assert not wrong, "\n".join(wrong)


def test_the_queries_asked_for_find_the_page_first_and_lose_nothing(asked: Asked):
    late = [f"{query.where}: {query.text!r}" for query, found in asked["asked_for"] if rank(query, found) != 1]
    assert not late


@pytest.mark.parametrize("name", SETS)
def test_an_answer_opens_at_its_passage(asked: Asked, name: str):
    wrong = []
    for query, found in asked[name]:
        links = {one["page"]: one["link"] for one in reversed(found)}
        for passage in query.passages:
            slug, anchor = passage.split("#")
            if links.get(slug) != f"{slug}.html#{anchor}":
                wrong.append(f"{query.where}: {query.text!r} must open at {passage}; got {links.get(slug)}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", SETS)
def test_the_readme_states_the_share(asked: Asked, name: str):
    counted = [rank(query, found) for query, found in asked[name]]
    readme = (STUDY / "README.md").read_text(encoding="utf-8")
    stated = re.search(rf"^\| `{name}` \| (\d+) \| (\d+) \| (\d+) \|", readme, re.MULTILINE)
    assert stated, f"docs/study/README.md has no row for the queries {name}"
    measured = (len(counted), sum(place <= 3 for place in counted), sum(place == 1 for place in counted))
    assert tuple(map(int, stated.groups())) == measured, "README.md: queries, among the first three, first"
