"""The sweep: released mistakes that show at some sizes only are found there, and right code is accused nowhere."""

import json
from collections import Counter

import numpy as np
import pytest
from planted.at_some_sizes import ASKED, RIGHT, WRONG, softmax, softmax_backward, softmax_inputs

from reference import oracle
from reference.oracle.opspec import draw
from reference.oracle.specs import SPECS
from reference.oracle.sweep.cases import sizes_up_to
from reference.oracle.sweep.makers import by_example, by_row

# The regime in which each is found, and the shapes of the smallest input that shows it.
FOUND = {
    "group norm": ("4 axes, axis 2 in 2", {"x": (1, 2, 2, 1)}),
    "layer norm, first axis": ("3 axes, axis 0 in 2", {"x": (2, 3, 1)}),
    "softmax, in blocks": ("columns = 17", {"x": (1, 17)}),
    "scan, in blocks": ("steps = 17", {"x": (1, 17, 2)}),
    "rotary, two halves": ("tables without structure", {"x": (1, 2, 2), "sine": (2, 2)}),
    "soft cross-entropy": ("targets that do not sum to 1", {"logits": (1, 1)}),
    "attention, in groups": ("two query heads a key head", {"query": (1, 1, 4, 1), "key": (1, 1, 2, 1)}),
    "ctc, many labels": ("marks = 3", {"labels": (1, 3)}),
    "layer norm, many rows": ("batch = 33", {"x": (33, 1)}),
}
# Up to these sizes the right twins are swept here.
LARGEST = {"attention, in groups": 1, "scan, in blocks": 17, "softmax, in blocks": 17, "ctc, many labels": 5}


@pytest.mark.one_in(2)
@pytest.mark.parametrize("name", FOUND)
def test_what_is_wrong_at_some_sizes_is_found_there(name: str):
    swept = oracle.sweep(WRONG[name], **ASKED[name])
    regime, shapes = FOUND[name]
    assert (swept.verdict, swept.visited[0].seen, swept.visited[-1].regime) == ("fail", "right", regime)
    assert swept.smallest is not None
    assert shapes.items() <= swept.smallest.shapes.items()
    assert swept.report.verdict == "fail"


