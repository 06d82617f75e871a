"""The page on how kernels are accepted: its backwards are right and wrong as it says, and its numbers are measured."""

from itertools import product
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from scripts import judges  # noqa: E402 - behind the question whether torch is there
from scripts.acceptance import kept, page  # noqa: E402
from scripts.acceptance.families import OPERATIONS  # noqa: E402
from scripts.acceptance.measure import COTANGENTS, OURS, Judged, measured, question  # noqa: E402
from scripts.acceptance.operation import Backward, backwards, edited  # noqa: E402
from scripts.acceptance.rules import BFLOAT16, DTYPES, FLOAT32, RULES, Gradient, Rule  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "judges.md").read_text("utf-8")
BY_NAME = {operation.name: operation for operation in OPERATIONS}
# By how much an entry of a wrong gradient is off at least, as a share of the gradient's root mean square.
SEEN = 0.01


def share_wrong(backward: Backward) -> float:
    """The largest error in float64 of an entry, as a share of the root mean square of the gradient that it is in."""
    asked = question(backward.operation, torch.float32)
    truth = asked.gradients(backward.operation.forward, torch.float64)
    got = asked.gradients(backward.function().apply, torch.float64)
    pairs = zip(got, truth, strict=True)
    return max(float((one - true).abs().max() / true.square().mean().sqrt()) for one, true in pairs)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_backwards_are_right_and_wrong_as_they_say(operation):
    for backward in backwards(operation, torch.float32):
        if backward.edit and backward.arithmetic.accumulator is None:
            assert share_wrong(backward) > SEEN, backward.label
        elif not backward.edit:
            assert share_wrong(backward) < 1e-12, backward.label


def test_there_are_as_many_backwards_as_the_page_needs():
    for dtype in DTYPES:
        rights = [backward.right for operation in OPERATIONS for backward in backwards(operation, dtype)]
        assert rights.count(False) >= 40
        assert rights.count(True) >= 20


def test_an_edit_must_fit_the_text():
    with pytest.raises(ValueError, match="'no such text' must stand once in softmax; got 0 times"):
        edited(BY_NAME["softmax"].backward, "no such text", "")


def gradient(got, plain=(1.0, -2.0, 3.0), truth=(1.0, -2.0, 3.0)):
    return Gradient(*(torch.tensor(one, dtype=torch.float64) for one in (got, plain, truth)))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_accepts_what_it_should_and_rejects_what_is_far_off(rule: Rule):
    for accepts in rule.accepts.values():
        assert accepts(gradient((1.0, -2.0, 3.0)))
        assert not accepts(gradient((0.0, 0.0, 0.0)))


def named(name: str):
    return next(rule for rule in RULES if rule.name == name)


@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [
        ("Liger, RMS norm", 0.19, 0.21),
        ("FLA, loosest", 0.074, 0.076),
        ("FLA, strictest", 0.0186, 0.0188),
        ("KernelBench", 0.019, 0.021),
        ("robust-kbench", 1.9e-5, 2.1e-5),
        ("MultiKernelBench", 1.9e-4, 2.1e-4),
    ],
)
def test_where_a_rule_ends(name, inside, outside):
    accepts = named(name).accepts[BFLOAT16]
    assert accepts(gradient((1 + inside, -2.0, 3.0)))
    assert not accepts(gradient((1 + outside, -2.0, 3.0)))


def test_a_rule_beside_plain_scales_with_its_error():
    accepts = named("flash-attention, output").accepts[FLOAT32]
    assert accepts(gradient((1.19, -2.0, 3.0), plain=(1.0, -2.1, 3.0)))
    assert not accepts(gradient((1.21, -2.0, 3.0), plain=(1.0, -2.1, 3.0)))


def test_a_share_of_entries_may_be_off():
    accepts = named("SOL-ExecBench").accepts[FLOAT32]
    ones = torch.ones(200, dtype=torch.float64)
    off = [torch.cat([9 * ones[:count], ones[count:]]) for count in (2, 3)]
    assert [accepts(Gradient(one, ones, ones)) for one in off] == [True, False]


