"""Points: one for each part, none for what could not have been wrong."""

import dataclasses

import pytest

from reference.oracle.command.byhand import not_by_hand
from reference.oracle.command.grade import grade, points
from reference.oracle.report import ArgumentReport, Blame, Finding, Report, Verdict


def argument(name="x", verdict: Verdict = "pass", wrong=0):
    return ArgumentReport(name, verdict, 0.0, (0,), 1.0, 1.0, 1e-9, wrong, 6)


def report(*arguments, findings=(), op=None, power=()):
    return Report("pass", tuple(findings), arguments, "Affine", op, power=power)


def finding(cause, argument=None, message="it is wrong", blame: Blame = "backward"):
    return Finding(cause, argument, message, "", "", blame=blame)


def earned(*reports):
    return {part.name: part.earned for part in grade(reports)}


def test_everything_right():
    parts = grade([report(argument("x"), argument("W"), op="dense")] * 3)
    assert points(parts) == (4, 4)
    assert [part.name for part in parts] == ["forward", "gradient of x", "gradient of W", "no side effects"]


def test_without_an_op_the_forward_is_not_graded():
    assert "forward" not in earned(report(argument()))


def test_one_wrong_input_of_three_loses_the_point():
    right, wrong = report(argument()), report(argument(verdict="fail", wrong=2))
    parts = grade([right, wrong, right])
    assert parts[0] == ("gradient of x", 0, 1, "2 of 6 entries are wrong")


def test_the_reason_is_the_findings_message():
    wrong = report(argument(verdict="fail"), findings=[finding("sign", "x", "x_ct has the wrong sign")])
    assert grade([wrong])[0].why == "x_ct has the wrong sign"


def test_a_gradient_that_no_input_tested_earns_nothing():
    vacuous = report(argument(verdict="cannot tell"))
    dead = report(argument(), power=("The output does not depend on x here, so a backward that returns zeros passes.",))
    for reports in ([vacuous, vacuous], [dead, dead], [vacuous, dead]):
        assert earned(*reports)["gradient of x"] == 0, reports


def test_a_gradient_tested_by_one_input_of_three_earns_its_point():
    vacuous = report(argument(verdict="cannot tell"))
    assert earned(vacuous, report(argument()), vacuous)["gradient of x"] == 1


def test_a_wrong_forward_costs_its_own_point_only():
    wrong = report(argument(), op="dense", findings=[finding("forward", None, "the forward is another", "forward")])
    assert earned(wrong) == {"forward": 0, "gradient of x": 1, "no side effects": 1}


def test_a_side_effect_costs_its_own_point_only():
    impure = report(argument(), op="dense", findings=[finding("changed_in_place", "x", "x is changed", "forward")])
    assert earned(impure) == {"forward": 1, "gradient of x": 1, "no side effects": 0}


def test_nothing_judged_earns_nothing():
    raised = report(findings=[finding("raises", None, "the forward raises", "forward")])
    assert points(grade([raised])) == (0, 1)


def test_an_argument_missing_from_one_report_is_not_credited():
    parts = grade([report(argument("x"), argument("W")), dataclasses.replace(report(argument("x")))])
    assert {part.name: part.why for part in parts}["gradient of W"] == "judged on 1 of 2 inputs"


def failing(*findings):
    return dataclasses.replace(report(argument("x"), argument("W"), findings=findings), verdict="fail")


EVERY_KIND = {
    "not linear": (finding("not_linear", "x"), "gradient of x"),
    "ignores its cotangent": (finding("ignores_cotangent", "W"), "gradient of W"),
    "a forward without an op": (finding("not_finite", None, blame="forward"), "forward"),
    "another convention": (finding("convention_reduction", None, blame="convention"), "forward"),
    "the backward as a whole": (finding("unexplained", None), "no side effects"),
    "an argument that has no gradient": (finding("unexplained", "t"), "no side effects"),
    "a changed cotangent": (finding("changed_in_place"), "no side effects"),
}


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_every_finding_costs_the_point_of_its_part(kind):
    found, part = EVERY_KIND[kind]
    parts = grade([report(argument("x"), argument("W")), failing(found)])
    assert [one.name for one in parts if not one.earned] == [part], parts


def test_the_checks_own_doubts_cost_nothing():
    doubt = finding("power", "x", blame="check")
    assert all(earned(report(argument("x"), argument("W"), findings=[doubt])).values())


def test_a_matter_of_strictness_costs_its_point_only_where_it_fails():
    small = dataclasses.replace(finding("downcast", "x", "x_ct is rounded"), strict=True)
    assert grade([report(argument("x"), findings=[small])])[0] == ("gradient of x", 1, 1, "but x_ct is rounded")
    assert grade([failing(small)], strict=True)[0] == ("gradient of x", 0, 1, "x_ct is rounded")


def test_a_gradient_that_is_not_written_by_hand_earns_nothing():
    leaning = dataclasses.replace(
        report(argument("x"), argument("W")), acquittals=(f"{not_by_hand('W')}: by another.",)
    )
    parts = {part.name: (part.earned, part.why) for part in grade([leaning, report(argument("x"), argument("W"))])}
    assert parts["gradient of W"] == (0, "by another.")
    assert parts["gradient of x"] == (1, "")
