"""Rows of pooling. What the columns mean stands in `reference/oracle/opspec.py`."""

import numpy as np

from reference.oracle.drawn import uniform
from reference.oracle.opspec import OpSpec, case, refuses
from reference.oracle.specs import acquittals, blind_spots, candidates, conventions

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
        ("ceil-mode-type", ValueError, "ceil_mode must be a boolean", {"ceil_mode": 1}),
        ("ceil-mode-window-too-large", ValueError, "fit", {"window": (8, 1), "strides": 3, "ceil_mode": True}),
        ("window-name", TypeError, "window must be an int", {"window": "every"}),
        ("all-with-strides", ValueError, 'window="all"', {"window": "all", "strides": 1}),
        ("all-with-padding", ValueError, 'window="all"', {"window": "all", "padding": (0, (1, 0))}),
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
            case(
                "2d-ceil-mode-dilation",
                {
                    "window": (2, 3),
                    "strides": (3, 2),
                    "padding": ((0, 1), (1, 0)),
                    "dilation": (2, 1),
                    "ceil_mode": True,
                },
                x=uniform("batch 7 4 channels", -_APART, _APART),
            ),
            case(
                "1d-same-lower",
                {"window": 4, "strides": 2, "padding": "SAME_LOWER"},
                x=uniform("batch length channels", -_APART, _APART),
            ),
            case(
                "2d-all-channels-first",
                {"window": "all", "layout": "channels_first"},
                x=uniform("batch channels 7 2", -_APART, _APART),
            ),
        ),
        errors=(
            refuses("integers", TypeError, "floating dtype", {"window": 2}, np.ones((1, 4, 1), int)),
            refuses("list", TypeError, "must be an array", {"window": 1}, [[[1.0]]]),
            refuses("no-spatial-axis", ValueError, "at least one spatial axis", {"window": 2}, np.ones((2, 3))),
            refuses("empty-space", ValueError, "spatial", {"window": 1}, np.ones((2, 0, 3))),
            refuses("dilated", ValueError, "fit", {"window": 3, "dilation": 3}, np.ones((2, 5, 7, 3))),
            refuses("all-dilated", ValueError, "fit", {"window": "all", "dilation": 2}, np.ones((2, 5, 7, 3))),
            *_POOL_ERRORS,
        ),
        called=("maxpool", "pooling", "maxpooling", "pool"),
        statics_of=candidates.pooled_windows(average=False),
        conventions=conventions.of_max_pool,
        acquittals=(acquittals.TIES,),
        blind_spots=blind_spots.of_max_pooling,
        chooses=True,
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
            case(
                "2d-ceil-mode-counted",
                {"window": 3, "padding": ((0, 1), (1, 0)), "ceil_mode": True},
                x="batch 7 4 channels",
            ),
            case(
                "1d-ceil-mode-not-counted-channels-first",
                {
                    "window": 4,
                    "strides": 3,
                    "padding": 1,
                    "count_include_pad": False,
                    "ceil_mode": True,
                    "layout": "channels_first",
                },
                x="batch channels 7",
            ),
            case("1d-same-lower", {"window": 4, "strides": 2, "padding": "SAME_LOWER"}, x="batch length channels"),
            case("2d-all", {"window": "all"}, x="batch height 3 channels"),
        ),
        errors=(
            refuses("integers", TypeError, "floating dtype", {"window": 2}, np.ones((1, 4, 1), int)),
            refuses("no-spatial-axis", ValueError, "at least one spatial axis", {"window": 2}, np.ones((2, 3))),
            refuses("empty-space", ValueError, "spatial", {"window": 1}, np.ones((2, 0, 3))),
            *_POOL_ERRORS,
        ),
        called=("avgpool", "averagepooling", "meanpool", "avgpooling"),
        statics_of=candidates.pooled_windows(average=True),
        blind_spots=blind_spots.of_pooling,
    ),
)
