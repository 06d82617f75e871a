"""The fixture `assert_backprop`, for anybody's tests: pytest finds it once the package is installed.

def test_affine(assert_backprop):
    assert_backprop(oracle.from_layer(Affine(W, b)), x)
"""

import importlib
from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def assert_backprop() -> Callable[..., Any]:
    """A function like `oracle.check` that fails the test with the report's text when the verdict is not "pass".

    With strict=True it also fails what is "right, but ...".
    """
    # Imported when a test asks for it, so that nobody else's pytest starts slower.
    check = importlib.import_module("reference.oracle").check

    def judged(subject: Any, *primals: Any, **options: Any) -> Any:
        __tracebackhide__ = True
        report = check(subject, *primals, **options)
        if report.verdict != "pass":
            pytest.fail(str(report), pytrace=False)
        return report

    return judged
