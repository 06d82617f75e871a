"""演習 ゲート: 逆伝播を書きます。 / Exercise: the backward of gated units.

積の微分です。一方の勾配には、もう一方を掛けます。
It is the rule for products: the gradient of one factor takes the other.

    .venv/bin/functional-nn check docs/study/exercises/gating.py
"""

import numpy as np

rng = np.random.default_rng(0)
EXAMPLES = {
    "glu": {"inputs": (rng.normal(size=(3, 7)), rng.normal(size=(3, 7))), "op": "glu"},
    "swiglu": {
        "inputs": (rng.normal(size=(3, 7)), rng.normal(size=(3, 7))),
        "op": "glu",
        "statics": {"activation": "silu"},
    },
}


def glu_fwd(x, gate):
    weight = 1 / (1 + np.exp(-gate))
    return x * weight, (x, weight)


def glu_bwd(residuals, cotangent):
    x, weight = residuals
    # シグモイドの微分は weight * (1 - weight) です。 / The derivative of the sigmoid is weight * (1 - weight).
    x_ct = None
    gate_ct = None
    return x_ct, gate_ct


def swiglu_fwd(x, gate):
    share = 1 / (1 + np.exp(-gate))
    return x * gate * share, (x, gate, share)


def swiglu_bwd(residuals, cotangent):
    x, gate, share = residuals
    # gate は2か所にあります。 / The gate stands in two places.
    x_ct = None
    gate_ct = None
    return x_ct, gate_ct