def table_rows(part: str) -> list[list[str]]:
    return [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| ")]


def test_the_page_has_the_table_of_the_script():
    measured_part = PAGE.split(page.BEGIN)[1].split(page.END)[0]
    first, second = measured_part.split("## By operation and by mistake")
    empty = [
        Judged(operation.name, name, size, backward.arithmetic.name, backward.edit, {}, "", False, 0.0)
        for operation, name, size in product(OPERATIONS, page.NAMES, COTANGENTS)
        for backward in backwards(operation, getattr(torch, name))
    ]
    tables = page.by_operation(empty) + page.by_edit(empty)
    for shown, made, columns in ((first, page.both(empty), 4), (second, tables, 2)):
        assert [row[:columns] for row in table_rows(shown)] == [row[:columns] for row in table_rows(made)]
    assert table_rows(first)[2] == table_rows(page.both(empty))[2]


@pytest.mark.parametrize("name", ["cross-entropy"])
def test_a_row_of_the_page_is_measured_again(name):
    judgments = [one for size in COTANGENTS for one in measured(BY_NAME[name], torch.bfloat16, size)]
    (row,) = [line for line in page.by_operation(judgments).splitlines() if line.startswith(f"| {name} |")]
    assert row in PAGE.splitlines()
    assert all(one.accepted[OURS] == one.right for one in judgments)


def judgment(operation: str, dtype: str, edit: str, accepted: bool, size: str = "of order 1") -> Judged:
    return Judged(operation, dtype, size, "plain", edit, {OURS: accepted}, "", True, 1.0)


def test_the_table_counts_wrong_ones_accepted_and_right_ones_rejected():
    cases = [("", True), ("", False), ("zeros", True), ("zeros", False), ("sign", True)]
    judgments = [judgment("softmax", "bfloat16", *case) for case in cases]
    assert page.totals(judgments).splitlines()[-1].endswith("| - | - | 2 | 1 | - | - |")
    assert page.by_operation(judgments).splitlines()[-1].startswith("| softmax | 3 | - |")


def test_the_page_is_written_between_its_markers(tmp_path):
    (tmp_path / "pictures").mkdir()
    file = tmp_path / "judges.md"
    file.write_text(f"before\n{page.BEGIN}old\n{page.END}behind\n", "utf-8")
    page.written([judgment("softmax", "bfloat16", "zeros", False)], file)
    text = file.read_text("utf-8")
    assert text.startswith("before\n")
    assert text.endswith("behind\n")
    assert "old" not in text
    assert (tmp_path / "pictures" / "judges.svg").stat().st_size > 1000


def test_an_interrupted_run_goes_on_with_what_is_whole(tmp_path, monkeypatch):
    asked = []

    def counted(operation, dtype, size):
        asked.append((dtype, size))
        return [judgment(operation.name, str(dtype).removeprefix("torch."), "", True, size)]

    monkeypatch.setattr(kept, "measured", counted)
    file = tmp_path / "runs" / "judgments.jsonl"
    whole = kept.judgments(file, "cross-entropy")
    file.write_text(file.read_text("utf-8")[:-5], "utf-8")
    assert kept.judgments(file, "cross-entropy", resume=True) == whole
    every = list(product(DTYPES, COTANGENTS))
    assert asked == [*every, every[-1]]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--only", "x", "--write"], "--write takes every operation; got --only x"),
        (["--only", "nothing"], "--only must be part of an operation's name; got 'nothing'"),
    ],
    ids=["a part cannot be written", "no such operation"],
)
def test_what_the_script_refuses(words, said, tmp_path, capsys):
    with pytest.raises(SystemExit):
        judges.main([*words, "--out", str(tmp_path)])
    assert said in capsys.readouterr().err
