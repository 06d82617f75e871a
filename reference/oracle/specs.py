"""The table: one row an op, in the order of the files. What the columns mean stands in `opspec.py`."""

import numpy as np

from reference.oracle.opspec import OpSpec, Ulp, case, labels, mask, positive, probabilities, refuses, uniform


def _elementwise_errors():
    """What every function of one floating array refuses."""
    return (
        refuses("integers", TypeError, "x must have a floating dtype", {}, np.arange(3)),
        refuses("booleans", TypeError, "x must have a floating dtype", {}, np.ones(3, bool)),
        refuses("complex", TypeError, "x must have a floating dtype", {}, np.ones(3, complex)),
        refuses("list", TypeError, "x must be an array; got list", {}, [1.0, 2.0]),
        refuses("None", TypeError, "x must be an array; got NoneType", {}, None),
    )


def _softmax_errors():
    return (
        *_elementwise_errors(),
        refuses("axis too large", ValueError, "axis must be one of", {"axis": 2}, np.ones((3, 4))),
        refuses("axis too small", ValueError, "axis must be one of", {"axis": -3}, np.ones((3, 4))),
        refuses("axis of text", ValueError, "axis must be one of", {"axis": "last"}, np.ones((3, 4))),
        refuses("scalar", ValueError, "axis must be one of", {}, np.array(1.0)),
        refuses("no classes", ValueError, "at least one entry", {}, np.ones((3, 0))),
    )


