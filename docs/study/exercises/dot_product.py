"""演習 アテンション: 逆伝播を書きます。 / Exercise: the backward of attention.

重みは softmax から、平均はバリューから作ります。勾配は、その2つの道を戻ります。
The weights come from softmax, the mean is one of values: the gradient goes back along both.

    .venv/bin/functional-nn check docs/study/exercises/dot_product.py
"""

import numpy as np

rng = np.random.default_rng(0)
EXAMPLES = {
    "attention": (rng.normal(size=(3, 5)), rng.normal(size=(7, 5)), rng.normal(size=(7, 2))),
    "shared_key": (rng.normal(size=(3, 4, 5)), rng.normal(size=(7, 5)), rng.normal(size=(7, 2))),
}


def softmax(scores):
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


def attention_fwd(query, key, value):
    weights = softmax(query @ key.T / np.sqrt(query.shape[-1]))
    return weights @ value, (query, key, value, weights)


def attention_bwd(residuals, cotangent):
    query, key, value, weights = residuals
    # まずスコアの勾配です。softmax では、1行全体が関わります。 / The scores first: softmax involves the whole row.
    query_ct = None
    key_ct = None
    value_ct = None
    return query_ct, key_ct, value_ct


def shared_key_fwd(query, key, value):
    # ヘッドが4つあり、キーとバリューは1組だけです。 / Four heads share one set of keys and values.
    weights = softmax(query @ key.T / np.sqrt(query.shape[-1]))
    return weights @ value, (query, key, value, weights)


def shared_key_bwd(residuals, cotangent):
    query, key, value, weights = residuals
    # 同じキーを何度も使ったら、勾配は足し合わせます。 / A key that is used several times gets the sum.
    query_ct = None
    key_ct = None
    value_ct = None
    return query_ct, key_ct, value_ct
