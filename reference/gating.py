"""Gated units: one half of a layer lets through as much of the other as an activation of it says.

What each takes, returns and refuses stands with its twin in functional_nn/gating.py.
"""

import numpy as np

from reference._checks import as_floating, quiet, require, require_hashable
from reference.activations import gelu_bwd, gelu_fwd, relu_bwd, relu_fwd, sigmoid_bwd, sigmoid_fwd, silu_bwd, silu_fwd

ACTIVATIONS = {
    "sigmoid": (sigmoid_fwd, sigmoid_bwd),
    "silu": (silu_fwd, silu_bwd),
    "gelu": (gelu_fwd, gelu_bwd),
    "relu": (relu_fwd, relu_bwd),
    "identity": (lambda gate: (gate, ()), lambda residuals, cotangent: (cotangent,)),
}


def glu(x, gate, *, activation="sigmoid"):
    """The gated linear unit: x weighted, entry by entry, by an activation of a gate.

    y = x w with w = a(gate). By the product rule x_ct = y_ct w and w_ct = y_ct x, and the activation's own backward
    makes gate_ct = w_ct a'(gate) of the latter.
    Residuals: x; w; the activation's name and its residuals; and the dtype of gate. Derivation:
    docs/derivations/gating.md.
    """
    return glu_fwd(x, gate, activation=activation)[0]


@quiet
def glu_fwd(x, gate, *, activation="sigmoid"):
    x, gate = as_floating("glu", "x", x), as_floating("glu", "gate", gate)
    require(gate.shape == x.shape, "glu", "gate.shape must equal x.shape", f"{gate.shape=}, {x.shape=}")
    require_hashable("glu", "activation", activation)
    rule = f"activation must be one of {', '.join(ACTIVATIONS)}"
    require(activation in ACTIVATIONS, "glu", rule, f"activation={activation!r}")
    activation_fwd, _ = ACTIVATIONS[activation]
    weight, of_activation = activation_fwd(gate)
    return x * weight, (x, weight, activation, of_activation, gate.dtype)


@quiet
def glu_bwd(residuals, cotangent):
    x, weight, activation, of_activation, gate_dtype = residuals
    _, activation_bwd = ACTIVATIONS[activation]
    x_ct = cotangent * weight
    (gate_ct,) = activation_bwd(of_activation, cotangent * x)
    return np.asarray(x_ct, x.dtype), np.asarray(gate_ct, gate_dtype)