ACTIVATIONS = (
    OpSpec(
        "sigmoid",
        "activations",
        cases=(case("scalar", x=""), case("matrix", x="batch in_dim"), case("saturated", x=uniform("7", -40, 40))),
        extremes=({"x": [-1e4, -50.0, 0.0, 50.0, 1e4]},),
        errors=_elementwise_errors(),
        ulp=Ulp(),
    ),
    OpSpec(
        "log_sigmoid",
        "activations",
        cases=(case("scalar", x=""), case("matrix", x="batch in_dim"), case("saturated", x=uniform("7", -40, 40))),
        extremes=({"x": [-1e4, -50.0, 0.0, 50.0, 1e4]},),
        errors=_elementwise_errors(),
        ulp=Ulp(),
    ),
    OpSpec(
        "tanh",
        "activations",
        cases=(case("scalar", x=""), case("matrix", x="batch in_dim"), case("saturated", x=uniform("7", -20, 20))),
        extremes=({"x": [-1e4, -50.0, 0.0, 50.0, 1e4]},),
        errors=_elementwise_errors(),
        ulp=Ulp(),
    ),
    OpSpec(
        "relu",
        "activations",
        cases=(case("matrix", x="batch in_dim"), case("scalar", x="")),
        kinks={0.0: 0.0},
        extremes=({"x": [-1e4, -1e-30, 0.0, 1e-30, 1e4]},),
        errors=_elementwise_errors(),
        ulp=Ulp(),
    ),
    OpSpec(
        "leaky_relu",
        "activations",
        cases=(
            case("matrix", x="batch in_dim"),
            case("scalar, slope 0.3", {"negative_slope": 0.3}, x=""),
            case("slope 0", {"negative_slope": 0.0}, x="in_dim"),
            case("negative slope", {"negative_slope": -0.5}, x="in_dim"),
        ),
        kinks={0.0: 0.01},
        extremes=({"x": [-1e4, -1e-30, 0.0, 1e-30, 1e4]},),
        errors=(
            *_elementwise_errors(),
            refuses("slope NaN", ValueError, "finite number", {"negative_slope": np.nan}, np.ones(3)),
            refuses("slope as text", ValueError, "finite number", {"negative_slope": "0.1"}, np.ones(3)),
        ),
        ulp=Ulp(),
    ),
    OpSpec(
        "elu",
        "activations",
        cases=(
            case("alpha 2", {"alpha": 2.0}, x="in_dim"),
            case("matrix", x="batch in_dim"),
            case("scalar", x=""),
            case("alpha 0", {"alpha": 0.0}, x="in_dim"),
            case("saturated", x=uniform("7", -40, 40)),
        ),
        kinks={0.0: 2.0},
        extremes=({"x": [-1e4, -50.0, 0.0, 50.0, 1e4]},),
        errors=(
            *_elementwise_errors(),
            refuses("alpha below 0", ValueError, "at least 0", {"alpha": -1.0}, np.ones(3)),
            refuses("alpha infinite", ValueError, "finite number", {"alpha": np.inf}, np.ones(3)),
        ),
        ulp=Ulp(),
    ),
    OpSpec(
        "softplus",
        "activations",
        cases=(case("scalar", x=""), case("matrix", x="batch in_dim"), case("saturated", x=uniform("7", -40, 40))),
        extremes=({"x": [-1e4, -50.0, 0.0, 50.0, 1e4]},),
        errors=_elementwise_errors(),
        ulp=Ulp(),
    ),
    OpSpec(
        "silu",
        "activations",
        cases=(case("scalar", x=""), case("matrix", x="batch in_dim"), case("saturated", x=uniform("7", -40, 40))),
        extremes=({"x": [-1e4, -50.0, 0.0, 50.0, 1e4]},),
        errors=_elementwise_errors(),
        ulp=Ulp(),
    ),
    OpSpec(
        "gelu",
        "activations",
        cases=(
            case("scalar", x=""),
            case("matrix", x="batch in_dim"),
            case("saturated", x=uniform("7", -9, 9)),
            case("tanh form", {"approximate": True}, x="batch in_dim"),
            case("tanh form, saturated", {"approximate": True}, x=uniform("7", -9, 9)),
        ),
        extremes=({"x": [-1e4, -50.0, -9.0, 0.0, 9.0, 50.0, 1e4]},),
        errors=(
            *_elementwise_errors(),
            refuses("approximate as text", ValueError, "boolean", {"approximate": "tanh"}, np.ones(3)),
        ),
        ulp=Ulp(),
        ulp_of_case={"tanh form": Ulp(reason="2u, the argument of exp, is a polynomial rounded 4 times", exponent=2)},
    ),
    OpSpec(
        "softmax",
        "activations",
        cases=(
            case("matrix", x="batch classes"),
            case("vector", x="classes"),
            case("first axis", {"axis": 0}, x="classes batch"),
            case("middle axis", {"axis": 1}, x="batch classes length"),
            case("middle axis from the end", {"axis": -2}, x="batch classes length"),
            case("confident", x=uniform("batch classes", -40, 40)),
        ),
        extremes=(
            {"x": [[1e4, 1e4, -1e4], [-1e4, -1e4, -1e4], [0.0, 1e4, 9e3]]},
            {"x": [[0.0, 0.0, 0.0]]},
        ),
        errors=_softmax_errors(),
        ulp=Ulp(reason="x - max, the argument of exp, is rounded", exponent=1),
    ),
    OpSpec(
        "log_softmax",
        "activations",
        cases=(
            case("matrix", x="batch classes"),
            case("vector", x="classes"),
            case("first axis", {"axis": 0}, x="classes batch"),
            case("middle axis", {"axis": 1}, x="batch classes length"),
            case("middle axis from the end", {"axis": -2}, x="batch classes length"),
            case("confident", x=uniform("batch classes", -40, 40)),
        ),
        extremes=(
            {"x": [[1e4, 1e4, -1e4], [-1e4, -1e4, -1e4], [0.0, 1e4, 9e3]]},
            {"x": [[0.0, 0.0, 0.0]]},
        ),
        errors=_softmax_errors(),
        ulp=Ulp(reason="x - max, the argument of exp, is rounded", exponent=1),
    ),
    OpSpec(
        "step",
        "activations",
        cases=(case("matrix", x="batch in_dim"), case("scalar", x="")),
        kinks={0.0: 0.0},
        extremes=({"x": [-1e4, -1e-30, 0.0, 1e-30, 1e4]},),
        errors=_elementwise_errors(),
        ulp=Ulp(),
    ),
)


