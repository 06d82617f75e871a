"""Rows of the dense layer. What the columns mean stands in `reference/oracle/opspec.py`."""

import numpy as np

from reference.oracle.opspec import OpSpec, case, refuses
from reference.oracle.specs import conventions

LINEAR = (
    OpSpec(
        "dense",
        "linear",
        cases=(
            case("no bias", x="batch in_dim", kernel="in_dim out_dim"),
            case("bias", x="batch in_dim", kernel="in_dim out_dim", bias="out_dim"),
            case("one example", x="in_dim", kernel="in_dim out_dim", bias="out_dim"),
            case("two leading axes", x="batch channels in_dim", kernel="in_dim out_dim", bias="out_dim"),
        ),
        extremes=(
            {"x": [[1e4, -1e4, 0.0]], "kernel": [[1e-4], [1.0], [1e4]], "bias": [-1e4]},
            {"x": [[0.0, 0.0, 0.0]], "kernel": [[0.0], [0.0], [0.0]], "bias": [0.0]},
        ),
        errors=(
            refuses("inner sizes differ", ValueError, "x.shape[-1]", {}, np.ones((3, 4)), np.ones((5, 2))),
            refuses("kernel of rank 1", ValueError, "two axes", {}, np.ones((3, 4)), np.ones(4)),
            refuses("kernel of rank 3", ValueError, "two axes", {}, np.ones((3, 4)), np.ones((4, 2, 1))),
            refuses("scalar x", ValueError, "an axis of inputs", {}, np.array(1.0), np.ones((4, 2))),
            refuses("bias of another size", ValueError, "bias.shape", {}, np.ones((3, 4)), np.ones((4, 2)), np.ones(4)),
            refuses("bias of a row", ValueError, "bias.shape", {}, np.ones((3, 4)), np.ones((4, 2)), np.ones((1, 2))),
            refuses("integer x", TypeError, "x must have a floating dtype", {}, np.ones((3, 4), int), np.ones((4, 2))),
            refuses("integer kernel", TypeError, "kernel must have", {}, np.ones((3, 4)), np.ones((4, 2), int)),
            refuses("complex bias", TypeError, "bias", {}, np.ones((3, 4)), np.ones((4, 2)), np.ones(2, complex)),
            refuses("list", TypeError, "x must be an array; got list", {}, [[1.0, 2.0]], np.ones((2, 1))),
        ),
        called=("affine", "dense", "linear", "fc", "fullyconnected"),
        conventions=conventions.of_dense,
    ),
)
