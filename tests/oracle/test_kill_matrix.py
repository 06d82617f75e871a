"""The corpus of mistakes is what it says it is, and the oracle judges its small inputs right.

At both sizes and beside other checkers it is judged by scripts/kill_matrix.py, which writes docs/kill_matrix.md.
"""

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from helpers.english import english_in
from mistakes import page, table
from mistakes.case import Kind, Mistake
from mistakes.corpus import by_file, load
from mistakes.judges import Run, by_oracle, is_named
from mistakes.run import copies, parts, vjp_of
from mistakes.truth import gradient_errors, impurities, wrong_arguments

from reference import oracle
from reference.oracle.specs import SPECS

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "kill_matrix.md"
# Cases that the oracle names otherwise than the definitions do. The list only shrinks.
NOT_NAMED = (ROOT / "tests" / "mistakes" / "not_named.txt").read_text(encoding="utf-8").split()
CASES = load("all")
DEVELOPMENT = load("development")
# Catalogue numbers that no forward and backward pair can show, and where they are dealt with instead.
ELSEWHERE = {
    52: "NaN among the primals is refused with a clear error, so a masked NaN cannot be judged",
    68: "overflow of integer shapes happens before any derivative",
    94: "strides of a non-contiguous cotangent are invisible in NumPy",
}


def importable(cases: Iterable[Mistake]) -> list[Mistake]:
    torch_is_here = find_spec("torch") is not None
    return [case for case in cases if case.style != "torch" or torch_is_here]


def every_file_with(*kinds: str, parts: int = 1) -> pytest.MarkDecorator:
    """Each file of the corpus that has cases of these kinds, and those cases; in parts, each spread over the file."""
    chosen = {file: [case for case in cases if case.kind in kinds] for file, cases in by_file("all").items()}
    cells = {f"{file}-{part}": cases[part::parts] for file, cases in chosen.items() for part in range(parts)}
    return pytest.mark.parametrize("cases", [pytest.param(cases, id=id) for id, cases in cells.items() if cases])


# Of every file `make test` judges this share, spread over it.
PARTS = 12
a_part_of_each_file = pytest.mark.one_in(PARTS)


def test_ids_are_unique():
    assert [id for id, count in Counter(case.id for case in CASES).items() if count > 1] == []


def test_the_development_set_is_as_large_as_promised():
    count = Counter(case.kind for case in DEVELOPMENT)
    assert count["wrong backward"] >= 370
    assert count["wrong forward"] >= 30
    assert count["impure"] >= 25
    assert count["control"] >= 130


def test_every_catalogued_mistake_has_a_case():
    numbers = {case.number for case in DEVELOPMENT if case.kind != "control"}
    assert [n for n in range(1, 119) if n not in numbers and n not in ELSEWHERE] == []


def test_every_acquittal_has_a_control():
    numbers = {case.number for case in DEVELOPMENT if case.kind == "control"}
    # F8 is a convention of optimizers: tests/oracle/test_oracle_optimizers.py.
    assert [f"F{n}" for n in range(1, 11) if n != 8 and f"F{n}" not in numbers] == []


def test_every_op_has_a_control():
    assert sorted(set(SPECS) - {case.op for case in DEVELOPMENT if case.kind == "control"}) == []


def test_causes_are_in_the_vocabulary():
    known = set(oracle.CAUSES) - {"unexplained"}
    assert {case.id: case.cause for case in CASES if case.kind != "control" and case.cause not in known} == {}
    assert {case.id: case.also for case in CASES if case.also and case.also not in known} == {}


def test_expected_arguments_are_arguments():
    assert [case.id for case in CASES if not set(case.expected_argument) <= set(case.names)] == []


@pytest.mark.slow
@a_part_of_each_file
@every_file_with("wrong backward", parts=PARTS)
def test_wrong_backwards_are_wrong(cases):
    """By finite differences on the small input, in the arguments that they are to be blamed for."""
    found = [(case, wrong_arguments(case)) for case in importable(cases)]
    assert [case.id for case, wrong in found if not wrong] == []
    others = {case.id: wrong for case, wrong in found if wrong != set(case.expected_argument or wrong)}
    assert others == {}, "other arguments are wrong than the cases say"


