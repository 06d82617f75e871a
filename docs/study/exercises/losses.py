"""演習 損失関数: 逆伝播を書きます。 / Exercise: the backward of losses.

損失はデータ1件につき1つの数です。cotangent の形は (batch,) です。
A loss is one number per example. The cotangent has the shape (batch,).

    .venv/bin/functional-nn check docs/study/exercises/losses.py
"""

import numpy as np

rng = np.random.default_rng(0)
EXAMPLES = {
    "sum_of_squares_error": {
        "inputs": (rng.normal(size=(3, 5)), rng.normal(size=(3, 5))),
        "op": "sum_of_squares_error",
    },
    "softmax_cross_entropy": {
        "inputs": (3 * rng.normal(size=(3, 5)), np.array([4, 0, 4])),
        "op": "softmax_cross_entropy",
    },
}


def sum_of_squares_error_fwd(predictions, targets):
    difference = predictions - targets
    return 0.5 * np.sum(difference**2, axis=1), (difference,)


def sum_of_squares_error_bwd(residuals, cotangent):
    (difference,) = residuals
    # 1/2 と、2乗の微分の 2 が打ち消し合います。targets の勾配は符号が逆です。
    # The half cancels the 2 of the square. The gradient of the targets has the other sign.
    predictions_ct = None
    targets_ct = None
    return predictions_ct, targets_ct


def softmax_cross_entropy_fwd(logits, targets):
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
    return -log_p[np.arange(len(targets)), targets], (np.exp(log_p), targets)


def softmax_cross_entropy_bwd(residuals, cotangent):
    p, targets = residuals
    # 有名な p - t です(t は one-hot)。バッチサイズでは割りません。
    # The famous p - t, with t one-hot. Nothing is divided by the batch size.
    logits_ct = None
    return logits_ct, None  # 整数のラベルに勾配はありません / integer labels have no gradient
