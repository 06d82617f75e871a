"""Reports in Japanese: nothing that the oracle can say lacks its Japanese, and no English is left in a report."""

import re
import tomllib
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from helpers.english import english_in, words_left
from helpers.said import NOT_SAID, ORACLE, Template, templates
from mistakes import corpus, judges

from reference import oracle
from reference.oracle.causes import TABLE
from reference.oracle.command import cli, replayed
from reference.oracle.rendering import text
from reference.oracle.rendering.columns import columns, filled, shortened
from reference.oracle.rendering.language import japanese, preferred, saying
from reference.oracle.report import Finding, Report
from reference.oracle.specs import SPECS
from reference.oracle.sweep import cases, judging, shown
from reference.oracle.sweep.report import Seen

TABLES = sorted((ORACLE / "rendering" / "japanese").glob("*.toml"))
KANA = re.compile("[ぁ-んァ-ヶ一-龠]")
BROKEN = Path(__file__).resolve().parents[1] / "textbook" / "broken.py"
# Every so many-th case of the corpus; in tests/oracle/test_kill_matrix.py each that is judged is read as well.
SAMPLE = 40


def pairs() -> dict[str, str]:
    """Every template of the tables, with its Japanese."""
    found = {}
    for path in TABLES:
        table = tomllib.loads(path.read_text("utf-8"))
        for english, other in (*table.get("frames", ()), *table.get("said", ())):
            assert english not in found, f"{path.name}: {english!r} stands in the tables twice"
            found[english] = other
    return found


def lacking(said: list[Template], known: dict[str, str]) -> list[str]:
    """Where a template stands that has no Japanese."""
    missing = [one for one in said if one.text not in known and one.text not in NOT_SAID]
    return [f"{one.file}:{one.line}: no Japanese for {one.text!r}" for one in missing]


def test_every_template_has_its_japanese():
    assert lacking(templates(), pairs()) == []


def test_a_template_without_japanese_is_named_with_file_and_line():
    said = [*templates(), Template("the moon is {1} of cheese", "questions/moon.py", 7)]
    assert lacking(said, pairs()) == ["questions/moon.py:7: no Japanese for 'the moon is {1} of cheese'"]


def test_every_cause_and_every_repair_has_its_japanese():
    known = pairs()
    said = {f"{cause}.{key}": one[key] for cause, one in TABLE.items() for key in ("says", "repair", "but")
            if key in one}  # fmt: skip
    assert [place for place, english in said.items() if english not in known] == []


def test_nothing_stands_in_the_tables_that_is_not_said():
    said = {one.text for one in templates()}
    said |= {one[key] for one in TABLE.values() for key in ("says", "repair", "but") if key in one}
    composed = tomllib.loads(next(one for one in TABLES if one.stem == "composed").read_text("utf-8"))
    own = {english for english, _ in (*composed["said"], *composed["frames"])}
    assert pairs().keys() - own - said == set()
    assert NOT_SAID - {one.text for one in templates()} == set()


def test_words_that_stand_alone_have_their_japanese():
    found = Finding("sign", "x", "m", "e", "f", (0,), 1.0, 2.0, "backward", 3, 0.5)
    said = {*text.COLUMNS, *text.SAID.values(), *text.KINDS.values(), *shown.COLUMNS, *replayed.HEAD, *get_args(Seen)}
    said |= {label for label, _ in text.finding_lines(found)} | {"pass", "fail", "cannot tell"}
    said |= {*cases.VALUES, judging.ORDINARY}
    said |= {regime.name for spec in SPECS.values() for regime in spec.regimes}
    said |= {regime.words for spec in SPECS.values() for regime in spec.regimes if regime.words}
    say = saying("ja")
    assert [one for one in sorted(said) if not KANA.search(say(one))] == []


def test_every_field_of_a_template_is_in_its_japanese():
    def fields(template: str) -> set[str]:
        return set(re.findall(r"\{(\d+)", template))

    assert [english for english, other in pairs().items() if fields(english) != fields(other)] == []


def test_what_stands_as_japanese_is_japanese():
    as_they_are = {"loss, gradients = {1}", "{1} ulp"}  # code, and a unit
    bare = {english: re.sub(r"\{[^}]*\}", "", other) for english, other in pairs().items()}
    english = [one for one, other in bare.items() if re.search("[A-Za-z]{2}", other) and not KANA.search(other)]
    assert set(english) == as_they_are


def test_what_goes_before_or_after_is_no_part_of_what_stands_alone():
    say = saying("ja")
    assert say("has y in place of x wherever it stands") == "すべてのところで、x のところが y になっています"
    said = say("applies f(u) with u = the reference's `y` besides in the reference's `z = y * 2`")
    assert said == "お手本の `z = y * 2` で、u = お手本の `y` として、さらに f(u) を掛けています"
    for english, other in japanese().exact.items():
        assert "{" not in other, f"{english!r}: {other}"


def test_every_template_is_found_again():
    table = japanese()
    for template in table.templates:
        sentence, names = _filled(template)
        read = table.read(sentence)
        assert not read.left, f"{sentence!r} is left in English: {read.text}"
        lost = [name for name in names if name not in read.text]
        assert not lost, f"{sentence!r} loses {lost}: {read.text}"


