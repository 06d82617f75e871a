"""Where the mean over the batch is taken: in the gradient of a loss, or in the layers beside it."""

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from reference.oracle.reading.around import trees_around
from reference.oracle.reading.constants import strictly
from reference.oracle.reading.discover import Found
from reference.oracle.reading.source import undecorated
from reference.oracle.reading.trial import Reading
from reference.oracle.reading.vocabulary import BACKWARD_WORDS, LOSSES, words_of
from reference.oracle.report import Report

PRODUCT = re.compile(r"\bdot\(|\bmatmul\(|\beinsum\(|\btensordot\(|@")
COUNT = re.compile(
    r"(/|1\.?0?\s*/)\s*(float\(|\(?-)?([\w.]+\.shape\[(0|1|-1)\]|[\w.]+\.size|len\([\w.]+\)|"
    r"(self\.)?(batch_?size|batch|[mnN]|num_examples))(?!\w)"
)

MEAN_ONCE = "None where every loss leaves it to the layers; usually the gradient of the loss takes the mean."
MEAN = re.compile(r"\bmean\(")
DERIVATIVES = {*BACKWARD_WORDS, "grads", "gradients", "delta", "deltas"}
# An error rate is a mean, and no loss.
COUNTING = {"rate", "rates", "accuracy", "acc"}
DIFFERENTIAL = re.compile(r"d[A-Za-z_]")


def divided(found: Found, reading: Reading, report: Report) -> str:
    """In words, that layers beside a loss divide by the batch where its gradient does not; "" where none does."""
    alone = len(reading.names) == reading.inputs
    first = report.findings[0] if report.findings else None
    if report.verdict != "fail" or not alone or first is None or first.key != "scaled_by_count (batch)":
        return ""
    if not found.is_loss or "N times" not in first.message:
        return ""
    place = next(_dividing(found), "")
    said = f"it is N times the true gradient, and {place} divides by the batch: right where every layer does"
    return said if place else ""


def averaged(found: Found) -> str:
    """Where a loss beside layers takes a mean that its gradient leaves out; "" where none does, or one takes it."""
    lines = (line for line in _lines_around(found) if line.words & set(LOSSES) and not line.words & COUNTING)
    losses = [line for line in lines if not line.is_product_of_gradients]
    if any(line.is_gradient and COUNT.search(line.text) for line in losses):
        return ""
    values = (line for line in losses if not line.is_gradient and (COUNT.search(line.text) or MEAN.search(line.text)))
    return next((line.place for line in values), "")


def averaging(report: Report, wrong: list[str], place: str, strict: bool) -> Report:
    """The report of layers that are right but for taking that mean themselves."""
    own = {found.argument: found for found in reversed(report.findings)}
    said = f"takes the mean over the batch, which the loss on {place} takes and its gradient leaves out"
    taken = (replace(own[name], strict=True, message=f"{name}_ct {said}", fix=MEAN_ONCE) for name in wrong)
    others = (found for found in report.findings if found.argument not in wrong)
    return strictly(replace(report, findings=(*taken, *others)), wrong, strict)


class Line(NamedTuple):
    """A line that computes: the words of its function and class, the names that it binds, its text and place."""

    words: set[str]
    binds: list[str]
    text: str
    place: str

    @property
    def is_gradient(self) -> bool:
        """Whether it says gradient: in the name of its function, or of what it binds."""
        words = self.words | {word.lower() for name in self.binds for word in words_of(name)}
        return bool(words & DERIVATIVES) or any(DIFFERENTIAL.match(name) for name in self.binds)

    @property
    def is_product_of_gradients(self) -> bool:
        """Whether it is a layer's: x.T @ dout."""
        return self.is_gradient and PRODUCT.search(self.text) is not None


def _dividing(found: Found) -> Iterator[str]:
    """The lines of the backwards around that divide a product by a count."""
    for line in _lines_around(found):
        if line.binds and line.words & set(BACKWARD_WORDS) and PRODUCT.search(line.text) and COUNT.search(line.text):
            yield line.place


def _lines_around(found: Found) -> Iterator[Line]:
    """The lines that compute something in the functions of the files around."""
    try:
        file = inspect.getsourcefile(undecorated(found.parts[0]))
    except TypeError:
        return
    for other, tree in trees_around(Path(file)) or () if file else ():
        for name, function in _functions(tree, ""):
            words = {word.lower() for word in words_of(name)}
            for node in ast.walk(function):
                if isinstance(node, ast.Assign | ast.AugAssign | ast.Return):
                    yield Line(words, _bound(node), ast.unparse(node), f"line {node.lineno} of {other.name}")


def _functions(tree: ast.AST, above: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    """The functions, with the name of the class that each stands in before its own."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            yield f"{above}_{node.name}", node
        else:
            yield from _functions(node, node.name if isinstance(node, ast.ClassDef) else above)


def _bound(statement: ast.stmt) -> list[str]:
    stored = [node for node in ast.walk(statement) if isinstance(getattr(node, "ctx", None), ast.Store)]
    names = [getattr(node, "id", getattr(node, "attr", "")) for node in stored]
    return [name for name in names if name]