@pytest.mark.slow
@a_part_of_each_file
@every_file_with("control", "wrong forward", parts=PARTS)
def test_backwards_fit_their_forwards(cases):
    assert {case.id: errors for case in importable(cases) if (errors := gradient_errors(case))} == {}


@every_file_with("wrong forward")
def test_wrong_forwards_are_not_the_op(cases):
    assert [case.id for case in cases if is_the_op(case)] == []


def is_the_op(case: Mistake) -> bool:
    assert case.op, f"{case.id} names no op"
    primals = case.inputs("small", 0)
    with np.errstate(all="ignore"):
        out = parts(vjp_of(case)(*copies(primals))[0])[0]
    expected = parts(SPECS[case.op].reference()(*primals, **case.statics))[0]
    return out.shape == expected.shape and np.allclose(out, expected, rtol=1e-7, atol=0)


@every_file_with("impure")
def test_impure_code_changes_something(cases):
    assert [case.id for case in importable(cases) if not impurities(case)] == []


@a_part_of_each_file
@every_file_with("control", parts=PARTS)
def test_correct_code_changes_nothing(cases):
    assert {case.id: changed for case in importable(cases) if (changed := impurities(case))} == {}


# Each case is judged once, whichever test asks first; what of its reports is left in English, where they are Japanese.
JUDGED: dict[str, list[Run]] = {}
ENGLISH: dict[str, list[str]] = {case.id: [] for case in DEVELOPMENT if case.style != "torch"}


def judged(case: Mistake) -> list[Run]:
    if case.id not in JUDGED:

        def read(report: oracle.Report) -> None:
            if case.id in ENGLISH:
                ENGLISH[case.id] += english_in(report)

        JUDGED[case.id] = [by_oracle(case, "small", 0, manner, read) for manner in case.judged]
    return JUDGED[case.id]


def english_left(cases: Iterable[Mistake]) -> list[str]:
    return [sentence for case in cases for sentence in ENGLISH.get(case.id, ())]


@pytest.mark.slow
@a_part_of_each_file
@every_file_with("wrong backward", "wrong forward", "impure", parts=PARTS)
def test_the_oracle_judges_every_mistake_as_it_should(cases):
    """The verdict, the arguments that are wrong, and the name of the cause but for the cases in not_named.txt."""
    runs = [(case, run) for case in importable(cases) for run in judged(case)]
    assert [run for case, run in runs if not table.is_judged_right(case, run)] == []
    backwards = [(case, run) for case, run in runs if case.kind == "wrong backward"]
    assert [run for case, run in backwards if set(run.wrong) != set(case.expected_argument or run.wrong)] == []
    misnamed = {case.id for case, run in runs if not is_named(case, run)}
    assert misnamed - set(NOT_NAMED) == set(), "named otherwise"
    assert set(NOT_NAMED) & {case.id for case, _ in runs} - misnamed == set(), "named right: take them off the list"
    assert english_left(cases) == []


@pytest.mark.slow
@every_file_with("control")
def test_the_oracle_accuses_no_correct_code(cases):
    """Nothing worse could happen to it, so all of them are judged, always."""
    assert [run for case in importable(cases) for run in judged(case) if not table.is_judged_right(case, run)] == []
    assert english_left(cases) == []


def test_the_list_of_misnamed_cases_is_of_mistakes():
    assert sorted(set(NOT_NAMED)) == NOT_NAMED
    assert set(NOT_NAMED) - {case.id for case in CASES if case.kind != "control"} == set()


def first_of_each_family(kind: str) -> list:
    firsts = {case.family: case for case in reversed(DEVELOPMENT) if case.kind == kind and case.style != "torch"}
    return [pytest.param(case, id=case.id) for case in firsts.values()]


@pytest.mark.parametrize("case", [case for kind in get_args(Kind) for case in first_of_each_family(kind)])
def test_the_oracle_judges_the_first_of_each_family_right(case):
    assert [run for run in judged(case) if not table.is_judged_right(case, run)] == []


WRONG = next(case for case in DEVELOPMENT if case.kind == "wrong backward")
CONTROL = next(case for case in DEVELOPMENT if case.kind == "control")