def _filled(template) -> tuple[str, list[str]]:
    """A sentence of a template, and the names in it."""
    sentence, names = template.english, []
    for name in dict.fromkeys(re.findall(r"\{(\w+)\}", template.english)):
        choices = template.choices.get(name)
        given = next(iter(choices)) if choices else "3" if template.kinds.get(name) == "#" else f"q{name}"
        glued = re.search(rf"[\w,)}}]\{{{name}\}}(?!\w)", sentence) and given[:1] == "q"
        given = "" if glued else given
        names += [given] * (given[:1] == "q")
        sentence = sentence.replace(f"{{{name}}}", given)
    return sentence, names


# --- whole reports ---


DEVELOPMENT = [case for case in corpus.load("development") if case.style != "torch"]


def test_no_english_is_left_in_reports_of_the_corpus():
    reports = [judges.report_of(case, "small", 0, how) for case in DEVELOPMENT[::SAMPLE] for how in case.judged]
    assert [sentence for report in reports for sentence in english_in(report)] == []


def test_english_that_is_left_is_noticed():
    report = _wrong()
    strange = Report("fail", (), (), "f", acquittals=("The moon is of cheese, and the backward knows it.",))
    assert list(english_in(report)) == []
    assert len(list(english_in(strange))) == 1


def _wrong() -> Report:
    return judges.report_of(next(case for case in DEVELOPMENT if case.kind == "wrong backward"), "small", 0, "plain")


def test_a_report_is_english_unless_asked():
    report = _wrong()
    assert str(report) == report.text() == report.text("en")
    assert not KANA.search(str(report) + report.to_json() + report.to_html())
    assert report.text("ja").startswith("間違い：")
    assert '<html lang="ja">' in report.to_html("ja")
    assert KANA.search(report.to_html("ja"))


def test_an_unknown_language_is_refused():
    with pytest.raises(ValueError, match="language must be one of en, ja; got fr"):
        _wrong().text("fr")


@pytest.mark.parametrize("width", [60, 80, 120])
def test_lines_fill_the_columns_and_no_more(width):
    lines = _wrong().text("ja", width).splitlines()
    assert max(map(columns, lines)) <= width
    assert not [line for line in lines if line.strip()[:1] in ("、", "。", "）")]


def test_a_table_is_aligned_by_columns():
    head, first, *_ = text.argument_table(_wrong().arguments, 120, saying("ja"))
    begins = len(first) - len(first.split(maxsplit=1)[1])
    assert columns(head[: head.index("判定")]) == columns(first[:begins])


def test_japanese_takes_two_columns():
    assert columns("勾配 x") == 6
    assert filled("勾配を計算します。", 10, "", "  ") == "勾配を計算\n  します。"
    assert columns(shortened("勾配を計算します。", 12)) <= 12


# --- the command ---


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"LANG": "ja_JP.UTF-8"}, "ja"),
        ({"LANG": "ja"}, "ja"),
        ({"LANG": "ja_JP.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "ja_JP.UTF-8"}, "ja"),
        ({"LANG": "ja_JP.UTF-8", "LC_MESSAGES": "ja_JP.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "ja_JP"}, "ja"),
        ({"LANG": "ja_JP.UTF-8", "LC_ALL": ""}, "ja"),
        ({"LANG": "java"}, "en"),
        ({}, "en"),
    ],
)
def test_the_terminal_chooses_the_language(environment, language):
    assert preferred(environment) == language


def test_the_command_reports_in_japanese(capsys, monkeypatch):
    target = f"{BROKEN}:AffineMeanBias"
    assert cli.main([target, "--language", "ja"]) == 1
    said = capsys.readouterr().out
    assert "b の勾配は、正しい勾配の 1/3 倍です" in said
    assert said.endswith("正しい 0 件、間違い 1 件、判断できないもの 0 件。\n")
    assert not words_left(said, japanese().known)
    monkeypatch.setenv("LC_ALL", "ja_JP.UTF-8")
    assert cli.main([target]) == 1
    assert capsys.readouterr().out == said
    assert cli.main([target, "--language", "en"]) == 1
    assert not KANA.search(capsys.readouterr().out)


def test_what_programs_read_stays_english(capsys):
    assert cli.main([f"{BROKEN}:AffineMeanBias", "--language", "ja", "--json"]) == 1
    assert not KANA.search(capsys.readouterr().out)


def test_the_command_refuses_an_unknown_language(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main([str(BROKEN), "--language", "fr"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.endswith("--language: a language is one of en, ja; got fr\n")


def test_a_sweep_is_said_in_japanese():
    def inputs(rows: int, columns: int, rng: np.random.Generator) -> tuple[np.ndarray]:
        return (rng.normal(size=(rows, columns)),)

    subject = oracle.from_forward_backward(lambda x: x.sum(0), lambda g, x: (x * 0 + g,))
    swept = oracle.sweep(subject, inputs, checks=4)
    said = swept.text("ja")
    assert said.startswith("合格：")
    assert not words_left(said, japanese().known)
