"""解答 全結合層: 逆伝播を書きます。 / Solution: the backward of the fully connected layer.

演習の答えの1つです。 / One way to write it.

    functional-nn check docs/study/solutions/linear.py
"""


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
