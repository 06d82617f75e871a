"""What is wrong with a page stops the build of the study site, with its file and line."""

import re
from pathlib import Path

import pytest
from helpers.study_site import GLOSSARY, INDEX, QUESTIONS, SIGMOID, SOFTMAX, small_study, spoil

from scripts.study import site
from scripts.study.links import broken_links
from scripts.study.refusal import Refusal
from scripts.study.site import Order


@pytest.fixture
def order(tmp_path: Path) -> Order:
    return small_study(tmp_path)


QUESTION = ', en = "What is the probability of one of two?"}'
PICTURE = '\n[[pictures]]\nname = "nowhere"\nalt = {ja = "図", en = "A picture"}\n'
LAST = (
    '[[questions]]\nask = {ja = "1になりますか。", en = "Does it reach 1?"}\nanswer = {ja = "いいえ。", en = "No."}\n'
)
WIDGET = '\n[[widgets]]\nname = "nowhere"\ncaption = {ja = "図", en = "A picture"}\n'
REFUSALS = {
    "term-without-page": (GLOSSARY, 'page = "softmax"', 'page = "nowhere"', "a term must have its page; got 'nowhere'"),
    "also": (GLOSSARY, 'page = "softmax"', 'page = "softmax"\nalso = "x"', "also must be a list; got 'x'"),
    "index-without-page": (INDEX, '"sigmoid"]', '"sigmoid", "nowhere"]', "a term must have its page; got 'nowhere'"),
    "page-not-in-index": (INDEX, ', "sigmoid"]', "]", "a page must stand once in the index; got 'sigmoid' 0 times"),
    "row-without-page": (
        INDEX,
        "[[groups]]",
        "rows = 1\n[[groups]]",
        "every row of the seed must have its page; got no page for row 1",
    ),
    "page-untranslated": (SIGMOID, QUESTION, "}", "question must be translated: en is missing"),
    "prose-untranslated": (SOFTMAX, ', en = "Take exponentials."', "", "derivation must be translated: en is missing"),
    "prose-empty": (SOFTMAX, 'ja = "確率"', 'ja = " "', "label must be translated: ja is missing"),
    "link": (SIGMOID, "[[softmax]]の", "[[nowhere]]の", "a link must lead to a page; got [[nowhere]]"),
    "anchor": (
        SIGMOID,
        "[[softmax]]の",
        "[[softmax#nowhere]]の",
        "a link must lead to an anchor of its page; got [[softmax#nowhere]]",
    ),
    "next": (SIGMOID, 'kind = "row"', 'kind = "row"\nnext = "nowhere"', "a link must lead to a page; got 'nowhere'"),
    "formula-command": (
        SOFTMAX,
        r"e^{x_i - \max x}",
        r"\nosuch{x}",
        "a formula must convert to MathML; got '\\\\nosuch{x}'",
    ),
    "formula-braces": (SOFTMAX, r"e^{x_i - \max x}", r"\frac{x", "a formula must convert to MathML; got '\\\\frac{x'"),
    "formula-inline": (SOFTMAX, "$y$ は", r"$\\nosuch$ は", "a formula must convert to MathML; got '\\\\nosuch'"),
    "value-differs": (
        SOFTMAX,
        '"fnn.softmax(x)"',
        '"fnn.softmax(x) + 1e-9"',
        "both sides must agree to 1e-12; got a difference of 1e-09",
    ),
    "value-shape": (
        SOFTMAX,
        '"fnn.softmax(x)"',
        '"fnn.softmax(x)[0]"',
        "both sides must have the same shape; got [(2, 3)] and [(3,)]",
    ),
    "value-raises": (
        SOFTMAX,
        '"ref.softmax(x)"',
        '"ref.softmix(x)"',
        "a value must be computable on the side of numpy; got AttributeError",
    ),
    "claim": (
        SOFTMAX,
        "numpy.sum(-1), 1)",
        "numpy.sum(-1), 2)",
        "a claim must be true; got 'np.allclose(numpy.sum(-1), 2)'",
    ),
    "example": (
        SOFTMAX,
        "x = array([[0.3",
        "x = nothing([[0.3",
        "the example must run on the side of numpy; got NameError",
    ),
    "function": (
        SOFTMAX,
        "activations.softmax_fwd",
        "activations.softmix_fwd",
        "a function must stand in the code; got 'reference.activations.softmix_fwd'",
    ),
    "function-side": (
        SOFTMAX,
        "reference.activations.softmax_bwd",
        "functional_nn.softmax",
        "the side of numpy shows functions of reference; got 'functional_nn.softmax'",
    ),
    "fragment": (
        SOFTMAX,
        '"return raised"',
        '"return nothing"',
        "a fragment must begin one line of functional_nn._numerics.probabilities; got 'return nothing', "
        "which begins no line",
    ),
    "fragment-twice": (SOFTMAX, '"raised ="', '"r"', "which begins 2 lines"),
    "picture": (
        SOFTMAX,
        "\n[[sources]]",
        PICTURE + "\n[[sources]]",
        "a picture must be registered in PICTURES; got 'nowhere'",
    ),
    "widget": (
        SOFTMAX,
        "\n[[sources]]",
        WIDGET + "\n[[sources]]",
        "a widget must have its file in static/widgets; got 'nowhere'",
    ),
    "case": (
        SOFTMAX,
        "softmax_diagonal_only",
        "softmax_nothing",
        "a case must stand in tests/mistakes; got 'softmax/softmax_nothing'",
    ),
    "wrong-line": (
        SOFTMAX,
        'wrong = "return p * (1 - p)"',
        'wrong = "return q"',
        "the line must stand in the code of softmax/softmax_diagonal_only; got 'return q'",
    ),
    "right-line": (
        SOFTMAX,
        'right = "return (out',
        'right = "return (inn',
        "the line must stand in the page's textbook, or the correct versions",
    ),
    "symbol-without-formula": (
        SOFTMAX,
        'x = "x"',
        'x = "x", axis = "a"',
        "a symbol must stand in a formula of the page; got axis = 'a'",
    ),
    "symbol-without-code": (
        SOFTMAX,
        'x = "x"',
        'x = "x", nothing = "j"',
        "a symbol must stand in its code; got nothing = 'j'",
    ),
    "symbol-of-two-letters": (
        SOFTMAX,
        'x = "x"',
        'x = "x", axis = "x y"',
        "a symbol must be one letter, with marks or indices; got 'x y'",
    ),
    "seed": (
        SOFTMAX,
        "確率に変換する式",
        "確率に変換する公式",
        "the seed must say this word for word (seed.txt); got 'この出力を確率に変換する公式'",
    ),
    "reading": (SOFTMAX, "{指数|しすう}", "{指数|shisuu}", "a reading must be kana over kanji; got {指数|shisuu}"),
    "key": (SIGMOID, "question =", "qestion =", "'qestion' (did you mean 'question'?)"),
    "kind": (SIGMOID, 'kind = "row"', 'kind = "line"', "kind must be one of row, family; got 'line'"),
    "slug": (
        SIGMOID,
        'slug = "sigmoid"',
        'slug = "logistic"',
        "the slug must be the file's name, 'sigmoid'; got 'logistic'",
    ),
    "needed": (SIGMOID, 'reading = "シグモイドかんすう"', "", "the key 'reading' is needed; got nothing"),
    "toml": (SIGMOID, 'kind = "row"', "kind = row", "a page must be valid TOML; got Invalid value"),
    "note": (
        SOFTMAX,
        'note = {ja = "自動微分です。", en = "Automatic differentiation."}',
        "",
        "a step without code on a side needs a note that says why; got no jax",
    ),
    "letter": (
        SOFTMAX,
        r"e^{x_i - \max x}",
        r"e^{x_i - \max x + \theta}",
        "a letter of a formula must be a symbol, stand in a sentence, or be defined in letters; got \\theta",
    ),
    "exercise": (
        SIGMOID,
        'kind = "row"',
        'kind = "row"\nexercise = "nowhere"',
        "an exercise must have its file; got no exercises/nowhere.py",
    ),
    "two-questions": (QUESTIONS, LAST, "", "a page must have 3 questions; got 2"),
    "four-questions": (QUESTIONS, LAST, LAST + "\n" + LAST, "a page must have 3 questions; got 4"),
    "question-untranslated": (QUESTIONS, ', en = "No."', "", "answer must be translated: en is missing"),
    "question-key": (QUESTIONS, 'ask = {ja = "0', 'aks = {ja = "0', "'aks' (did you mean 'ask'?)"),
    "answer-unchecked": (QUESTIONS, "0.5 です", "0.6 です", "a number of an answer must stand in its claim; got 0.6"),
    "answer-false": (QUESTIONS, "(x)[1] ==", "(x)[0] ==", "a claim must be true; got 'sigmoid(x)[0] == 0.5'"),
    "answer-raises": (QUESTIONS, "(x)[1] ==", "(y)[1] ==", "a claim must be computable; got NameError"),
    "answer-link": (QUESTIONS, '"いいえ。"', '"[[nowhere]]"', "a link must lead to a page; got [[nowhere]]"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("file", "old", "new", "message"), REFUSALS.values(), ids=REFUSALS)
def test_what_is_wrong_stops_the_build_with_its_line(order: Order, file: str, old: str, new: str, message: str):
    spoil(order.folder, file, old, new)
    with pytest.raises(Refusal) as refused:
        site.check(order)
    told = [line for line in str(refused.value).splitlines() if message in line]
    assert told, f"nothing says {message!r}; the build said:\n{refused.value}"
    place = re.match(rf"{file}:(\d+): ", told[0])
    assert place, f"the sentence does not begin with {file} and a line: {told[0]}"
    spoiled = (order.folder / file).read_text(encoding="utf-8").splitlines()
    expected = [n for n, line in enumerate(spoiled, 1) if (new.strip().splitlines() or [""])[0] in line]
    assert file == INDEX or not new.strip() or int(place[1]) in range(min(expected) - 1, max(expected) + 2), (
        f"{told[0]}: what was spoiled stands on line {expected}"
    )


def test_a_page_without_questions_stops_the_build_with_its_line(order: Order):
    (order.folder / QUESTIONS).unlink()
    with pytest.raises(Refusal) as refused:
        site.check(order)
    assert str(refused.value) == "pages/sigmoid.toml:1: a page must have 3 questions; got no questions/sigmoid.toml"


def test_questions_without_a_page_stop_the_build(order: Order):
    (order.folder / QUESTIONS).rename(order.folder / "questions" / "sigmoids.toml")
    with pytest.raises(Refusal, match=r"questions/sigmoids.toml:1: questions must have their page; got no pages/sig"):
        site.check(order)


def test_everything_wrong_is_named_at_once(order: Order):
    spoil(order.folder, SOFTMAX, '"return raised"', '"return nothing"')
    spoil(order.folder, SOFTMAX, "numpy.sum(-1), 1)", "numpy.sum(-1), 2)")
    spoil(order.folder, SIGMOID, "[[softmax]]の", "[[nowhere]]の")
    with pytest.raises(Refusal) as refused:
        site.check(order)
    assert len(str(refused.value).splitlines()) == 3, str(refused.value)


def test_a_link_out_of_the_folder_and_an_id_used_twice_are_seen(tmp_path: Path):
    page = '<a href="../x.html">x</a><i id="a"></i><i id="a"></i><img src="https://x.org/x.png"><a href="#b">b</a>'
    (tmp_path / "index.html").write_text(page)
    told = broken_links(tmp_path)
    for wanted in ("'../x.html'", "got 'a'", "'https://x.org/x.png'", "'#b'"):
        assert any(wanted in sentence for sentence in told), f"nothing says {wanted}: {told}"
