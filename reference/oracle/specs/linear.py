"""Rows of linear maps. What the columns mean stands in `reference/oracle/opspec.py`."""

import numpy as np

from reference.oracle.drawn import labels
from reference.oracle.opspec import OpSpec, Ulp, case, refuses
from reference.oracle.specs import acquittals, conventions, regimes

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
    OpSpec(
        "embedding",
        "linear",
        cases=(
            case("sequences", indices=labels("batch in_dim", below="vocabulary"), table="vocabulary width"),
            case("few rows by three axes", indices=labels("batch 2 in_dim", below="channels"), table="channels 2"),
        ),
        extremes=({"indices": [2, 0, 2, 2], "table": [[1e4, -1e4], [0.0, 1.0], [1e-4, 1e4]]},),
        errors=(
            refuses("index too large", ValueError, "below table.shape[0]", {}, np.array([0, 4]), np.ones((4, 3))),
            refuses("negative index", ValueError, "at least 0", {}, np.array([[-1], [0]]), np.ones((4, 3))),
            refuses("an int too large", ValueError, "below table.shape[0]", {}, 4, np.ones((4, 3))),
            refuses("no rows", ValueError, "below table.shape[0]", {}, np.array([0]), np.ones((0, 3))),
            refuses("table of rank 1", ValueError, "two axes", {}, np.array([0]), np.ones(4)),
            refuses("table of rank 3", ValueError, "two axes", {}, np.array([0]), np.ones((4, 3, 2))),
            refuses("floating indices", TypeError, "indices must have an integer", {}, np.ones(3), np.ones((4, 3))),
            refuses("booleans", TypeError, "indices must have an integer", {}, np.ones(4, bool), np.ones((4, 3))),
            refuses("integer table", TypeError, "table must have", {}, np.array([0]), np.ones((4, 3), int)),
            refuses("list", TypeError, "indices must be an array; got list", {}, [0, 1], np.ones((4, 3))),
        ),
        ulp=Ulp(),
        resembles=("embedding", "embed"),
        scene="embedding",
        conventions=conventions.of_embedding,
        acquittals=(acquittals.ROWS_ADD_UP,),
        orders=((0, 1), (1, 0)),
        regimes=(regimes.ONE_INDEX_OFTEN,),
    ),
)
