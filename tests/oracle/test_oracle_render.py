"""A report as text, JSON and HTML: the sentence that matters first, nothing lost, nothing fetched."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from reference.oracle.rendering.as_rich import render_rich
from reference.oracle.rendering.heatmap import heatmap
from reference.oracle.rendering.numbers import apart
from reference.oracle.rendering.text import argument_cells, headline, render_text
from reference.oracle.report import ArgumentReport, Finding, Report, Verdict

ERRORS = np.zeros((2, 3, 5))
ERRORS[1, 2, 4] = 0.25
RIGHT = ArgumentReport("x", "pass", 1e-12, (0, 0), 1.5, 1.5, 3e-11, 0, 21, shape=(3, 7), dtype="float64")
WRONG = ArgumentReport(
    "kernel", "fail", 0.25, (1, 2, 4), 0.125, 0.375, 3e-11, 1, 30, shape=(2, 3, 5), dtype="float64", error_map=ERRORS
)
VACUOUS = ArgumentReport("bias", "cannot tell", 0.0, None, None, None, 1e-9, 0, 5, shape=(5,), dtype="float64")
SCALED = Finding(
    "scaled_by_count",
    "kernel",
    "kernel_ct is 1/N of the true gradient: you divided by the batch twice",
    "N * kernel_ct leaves 2e-11 of it, below the noise floor",
    "Divide by the batch size exactly once.",
    (1, 2, 4),
    0.125,
    0.375,
    line=12,
)


def report(*arguments, verdict: Verdict = "fail", findings=(), **more):
    return Report(verdict, tuple(findings), arguments, "Affine", **more)


FULL = report(
    RIGHT,
    WRONG,
    VACUOUS,
    findings=[
        SCALED,
        Finding("missing", "x", "x_ct is <zero>", "", "", got=float("nan"), expected=float("inf"), index=()),
    ],
    op="dense",
    statics={"strides": (2, np.int64(1)), "padding": "SAME"},
    acquittals=("The half is in the loss.",),
    power=("A batch of 1 cannot show a division by N.",),
    inputs="drawn for dense, by its name",
    forward_evaluations=42,
    backward_evaluations=6,
)


def test_the_first_line_is_the_sentence_a_user_wants():
    one = report(WRONG, findings=[SCALED])
    says = "fail: kernel_ct is 1/N of the true gradient: you divided by the batch twice; line 12"
    assert headline(one) == says
    assert render_text(one, width=100).splitlines()[0] == says


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (report(RIGHT, verdict="pass"), "pass: the gradient of x is right"),
        (report(RIGHT, RIGHT, verdict="pass"), "pass: the gradients of x, x are right"),
        (
            report(RIGHT, VACUOUS, verdict="cannot tell"),
            "cannot tell: the gradient of bias is not tested by this input",
        ),
        (report(RIGHT, WRONG), "fail: the gradient of kernel is wrong, and no known mistake explains how"),
        (report(verdict="cannot tell"), "cannot tell: there was nothing to judge"),
    ],
    ids=["one", "two", "vacuous", "unexplained", "nothing"],
)
def test_headline_without_findings(given, words):
    assert headline(given) == words


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_of_text_is_wider_than_asked(width):
    long = report(
        *[
            ArgumentReport(f"argument_{i}", "fail", 1e-3, (1, 22, 3, 44), -0.123456, 1e-9, 1e-11, 3, 10**5)
            for i in range(2)
        ]
    )
    for given in (FULL, long):
        too_wide = [line for line in render_text(given, width).splitlines() if len(line) > width]
        assert not too_wide, "\n".join(too_wide)


def test_text_holds_every_figure_and_reason():
    text = " ".join(str(FULL).split())
    for words in (
        "kernel WRONG 0.25 3e-11 1 of 30",
        "got 0.125, expected 0.375",
        "[1, 2, 4]",
        "line 12",
        "Divide by the batch size exactly once.",
        "The half is in the loss.",
        "A batch of 1 cannot show",
        "strides=(2, ",
        "42 forward and 6 backward",
        "drawn for dense",
        "bias cannot tell",
        "(and 1 more)",
    ):
        assert words in text, f"{words!r} is missing from:\n{FULL}"


def test_ulp_are_shown_for_a_subject_in_low_precision():
    low = ArgumentReport("x", "pass", 1e-7, (0,), 1.0, 1.0, 1e-6, 0, 3, ulp=1.5)
    assert argument_cells(low)[2] == "1.5 ulp"


def test_json_keeps_its_keys_and_holds_no_nan():
    parsed = json.loads(FULL.to_json(), parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    assert list(parsed) == [
        "format",
        "headline",
        "status",
        "verdict",
        "subject",
        "op",
        "statics",
        "acquittals",
        "power",
        "forward_evaluations",
        "backward_evaluations",
        "small_evaluations",
        "seed",
        "mode",
        "inputs",
        "findings",
        "arguments",
        "accuracy",
    ], "a key went, came or moved: raise FORMAT where a reader of the old ones would break"
    assert parsed["statics"] == {"strides": [2, 1], "padding": "SAME"}
    assert (parsed["findings"][1]["got"], parsed["findings"][1]["expected"]) == ("nan", "inf")
    assert parsed["arguments"][1]["worst_index"] == [1, 2, 4]
    assert "error_map" not in parsed["arguments"][1]


class Tags(HTMLParser):
    """Every tag with its attributes, and a complaint where tags do not nest."""

    EMPTY = ("meta", "rect")

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.crossed = [], [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in self.EMPTY and (not self.open or self.open.pop() != tag):
            self.crossed.append(tag)


def test_html_is_well_formed_and_fetches_nothing():
    page = FULL.to_html()
    tags = Tags()
    tags.feed(page)
    assert (tags.open, tags.crossed) == ([], [])
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in tags.seen}
    assert not [attrs for _, attrs in tags.seen if {"src", "href"} & set(attrs)]
    assert not re.search(r"url\(|@import|https?:", page)
    assert "prefers-color-scheme: dark" in page


def test_html_escapes_what_the_user_wrote():
    assert "&lt;zero&gt;" in FULL.to_html()
    assert "<zero>" not in FULL.to_html()


def bad_cells(picture):
    return re.findall(r'class="bad"[^>]*><title>(.*?)</title>', picture)


def test_the_picture_marks_the_one_wrong_entry():
    assert bad_cells(heatmap(WRONG)) == ["[1, 2, 4]: error 0.25"]


@pytest.mark.parametrize(
    ("errors", "marked"),
    [
        (np.array(0.5), ["[]: error 0.5"]),
        (np.array([0, 0.5, 0]), ["[1]: error 0.5"]),
        (np.array([[0, np.nan]]), ["[0, 1]: error inf"]),
        (np.pad([[0.5]], ((99, 100), (150, 49))), ["from [95, 150]: error 0.5"]),
        (np.zeros((0, 3)), []),
    ],
    ids=["scalar", "vector", "nan", "shrunk", "empty"],
)
def test_the_picture_of_any_shape(errors, marked):
    argument = ArgumentReport("x", "fail", 0.5, None, None, None, 1e-9, 1, errors.size, error_map=errors)
    assert bad_cells(heatmap(argument)) == marked


def test_the_picture_of_a_large_array_shows_the_worst_panels():
    errors = np.full((20, 5, 4, 4), 1e-3)
    errors[19, 4] = 1.0
    picture = heatmap(ArgumentReport("x", "fail", 1.0, None, None, None, 1e-9, 1, errors.size, error_map=errors))
    assert "[19, 4, :, :]" in picture
    assert "30 worst of 100 panels" in picture


def test_without_an_error_map_there_is_no_picture():
    assert heatmap(RIGHT) == ""


def test_rich_says_the_same_words():
    plain = re.sub(r"\x1b\[[0-9;]*m", "", render_rich(FULL, 100))
    for words in ("kernel", "WRONG", "1 of 30", "The half is in the loss.", "Divide by the batch size"):
        assert words in plain, plain
    assert "\x1b[" in render_rich(FULL, 100)


@pytest.mark.parametrize(
    ("got", "expected", "shown"),
    [
        (0.125, 0.375, ("0.125", "0.375")),
        (0.33333334, 0.33333339, ("0.3333333", "0.3333334")),
        (1.0, 1.0 + 2**-52, ("1", "1.0000000000000002")),
        (-1e-9, -1.0000001e-9, ("-1e-09", "-1.0000001e-09")),
        (2.5, 2.5, ("2.5", "2.5")),
        (float("nan"), 0.5, ("nan", "0.5")),
        (0.5, None, ("0.5", "")),
    ],
    ids=["apart", "near", "one rounding", "small", "equal", "nan", "unknown"],
)
def test_numbers_have_the_digits_in_which_they_differ(got, expected, shown):
    assert apart(got, expected) == shown


NEAR = {"max_error": 1e-9, "worst_index": (0, 0), "got": 0.5, "expected": 0.500000001, "size": 6, "noise_floor": 1e-12}


@pytest.mark.parametrize(
    "render", [render_text, lambda r: render_rich(r, 120), Report.to_html], ids=["text", "rich", "html"]
)
def test_a_wrong_entry_is_never_printed_equal_to_what_was_expected(render):
    wrong = ArgumentReport("x", "fail", wrong_entries=1, **NEAR)
    found = Finding("unexplained", "x", "x_ct is wrong", "", "", (0, 0), NEAR["got"], NEAR["expected"])
    text = re.sub(r"<[^>]*>|\x1b\[[0-9;]*m", " ", render(report(wrong, findings=[found])))
    shown = text.count("0.500000001")
    assert shown == 2, f"the expected value stands {shown} times, in the table and at the finding, in:\n{text}"


def test_a_right_but_strict_argument_is_not_called_wrong():
    cells = argument_cells(ArgumentReport("x", "fail", wrong_entries=0, strict=True, **NEAR))
    assert cells[1:5:3] == ("right, but", "0 of 6")


def test_a_gradient_that_is_wrong_in_no_entry_is_wrong_in_its_form():
    cells = argument_cells(ArgumentReport("x", "fail", wrong_entries=0, **NEAR))
    assert cells[1:5:3] == ("WRONG", "its form")