def run_of(case: Mistake, outcome: str, *causes: str) -> Run:
    return Run(case.id, "oracle", "plain", "small", 0, outcome, causes, ("",) * len(causes))


def broken(*runs: Run) -> list[str]:
    cases = tuple(case for case in (WRONG, CONTROL) if case.id in {run.case for run in runs})
    promised = table.promises(table.Results("held-out", cases, runs))
    return [words.split(":")[0] for words, holds in promised if not holds]


def test_the_table_is_content_with_a_right_judgment():
    assert broken(run_of(WRONG, "fail", WRONG.cause), run_of(CONTROL, "pass")) == []


@pytest.mark.parametrize("outcome", ["pass", "cannot tell", "raised"])
def test_one_seed_that_lets_a_mistake_pass_breaks_the_promise(outcome):
    runs = (run_of(WRONG, "fail", WRONG.cause), run_of(WRONG, outcome), run_of(CONTROL, "pass"))
    assert "wrong backwards caught" in broken(*runs)


@pytest.mark.parametrize("outcome", ["fail", "raised"])
def test_accusing_correct_code_once_breaks_the_promise(outcome):
    right = run_of(WRONG, "fail", WRONG.cause)
    assert broken(right, run_of(CONTROL, "pass"), run_of(CONTROL, outcome)) == ["correct code accused"]


def test_a_wrong_name_breaks_the_promise():
    assert broken(run_of(WRONG, "fail", "unexplained"), run_of(CONTROL, "pass")) == ["cause named right in first place"]


def test_blaming_an_innocent_argument_is_not_a_right_name():
    run = run_of(WRONG, "fail", WRONG.cause)
    assert is_named(WRONG, run)
    assert not is_named(WRONG, replace(run, arguments=("innocent",) * len(run.causes)))


@pytest.mark.skipif(not load("held-out"), reason="the page is written when both sets are there")
def test_the_committed_page_is_of_this_corpus():
    pytest.importorskip("torch", reason="the record has the cases in PyTorch too")
    text = PAGE.read_text(encoding="utf-8")
    for which in ("development", "held-out"):
        assert f"{which} `{page.fingerprint(load(which))}`" in text, "run scripts/kill_matrix.py again"


def test_the_committed_page_is_one_page():
    assert len(PAGE.read_text(encoding="utf-8").splitlines()) <= 80


def test_the_committed_page_has_the_totals_of_public_code():
    assert table.markdown(*page.public_code()) in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("row", page.public_code()[1], ids=lambda row: row[0])
def test_the_page_on_public_code_has_the_totals_of_its_records(row):
    text = (ROOT / "docs" / "public_code.md").read_text(encoding="utf-8")
    lines = [re.sub(r"[*]", "", line).strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    column = lines[0].index(row[0])
    shown = {cells[0]: cells[column] for cells in lines[1:]}
    labels = ("repositories", "that can be judged", "judged", "right, accused", "wrong, missed")
    assert [shown[label] for label in labels] == [cell.split(" (")[0] for cell in row[1:]]


@pytest.mark.slow
def test_the_script_writes_every_judgment_and_tells_by_its_exit_status(tmp_path):
    script = [sys.executable, str(ROOT / "scripts" / "kill_matrix.py"), "--quick", "--no-peers", "--workers", "1"]
    choice = ["--set", "development", "--family", "regularisation", "--out", str(tmp_path)]
    done = subprocess.run([*script, *choice], capture_output=True, text=True)
    count = sum((case.family, case.kind) == ("regularisation", "wrong backward") for case in DEVELOPMENT)
    assert f"wrong backwards caught: {count} of {count}" in done.stdout, done.stdout + done.stderr
    assert done.returncode == ("BROKEN" in done.stdout)
    judgments = (tmp_path / "judgments.jsonl").read_text(encoding="utf-8").splitlines()[1:]
    assert {case for _, case, *_ in map(json.loads, judgments)} == {
        case.id for case in DEVELOPMENT if case.family == "regularisation"
    }
    assert f"wrong backwards caught: {count} of {count}" in (tmp_path / "details.md").read_text(encoding="utf-8")