def _pair_errors(mean: bool):
    """What every loss of two floating arrays of one shape refuses; `mean`, whether it divides by a count."""
    empty = refuses(
        "no elements in an example", ValueError, "at least one element", {}, np.ones((3, 0)), np.ones((3, 0))
    )
    return (
        refuses("targets of another size", ValueError, "targets.shape", {}, np.ones((3, 4)), np.ones((3, 5))),
        refuses("targets that would broadcast", ValueError, "targets.shape", {}, np.ones((3, 1)), np.ones(3)),
        refuses("a scalar", ValueError, "batch axis", {}, np.array(1.0), np.array(1.0)),
        refuses("integer targets", TypeError, "targets must have a floating dtype", {}, np.ones(3), np.ones(3, int)),
        refuses("boolean targets", TypeError, "targets must have a floating dtype", {}, np.ones(3), np.ones(3, bool)),
        refuses("integers first", TypeError, "floating dtype", {}, np.ones(3, int), np.ones(3)),
        refuses("complex", TypeError, "floating dtype", {}, np.ones(3, complex), np.ones(3)),
        refuses("list", TypeError, "must be an array; got list", {}, [1.0, 2.0], np.ones(2)),
        *((empty,) if mean else ()),
    )


def _class_errors():
    """What a loss of scores against labels or distributions refuses."""
    scores = np.full((3, 5), 0.2)
    return (
        refuses("label too large", ValueError, "labels must be", {}, scores, np.array([0, 5, 1])),
        refuses("label below 0", ValueError, "labels must be", {}, scores, np.array([0, -1, 1])),
        refuses("labels as a column", ValueError, "integer labels must have", {}, scores, np.ones((3, 1), int)),
        refuses("one-hot integers", ValueError, "integer labels must have", {}, scores, np.eye(5, dtype=int)[:3]),
        refuses("too few labels", ValueError, "integer labels must have", {}, scores, np.array([0, 1])),
        refuses("floating labels", ValueError, "floating targets must have the shape", {}, scores, np.ones(3)),
        refuses("soft targets of a row", ValueError, "floating targets must have", {}, scores, np.ones((1, 5))),
        refuses("boolean targets", TypeError, "integer labels or floating", {}, scores, np.ones((3, 5), bool)),
        refuses("complex targets", TypeError, "integer labels or floating", {}, scores, np.ones((3, 5), complex)),
        refuses("list of labels", TypeError, "targets must be an array; got list", {}, scores, [0, 1, 2]),
        refuses("integer scores", TypeError, "floating dtype", {}, np.ones((3, 5), int), np.array([0, 1, 2])),
        refuses("scalar scores", ValueError, "at least one class", {}, np.array(1.0), np.array(0)),
        refuses("no classes", ValueError, "at least one class", {}, np.ones((3, 0)), np.ones((3, 0))),
    )


_CLASSIFIED = (np.zeros((3, 5)), np.array([0, 1, 2]))

