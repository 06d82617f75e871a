"""解答 ゲート: 逆伝播を書きます。 / Solution: the backward of gated units.

演習の答えの1つです。 / One way to write it.

    .venv/bin/functional-nn check docs/study/solutions/gating.py
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
    x_ct = cotangent * weight
    gate_ct = cotangent * x * weight * (1 - weight)
    return x_ct, gate_ct


def swiglu_fwd(x, gate):
    share = 1 / (1 + np.exp(-gate))
    return x * gate * share, (x, gate, share)


def swiglu_bwd(residuals, cotangent):
    x, gate, share = residuals
    # gate は2か所にあります。 / The gate stands in two places.
    x_ct = cotangent * gate * share
    gate_ct = cotangent * x * (share + gate * share * (1 - share))
    return x_ct, gate_ct
