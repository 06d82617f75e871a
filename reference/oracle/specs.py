"""The table: one row an op, in the order of the files. What the columns mean stands in `opspec.py`."""

import numpy as np

from reference.oracle.opspec import OpSpec, Ulp, case, mask, positive, refuses

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
    ),
)

CONVOLUTION = ()

POOLING = ()

NORMALIZATION = (
    OpSpec(
        "batch_norm",
        "normalization",
        cases=(
            case("matrix", x="batch channels", scale="channels", bias="channels"),
            case("images", x="batch 2 in_dim channels", scale="channels", bias="channels"),
            case("channels first", {"axis": 1}, x="batch channels height", scale="channels", bias="channels"),
            case("axis 0", {"axis": 0}, x="channels batch", scale="channels", bias="channels"),
            case(
                "statistics a channel and a row",
                {"axis": (-1, 1), "epsilon": 1e-3},
                x="batch 2 in_dim channels",
                scale="2 channels",
                bias="2 channels",
            ),
            case("large epsilon", {"epsilon": 0.5}, x="batch channels", scale="channels", bias="channels"),
        ),
        extremes=(
            {"x": [[10000.0], [9992.0], [10008.0]], "scale": [1.0], "bias": [0.0]},
            {"x": [[3.0, 1e-4], [3.0, -1e-4], [3.0, 0.0]], "scale": [2.0, 10.0], "bias": [1.0, 0.0]},
            {"x": [[0.0, 10000.0]], "scale": [1.0, 1.0], "bias": [0.0, 0.0]},
        ),
        errors=(
            refuses("scale of another size", ValueError, "sizes of x", {}, np.ones((3, 4)), np.ones(3), np.ones(4)),
            refuses("bias of another size", ValueError, "sizes of x", {}, np.ones((3, 4)), np.ones(4), np.ones(1)),
            refuses("axis out of range", ValueError, "axes of x", {"axis": 2}, np.ones((3, 4)), np.ones(4), np.ones(4)),
            refuses("axis twice", ValueError, "twice", {"axis": (1, -1)}, np.ones((3, 4)), np.ones(4), np.ones(4)),
            refuses(
                "no axis", ValueError, "at least one axis", {"axis": ()}, np.ones((3, 4)), np.ones(()), np.ones(())
            ),
            refuses("every axis kept", ValueError, "leave an axis", {}, np.ones(4), np.ones(4), np.ones(4)),
            refuses("empty batch", ValueError, "at least one value", {}, np.ones((0, 4)), np.ones(4), np.ones(4)),
            refuses("epsilon 0", ValueError, "epsilon", {"epsilon": 0.0}, np.ones((3, 4)), np.ones(4), np.ones(4)),
            refuses("epsilon nan", ValueError, "epsilon", {"epsilon": np.nan}, np.ones((3, 4)), np.ones(4), np.ones(4)),
            refuses("axis a list", TypeError, "hashable", {"axis": [1]}, np.ones((3, 4)), np.ones(4), np.ones(4)),
            refuses("axis a float", TypeError, "integer", {"axis": 1.0}, np.ones((3, 4)), np.ones(4), np.ones(4)),
            refuses("integers", TypeError, "floating dtype", {}, np.ones((3, 4), int), np.ones(4), np.ones(4)),
        ),
    ),
    OpSpec(
        "batch_norm_inference",
        "normalization",
        cases=(
            case(
                "matrix",
                x="batch channels",
                scale="channels",
                bias="channels",
                mean="channels",
                variance=positive("channels"),
            ),
            case(
                "channels first",
                {"axis": 1, "epsilon": 1e-3},
                x="batch channels height",
                scale="channels",
                bias="channels",
                mean="channels",
                variance=positive("channels"),
            ),
            case(
                "statistics a channel and a row",
                {"axis": (1, 3)},
                x="batch 2 in_dim channels",
                scale="2 channels",
                bias="2 channels",
                mean="2 channels",
                variance=positive("2 channels"),
            ),
        ),
        extremes=(
            {"x": [[10000.0]], "scale": [1.0], "bias": [0.0], "mean": [9992.0], "variance": [64.0]},
            {"x": [[3.0]], "scale": [1.0], "bias": [0.0], "mean": [3.0], "variance": [0.0]},
        ),
        errors=(
            refuses(
                "mean of another size",
                ValueError,
                "sizes of x",
                {},
                np.ones((3, 4)),
                *[np.ones(4)] * 2,
                *[np.ones(3)] * 2,
            ),
            refuses("axis out of range", ValueError, "axes of x", {"axis": -3}, np.ones((3, 4)), *[np.ones(4)] * 4),
            refuses("axis twice", ValueError, "twice", {"axis": (0, 0)}, np.ones((3, 4)), *[np.ones(3)] * 4),
            refuses("negative epsilon", ValueError, "epsilon", {"epsilon": -1e-5}, np.ones((3, 4)), *[np.ones(4)] * 4),
            refuses("integer variance", TypeError, "variance", {}, np.ones((3, 4)), *[np.ones(4)] * 3, np.ones(4, int)),
        ),
    ),
    OpSpec(
        "layer_norm",
        "normalization",
        cases=(
            case("matrix", x="batch in_dim", scale="in_dim", bias="in_dim"),
            case("vector", x="in_dim", scale="in_dim", bias="in_dim"),
            case("sequence", x="batch 2 in_dim", scale="in_dim", bias="in_dim"),
            case("axis 1", {"axis": 1}, x="batch channels height", scale="channels", bias="channels"),
            case(
                "all but the batch",
                {"axis": (2, 1), "epsilon": 1e-3},
                x="batch 2 in_dim",
                scale="2 in_dim",
                bias="2 in_dim",
            ),
        ),
        extremes=(
            {"x": [[10000.0, 9992.0, 10008.0]], "scale": [1.0, 1.0, 1.0], "bias": [0.0, 0.0, 0.0]},
            {"x": [[3.0, 3.0, 3.0], [1e-4, -1e-4, 0.0]], "scale": [2.0, 10.0, 1.0], "bias": [1.0, 0.0, 0.0]},
        ),
        errors=(
            refuses("scale of another size", ValueError, "sizes of x", {}, np.ones((3, 4)), np.ones(3), np.ones(4)),
            refuses("axis out of range", ValueError, "axes of x", {"axis": 2}, np.ones((3, 4)), np.ones(4), np.ones(4)),
            refuses("axis twice", ValueError, "twice", {"axis": (1, 1)}, np.ones((3, 4)), np.ones(4), np.ones(4)),
            refuses("scalar x", ValueError, "axes of x", {}, np.array(1.0), np.array(1.0), np.array(1.0)),
            refuses(
                "nothing to average", ValueError, "at least one value", {}, np.ones((3, 0)), np.ones(0), np.ones(0)
            ),
            refuses("epsilon 0", ValueError, "epsilon", {"epsilon": 0}, np.ones((3, 4)), np.ones(4), np.ones(4)),
            refuses("axis a list", TypeError, "hashable", {"axis": [1]}, np.ones((3, 4)), np.ones(4), np.ones(4)),
            refuses("integer scale", TypeError, "scale", {}, np.ones((3, 4)), np.ones(4, int), np.ones(4)),
        ),
    ),
)

