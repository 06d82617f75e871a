"""演習 系列の損失: 逆伝播を書きます。 / Exercise: the backward of losses of sequences.

どちらも「確率 − 正解」です。CTC では、正解の代わりに、各時刻に各ラベルがいる確率 q が入ります。
Both are probability minus answer. In CTC the chance q of each label at each step stands for the answer.

    .venv/bin/functional-nn check docs/study/exercises/sequence_losses.py
"""

import numpy as np

CHUNK = 2
rng = np.random.default_rng(0)
EXAMPLES = {
    "chunked_cross_entropy": {
        "inputs": (rng.normal(size=(5, 7)), rng.normal(size=(7, 3)), np.array([2, 0, 1, 1, 2])),
        "op": "linear_softmax_cross_entropy",
        "statics": {"chunk": CHUNK},
    },
    "one_label": (rng.normal(size=(5, 3)),),
}


def log_softmax(scores):
    shifted = scores - scores.max(axis=-1, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))


def chunked_cross_entropy_fwd(x, kernel, labels):
    losses = np.zeros(len(x))
    for start in range(0, len(x), CHUNK):
        part = slice(start, start + CHUNK)
        log_p = log_softmax(x[part] @ kernel)
        losses[part] = -log_p[np.arange(len(log_p)), labels[part]]
    return losses, (x, kernel, labels)


def chunked_cross_entropy_bwd(residuals, cotangent):
    x, kernel, labels = residuals
    # 順伝播と同じ塊ごとに、得点をもう一度計算します。kernel の勾配は、塊ごとの分を足します。
    # Compute the scores once more, chunk by chunk. The kernel's gradient adds up over the chunks.
    x_ct = None
    kernel_ct = None
    return x_ct, kernel_ct, None  # 整数のラベルに勾配はありません / integer labels have no gradient


def one_label_fwd(scores):
    # ラベル1が1つだけの CTC です。ラベル1は、どこかで始まり、どこかで終わります。
    # CTC of the single label 1: it begins somewhere and ends somewhere, with blanks around it.
    p = np.exp(log_softmax(scores))
    steps = len(p)
    chances = np.zeros((steps, steps))  # [first, last]
    for first in range(steps):
        for last in range(first, steps):
            around = p[:first, 0].prod() * p[last + 1 :, 0].prod()
            chances[first, last] = around * p[first : last + 1, 1].prod()
    return -np.log(chances.sum()), (p, chances)


def one_label_bwd(residuals, cotangent):
    p, chances = residuals
    # q[t, 1] は、時刻 t にラベル1がいる確率です(chances を chances.sum() で割って、t を含むものを足す)。
    # q[t, 1] is the chance that step t has label 1: of the chances, over their sum, add those that contain t.
    scores_ct = None
    return (scores_ct,)
