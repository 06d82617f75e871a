"""Rows of the losses. What the columns mean stands in `reference/oracle/opspec.py`."""

from functools import partial

import numpy as np

from reference.oracle.drawn import labels, positive, probabilities, uniform
from reference.oracle.opspec import OpSpec, Ulp, case, refuses
from reference.oracle.specs import acquittals, candidates, conventions, regimes


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
        resembles=("sumofsquareserror",),
        scene="regression",
        acquittals=(acquittals.HALVED,),
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
        resembles=("mse", "meansquarederror"),
        scene="regression",
        acquittals=(acquittals.NOT_HALVED,),
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
        resembles=("huber",),
        scene="regression",
        statics_of=candidates.deltas,
        conventions=conventions.of_huber,
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
        resembles=("crossentropy", "crossentropyerror"),
        scene="classification",
        conventions=partial(conventions.of_cross_entropy, of_scores=False),
        regimes=(regimes.UNEVEN_TARGETS, regimes.ONE_CLASS),
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
            case("a label ignored", {"ignore_label": 2}, logits="batch 7 classes", targets=labels("batch 7")),
            case(
                "weighted labels",
                {"label_smoothing": 0.2, "ignore_label": 0},
                logits="7 classes",
                targets=labels("7"),
                class_weights=positive("classes"),
            ),
            case(
                "weighted soft targets",
                {"label_smoothing": 0.3},
                logits="batch 2 classes",
                targets=probabilities("batch 2 classes"),
                class_weights=positive("classes"),
            ),
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
            refuses("a float ignored", TypeError, "ignore_label must be an int", {"ignore_label": 1.0}, *_CLASSIFIED),
            refuses(
                "a label beside the ignored one",
                ValueError,
                "labels must be",
                {"ignore_label": -100},
                _CLASSIFIED[0],
                np.array([0, -100, -1]),
            ),
            refuses("soft and ignored", ValueError, "None where", {"ignore_label": 1}, _CLASSIFIED[0], np.ones((3, 5))),
            refuses("weights of another size", ValueError, "one weight a class", {}, *_CLASSIFIED, np.ones(3)),
            refuses("a weight for all", ValueError, "one weight a class", {}, *_CLASSIFIED, np.ones(1)),
            refuses("integer weights", TypeError, "class_weights must have a floating", {}, *_CLASSIFIED, np.arange(5)),
            refuses("a tuple of weights", TypeError, "must be an array; got tuple", {}, *_CLASSIFIED, (1.0,) * 5),
        ),
        ulp=Ulp(reason="x - max, the argument of exp, is rounded", exponent=1),
        ulp_of_reference=Ulp(gradient=5, reason="p, smoothed t and the sum of t are rounded", exponent=1),
        by_keyword=("class_weights",),
        reference_cancels=True,
        resembles=("softmaxwithloss", "softmaxloss", "softmaxcrossentropy"),
        scene="classification",
        statics_of=candidates.smoothings,
        conventions=partial(conventions.of_cross_entropy, of_scores=True),
        acquittals=(acquittals.SOFTMAX_WITHIN,),
        regimes=(regimes.UNEVEN_TARGETS, regimes.ONE_CLASS, regimes.impossible("logits")),
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
        reference_cancels=True,
        resembles=("sigmoidwithloss",),
        scene="chances",
        conventions=partial(conventions.of_binary, of_scores=True),
        acquittals=(acquittals.SIGMOID_WITHIN,),
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
        resembles=("bce", "binarycrossentropy", "logloss", "logisticloss"),
        scene="chances",
        conventions=partial(conventions.of_binary, of_scores=False),
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
        conventions=conventions.of_divergence,
    ),
)
