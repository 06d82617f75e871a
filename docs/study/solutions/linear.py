"""解答 全結合層と埋め込み: 逆伝播を書きます。 / Solution: the backward of the dense layer and of embedding.

演習の答えの1つです。 / One way to write it.

    .venv/bin/functional-nn check docs/study/solutions/linear.py
"""

import numpy as np

rng = np.random.default_rng(0)
# 大きさがどれも違うので、転置や和の忘れが見つかります。 / All sizes differ: a transpose or a sum left out shows.
EXAMPLES = {
    "dense": {
        "inputs": (rng.normal(size=(3, 7)), rng.normal(size=(7, 5)), rng.normal(size=5)),
        "op": "dense",
    },
    "embedding": {"inputs": (np.array([3, 1, 3, 0]), rng.normal(size=(5, 7))), "op": "embedding"},
}


def dense_fwd(x, kernel, bias):
    return x @ kernel + bias, (x, kernel)


def dense_bwd(residuals, cotangent):
    x, kernel = residuals
    # 形が答えを決めます: x_ct は x の形、kernel_ct は kernel の形、bias_ct は bias の形。
    # The shapes decide: each gradient has the shape of its argument.
    x_ct = cotangent @ kernel.T
    kernel_ct = x.T @ cotangent
    bias_ct = cotangent.sum(axis=0)
    return x_ct, kernel_ct, bias_ct


def embedding_fwd(indices, table):
    return table[indices], (indices, table.shape)


def embedding_bwd(residuals, cotangent):
    indices, shape = residuals
    # 同じ行を何度も引いたら、その全部を足します。 / A row that was looked up several times gets the sum of them all.
    table_ct = np.zeros(shape)
    np.add.at(table_ct, indices, cotangent)
    return None, table_ct  # 整数に勾配はありません / integers have no gradient
