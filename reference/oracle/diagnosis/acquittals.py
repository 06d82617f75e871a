"""Why correct code that looks unusual is correct: the questions that people really ask about right gradients."""

import re
from collections.abc import Callable, Iterator

import numpy as np

from reference.oracle.diagnosis.evidence import Evidence
from reference.oracle.diagnosis.known.recognize import Known, recognize
from reference.oracle.diagnosis.source import source_of

NORMS = ("batch_norm", "layer_norm")


def acquit(evidence: Evidence) -> tuple[str, ...]:
    """One sentence for each reason why this right backward may look wrong to a reader."""
    known = recognize(evidence)
    text, _ = source_of(evidence.subject.source)
    sentences = [sentence for op in known[:1] for rule in OF_OPS for sentence in rule(op, text)]
    sentences += [sentence for rule in OF_CODE for sentence in rule(evidence, text, known)]
    return tuple(dict.fromkeys(sentences))


def _sigmoid(known: Known, text: str) -> Iterator[str]:
    """F1."""
    if known.op == "sigmoid" and _product_with_complement(text):
        yield "y * (1 - y) is right because y is the output: sigmoid'(x) = y * (1 - y) for y = sigmoid(x)."


def _product_with_complement(text: str) -> bool:
    name = r"([A-Za-z_][\w.]*)"
    before = rf"{name}\s*\*\s*\(1\.?0?\s*-\s*\1\)"
    after = rf"\(1\.?0?\s*-\s*{name}\)\s*\*\s*\1\b"
    return bool(re.search(before, text) or re.search(after, text))


def _tanh(known: Known, text: str) -> Iterator[str]:
    """F2."""
    if known.op == "tanh" and re.search(r"1\.?0?\s*-", text):
        yield "1 - y**2 is right for tanh, with y the output; 1 + y**2 is the derivative of tan."


def _mean_term(known: Known, text: str) -> Iterator[str]:
    """F3."""
    if known.op in NORMS:
        yield ("No term carries the variance's dependence on the mean: it is zero, because x - mean sums to zero.")


def _fused(known: Known, text: str) -> Iterator[str]:
    """F4."""
    if known.op == "softmax_cross_entropy":
        yield "p - t needs no softmax derivative: it is the derivative of softmax and cross-entropy together."
    if known.op == "sigmoid_binary_cross_entropy":
        yield "p - t needs no p * (1 - p): the derivatives of sigmoid and of the cross-entropy cancel."


def _half(known: Known, text: str) -> Iterator[str]:
    """F5."""
    if known.op == "sum_of_squares_error":
        yield "There is no factor 2 because the loss has the half that cancels it."
    if known.op == "mean_squared_error":
        yield "The factor 2 is right because the loss has no half."


def _average(known: Known, text: str) -> Iterator[str]:
    """F6."""
    if known.reduction == "mean":
        yield "1/N stands in the backward because this forward takes the mean over the batch."
    elif known.reduction == "sum":
        yield "There is no 1/N in the backward because this forward sums over the batch."
    elif known.family == "losses":
        yield "There is no 1/N in the backward because the forward gives one loss an example: whoever averages divides."


def _ties(known: Known, text: str) -> Iterator[str]:
    """F7."""
    if known.op == "max_pool" and len(np.unique(known.primals[0])) < known.primals[0].size:
        yield "Some windows hold ties: the first winner, the last, or equal shares are all right there."


def _kinks(evidence: Evidence, text: str, known: list[Known]) -> Iterator[str]:
    """F9."""
    bent = any(op.op in ("relu", "leaky_relu", "elu", "huber_loss") for op in known)
    first = np.asarray(evidence.primals[0])
    if bent and first.dtype.kind == "f" and np.any(first == 0):
        yield "Some inputs lie exactly at the kink: every value between the one-sided derivatives is right there."


def _inverted(evidence: Evidence, text: str, known: list[Known]) -> Iterator[str]:
    """Dropout's factor."""
    if any(op.op == "dropout" for op in known[:1]):
        yield "1 / (1 - rate) stands in the backward because this forward is inverted dropout."


def _flipped(evidence: Evidence, text: str, known: list[Known]) -> Iterator[str]:
    """The rotated kernel of the gradient to the input."""
    if any(op.op == "conv" for op in known[:1]) and re.search(r"::\s*-1|flip|rot90", text):
        yield "The kernel is rotated in the backward because the forward, a cross-correlation, does not rotate it."


OF_OPS: tuple[Callable[[Known, str], Iterator[str]], ...] = (
    _sigmoid,
    _tanh,
    _mean_term,
    _fused,
    _half,
    _average,
    _ties,
)

OF_CODE: tuple[Callable[[Evidence, str, list[Known]], Iterator[str]], ...] = (_kinks, _inverted, _flipped)
