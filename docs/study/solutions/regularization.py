"""解答 正則化: 逆伝播を書きます。 / Solution: the backward of dropout and of weight decay.

演習の答えの1つです。 / One way to write it.

    .venv/bin/functional-nn check docs/study/solutions/regularization.py
"""

import numpy as np

RATE, DECAY = 0.3, 0.1
rng = np.random.default_rng(0)
EXAMPLES = {
    "dropout": {
        "inputs": (rng.normal(size=(3, 7)), rng.random((3, 7)) < 1 - RATE),
        "op": "dropout",
        "statics": {"rate": RATE},
    },
    "penalty": (rng.normal(size=(5, 7)),),
}


def dropout_fwd(x, mask):
    return np.where(mask, x / (1 - RATE), 0), (mask,)


def dropout_bwd(residuals, cotangent):
    (mask,) = residuals
    # 順伝播と同じことを、cotangent に対して行います。 / What the forward did to x, done to the cotangent.
    x_ct = np.where(mask, cotangent / (1 - RATE), 0)
    return x_ct, None  # 真偽値のマスクに勾配はありません / a mask of booleans has no gradient


def penalty_fwd(kernel):
    return 0.5 * DECAY * np.sum(kernel**2), (kernel,)


def penalty_bwd(residuals, cotangent):
    (kernel,) = residuals
    # 荷重減衰(L2 正則化)の勾配です。 / The gradient of weight decay (an L2 penalty).
    kernel_ct = cotangent * DECAY * kernel
    return (kernel_ct,)
