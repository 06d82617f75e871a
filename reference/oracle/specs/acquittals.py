"""Why right code that looks unusual is right: the questions that people really ask about right gradients."""

import numpy as np

from reference.oracle.opspec import Acquittal

_NAME = r"([A-Za-z_][\w.]*)"
OUTPUT_TIMES_ITS_COMPLEMENT = Acquittal(
    "y * (1 - y) is right because y is the output: sigmoid'(x) = y * (1 - y) for y = sigmoid(x).",
    rf"{_NAME}\s*\*\s*\(1\.?0?\s*-\s*\1\)|\(1\.?0?\s*-\s*{_NAME}\)\s*\*\s*\2\b",
)
MINUS_THE_SQUARE = Acquittal(
    "1 - y**2 is right for tanh, with y the output; 1 + y**2 is the derivative of tan.", r"1\.?0?\s*-"
)
AT_THE_KINK = Acquittal(
    "Some inputs lie exactly at the kink: every value between the one-sided derivatives is right there.",
    of=lambda x: x.dtype.kind == "f" and bool(np.any(x == 0)),
)
NO_TERM_FOR_THE_MEAN = Acquittal(
    "No term carries the variance's dependence on the mean: it is zero, because x - mean sums to zero."
)
NO_MEAN_TAKEN_OFF = Acquittal("The backward takes no mean off, because the forward takes none off either.")
ROWS_ADD_UP = Acquittal(
    "A row that is looked up at several places gets the sum of their gradients: np.add.at adds at every place, where "
    "`gradient[indices] += ...` adds once.",
    r"add\.at|index_add|bincount|\.T\s*@|\+=",
)
TURNED_BACK = Acquittal(
    "The backward is the forward with the opposite angle: the transpose of a rotation is its inverse."
)
SOFTMAX_WITHIN = Acquittal(
    "p - t needs no softmax derivative: it is the derivative of softmax and cross-entropy together."
)
SIGMOID_WITHIN = Acquittal("p - t needs no p * (1 - p): the derivatives of sigmoid and of the cross-entropy cancel.")
HALVED = Acquittal("There is no factor 2 because the loss has the half that cancels it.")
NOT_HALVED = Acquittal("The factor 2 is right because the loss has no half.")
TIES = Acquittal(
    "Some windows hold ties: the first winner, the last, or equal shares are all right there.",
    of=lambda x: len(np.unique(x)) < x.size,
)
INVERTED = Acquittal("1 / (1 - rate) stands in the backward because this forward is inverted dropout.")
NO_TERM_FOR_THE_LARGEST = Acquittal(
    "No term carries the largest score, which is taken off before exp: softmax does not depend on it.", r"\.max\("
)
ROTATED = Acquittal(
    "The kernel is rotated in the backward because the forward, a cross-correlation, does not rotate it.",
    r"::\s*-1|flip|rot90",
)
