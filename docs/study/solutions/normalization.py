"""解答 正規化: 逆伝播を書きます。 / Solution: the backward of normalization.

演習の答えの1つです。 / One way to write it.

    .venv/bin/functional-nn check docs/study/solutions/normalization.py
"""

import numpy as np

EPSILON = 1e-5
rng = np.random.default_rng(0)
EXAMPLES = {
    "batch_norm": (2 * rng.normal(size=(5, 7)) + 1, rng.uniform(0.5, 2, 7), rng.normal(size=7)),
    "layer_norm": {
        "inputs": (2 * rng.normal(size=(5, 7)) + 1, rng.uniform(0.5, 2, 7), rng.normal(size=7)),
        "op": "layer_norm",
        "statics": {"epsilon": EPSILON},
    },
    "rms_norm": {
        "inputs": (2 * rng.normal(size=(5, 7)) + 1, rng.uniform(0.5, 2, 7)),
        "op": "rms_norm",
        "statics": {"epsilon": EPSILON},
    },
}


def batch_norm_fwd(x, scale, bias):
    centred = x - x.mean(axis=0)
    inverse_std = 1 / np.sqrt(np.mean(centred**2, axis=0) + EPSILON)
    standard = centred * inverse_std
    return standard * scale + bias, (standard, inverse_std, scale)


def batch_norm_bwd(residuals, cotangent):
    standard, inverse_std, scale = residuals
    # x_ct: 平均への道と分散への道の分を引きます。 / subtract what goes through the mean and the variance.
    standard_ct = cotangent * scale
    through_std = standard * np.mean(standard_ct * standard, axis=0)
    x_ct = inverse_std * (standard_ct - standard_ct.mean(axis=0) - through_std)
    scale_ct = np.sum(cotangent * standard, axis=0)
    bias_ct = cotangent.sum(axis=0)
    return x_ct, scale_ct, bias_ct


def layer_norm_fwd(x, scale, bias):
    centred = x - x.mean(axis=-1, keepdims=True)
    inverse_std = 1 / np.sqrt(np.mean(centred**2, axis=-1, keepdims=True) + EPSILON)
    standard = centred * inverse_std
    return standard * scale + bias, (standard, inverse_std, scale)


def layer_norm_bwd(residuals, cotangent):
    standard, inverse_std, scale = residuals
    # 違いは、平均をとる軸だけです。 / Only the axis of the means differs.
    standard_ct = cotangent * scale
    through_std = standard * np.mean(standard_ct * standard, axis=-1, keepdims=True)
    x_ct = inverse_std * (standard_ct - standard_ct.mean(axis=-1, keepdims=True) - through_std)
    scale_ct = np.sum(cotangent * standard, axis=0)
    bias_ct = cotangent.sum(axis=0)
    return x_ct, scale_ct, bias_ct


def rms_norm_fwd(x, scale):
    inverse_rms = 1 / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + EPSILON)
    standard = x * inverse_rms
    return standard * scale, (standard, inverse_rms, scale)


def rms_norm_bwd(residuals, cotangent):
    standard, inverse_rms, scale = residuals
    # 平均を引かないので、平均への道はありません。 / No mean is taken off, so no path goes through it.
    standard_ct = cotangent * scale
    through_root = standard * np.mean(standard_ct * standard, axis=-1, keepdims=True)
    x_ct = inverse_rms * (standard_ct - through_root)
    scale_ct = np.sum(cotangent * standard, axis=0)
    return x_ct, scale_ct
