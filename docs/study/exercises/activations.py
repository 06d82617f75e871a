"""演習 活性化関数: 逆伝播を書きます。 / Exercise: the backward of activations.

順伝播はできています。None を、入力の勾配 x_ct に置き換えてください。
The forward is given. Replace None with the gradient of the input.

    .venv/bin/functional-nn check docs/study/exercises/activations.py
"""

import numpy as np


def relu_fwd(x):
    return np.maximum(x, 0), (x > 0,)


def relu_bwd(residuals, cotangent):
    (positive,) = residuals
    # 正だった要素だけ、上流の勾配を通します。 / Only where x was positive does the cotangent pass.
    x_ct = None
    return (x_ct,)


def sigmoid_fwd(x):
    shrunk = np.exp(-np.abs(x))  # exp はあふれません / exp cannot overflow
    out = np.where(x >= 0, 1, shrunk) / (1 + shrunk)
    return out, (out,)


def sigmoid_bwd(residuals, cotangent):
    (out,) = residuals
    # 出力だけから微分が求まります。 / The derivative follows from the output alone.
    x_ct = None
    return (x_ct,)


def softmax_fwd(x):
    raised = np.exp(x - x.max(axis=-1, keepdims=True))
    out = raised / raised.sum(axis=-1, keepdims=True)
    return out, (out,)


def softmax_bwd(residuals, cotangent):
    (out,) = residuals
    # どの出力もすべての入力に依存します。 / Every output depends on every input of its row.
    x_ct = None
    return (x_ct,)
