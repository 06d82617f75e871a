"""Rows of normalization. What the columns mean stands in `reference/oracle/opspec.py`."""

from functools import partial

import numpy as np

from reference.oracle.drawn import positive
from reference.oracle.opspec import OpSpec, Ulp, case, refuses
from reference.oracle.specs import acquittals, candidates, conventions, conventions_of_norms, regimes

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
        resembles=("batchnormalization", "batchnorm", "bn"),
        scene="normalization",
        statics_of=candidates.normalized_axes,
        conventions=partial(conventions.of_normalization, over_named=False),
        acquittals=(acquittals.NO_TERM_FOR_THE_MEAN,),
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
        statics_of=candidates.normalized_axes,
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
        resembles=("layernormalization", "layernorm"),
        scene="normalization",
        statics_of=candidates.normalized_axes,
        conventions=partial(conventions.of_normalization, over_named=True),
        acquittals=(acquittals.NO_TERM_FOR_THE_MEAN,),
        regimes=(regimes.CONSTANT_EXAMPLE, regimes.OFF_CENTRE),
    ),
    OpSpec(
        "rms_norm",
        "normalization",
        cases=(
            case("matrix", x="batch in_dim", scale="in_dim"),
            case("two axes", {"axis": (2, 1), "epsilon": 1e-3}, x="batch 2 in_dim", scale="2 in_dim"),
        ),
        extremes=(
            {"x": [[10000.0, -9992.0, 10008.0]], "scale": [1.0, 2.0, 1.0]},
            {"x": [[0.0, 0.0, 0.0], [1e-4, -1e-4, 0.0]], "scale": [2.0, 10.0, 1.0]},
        ),
        errors=(
            refuses("scale of another size", ValueError, "sizes of x", {}, np.ones((3, 4)), np.ones(3)),
            refuses("axis out of range", ValueError, "axes of x", {"axis": -3}, np.ones((3, 4)), np.ones(4)),
            refuses("axis twice", ValueError, "twice", {"axis": (1, -1)}, np.ones((3, 4)), np.ones(4)),
            refuses("no axis", ValueError, "at least one axis", {"axis": ()}, np.ones((3, 4)), np.ones(())),
            refuses("nothing to average", ValueError, "at least one value", {}, np.ones((3, 0)), np.ones(0)),
            refuses("epsilon 0", ValueError, "epsilon", {"epsilon": 0}, np.ones((3, 4)), np.ones(4)),
            refuses("axis a list", TypeError, "hashable", {"axis": [1]}, np.ones((3, 4)), np.ones(4)),
            refuses("integers", TypeError, "floating dtype", {}, np.ones((3, 4), int), np.ones(4)),
        ),
        ulp=Ulp(gradient=8, reason="two sums and a difference"),
        reference_cancels=True,
        resembles=("rmsnorm", "rmsnormalization"),
        scene="normalization",
        statics_of=candidates.normalized_axes,
        conventions=conventions_of_norms.of_rms_norm,
        acquittals=(acquittals.NO_MEAN_TAKEN_OFF,),
        regimes=(regimes.CONSTANT_EXAMPLE, regimes.OFF_CENTRE),
    ),
    OpSpec(
        "group_norm",
        "normalization",
        cases=(
            case("two groups", {"groups": 2}, x="batch height width 2*channels", scale="2*channels", bias="2*channels"),
            case(
                "channels first",
                {"groups": 2, "layout": "channels_first", "epsilon": 1e-3},
                x="batch 2*channels in_dim",
                scale="2*channels",
                bias="2*channels",
            ),
        ),
        errors=tuple(
            refuses(id, error, says, {"groups": 2} | statics, x, np.ones(scale), np.ones(6))
            for id, error, says, statics, x, scale in (
                ("scale of another size", ValueError, "one entry a channel", {}, np.ones((3, 5, 6)), 5),
                ("scale of a group", ValueError, "one entry a channel", {}, np.ones((3, 5, 6)), (2, 3)),
                ("groups that leave a rest", ValueError, "divide", {"groups": 4}, np.ones((3, 5, 6)), 6),
                ("groups of 0", ValueError, "at least 1", {"groups": 0}, np.ones((3, 5, 6)), 6),
                ("more groups than channels", ValueError, "divide", {"groups": 12}, np.ones((3, 5, 6)), 6),
                ("groups a float", TypeError, "groups must be an int", {"groups": 2.0}, np.ones((3, 5, 6)), 6),
                ("groups a list", TypeError, "hashable", {"groups": [2]}, np.ones((3, 5, 6)), 6),
                ("no batch axis", ValueError, "a batch axis and a channel axis", {}, np.ones(6), 6),
                ("no positions at all", ValueError, "at least one value", {}, np.ones((3, 0, 6)), 6),
                ("layout", ValueError, "layout must be", {"layout": "first"}, np.ones((3, 5, 6)), 6),
                ("epsilon 0", ValueError, "epsilon", {"epsilon": 0.0}, np.ones((3, 5, 6)), 6),
                ("integers", TypeError, "floating dtype", {}, np.ones((3, 5, 6), int), 6),
            )
        ),
        ulp=Ulp(24, 24, reason="the variance of a group is a sum of as many squares as it has entries, here up to 385"),
        resembles=("groupnorm", "groupnormalization", "instancenorm", "instancenormalization"),
        scene="normalization",
        statics_of=candidates.grouped_channels,
        conventions=conventions_of_norms.of_group_norm,
        acquittals=(acquittals.NO_TERM_FOR_THE_MEAN,),
        regimes=(regimes.CONSTANT_EXAMPLE, regimes.OFF_CENTRE),
    ),
)
