"""演習 プーリング: 逆伝播を書きます。 / Exercise: the backward of pooling.

最大プーリングは重ならない窓、平均プーリングは重なる窓です。配列は (batch, length, channels) です。
Max pooling has windows that do not overlap, average pooling has ones that do.

    .venv/bin/functional-nn check docs/study/exercises/pooling.py
"""

import numpy as np

rng = np.random.default_rng(0)
EXAMPLES = {
    "max_pool": {
        "inputs": (np.round(rng.normal(size=(3, 10, 2))),),  # 整数なので、最大値が並びます / integers, so maxima tie
        "op": "max_pool",
        "statics": {"window": 2},
    },
    "avg_pool": {
        "inputs": (rng.normal(size=(3, 7, 2)),),
        "op": "avg_pool",
        "statics": {"window": 3, "strides": 2},
    },
}


def max_pool_fwd(x):
    batch, length, channels = x.shape
    windows = x.reshape(batch, length // 2, 2, channels)
    winner = windows.argmax(axis=2)  # 最大値が並べば、先頭 / the first one, where maxima tie
    return windows.max(axis=2), (x.shape, winner)


def max_pool_bwd(residuals, cotangent):
    shape, winner = residuals
    # 窓ごとに、勾配の全部を勝者の1つだけに渡します。
    # Each window hands its whole gradient to its one winner.
    x_ct = None
    return (x_ct,)


def avg_pool_fwd(x):
    positions = (x.shape[1] - 3) // 2 + 1
    total = sum(x[:, k : k + 2 * positions : 2] for k in range(3))
    return total / 3, (x.shape,)


def avg_pool_bwd(residuals, cotangent):
    (shape,) = residuals
    # どの要素も、自分を含むすべての窓から、等分された勾配を受け取ります。
    # Every element gets an equal share from every window that holds it.
    x_ct = None
    return (x_ct,)
