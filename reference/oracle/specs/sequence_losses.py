"""Rows of the losses of sequences. What the columns mean stands in `reference/oracle/opspec.py`."""

import numpy as np

from reference.oracle.drawn import labels, lengths, uniform, whole
from reference.oracle.opspec import OpSpec, Ulp, case, refuses
from reference.oracle.specs import acquittals, candidates, regimes

_ROWS, _KERNEL, _LABELS = np.zeros((3, 7)), np.zeros((7, 5)), np.array([0, 4, 2])
_CHUNKED = tuple(
    refuses(id, error, says, {"chunk": 2} | statics, *arguments)
    for id, error, says, statics, arguments in (
        ("label too large", ValueError, "labels must be", {}, (_ROWS, _KERNEL, np.array([0, 5, 1]))),
        ("label below 0", ValueError, "labels must be", {}, (_ROWS, _KERNEL, np.array([0, -1, 1]))),
        ("too few labels", ValueError, "labels must have the shape", {}, (_ROWS, _KERNEL, _LABELS[:2])),
        ("labels as a column", ValueError, "labels must have the shape", {}, (_ROWS, _KERNEL, _LABELS[:, None])),
        ("soft targets", TypeError, "labels must have an integer", {}, (_ROWS, _KERNEL, np.ones((3, 5)))),
        ("boolean labels", TypeError, "labels must have an integer", {}, (_ROWS, _KERNEL, np.ones(3, bool))),
        ("inputs of another size", ValueError, "must equal kernel", {}, (np.ones((3, 6)), _KERNEL, _LABELS)),
        ("scalar x", ValueError, "must equal kernel", {}, (np.array(1.0), _KERNEL, np.array(0))),
        ("kernel a vector", ValueError, "two axes", {}, (_ROWS, np.ones(7), _LABELS)),
        ("no classes", ValueError, "at least one class", {}, (_ROWS, np.ones((7, 0)), _LABELS)),
        ("integer x", TypeError, "x must have a floating", {}, (np.ones((3, 7), int), _KERNEL, _LABELS)),
        ("integer kernel", TypeError, "kernel must have a floating", {}, (_ROWS, np.ones((7, 5), int), _LABELS)),
        ("chunk of 0", ValueError, "chunk must be at least 1", {"chunk": 0}, (_ROWS, _KERNEL, _LABELS)),
        ("chunk a float", TypeError, "chunk must be an int", {"chunk": 2.0}, (_ROWS, _KERNEL, _LABELS)),
    )
)

_LOGITS, _SYMBOLS = np.zeros((2, 5, 4)), np.array([[1, 2, 2], [3, 0, 0]])
_STEPS, _COUNTS = np.array([5, 4]), np.array([3, 1])
_UNALIGNED = tuple(
    refuses(
        id, error, says, {}, *({"x": _LOGITS, "labels": _SYMBOLS, "steps": _STEPS, "counts": _COUNTS} | given).values()
    )
    for id, error, says, given in (
        ("the blank a label", ValueError, "0 is the blank", {"counts": np.array([3, 2])}),
        ("label too large", ValueError, "labels must be", {"labels": np.array([[1, 2, 4], [3, 0, 0]])}),
        ("label below 0", ValueError, "labels must be", {"labels": np.array([[1, -1, 2], [3, 0, 0]])}),
        ("too many steps", ValueError, "logit_lengths must be at least 0 and", {"steps": np.array([6, 4])}),
        ("steps below 0", ValueError, "logit_lengths must be at least 0 and", {"steps": np.array([5, -1])}),
        ("too many labels", ValueError, "label_lengths must be at least 0 and", {"counts": np.array([4, 1])}),
        ("labels below 0", ValueError, "label_lengths must be at least 0 and", {"counts": np.array([3, -1])}),
        ("no step for a label", ValueError, "a step for every label", {"steps": np.array([5, 0])}),
        ("no step between equals", ValueError, "a blank between equal", {"steps": np.array([3, 4])}),
        ("logits of one example", ValueError, "three axes", {"x": _LOGITS[0]}),
        ("no classes", ValueError, "at least one class", {"x": np.zeros((2, 5, 0))}),
        ("labels of one example", ValueError, "labels must be (batch", {"labels": _SYMBOLS[0]}),
        ("labels of more examples", ValueError, "labels must be (batch", {"labels": np.ones((3, 3), int)}),
        ("one length for all", ValueError, "lengths must be (batch", {"steps": np.array(5)}),
        ("floating labels", TypeError, "labels must have an integer", {"labels": _SYMBOLS * 1.0}),
        ("floating lengths", TypeError, "logit_lengths must have an integer", {"steps": _STEPS * 1.0}),
        ("integer logits", TypeError, "logits must have a floating", {"x": np.zeros((2, 5, 4), int)}),
        ("a list of lengths", TypeError, "must be an array; got list", {"counts": [3, 1]}),
    )
)

SEQUENCE_LOSSES = (
    OpSpec(
        "linear_softmax_cross_entropy",
        "sequence_losses",
        cases=(
            case("rows", {"chunk": 2}, x="batch in_dim", kernel="in_dim classes", labels=labels("batch")),
            case("chunks that fit", {"chunk": 5}, x="5 2 in_dim", kernel="in_dim classes", labels=labels("5 2")),
            case("one row", {"chunk": 1}, x="in_dim", kernel="in_dim classes", labels=labels("")),
        ),
        errors=_CHUNKED,
        ulp=Ulp(reason="in units of the largest product of a score, as the scores are rounded"),
        resembles=("linearcrossentropy", "fusedlinearcrossentropy", "linearsoftmaxcrossentropy"),
        scene="linear classifier",
        statics_of=candidates.in_one_chunk,
        acquittals=(acquittals.SOFTMAX_WITHIN,),
    ),
    OpSpec(
        "ctc_loss",
        "sequence_losses",
        cases=(
            case(
                "padded",
                logits="batch 7 classes",
                labels=labels("batch 3", least=1),
                logit_lengths=lengths("batch", 5, 7),
                label_lengths=lengths("batch", 0, 3),
            ),
            case(
                "equal labels, confident",
                logits=uniform("2 7 in_channels", -20, 20),
                labels=labels("2 3", least=1, below="in_channels"),
                logit_lengths=lengths("2", 5, 7),
                label_lengths=lengths("2", 2, 3),
            ),
        ),
        extremes=(
            {
                "logits": [[[1e4, 0.0, -1e4], [0.0, 0.0, 0.0], [-1e4, 1e4, 9e3]]],
                "labels": [[1, 2]],
                "logit_lengths": [3],
                "label_lengths": [2],
            },
        ),
        errors=_UNALIGNED,
        ulp=Ulp(value=2, gradient=2, reason="in units of the largest logarithm on the way, as each is rounded"),
        resembles=("ctc", "ctcloss"),
        acquittals=(acquittals.SOFTMAX_WITHIN,),
        regimes=(regimes.REPEATED_LABELS, regimes.NO_LABELS),
        swept=case(
            "of any size",
            logits="batch length classes",
            labels=labels("batch marks", least=1),
            logit_lengths=whole("batch", "length"),
            label_lengths=whole("batch", "marks"),
        ),
    ),
)
