"""Rows of dropout. What the columns mean stands in `reference/oracle/opspec.py`."""

import numpy as np

from reference.oracle.drawn import mask
from reference.oracle.opspec import OpSpec, case, refuses
from reference.oracle.specs import acquittals, blind_spots, candidates, conventions

REGULARIZATION = (
    OpSpec(
        "dropout",
        "regularization",
        cases=(
            case("half", {"rate": 0.5}, x="batch in_dim", mask=mask("batch in_dim")),
            case("rate 0", {"rate": 0.0}, x="batch in_dim", mask=mask("batch in_dim")),
            case("rate 0.3 of images", {"rate": 0.3}, x="batch 2 in_dim", mask=mask("batch 2 in_dim")),
            case("one number", {"rate": 0.25}, x="", mask=mask("")),
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
        resembles=("dropout",),
        scene="elementwise",
        statics_of=candidates.dropped,
        conventions=conventions.of_dropout,
        acquittals=(acquittals.INVERTED,),
        blind_spots=blind_spots.of_dropout,
    ),
)
