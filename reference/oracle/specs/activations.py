"""Rows of the activations. What the columns mean stands in `reference/oracle/opspec.py`."""

import numpy as np

from reference.oracle.opspec import OpSpec, Ulp, case, refuses, uniform


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
        reference_cancels=True,
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
        reference_cancels=True,
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
        reference_cancels=True,
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
        ulp_of_reference=Ulp(reason="x / sqrt(2) and x^2, the arguments of erfc and exp, are rounded", exponent=2),
        reference_cancels=True,
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
        reference_cancels=True,
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
