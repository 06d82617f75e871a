"""The table: one row an op, in the order of the files. What the columns mean stands in `opspec.py`."""

import numpy as np

from reference.oracle.opspec import OpSpec, Ulp, case, refuses

ACTIVATIONS = (
    OpSpec(
        "sigmoid",
        "activations",
        cases=(case("scalar", x=""), case("matrix", x="batch in_dim")),
        extremes=({"x": [-1e4, -50.0, 0.0, 50.0, 1e4]},),
        errors=(refuses("integers", TypeError, "floating dtype", {}, np.arange(3)),),
        ulp=Ulp(4, 8, "two quotients and a product"),
    ),
)

LOSSES = ()

LINEAR = ()

CONVOLUTION = ()

POOLING = ()

NORMALIZATION = ()

REGULARIZATION = ()

SPECS: dict[str, OpSpec] = {
    spec.name: spec for spec in ACTIVATIONS + LOSSES + LINEAR + CONVOLUTION + POOLING + NORMALIZATION + REGULARIZATION
}