LOSSES = (
    OpSpec(
        "sum_of_squares_error",
        "losses",
        cases=(
            case("matrix", predictions="batch classes", targets="batch classes"),
            case("vector", predictions="batch", targets="batch"),
            case("images", predictions="batch 2 3 channels", targets="batch 2 3 channels"),
        ),
        extremes=({"predictions": [[100.0, -100.0, 0.0]], "targets": [[-50.0, -100.0, 1e-30]]},),
        errors=_pair_errors(mean=False),
        ulp=Ulp(),
    ),
    OpSpec(
        "mean_squared_error",
        "losses",
        cases=(
            case("matrix", predictions="batch classes", targets="batch classes"),
            case("vector", predictions="batch", targets="batch"),
            case("images", predictions="batch 2 3 channels", targets="batch 2 3 channels"),
        ),
        extremes=({"predictions": [[100.0, -100.0, 0.0]], "targets": [[-50.0, -100.0, 1e-30]]},),
        errors=_pair_errors(mean=True),
        ulp=Ulp(),
    ),
    OpSpec(
        "huber_loss",
        "losses",
        cases=(
            case("matrix", predictions="batch classes", targets="batch classes"),
            case("vector", predictions="batch", targets="batch"),
            case("all inside", {"delta": 9.0}, predictions="batch classes", targets="batch classes"),
            case("mostly outside", {"delta": 0.1}, predictions="batch 2 channels", targets="batch 2 channels"),
        ),
        extremes=({"predictions": [[1e4, -1e4, 0.0, 1.0]], "targets": [[-1e4, -1e4, 1e-30, 0.0]]},),
        errors=(
            *_pair_errors(mean=True),
            refuses("delta 0", ValueError, "above 0", {"delta": 0.0}, np.ones(3), np.ones(3)),
            refuses("delta below 0", ValueError, "above 0", {"delta": -1.0}, np.ones(3), np.ones(3)),
            refuses("delta NaN", ValueError, "above 0", {"delta": np.nan}, np.ones(3), np.ones(3)),
        ),
        ulp=Ulp(),
    ),
    OpSpec(
        "cross_entropy_error",
        "losses",
        # Well away from 0, where central differences of a logarithm are poor; the values near 0 are in `extremes` and
        # in the tests of accuracy. The sum need not be 1.
        cases=(
            case("labels", probabilities=uniform("batch classes", 0.4, 1.2), targets=labels("batch")),
            case("soft", probabilities=uniform("batch classes", 0.4, 1.2), targets=probabilities("batch classes")),
            case("one example", probabilities=uniform("classes", 0.4, 1.2), targets=labels("")),
            case("one soft example", probabilities=uniform("classes", 0.4, 1.2), targets=probabilities("classes")),
            case("sequences", probabilities=uniform("batch 2 classes", 0.4, 1.2), targets=labels("batch 2")),
            case("not normalized", probabilities=uniform("classes", 0.4, 1.2), targets=uniform("classes", -1, 2)),
        ),
        extremes=(
            {"probabilities": [[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]], "targets": [[1.0, 0.0, 0.0], [0.0, 0.25, 0.75]]},
            {"probabilities": [[1.0, 0.0, 0.0], [1e-4, 0.5, 0.5]], "targets": [0, 0]},
        ),
        errors=_class_errors(),
        ulp=Ulp(),
    ),
    OpSpec(
        "softmax_cross_entropy",
        "losses",
        cases=(
            case("labels", logits="batch classes", targets=labels("batch")),
            case("soft targets", logits="batch classes", targets=probabilities("batch classes")),
            case("one example", logits="classes", targets=labels("")),
            case("sequences", logits="batch 2 classes", targets=labels("batch 2")),
            case("sequences of soft targets", logits="batch 2 classes", targets=probabilities("batch 2 classes")),
            case("confident", logits=uniform("batch classes", -40, 40), targets=labels("batch")),
            case("not normalized", logits="batch classes", targets=uniform("batch classes", 0, 2)),
            case("smoothed labels", {"label_smoothing": 0.1}, logits="batch classes", targets=labels("batch")),
            case("smoothed", {"label_smoothing": 0.3}, logits="batch classes", targets=probabilities("batch classes")),
            case("all smooth", {"label_smoothing": 1.0}, logits="batch classes", targets=labels("batch")),
        ),
        extremes=(
            {"logits": [[1e4, 1e4, -1e4], [-1e4, -1e4, -1e4], [0.0, 1e4, 9e3]], "targets": [0, 2, 0]},
            {"logits": [[1e4, 0.0, -1e4], [0.0, 0.0, 0.0]], "targets": [[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]]},
        ),
        errors=(
            *_class_errors(),
            refuses("smoothing below 0", ValueError, "label_smoothing", {"label_smoothing": -0.1}, *_CLASSIFIED),
            refuses("smoothing above 1", ValueError, "label_smoothing", {"label_smoothing": 1.5}, *_CLASSIFIED),
            refuses("smoothing NaN", ValueError, "label_smoothing", {"label_smoothing": np.nan}, *_CLASSIFIED),
        ),
        ulp=Ulp(reason="x - max, the argument of exp, is rounded", exponent=1),
    ),
    OpSpec(
        "sigmoid_binary_cross_entropy",
        "losses",
        cases=(
            case("matrix", logits="batch classes", targets=uniform("batch classes", 0, 1)),
            case("vector", logits="batch", targets=uniform("batch", 0, 1)),
            case("confident", logits=uniform("batch 2 channels", -40, 40), targets=uniform("batch 2 channels", 0, 1)),
        ),
        extremes=({"logits": [[1e4, -1e4, 0.0, 50.0, -50.0]], "targets": [[1.0, 1.0, 0.5, 0.0, 0.0]]},),
        errors=_pair_errors(mean=True),
        ulp=Ulp(),
    ),
    OpSpec(
        "binary_cross_entropy",
        "losses",
        cases=(
            case("matrix", probabilities=uniform("batch classes", 0.3, 0.7), targets=uniform("batch classes", 0, 1)),
            case("vector", probabilities=uniform("batch", 0.3, 0.7), targets=uniform("batch", 0, 1)),
            case("images", probabilities=uniform("batch 2 3", 0.3, 0.7), targets=uniform("batch 2 3", 0, 1)),
        ),
        extremes=({"probabilities": [[0.0, 1.0, 1e-4, 1e-4, 0.5]], "targets": [[0.0, 1.0, 0.0, 1.0, 0.5]]},),
        errors=_pair_errors(mean=True),
        ulp=Ulp(),
    ),
    OpSpec(
        "kl_divergence",
        "losses",
        cases=(
            case("matrix", log_predictions=uniform("batch classes", -4, 0), targets=uniform("batch classes", 0.4, 1)),
            case("vector", log_predictions=uniform("batch", -4, 0), targets=uniform("batch", 0.4, 1)),
            case(
                "images", log_predictions=uniform("batch 2 classes", -9, 0), targets=uniform("batch 2 classes", 0.4, 1)
            ),
        ),
        extremes=({"log_predictions": [[-1e4, -1.0, 0.0, -30.0]], "targets": [[0.0, 1.0, 0.0, 1e-4]]},),
        errors=_pair_errors(mean=False),
        ulp=Ulp(),
    ),
)

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

