"""解答 アテンション: 逆伝播を書きます。 / Solution: the backward of attention.

演習の答えの1つです。 / One way to write it.

    .venv/bin/functional-nn check docs/study/solutions/dot_product.py
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
    weights_ct = cotangent @ value.T
    mean = np.sum(weights * weights_ct, axis=-1, keepdims=True)
    scores_ct = weights * (weights_ct - mean) / np.sqrt(query.shape[-1])
    query_ct = scores_ct @ key
    key_ct = scores_ct.T @ query
    value_ct = weights.T @ cotangent
    return query_ct, key_ct, value_ct


def shared_key_fwd(query, key, value):
    # ヘッドが4つあり、キーとバリューは1組だけです。 / Four heads share one set of keys and values.
    weights = softmax(query @ key.T / np.sqrt(query.shape[-1]))
    return weights @ value, (query, key, value, weights)


def shared_key_bwd(residuals, cotangent):
    query, key, value, weights = residuals
    # 同じキーを何度も使ったら、勾配は足し合わせます。 / A key that is used several times gets the sum.
    weights_ct = cotangent @ value.T
    mean = np.sum(weights * weights_ct, axis=-1, keepdims=True)
    scores_ct = weights * (weights_ct - mean) / np.sqrt(query.shape[-1])
    query_ct = scores_ct @ key
    key_ct = np.einsum("hij,hid->jd", scores_ct, query)
    value_ct = np.einsum("hij,hid->jd", weights, cotangent)
    return query_ct, key_ct, value_ct
