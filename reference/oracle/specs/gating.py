"""Rows of gated units. What the columns mean stands in `reference/oracle/opspec.py`."""

import numpy as np

from reference.oracle.opspec import OpSpec, Ulp, case, refuses
from reference.oracle.specs import candidates, conventions

GATING = (
    OpSpec(
        "glu",
        "gating",
        cases=(
            case("sigmoid", x="batch in_dim", gate="batch in_dim"),
            case("silu", {"activation": "silu"}, x="batch 2 in_dim", gate="batch 2 in_dim"),
            case("gelu", {"activation": "gelu"}, x="batch in_dim", gate="batch in_dim"),
            case("relu", {"activation": "relu"}, x="batch in_dim", gate="batch in_dim"),
            case("identity", {"activation": "identity"}, x="in_dim", gate="in_dim"),
        ),
        extremes=({"x": [1e4, -1e4, 1.0, 1e4, 0.0], "gate": [-1e4, 1e4, 0.0, 50.0, -50.0]},),
        errors=(
            refuses("gate of a row", ValueError, "gate.shape", {}, np.ones((3, 4)), np.ones(4)),
            refuses("gate of another size", ValueError, "gate.shape", {}, np.ones((3, 4)), np.ones((3, 5))),
            refuses(
                "unknown activation", ValueError, "activation must be", {"activation": "swish"}, np.ones(4), np.ones(4)
            ),
            refuses(
                "no activation", ValueError, "activation must be one of", {"activation": None}, np.ones(4), np.ones(4)
            ),
            refuses("a list", TypeError, "hashable", {"activation": ["silu"]}, np.ones(4), np.ones(4)),
            refuses("integer x", TypeError, "x must have a floating dtype", {}, np.ones(4, int), np.ones(4)),
            refuses("gate of booleans", TypeError, "gate must have", {}, np.ones(4), np.ones(4, bool)),
        ),
        ulp=Ulp(),
        resembles=("glu", "swiglu", "geglu", "reglu", "gatedlinearunit"),
        statics_of=candidates.gated,
        conventions=conventions.of_gating,
        plain_at=lambda primals, statics: statics.get("activation") == "identity",
        orders=((0, 1), (1, 0)),
    ),
)
