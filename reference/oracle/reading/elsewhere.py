"""Where the mean over the batch is taken, when the gradient of a loss does not take it: in the layers beside it."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from reference.oracle.reading.around import trees_around
from reference.oracle.reading.discover import Found
from reference.oracle.reading.source import undecorated
from reference.oracle.reading.trial import Reading
from reference.oracle.reading.vocabulary import BACKWARD_WORDS, words_of
from reference.oracle.report import Report

PRODUCT = re.compile(r"\bdot\(|\bmatmul\(|\beinsum\(|\btensordot\(|@")
COUNT = re.compile(
    r"(/|1\.?0?\s*/)\s*(float\()?(self\.)?(\w+\.shape\[(0|1|-1)\]|len\(\w+\)|batch_?size|batch|[mnN]|num_examples)(?!\w)"
)


def divided(found: Found, reading: Reading, report: Report) -> str:
    """In words, that layers beside a loss divide by the batch where its gradient does not; "" where none does."""
    alone = len(reading.names) == reading.inputs
    first = report.findings[0] if report.findings else None
    if report.verdict != "fail" or not alone or first is None or first.cause != "scaled_by_batch":
        return ""
    if not found.is_loss or "N times" not in first.message:
        return ""
    place = next(_dividing(found), "")
    said = f"it is N times the true gradient, and {place} divides by the batch: right where every layer does"
    return said if place else ""


def _dividing(found: Found) -> Iterator[str]:
    """The lines of the backwards around that divide a product by a count."""
    try:
        file = inspect.getsourcefile(undecorated(found.parts[0]))
    except TypeError:
        return
    for other, tree in trees_around(Path(file)) or () if file else ():
        functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
        for function in (f for f in functions if {w.lower() for w in words_of(f.name)} & set(BACKWARD_WORDS)):
            for statement in (node for node in ast.walk(function) if isinstance(node, ast.Assign | ast.AugAssign)):
                written = ast.unparse(statement)
                if PRODUCT.search(written) and COUNT.search(written):
                    yield f"line {statement.lineno} of {other.name}"
