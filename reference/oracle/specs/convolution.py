"""Rows of convolution and its transpose. What the columns mean stands in `reference/oracle/opspec.py`."""

import numpy as np

from reference.oracle.opspec import OpSpec, case, refuses

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
