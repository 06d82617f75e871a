"""How it is said that code is right, but something: in text, colour and pages, and by the command."""

import json
import re

import pytest
from helpers.oracle_command import TEXTBOOK, judge_here, run_check, written
from helpers.right_but import COTANGENT, REJECTED, rejected

from reference.oracle.rendering.as_rich import render_rich
from reference.oracle.rendering.text import render_text


def plain(text):
    return " ".join(re.sub(r"<[^>]*>|\x1b\[[0-9;]*m", " ", text).split())


RENDERINGS = {"text": render_text, "rich": lambda report: render_rich(report, 80), "html": lambda r: r.to_html()}


@pytest.mark.parametrize("rendering", RENDERINGS)
@pytest.mark.parametrize("name", REJECTED)
def test_wrong_never_stands_beside_no_wrong_entry(name, rendering):
    report = rejected(name)
    shown = plain(RENDERINGS[rendering](report))
    assert report.verdict == "fail", shown
    beside = re.findall(r"WRONG (?:[-\w.]+ ){1,3}?0 of \d+", shown)
    assert not beside, shown


def test_the_command_counts_it_as_right_and_says_so(capfd, monkeypatch):
    judge_here(monkeypatch)
    target = f"{TEXTBOOK / 'broken.py'}:ReluInPlace"
    status, out, _ = run_check(capfd, target)
    assert (status, "pass: right, but the backward changes the cotangent" in out) == (0, True), out
    assert "1 right (1 of them with a but), 0 wrong" in out
    status, out, _ = run_check(capfd, target, "--strict")
    assert (status, "fail: the backward changes the cotangent" in out) == (1, True), out


def test_the_document_holds_the_status(capfd, monkeypatch, tmp_path):
    judge_here(monkeypatch)
    file = written(tmp_path, "import numpy as np\n" + IN_PLACE)
    status, out, _ = run_check(capfd, file, "--json")
    (result,) = json.loads(out)["results"]
    assert (status, result["verdict"], result["status"]) == (0, "pass", f"right, but {COTANGENT}")
    assert result["report"]["status"] == result["status"]


IN_PLACE = """
class Relu:
    def forward(self, x):
        self.mask = x <= 0
        return np.maximum(x, 0)
    def backward(self, dout):
        dout[self.mask] = 0
        return dout
"""
