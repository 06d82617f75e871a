"""How the study site finds lines in the code, and reads formulas and words."""

import re
from pathlib import Path

import pytest
from helpers.study_site import ROOT
from markupsafe import Markup

from scripts.study import content, excerpt, formulas, furigana, glossary, prose, reports
from scripts.study.page import load_page
from scripts.study.refusal import Refusal
from scripts.study.symbols import Symbols


def test_a_right_line_is_not_the_wrong_one():
    functions = excerpt.functions_in(ROOT / "tests" / "mistakes" / "cases" / "regularisation_penalties.py")
    wrong = reports._first("return dx, dW + 2 * dout * REG * W, db + 2", iter(functions), "the corpus")
    right = reports._first("return dx, dW + 2 * dout * REG * W, db", iter(functions), "the corpus", wrong)
    assert right.text == "return dx, dW + 2 * dout * REG * W, db"


@pytest.mark.parametrize(
    ("latex", "spaces"),
    [(r"t \log p", 2), (r"\log p", 1), (r"- \log(p)", 0), (r"\log_2 x", 1), ("x y", 0)],
    ids=["both-sides", "after", "beside-operators", "with-index", "letters"],
)
def test_names_of_functions_stand_apart(latex: str, spaces: int):
    assert str(formulas.formula(latex, {})).count("<mspace") == spaces


@pytest.mark.parametrize(
    ("latex", "signs"),
    [
        (r"(-0.25, 2)", ["−"]),
        (r"a = -\log p", ["−"]),
        (r"f(x) - 1", []),
        (r"x' - |a| - b", ["|"]),
        (r"-|a|", ["−", "|"]),
        (r"\frac{-a}{b - c}", ["−"]),
    ],
    ids=["after-a-bracket", "after-an-operator", "after-a-value", "after-bars", "before-bars", "in-a-fraction"],
)
def test_a_sign_stands_close_and_a_minus_apart(latex: str, signs: list[str]):
    marked = re.findall('<mo[^>]* form="prefix"[^>]*>(.)</mo>', str(formulas.formula(latex, {})))
    assert marked == signs


def test_max_is_a_name_and_no_operator():
    assert "<mi>max</mi><mo" in str(formulas.formula(r"\max(x, 0)", {}))


@pytest.mark.parametrize(
    ("latex", "parts"),
    [
        (r"y = x W + b", 1),
        (r"y[n, p, o] = b[o] + \sum_k \sum_c x[n, p + k, c] \, W[k, c, o]", 3),
        (r"\{f(x) + g(x)\}' = f'(x) + g'(x) + 0 \cdot x", 4),
        (r"L = -\frac{1}{N} \sum_n \left( \log z_n - t_n \right) \cdot w_n", 2),
        (r"i = \sigma(a_i), \; f = \sigma(a_f), \; o = \sigma(a_o)", 3),
        (r"z = x_1 + x_2 + x_3 + x_4 + x_5 + x_6, \; y = z^2", 8),
        (r"s = \begin{cases} 1 & c = \text{a} - \text{b} \\ 0 & c < 1234567890 \end{cases}", 2),
    ],
    ids=["short", "sums", "braces", "in-brackets", "list", "list-of-a-long-one", "cases"],
)
def test_a_long_formula_may_go_on_in_another_line(latex: str, parts: int):
    broken = formulas.broken(latex)
    assert len(broken) == parts, broken
    assert "".join("".join(broken).split()) == "".join(latex.split())
    for number, part in enumerate(broken[1:], 1):
        shown = str(formulas.formula(part, {}, continued=True))
        if part[0] in "=+":
            assert f'form="infix">{part[0]}</mo>' in shown, f"{number}: {shown}"


def test_a_line_ends_neither_behind_a_bracket_nor_before_a_comma():
    written = prose.Prose(Symbols(), lambda target, label: Markup(label), lambda term: Markup(term)).html
    assert re.search(r'It is <span class="kept">\(<math.*</math>\),</span> that', written("It is ($x$), that"))
    assert re.search(r'は<span class="kept">（<math.*</math>）、</span>次', written("は（$x$）、次"))
    assert "kept" not in written("of $x$ and")
    assert written("the layer's `f('x')`") == "the layer’s <code>f(&#39;x&#39;)</code>"


def test_formulas_side_by_side_come_apart():
    assert formulas.apart(r"a = b, \qquad c = \text{a \qquad b}") == ["a = b,", r"c = \text{a \qquad b}"]


def test_an_excerpt_follows_the_code_to_where_it_is_defined():
    found = excerpt.find("functional_nn.softmax")
    assert found.file == ROOT / "functional_nn" / "activations.py"
    assert found.lines[found.first - 1] == '@jit_op("axis")'
    whole = "\n".join(line for piece in excerpt.pieces(found, ()) for line in piece.lines)
    assert whole.startswith('@jit_op("axis")\ndef softmax(')
    assert "Turns scores" not in whole


def test_a_fragment_takes_the_lines_that_continue_it():
    function = excerpt.find("reference.calculus.gradient_descent")
    source = ROOT.joinpath("reference", "calculus.py").read_text(encoding="utf-8").splitlines()
    loop = next(n for n, line in enumerate(source, 1) if n > function.first and line.lstrip().startswith("for "))
    assert excerpt.pick(function, "for ") == (loop, loop), "a loop counts up to its body"
    spans = excerpt.spans(excerpt.find("functional_nn.activations.elu"))
    assert all(first <= last for first, last in spans)


def test_hiragana_katakana_and_width_are_one():
    assert glossary.folded(glossary.hiragana("ソフトマックス")) == "そふとまっくす"
    assert glossary.folded("ＳＯＦＴＭＡＸ ") == "softmax"


PAGES = sorted((ROOT / "docs" / "study" / "pages").glob("*.toml"))


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.stem)
def test_the_lines_that_a_page_names_stand_in_the_code(file: Path):
    page = load_page(file, ROOT)
    gone = []
    for step in page.steps:
        for shown in content.excerpts_of(step):
            try:
                content.excerpt_of(shown, page)
            except Refusal as refused:
                gone.append(page.source.sentence(shown.path, "the page no longer fits the code", refused))
    assert not gone, "\n".join(gone)


@pytest.mark.parametrize(
    ("term", "reading", "aligned"),
    [
        ("重み", "おもみ", "{重|おも}み"),
        ("交差エントロピー誤差", "こうさエントロピーごさ", "{交差|こうさ}エントロピー{誤差|ごさ}"),
        ("畳み込み", "たたみこみ", "{畳|たた}み{込|こ}み"),
        ("CNN", "シーエヌエヌ", ""),
        ("one-hot 表現", "ワンホットひょうげん", ""),
    ],
    ids=["ending", "katakana-between", "kana-between", "no-kanji", "latin"],
)
def test_a_reading_stands_over_its_kanji(term: str, reading: str, aligned: str):
    assert furigana.aligned(term, reading) == aligned


def test_a_term_gets_its_reading_where_a_page_first_uses_it():
    readings = furigana.Readings({"勾配": "こうばい", "勾配法": "こうばいほう", "層": "そう", "微分": "びぶん"})
    first = readings.added("勾配法と`勾配`、$層$、[[gradient|勾配]]、[[layer]]、{微分|びぶん}、全結合層")
    assert first == (
        "{勾配法|こうばいほう}と`勾配`、$層$、[[gradient|{勾配|こうばい}]]、[[layer]]、{微分|びぶん}、全結合層"
    )
    assert readings.added("層別、勾配と層と微分") == "層別、勾配と{層|そう}と微分"
