"""The set of right and wrong backwards in four precisions is what it says, and the verdicts on it are its labels."""

from collections import Counter
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

pytest.importorskip("torch", reason="scripts.acceptance is written for PyTorch")
pytest.importorskip("ml_dtypes")

from scripts import verdicts
from scripts.acceptance.verdicts import judged
from scripts.acceptance.verdicts.emulated import FLOAT16, FLOAT32, FLOAT64, PRECISIONS, Way, cut_tf32
from scripts.acceptance.verdicts.emulated import nearest_tf32 as nearest
from scripts.acceptance.verdicts.subjects import FUNCTIONS, Subject, label, question, subjects, truth

# So many are judged here, evenly chosen; `python scripts/verdicts.py` judges all.
SAMPLE = 30


@cache
def labelled() -> list[tuple[Subject, str]]:
    return [(one, label(one)) for one in subjects()]


def in_float64(subject: Subject) -> list[float]:
    """The largest error of every array where nothing is rounded, as a share of the array's largest entry."""
    exact = replace(subject, way=Way("exact", FLOAT64))
    got = question(exact.function, "float32").answers(*exact.rule(), FLOAT64)
    pairs = zip(got, truth(exact.function, "float32"), strict=True)
    return [float(np.max(np.abs(one - true)) / np.max(np.abs(true))) for one, true in pairs]


def test_formulas_are_right_and_mistakes_are_wrong_in_float64():
    for one in subjects():
        if one.precision == "float32" and not one.long and one.mistake != "too little precision":
            assert max(in_float64(one)) > 1e-3 if one.mistake else max(in_float64(one)) < 1e-13, one.name


def test_every_function_is_there_right_and_wrong_in_every_precision():
    counts = Counter((one.function.name, one.precision, known) for one, known in labelled() if one.asked)
    assert sum(known != "between" for _, known in labelled()) >= 300
    for function in FUNCTIONS:
        for precision in PRECISIONS:
            assert counts[function.name, precision, "right"] >= 1
            assert counts[function.name, precision, "wrong"] >= 8
    assert len({one.name for one, _ in labelled()}) == len(labelled())


@pytest.mark.parametrize(
    ("value", "rounded", "cut"),
    [(1 + 2**-11, 1.0, 1.0), (1 + 3 * 2**-11, 1 + 2**-9, 1 + 2**-10), (-1 - 2**-11 - 2**-20, -1 - 2**-10, -1.0)],
)
def test_tf32_keeps_ten_digits_behind_the_first(value, rounded, cut):
    given = np.array([value], np.float32)
    assert (nearest(given)[0], cut_tf32(given)[0]) == (rounded, cut)


def test_an_accumulator_in_low_precision_stops_growing():
    ones = np.ones((4096, 1), np.float32)
    low, wide = (Way("", FLOAT32, accumulator=one).rows(ones)[0] for one in (FLOAT16, None))
    assert (low, wide) == (2048, 4096)


@pytest.mark.parametrize("place", range(SAMPLE))
def test_a_verdict_is_that_of_the_label(place):
    asked = [(one, known) for one, known in labelled() if known != "between"]
    subject, known = asked[place * len(asked) // SAMPLE]
    found = judged.judged(subject, known)
    assert found.agrees, f"{found.verdict} ({found.status}), though {known}: {found.name}"


def one_judged(known, verdict, *causes, expected=True):
    return judged.Judged("a", "softmax", "bfloat16", known, verdict, "", causes, expected, 1.0)


def test_the_table_counts_what_agrees_and_what_is_named():
    found = [one_judged("right", "pass"), one_judged("right", "fail", "sign")]
    found += [one_judged("wrong", "fail", "sign"), one_judged("wrong", "fail", "unexplained", expected=False)]
    found += [one_judged("wrong", "fail", "sign", expected=False), one_judged("wrong", "pass")]
    lines = judged.table(found, 7).splitlines()
    assert lines[2:5] == [f"| {name} | 2 | 1 | 4 | 3 | 2 | 1 |" for name in ("bfloat16", "softmax", "all")]
    assert lines[-1] == "4 of 6 verdicts agree with the label; 7 left out by the rule; 6 s."


@pytest.mark.parametrize("verdict", ["pass", "fail"])
def test_the_script_ends_with_1_where_a_verdict_is_not_the_label(verdict, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(judged, "judged", lambda subject, known: one_judged(known, verdict))
    words = ["--only", "SwiGLU, bfloat16, swiglu_of_share, plain, no mistake", "--out", str(tmp_path / "a" / "b.jsonl")]
    assert verdicts.main(words) == (verdict != "pass")
    assert ("fail (), though right" in capsys.readouterr().out) == (verdict != "pass")
    assert (tmp_path / "a" / "b.jsonl").read_text("utf-8").count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--only", "nothing"], "--only must be part of a subject's name; got 'nothing'"),
        (["--every", "0"], "--every must be at least 1; got 0"),
    ],
)
def test_what_the_script_refuses(words, said, tmp_path, capsys):
    with pytest.raises(SystemExit):
        verdicts.main([*words, "--out", str(tmp_path / "a.jsonl")])
    assert said in capsys.readouterr().err