@pytest.mark.one_in(2)
@pytest.mark.parametrize("name", FOUND)
def test_its_right_twin_is_accused_nowhere(name: str):
    swept = oracle.sweep(RIGHT[name], **ASKED[name], seed=1, largest=LARGEST.get(name, 2), checks=28)
    assert swept.verdict == "pass", str(swept)
    assert sum(visit.seen == "right" for visit in swept.visited) > max(9, len(swept.visited) // 2)


def test_sizes_are_about_the_powers_of_two():
    assert sizes_up_to(16) == [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17]
    assert sizes_up_to(1) == [1, 2]


def test_the_table_says_what_was_visited_and_what_was_not():
    swept = oracle.sweep(RIGHT["softmax, in blocks"], softmax_inputs, checks=14)
    text, told = str(swept), json.loads(swept.to_json())
    assert text.startswith("pass: right in ")
    assert swept.checks == 14
    assert f"Not visited: {swept.left} more inputs, the first with {swept.next}." in text
    assert [visit["regime"] for visit in told["visited"]] == [visit.regime for visit in swept.visited]
    assert told["visited"][0]["shapes"] == {"x": [3, 16]}
    assert (told["format"], told["op"], told["headline"]) == (1, "softmax", text.split("\n\n")[0])
    assert max(map(len, text.splitlines())) <= 80


def test_the_same_sweep_says_the_same():
    asked = {"make_inputs": softmax_inputs, "seed": 3, "without": ["columns = 17"], "checks": 20}
    first, again = (oracle.sweep(WRONG["softmax, in blocks"], **asked).to_json() for _ in range(2))
    assert first == again


def test_a_regime_can_be_left_out():
    asked = {**ASKED["rotary, two halves"], "largest": 2}
    swept = oracle.sweep(WRONG["rotary, two halves"], **asked, without=["tables without structure"])
    assert swept.verdict == "pass"


def _refusing(part: str):
    """Rows multiplied by 3, of which one size is refused by the forward or by the backward."""

    def maybe(x: np.ndarray, here: str) -> None:
        if here == part and x.shape[1] == 4:
            raise IndexError("no fourth column")

    def forward(x):
        maybe(x, "forward")
        return 3 * x

    def backward(cotangent, x):
        maybe(x, "backward")
        return 3 * cotangent

    return oracle.from_forward_backward(forward, backward)


def _rows(rows, columns, rng):
    return rng.normal(size=(rows, columns))


def test_a_forward_that_raises_for_one_size_is_said_to():
    swept = oracle.sweep(_refusing("forward"), _rows, largest=4)
    raised = [visit for visit in swept.visited if visit.seen == "raises"]
    assert [visit.regime for visit in raised] == ["columns = 4"]
    assert "IndexError: no fourth column" in raised[0].said
    assert 'raise IndexError("no fourth column")' in raised[0].said
    assert swept.verdict == "pass"
    assert "raises in 1" in str(swept)
    assert oracle.sweep(_refusing("forward"), _rows, largest=4, strict=True).verdict == "fail"


def test_a_backward_that_raises_for_one_size_is_wrong():
    swept = oracle.sweep(_refusing("backward"), _rows, largest=4)
    assert swept.smallest is not None
    assert (swept.verdict, swept.smallest.shapes) == ("fail", {"x": (1, 4)})
    assert swept.report.findings[0].cause == "raises"


@pytest.mark.parametrize("wrong_from", [99, 5], ids=["right", "wrong from five rows on"])
def test_what_its_reference_refuses_is_no_input(wrong_from: int):
    """A table inside fits one number of columns, and the reference no fewer than four rows, where it is searched."""
    table = np.random.default_rng(1).normal(size=3)

    def scaled(x: np.ndarray) -> np.ndarray:
        if x.shape[1] != 3 or len(x) < 4:
            raise ValueError(f"x must have three columns and four rows; got {x.shape}")
        return x * table

    def backward(cotangent: np.ndarray, x: np.ndarray) -> np.ndarray:
        return cotangent * table * (2 if len(x) >= wrong_from else 1)

    subject = oracle.from_forward_backward(lambda x: x * table[: x.shape[1]], backward)
    swept = oracle.sweep(subject, (np.random.default_rng(0).normal(size=(4, 3)),), reference=scaled, largest=16)
    assert {visit.shapes["x"][1] for visit in swept.visited} == {3}
    assert min(visit.shapes["x"][0] for visit in swept.visited) == 4
    assert swept.verdict == ("pass" if wrong_from == 99 else "fail")
    assert swept.smallest is None or swept.smallest.shapes == {"x": (wrong_from, 3)}
    assert {"axis 1 of x = 2", "every size 1"} <= set(swept.refused)
    assert not {visit.regime for visit in swept.visited} & set(swept.refused)
    told = f"Not judged: {len(swept.refused)} inputs that the reference refuses, the first with {swept.refused[0]}."
    assert told in " ".join(str(swept).split())


def test_a_forward_that_overflows_where_the_op_does_not_is_wrong():
    def forward(x):
        return np.exp(x) / np.exp(x).sum(-1, keepdims=True)

    swept = oracle.sweep(oracle.from_forward_backward(forward, softmax_backward(True)), op="softmax", checks=30)
    assert swept.smallest is not None
    assert (swept.verdict, swept.smallest.regime) == ("fail", "values of 1000")
    recognized = oracle.sweep(oracle.from_forward_backward(forward, softmax_backward(True)), softmax_inputs, checks=30)
    assert (recognized.verdict, recognized.op) == ("fail", "softmax")


def test_values_whose_sum_overflows_raise_nothing():
    """Normalized by statistics that are given, the largest finite numbers have finite values and an infinite sum."""
    subject = oracle.from_rule(*(SPECS["batch_norm_inference"].reference(part) for part in ("_fwd", "_bwd")))
    swept = oracle.sweep(subject, op="batch_norm_inference", seed=1, largest=1, checks=8)
    assert swept.verdict == "pass"


def test_code_that_is_wrong_as_it_is_ends_the_sweep_at_once():
    subject = oracle.from_forward_backward(softmax, lambda cotangent, x: softmax(x) * cotangent)
    swept = oracle.sweep(subject, softmax_inputs)
    assert (swept.verdict, len(swept.visited)) == ("fail", 1)


@pytest.mark.parametrize(
    ("inputs", "asked", "error", "says"),
    [
        (None, {}, ValueError, "make_inputs or op is needed"),
        (3.0, {}, TypeError, "must be a function, an array or a tuple of arrays"),
        (lambda *sizes: sizes, {}, ValueError, r"one dimension; got \*sizes"),
        (_rows, {"largest": 0}, ValueError, "largest must be a whole number of at least 1; got 0"),
        (_rows, {"checks": 2.5}, ValueError, "checks must be a whole number of at least 1; got 2.5"),
        (None, {"op": "sofmax"}, ValueError, "op must be one of"),
    ],
    ids=["nothing", "an array", "any number of sizes", "no size", "half a check", "no such op"],
)
def test_a_call_that_makes_no_sense_is_refused(inputs, asked, error, says):
    with pytest.raises(error, match=says):
        oracle.sweep(_refusing(""), inputs, **asked)


def test_inputs_like_an_example_keep_what_they_mean():
    rng = np.random.default_rng(0)
    logits, targets, labels = rng.normal(size=(7, 5)), rng.dirichlet(np.ones(5), 7), np.arange(7) % 5
    maker = by_example((logits, targets, labels), ("logits", "targets", "labels"))
    assert dict(maker.ordinary) == {"axis 1 of logits": 5, "axis 0 of logits": 7}
    made = maker.make({"axis 1 of logits": 3, "axis 0 of logits": 16}, 0)
    assert [value.shape for value in made] == [(16, 3), (16, 3), (16,)]
    assert np.allclose(made[1].sum(-1), 1)
    assert made[2].max() < 3
    assert {value.dtype.kind for value in made} == {"f", "i"}


REGIMES = [(spec, regime) for spec in SPECS.values() for regime in spec.regimes]


@pytest.mark.parametrize(("spec", "regime"), REGIMES, ids=[f"{s.name}-{r.name}" for s, r in REGIMES])
def test_every_regime_of_a_row_changes_some_input_of_it_into_one_that_the_op_takes(spec, regime):
    cases = [*spec.cases, *([spec.swept] if spec.swept else [])]
    for case in cases:
        named = dict(zip(case.arguments, draw(spec, case), strict=True))
        before = {name: value.copy() for name, value in named.items()}
        if changed := regime.changed(named, np.random.default_rng(0)):
            primals, statics = spec.passed(case, [changed.get(name, value) for name, value in named.items()])
            spec.reference()(*primals, **statics)
            assert all(np.array_equal(named[name], before[name]) for name in named), "the given arrays stay"
            assert regime.met({**named, **changed})
            return
    raise AssertionError(f"no case of {spec.name} has an input in the regime {regime.name}")


@pytest.mark.parametrize("op", SPECS)
def test_the_row_of_every_op_makes_an_ordinary_input(op: str):
    spec, maker = SPECS[op], by_row(op, {}, None)
    assert maker.ordinary
    primals = maker.make(maker.ordinary, 0)
    assert len(primals) >= 1
    assert all(np.array_equal(a, b) for a, b in zip(primals, maker.make(maker.ordinary, 0), strict=True))
    assert spec.takes(next(iter(spec.cases[0].arguments)))


def test_a_check_says_what_its_input_lacks_of_what_matters_to_the_op():
    rng = np.random.default_rng(0)
    query, key, value = rng.normal(size=(2, 3, 4, 5)), rng.normal(size=(2, 7, 4, 5)), rng.normal(size=(2, 7, 4, 3))
    said = oracle.check(RIGHT["attention, in groups"], query, key, value).power
    assert "This input has no query heads in groups: `oracle.sweep` visits such inputs." in said
    grouped = oracle.check(RIGHT["attention, in groups"], query, key[:, :, :2], value[:, :, :2]).power
    assert not any("in groups" in sentence for sentence in grouped)
    soft = oracle.check(RIGHT["soft cross-entropy"], rng.normal(size=(3, 5)), rng.dirichlet(np.ones(5), 3)).power
    assert any("no targets that do not sum to 1" in sentence for sentence in soft)


def test_whether_calls_depend_on_each_other_is_not_asked_at_every_size():
    """It takes a third of the calls, and is asked at the ordinary input and at unusual values."""
    calls: Counter[int] = Counter()

    def backward(ct: np.ndarray, x: np.ndarray) -> np.ndarray:
        calls[x.size] += 1
        return 3 * ct

    x = np.random.default_rng(0).normal(size=(5, 3))
    swept = oracle.sweep(oracle.from_forward_backward(lambda x: 3 * x, backward), x, largest=8)
    visits = Counter(int(np.prod(visit.shapes["x"])) for visit in swept.visited)
    assert swept.verdict == "pass"
    at_the_ordinary, at_another = calls[15] / visits[15], calls[27] / visits[27]
    assert at_another < 0.75 * at_the_ordinary, f"{at_another} calls of the backward, {at_the_ordinary} at the ordinary"
