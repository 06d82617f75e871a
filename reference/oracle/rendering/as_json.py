"""A report as JSON: the same keys for every report, and no value that JSON lacks."""

import json
import math
from dataclasses import fields
from typing import Any

import numpy as np

from reference.oracle.rendering.text import headline
from reference.oracle.report import Accuracy, ArgumentReport, Finding, Report

# Raised when a key changes its meaning or goes away; new keys leave it.
FORMAT = 1
# The keys that hold records.
RECORDS = ("findings", "arguments", "accuracy")


def render_json(report: Report) -> str:
    """The report as one JSON object; its keys are the fields of Report, and "format", "headline" and "status"."""
    return json.dumps(as_dict(report), indent=2, allow_nan=False)


def as_dict(report: Report) -> dict[str, Any]:
    """The report in Python's own types. The error maps are left out: they can be as large as the arguments."""
    own = {name: as_python(value) for name, value in _fields(report).items() if name not in RECORDS}
    return {
        "format": FORMAT,
        "headline": headline(report),
        "status": report.status,
        **own,
        "findings": [_record(finding) for finding in report.findings],
        "arguments": [_record(argument) for argument in report.arguments],
        "accuracy": [_record(accuracy) for accuracy in report.accuracy],
    }


def _record(record: Finding | ArgumentReport | Accuracy) -> dict[str, Any]:
    return {name: as_python(value) for name, value in _fields(record).items() if name != "error_map"}


def _fields(record: Report | Finding | ArgumentReport | Accuracy) -> dict[str, Any]:
    return {field.name: getattr(record, field.name) for field in fields(record)}


def as_python(value: object) -> object:
    """A value made of Python's own types: what JSON can hold; NaN and the infinities become text."""
    if isinstance(value, np.ndarray | np.generic):
        return as_python(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {str(key): as_python(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_python(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else repr(value)
