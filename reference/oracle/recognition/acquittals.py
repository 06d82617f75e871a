"""Why correct code that looks unusual is correct: the questions that people really ask about right gradients."""

import re
from collections.abc import Iterator

import numpy as np

from reference.oracle.evidence.evidence import Evidence
from reference.oracle.evidence.source import source_of
from reference.oracle.recognition.recognize import Known, recognize
from reference.oracle.specs import SPECS


def acquit(evidence: Evidence) -> tuple[str, ...]:
    """One sentence for each reason why this right backward may look wrong to a reader."""
    text, _ = source_of(evidence.subject.source)
    first = np.asarray(evidence.primals[0]) if evidence.primals else np.zeros(0)
    sentences = [
        sentence
        for known in recognize(evidence)[:1]
        for sentence in (*_of_its_row(known, text, first), *_of_its_average(known))
    ]
    return tuple(dict.fromkeys(sentences))


def _of_its_row(known: Known, text: str, first: np.ndarray) -> Iterator[str]:
    for acquittal in SPECS[known.op].acquittals:
        if re.search(acquittal.pattern, text) and acquittal.of(first):
            yield acquittal.says


def _of_its_average(known: Known) -> Iterator[str]:
    if known.reduction == "mean":
        yield "1/N stands in the backward because this forward takes the mean over the batch."
    elif known.reduction == "sum":
        yield "There is no 1/N in the backward because this forward sums over the batch."
    elif known.family.endswith("losses"):
        yield "There is no 1/N in the backward because the forward gives one loss an example: whoever averages divides."
