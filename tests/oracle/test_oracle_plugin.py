"""The fixture `assert_backprop`: silent where the code is right, a short and readable failure where it is wrong."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from reference.oracle import pytest_plugin

TESTS = """
import numpy as np
from reference import oracle

def dense(x, kernel):
    return x @ kernel

def right(cotangent, x, kernel):
    return cotangent @ kernel.T, x.T @ cotangent

def halved(cotangent, x, kernel):
    return cotangent @ kernel.T, x.T @ cotangent / len(x)

RNG = np.random.default_rng(0)
X, KERNEL = RNG.normal(size=(3, 7)), RNG.normal(size=(7, 11))

def test_right(assert_backprop):
    report = assert_backprop(oracle.from_forward_backward(dense, right), X, KERNEL)
    assert report.verdict == "pass"

def test_wrong(assert_backprop):
    assert_backprop(oracle.from_forward_backward(dense, halved), X, KERNEL)

def test_vacuous(assert_backprop):
    assert_backprop(oracle.from_forward_backward(dense, right), 0 * X, KERNEL)

def rectified(cotangent, x):
    cotangent[x < 0] = 0
    return cotangent

def test_right_but(assert_backprop):
    report = assert_backprop(oracle.from_forward_backward(lambda x: np.maximum(x, 0), rectified), X)
    assert report.status == "right, but writes into an array that others still use"

def test_strict(assert_backprop):
    assert_backprop(oracle.from_forward_backward(lambda x: np.maximum(x, 0), rectified), X, strict=True)
"""


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    """What pytest prints of the tests above, in a process of its own."""
    folder = tmp_path_factory.mktemp("student")
    (folder / "test_student.py").write_text(TESTS, "utf-8")
    root = str(Path(__file__).parents[2])
    command = [sys.executable, "-m", "pytest", "-p", "reference.oracle.pytest_plugin", "-p", "no:cacheprovider"]
    # Where the package is installed, its entry point would register the plugin a second time.
    environment = {**os.environ, "PYTHONPATH": root, "COLUMNS": "80", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert "3 failed, 2 passed" in done.stdout, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_the_failure_begins_with_the_sentence_that_matters(lines):
    start = next(place for place, line in enumerate(lines) if "test_wrong" in line and line.startswith("___"))
    assert re.match(r"fail: kernel_ct is .*1/(3|N) of the true gradient", lines[start + 1]), lines[start + 1]


def test_what_is_right_but_something_fails_where_strictness_is_asked(lines):
    start = next(place for place, line in enumerate(lines) if "test_strict" in line and line.startswith("___"))
    assert lines[start + 1] == "fail: the backward changes the cotangent in place", lines[start + 1]


def test_a_check_that_could_not_have_failed_is_a_failure(lines):
    assert any(line.startswith("cannot tell: ") for line in lines)


def test_the_failure_shows_no_line_of_the_oracle_or_the_plugin(lines):
    inside = [line for line in lines if "reference/oracle" in line or "pytest_plugin.py" in line or "Traceback" in line]
    assert not inside, inside
    wide = [line for line in lines if len(line) > 80 and not line.startswith(("FAILED", "plugins", "rootdir"))]
    assert not wide, wide


def test_the_plugin_itself_imports_nothing_that_costs_time():
    tree = ast.parse(Path(pytest_plugin.__file__).read_text("utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {
        alias.name if isinstance(node, ast.Import) else str(node.module) for node in imports for alias in node.names
    }
    assert names <= {"importlib", "collections.abc", "typing", "pytest"}, names