CONVOLUTION = (
    OpSpec(
        "conv",
        "convolution",
        cases=(
            case(
                "1d",
                x="batch length in_channels",
                kernel="kernel_length in_channels out_channels",
                bias="out_channels",
            ),
            case(
                "2d-strides-pairs-dilation",
                {"strides": (2, 1), "padding": ((1, 2), (0, 1)), "dilation": (1, 3)},
                x="batch height width in_channels",
                kernel="kernel_height kernel_width in_channels out_channels",
                bias="out_channels",
            ),
            case(
                "2d-same-strided-without-bias",
                {"strides": (3, 2), "padding": "SAME", "dilation": (2, 1)},
                x="batch 7 11 in_channels",
                kernel="3 2 in_channels out_channels",
            ),
            case(
                "2d-groups-channels-first",
                {"strides": (1, 2), "padding": 1, "groups": 2, "layout": "channels_first"},
                x="batch 2*in_channels 5 7",
                kernel="2*out_channels in_channels 3 2",
                bias="2*out_channels",
            ),
            case(
                "2d-depthwise",
                {"padding": (2, 0), "dilation": 2, "groups": 5},
                x="batch 5 7 channels",
                kernel="3 2 1 2*channels",
                bias="2*channels",
            ),
            case(
                "1d-padding-beyond-the-window-channels-first",
                {"strides": 2, "padding": ((6, 1),), "dilation": 2, "layout": "channels_first"},
                x="batch in_channels 13",
                kernel="out_channels in_channels 3",
                bias="out_channels",
            ),
            case(
                "3d-same-channels-first",
                {"strides": (1, 2, 2), "padding": "SAME", "dilation": (2, 1, 2), "layout": "channels_first"},
                x="2 in_channels 3 5 7",
                kernel="3 in_channels 2 3 2",
                bias="3",
            ),
            case(
                "4d",
                {"strides": (1, 2, 1, 2), "padding": (0, 1, (0, 1), 1)},
                x="2 3 5 2 4 in_channels",
                kernel="2 3 1 2 in_channels 3",
                bias="3",
            ),
        ),
        extremes=({"x": [[[1e4], [-1e4], [0.0], [1e-7]]], "kernel": [[[1.0]], [[-1.0]]], "bias": [3.0]},),
        errors=(
            refuses("integers", TypeError, "floating dtype", {}, np.ones((1, 4, 1), int), np.ones((2, 1, 1))),
            refuses("integer-bias", TypeError, "bias", {}, np.ones((1, 4, 1)), np.ones((2, 1, 1)), np.ones(1, int)),
            refuses("list", TypeError, "must be an array", {}, [[[1.0]]], np.ones((1, 1, 1))),
            refuses("no-spatial-axis", ValueError, "at least one spatial axis", {}, np.ones((2, 3)), np.ones((3, 5))),
            refuses("scalar", ValueError, "at least one spatial axis", {}, 1.0, 1.0),
            refuses("empty-space", ValueError, "spatial", {}, np.ones((2, 0, 3)), np.ones((1, 3, 5))),
            refuses("ranks", ValueError, "as many axes", {}, np.ones((2, 7, 3)), np.ones((2, 2, 3, 5))),
            refuses("channels", ValueError, "x must have 3 channels", {}, np.ones((2, 7, 4)), np.ones((2, 3, 5))),
            refuses("groups-of-x", ValueError, "channels", {"groups": 2}, np.ones((2, 7, 3)), np.ones((2, 3, 4))),
            refuses("groups", ValueError, "divide", {"groups": 2}, np.ones((2, 7, 6)), np.ones((2, 3, 5))),
            refuses("no-groups", ValueError, "groups", {"groups": 0}, np.ones((2, 7, 6)), np.ones((2, 6, 5))),
            refuses("groups-type", TypeError, "groups", {"groups": 1.0}, np.ones((2, 7, 6)), np.ones((2, 6, 5))),
            refuses("bias", ValueError, "bias", {}, np.ones((2, 7, 3)), np.ones((2, 3, 5)), np.ones(3)),
            refuses("bias-rank", ValueError, "bias", {}, np.ones((2, 7, 3)), np.ones((2, 3, 1)), 1.0),
            refuses("window-too-large", ValueError, "fit", {}, np.ones((2, 3, 1)), np.ones((4, 1, 1))),
            refuses("dilated-too-large", ValueError, "fit", {"dilation": 3}, np.ones((2, 3, 1)), np.ones((2, 1, 1))),
            refuses("window-of-0", ValueError, "window", {}, np.ones((2, 3, 1)), np.ones((0, 1, 1))),
            *(
                refuses(id, error, says, statics, np.ones((2, 5, 7, 3)), np.ones((2, 2, 3, 5)))
                for id, error, says, statics in (
                    ("layout", ValueError, "layout", {"layout": "NHWC"}),
                    ("strides-of-0", ValueError, "strides", {"strides": (1, 0)}),
                    ("strides-negative", ValueError, "strides", {"strides": -1}),
                    ("strides-of-3-dimensions", ValueError, "strides", {"strides": (1, 1, 1)}),
                    ("strides-type", TypeError, "strides", {"strides": 1.5}),
                    ("strides-list", TypeError, "strides", {"strides": [1, 1]}),
                    ("dilation-of-0", ValueError, "dilation", {"dilation": 0}),
                    ("dilation-bool", TypeError, "dilation", {"dilation": True}),
                    ("padding-name", ValueError, "padding", {"padding": "FULL"}),
                    ("padding-negative", ValueError, "padding", {"padding": -1}),
                    ("padding-negative-end", ValueError, "padding", {"padding": ((0, 0), (1, -1))}),
                    ("padding-of-1-dimension", ValueError, "padding", {"padding": (1,)}),
                    ("padding-of-3-ends", ValueError, "padding", {"padding": ((1, 1, 1), (1, 1, 1))}),
                    ("padding-type", TypeError, "padding", {"padding": (1.0, 1.0)}),
                    ("padding-none", TypeError, "padding", {"padding": None}),
                )
            ),
        ),
    ),
    OpSpec(
        "conv_transpose",
        "convolution",
        cases=(
            case(
                "1d",
                x="batch length out_channels",
                kernel="kernel_length in_channels out_channels",
                bias="in_channels",
            ),
            case(
                "2d-strides-pairs-dilation-output-padding",
                {"strides": (2, 3), "padding": ((1, 0), (0, 2)), "dilation": (1, 2), "output_padding": (1, 2)},
                x="batch height width out_channels",
                kernel="kernel_height kernel_width in_channels out_channels",
                bias="in_channels",
            ),
            case(
                "2d-same-without-bias",
                {"strides": (3, 2), "padding": "SAME"},
                x="batch 5 3 out_channels",
                kernel="2 5 in_channels out_channels",
            ),
            case(
                "2d-groups-channels-first",
                {"strides": 2, "padding": 1, "output_padding": 1, "groups": 2, "layout": "channels_first"},
                x="batch 2*out_channels 3 5",
                kernel="2*out_channels in_channels 3 2",
                bias="2*in_channels",
            ),
            case(
                "1d-depthwise-output-padding-beyond-the-stride",
                {"padding": (3,), "dilation": 3, "output_padding": 2, "groups": 5},
                x="batch 7 2*channels",
                kernel="3 1 2*channels",
                bias="channels",
            ),
            case(
                "3d-channels-first",
                {"strides": (1, 2, 2), "padding": (0, (1, 0), 2), "dilation": (2, 1, 2), "layout": "channels_first"},
                x="2 3 2 3 5",
                kernel="3 in_channels 2 3 2",
                bias="in_channels",
            ),
            case(
                "4d",
                {"strides": (1, 2, 1, 2), "padding": (0, 1, 0, 1)},
                x="2 2 3 1 2 3",
                kernel="2 3 2 2 in_channels 3",
                bias="in_channels",
            ),
        ),
        extremes=({"x": [[[1e4], [-1e4], [0.0], [1e-7]]], "kernel": [[[1.0]], [[-1.0]]], "bias": [3.0]},),
        errors=(
            refuses("integers", TypeError, "floating dtype", {}, np.ones((1, 4, 1), int), np.ones((2, 1, 1))),
            refuses("no-spatial-axis", ValueError, "at least one spatial axis", {}, np.ones((2, 3)), np.ones((5, 3))),
            refuses("empty-space", ValueError, "spatial", {}, np.ones((2, 0, 3)), np.ones((1, 5, 3))),
            refuses("ranks", ValueError, "as many axes", {}, np.ones((2, 7, 3)), np.ones((2, 2, 5, 3))),
            refuses("channels", ValueError, "x must have 3 channels", {}, np.ones((2, 7, 5)), np.ones((2, 5, 3))),
            refuses("groups", ValueError, "divide", {"groups": 2}, np.ones((2, 7, 5)), np.ones((2, 3, 5))),
            refuses("bias", ValueError, "bias", {}, np.ones((2, 7, 3)), np.ones((2, 5, 3)), np.ones(3)),
            refuses("all-cut-off", ValueError, "at least one", {"padding": 4}, np.ones((2, 7, 1)), np.ones((2, 1, 1))),
            *(
                refuses(id, error, says, statics, np.ones((2, 3, 4, 3)), np.ones((2, 2, 5, 3)))
                for id, error, says, statics in (
                    ("layout", ValueError, "layout", {"layout": "NHWC"}),
                    ("strides-of-0", ValueError, "strides", {"strides": 0}),
                    ("dilation-negative", ValueError, "dilation", {"dilation": (1, -1)}),
                    ("padding-name", ValueError, "padding", {"padding": "same"}),
                    ("padding-negative", ValueError, "padding", {"padding": -1}),
                    ("output-padding", ValueError, "output_padding must be smaller", {"output_padding": (0, 1)}),
                    ("output-padding-negative", ValueError, "output_padding", {"output_padding": -1}),
                    ("output-padding-type", TypeError, "output_padding", {"strides": 2, "output_padding": 0.5}),
                    (
                        "output-padding-of-same",
                        ValueError,
                        "SAME",
                        {"strides": 2, "padding": "SAME", "output_padding": 1},
                    ),
                )
            ),
        ),
    ),
)

