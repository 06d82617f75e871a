"""演習 畳み込み: 逆伝播を書きます。 / Exercise: the backward of convolution.

まず1次元、次にストライドとパディングのある2次元です。配列は (batch, *spatial, channels) の順です。
First one dimension, then two with stride and padding. Arrays are (batch, *spatial, channels).

    .venv/bin/functional-nn check docs/study/exercises/convolution.py
"""

import numpy as np

STRIDE, PAD = 2, 1
rng = np.random.default_rng(0)
EXAMPLES = {
    "conv1d": {
        "inputs": (rng.normal(size=(3, 7, 2)), rng.normal(size=(3, 2, 5)), rng.normal(size=5)),
        "op": "conv",
    },
    "conv2d": {
        "inputs": (rng.normal(size=(3, 5, 7, 2)), rng.normal(size=(3, 2, 2, 5)), rng.normal(size=5)),
        "op": "conv",
        "statics": {"strides": STRIDE, "padding": PAD},
    },
}


def conv1d_fwd(x, kernel, bias):
    positions = x.shape[1] - len(kernel) + 1
    out = np.zeros((len(x), positions, kernel.shape[-1])) + bias
    for k in range(len(kernel)):
        patch = x[:, k : k + positions]  # すべての窓が位置 k で見る要素 / what all windows meet at offset k
        out += patch @ kernel[k]
    return out, (x, kernel)


def conv1d_bwd(residuals, cotangent):
    x, kernel = residuals
    # 順伝播と同じ k の繰り返しです。その1行を、patch と kernel[k] のそれぞれについて微分します。
    # 重なる窓は同じ要素を見るので、x_ct には += で足します。
    # The forward's loop over k. Differentiate its one line, to the patch and to kernel[k].
    # Windows overlap and meet the same element, so add to x_ct with +=.
    x_ct = None
    kernel_ct = None
    bias_ct = None
    return x_ct, kernel_ct, bias_ct


def conv2d_fwd(x, kernel, bias):
    padded = np.pad(x, ((0, 0), (PAD, PAD), (PAD, PAD), (0, 0)))
    sizes = [(padded.shape[i + 1] - kernel.shape[i]) // STRIDE + 1 for i in range(2)]
    out = np.zeros((len(x), *sizes, kernel.shape[-1])) + bias
    for offset in np.ndindex(kernel.shape[:2]):
        out += padded[_under(offset, sizes)] @ kernel[offset]
    return out, (padded, kernel)


def conv2d_bwd(residuals, cotangent):
    padded, kernel = residuals
    # 1次元と同じ繰り返しです。最後に、パディングの分を x_ct から切り落とします。
    # The same loop as in one dimension. At the end, cut the padding off x_ct.
    x_ct = None
    kernel_ct = None
    bias_ct = None
    return x_ct, kernel_ct, bias_ct


def _under(offset, sizes):
    """すべての窓が、この位置で見る要素。 / What all windows meet at this offset."""
    rows, columns = (slice(k, k + STRIDE * n, STRIDE) for k, n in zip(offset, sizes, strict=True))
    return slice(None), rows, columns