REGULARIZATION = (
    OpSpec(
        "dropout",
        "regularization",
        cases=(
            case("half", {"rate": 0.5}, x="batch in_dim", mask=mask("batch in_dim")),
            case("rate 0", {"rate": 0.0}, x="batch in_dim", mask=mask("batch in_dim")),
            case("rate 0.3 of images", {"rate": 0.3}, x="batch 2 in_dim", mask=mask("batch 2 in_dim")),
            case("scalar", {"rate": 0.25}, x="", mask=mask("")),
        ),
        errors=(
            refuses(
                "mask of another shape", ValueError, "mask.shape", {"rate": 0.5}, np.ones((3, 4)), np.ones(4, bool)
            ),
            refuses("rate 1", ValueError, "rate", {"rate": 1.0}, np.ones(4), np.ones(4, bool)),
            refuses("negative rate", ValueError, "rate", {"rate": -0.1}, np.ones(4), np.ones(4, bool)),
            refuses("rate nan", ValueError, "rate", {"rate": np.nan}, np.ones(4), np.ones(4, bool)),
            refuses("mask of floats", TypeError, "mask must be boolean", {"rate": 0.5}, np.ones(4), np.ones(4)),
            refuses("integers", TypeError, "floating dtype", {"rate": 0.5}, np.ones(4, int), np.ones(4, bool)),
        ),
    ),
)

SPECS: dict[str, OpSpec] = {
    spec.name: spec for spec in ACTIVATIONS + LOSSES + LINEAR + CONVOLUTION + POOLING + NORMALIZATION + REGULARIZATION
}