# Values far apart, so that a finite step changes no winner.
_APART = 1e4

_POOL_ERRORS = tuple(
    refuses(id, error, says, {"window": 2} | statics, np.ones((2, 5, 7, 3)))
    for id, error, says, statics in (
        ("window-of-0", ValueError, "window", {"window": (2, 0)}),
        ("window-of-1-dimension", ValueError, "window", {"window": (2,)}),
        ("window-type", TypeError, "window", {"window": 2.0}),
        ("window-list", TypeError, "window", {"window": [2, 2]}),
        ("window-too-large", ValueError, "fit", {"window": (6, 1)}),
        ("strides-of-0", ValueError, "strides", {"strides": (1, 0)}),
        ("padding-name", ValueError, "padding", {"padding": "CAUSAL"}),
        ("padding-negative", ValueError, "padding", {"padding": (0, -1)}),
        ("window-in-padding-alone", ValueError, "at least one element", {"padding": ((2, 0), (0, 0))}),
        ("layout", ValueError, "layout", {"layout": "first"}),
    )
)

POOLING = (
    OpSpec(
        "max_pool",
        "pooling",
        cases=(
            case("1d", {"window": 3}, x=uniform("batch length channels", -_APART, _APART)),
            case(
                "1d-long-window",
                {"window": 9, "strides": 2, "padding": ((4, 3),)},
                x=uniform("batch length channels", -_APART, _APART),
            ),
            case(
                "2d-overlap-pairs-dilation",
                {"window": (3, 2), "strides": (2, 1), "padding": ((1, 0), (0, 1)), "dilation": (1, 2)},
                x=uniform("batch height width channels", -_APART, _APART),
            ),
            case(
                "2d-same-channels-first",
                {"window": (2, 3), "strides": (2, 4), "padding": "SAME", "layout": "channels_first"},
                x=uniform("batch channels 7 11", -_APART, _APART),
            ),
            case(
                "2d-padding-of-an-int-below-every-element",
                {"window": 3, "strides": (1, 2), "padding": 1},
                x=uniform("batch 5 7 channels", -_APART, 0.0),
            ),
            case(
                "3d-channels-first",
                {
                    "window": (2, 1, 3),
                    "strides": 1,
                    "padding": (1, 0, 1),
                    "dilation": (1, 2, 2),
                    "layout": "channels_first",
                },
                x=uniform("2 channels 3 2 5", -_APART, _APART),
            ),
            case(
                "4d",
                {"window": (1, 2, 2, 1), "strides": (2, 1, 2, 1)},
                x=uniform("2 3 3 4 2 channels", -_APART, _APART),
            ),
        ),
        errors=(
            refuses("integers", TypeError, "floating dtype", {"window": 2}, np.ones((1, 4, 1), int)),
            refuses("list", TypeError, "must be an array", {"window": 1}, [[[1.0]]]),
            refuses("no-spatial-axis", ValueError, "at least one spatial axis", {"window": 2}, np.ones((2, 3))),
            refuses("empty-space", ValueError, "spatial", {"window": 1}, np.ones((2, 0, 3))),
            refuses("dilated", ValueError, "fit", {"window": 3, "dilation": 3}, np.ones((2, 5, 7, 3))),
            *_POOL_ERRORS,
        ),
    ),
    OpSpec(
        "avg_pool",
        "pooling",
        cases=(
            case("1d", {"window": 3}, x="batch length channels"),
            case("1d-long-window", {"window": 9, "strides": 2, "padding": ((4, 3),)}, x="batch length channels"),
            case(
                "2d-overlap-pairs-counted",
                {"window": (3, 2), "strides": (2, 1), "padding": ((1, 0), (0, 1))},
                x="batch height width channels",
            ),
            case(
                "2d-overlap-pairs-not-counted",
                {"window": (3, 2), "strides": (2, 1), "padding": ((1, 0), (0, 1)), "count_include_pad": False},
                x="batch 5 7 channels",
            ),
            case(
                "2d-same-channels-first",
                {"window": (2, 3), "strides": (1, 2), "padding": "SAME", "layout": "channels_first"},
                x="batch channels 5 7",
            ),
            case(
                "3d-channels-first-not-counted",
                {
                    "window": (2, 1, 3),
                    "strides": 1,
                    "padding": (1, 0, 1),
                    "count_include_pad": False,
                    "layout": "channels_first",
                },
                x="2 channels 3 2 5",
            ),
            case("4d", {"window": (1, 2, 2, 1), "strides": (2, 1, 2, 1)}, x="2 3 3 4 2 channels"),
        ),
        errors=(
            refuses("integers", TypeError, "floating dtype", {"window": 2}, np.ones((1, 4, 1), int)),
            refuses("no-spatial-axis", ValueError, "at least one spatial axis", {"window": 2}, np.ones((2, 3))),
            refuses("empty-space", ValueError, "spatial", {"window": 1}, np.ones((2, 0, 3))),
            *_POOL_ERRORS,
        ),
    ),
)

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
