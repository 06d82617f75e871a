"""The three questions at the end of a page, and the copy of the site in which nothing is given away."""

import re
import shutil
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from helpers.study_site import ROOT, SIGMOID, small_study, spoil

from scripts.study import site
from scripts.study.page import load_page
from scripts.study.questions import COUNT, Question, load_questions, unchecked
from scripts.study.schema import Both

STUDY = ROOT / "docs" / "study"
PAGES = sorted((STUDY / "pages").glob("*.toml"))


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.stem)
def test_every_page_has_its_questions(file: Path):
    questions = load_questions(load_page(file, ROOT), STUDY, ROOT)
    asked = {question.ask.en for question in questions.items}
    assert len(asked) == COUNT, f"{file.stem}: a question stands twice"


@pytest.mark.parametrize(
    ("answer", "claim", "alone"),
    [
        ("$-\\log 0.1$, about 2.30, of 2 classes", "abs(-np.log(0.1) - 2.30) < 5e-3", []),
        ("about 2.30", "abs(-np.log(0.1) - 2.31) < 5e-3", ["2.30"]),
        ("W2 and `x_0` hold 12 rows", "", ["12"]),
        ("a step of 0.0001", "slope(1e-4) > 0", []),
    ],
    ids=["held", "other", "names", "power-of-ten"],
)
def test_a_number_that_no_claim_holds_is_noticed(answer: str, claim: str, alone: list[str]):
    assert unchecked(Question(Both("?", "?"), Both("", answer), claim, ())) == alone


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> site.Order:
    """The small pages, one of them with an exercise, and slides asked for."""
    order = small_study(tmp_path_factory.mktemp("questions"))
    for folder in ("exercises", "solutions"):
        (order.folder / folder).mkdir()
        shutil.copy(STUDY / folder / "gating.py", order.folder / folder)
    spoil(order.folder, SIGMOID, 'kind = "row"', 'kind = "row"\nexercise = "gating"')
    return replace(order, slides=True)


@pytest.fixture(scope="module")
def whole(study: site.Order) -> Path:
    site.build(study)
    return study.output


@pytest.fixture(scope="module")
def discreet(study: site.Order) -> Path:
    order = replace(study, output=study.output.with_name("discreet"), solutions=False)
    site.build(order)
    return order.output


def read(folder: Path, name: str) -> str:
    return (folder / name).read_text(encoding="utf-8")


def test_a_page_ends_in_three_questions_with_folded_answers(whole: Path):
    questions = read(whole, "sigmoid.html").partition('<section id="questions">')[2].partition("</section>")[0]
    assert questions.count('<li id="question-') == COUNT
    assert len(re.findall(r'<details class="answer"><summary>', questions)) == COUNT, "an answer is not folded"
    assert "0.5 です。" in questions
    assert "It is 0.5." in questions


def test_a_copy_without_solutions_gives_nothing_away(whole: Path, discreet: Path):
    starter, solved = (set(read(STUDY / folder, "gating.py").splitlines()) for folder in ("exercises", "solutions"))
    line = max((line.strip() for line in solved - starter), key=len)
    for name in ("sigmoid.html", "slides-sigmoid.html"):
        assert "It is 0.5." in read(whole, name), name
        assert "It is 0.5." not in read(discreet, name), name
        assert "What is the value at 0?" in read(discreet, name), name
    text = {folder: unescape(re.sub(r"<[^>]+>", "", read(folder, "sigmoid.html"))) for folder in (whole, discreet)}
    assert line in text[whole]
    assert line not in text[discreet]
    assert "The solution is left out of this copy" in text[discreet]
    assert not [file.name for file in discreet.rglob("*") if "solution" in file.name]


def slides(html: str) -> list[str]:
    return html.split('<section class="slide')[1:]


def test_slides_hold_an_idea_each(whole: Path):
    shown = slides(read(whole, "slides-sigmoid.html"))
    # The title, an idea, two steps, three questions and their answers.
    assert len(shown) == 1 + 1 + 2 + 2 * COUNT
    assert "return 1 / (1 + np.exp(-x))" in re.sub(r"<[^>]+>", "", shown[2])
    assert "What is the value at 0?" in shown[4]
    assert "It is 0.5." not in shown[4]
    assert "It is 0.5." in shown[5]
    for slide in shown:
        assert slide.count('lang="ja"') == slide.count('lang="en"'), slide


def test_slides_are_led_to_where_they_are(whole: Path, tmp_path: Path):
    assert 'href="slides-sigmoid.html"' in read(whole, "sigmoid.html")
    order = small_study(tmp_path)
    site.build(replace(order, only=("softmax",)))
    assert "slides-" not in read(order.output, "softmax.html")
    assert not list(order.output.glob("slides-*"))
