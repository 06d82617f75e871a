"""A judgment as one JSON document, and as a few lines for people."""

import json
from typing import Any

from reference.oracle.judging.breaches import Breach
from reference.oracle.judging.judging import InDtype, Judged
from reference.oracle.rendering.as_json import as_python
from reference.oracle.rendering.text import wrapped
from reference.oracle.report import Accuracy

SCHEMA = "functional-nn-judge/1"
EXIT = {"pass": 0, "fail": 1, "cannot tell": 2}


def as_dict(judged: Judged) -> dict[str, Any]:
    """The document; docs/judge.md says what every key means."""
    found = judged.foremost
    of_dtype = found if isinstance(found, InDtype) else None
    return {
        "schema": SCHEMA,
        "task": judged.task.name,
        "submission": judged.submission.name,
        "device": judged.task.device or "cpu",
        "verdict": judged.verdict,
        "exit_status": EXIT[judged.verdict],
        "cause": found.name if isinstance(found, Breach) else found.cause if found else None,
        "message": found.said if isinstance(found, Breach) else found.message if found else "",
        "dtype": of_dtype.dtype if of_dtype else None,
        "regime": of_dtype.regime if of_dtype else None,
        "breaches": [{"name": one.name, "message": one.said, "line": one.line} for one in judged.breaches],
        "dtypes": [_in_dtype(one) for one in judged.in_dtypes],
        "time": _time(judged),
        "seed": judged.seed,
    }


def _in_dtype(one: InDtype) -> dict[str, Any]:
    swept = one.swept
    smallest = swept.smallest if swept else None
    return {
        "dtype": one.dtype,
        "verdict": one.verdict,
        "accuracy_class": swept.report.status if swept else "wrong",
        "cause": one.cause,
        "causes": list(dict.fromkeys(each.key for each in swept.report.findings)) if swept else [],
        "message": one.message,
        "regime": one.regime,
        "shapes": as_python(dict(smallest.shapes)) if smallest else None,
        "accuracy": [_accuracy(each) for each in swept.report.accuracy] if swept else [],
        "visited": [{"regime": visit.regime, "seen": visit.seen} for visit in swept.visited] if swept else [],
        "not_visited": swept.left if swept else 0,
        "notes": list(swept.report.power) if swept else [],
    }


def _accuracy(one: Accuracy) -> dict[str, Any]:
    return {
        "name": one.name,
        "class": one.kind,
        "ulp": as_python(one.ulp),
        "plain_ulp": as_python(one.plain_ulp),
        "factor": as_python(one.factor),
    }


def _time(judged: Judged) -> dict[str, Any]:
    times = judged.times
    return {
        "forward_seconds": times.forward if times else None,
        "backward_seconds": times.backward if times else None,
        "transport_seconds": times.transport if times else None,
        "shapes": as_python(times.shapes) if times else None,
        "submission_seconds": judged.seconds,
        "calls": judged.calls,
    }


def as_json(judged: Judged) -> str:
    """The document as text."""
    return json.dumps(as_dict(judged), indent=2, allow_nan=False)


def as_text(judged: Judged, width: int) -> str:
    """The verdict and why, a line for each dtype, each further breach, and the time."""
    document = as_dict(judged)
    where = ", ".join(document[key] for key in ("dtype", "regime") if document[key])
    head = f"{judged.verdict}: {document['cause']}" if document["cause"] else judged.verdict
    lines = [f"{head}: {document['message']}{f' ({where})' if where else ''}" if document["message"] else head]
    for one in document["dtypes"]:
        seen = sum(visit["seen"].startswith("right") for visit in one["visited"])
        lines.append(f"  {one['dtype']}: {one['accuracy_class']}; right in {seen} of {len(one['visited'])} inputs")
    lines += [f"  {one['name']}: {one['message']}" for one in document["breaches"]]
    if judged.times:
        used = judged.times
        lines.append(
            f"  forward {used.forward:.2g} s, backward {used.backward:.2g} s (transport {used.transport:.2g} s)"
        )
    return "\n".join(wrapped(line, width, rest="    ") for line in lines)
