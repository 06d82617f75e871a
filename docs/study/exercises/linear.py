"""演習 全結合層: 逆伝播を書きます。 / Exercise: the backward of the fully connected layer.

3つの勾配を、1つずつ書いて確かめられます。
The three gradients can be written and checked one by one.

    functional-nn check docs/study/exercises/linear.py
"""


def dense_fwd(x, kernel, bias):
    return x @ kernel + bias, (x, kernel)


def dense_bwd(residuals, cotangent):
    x, kernel = residuals
    # 形が答えを決めます: x_ct は x の形、kernel_ct は kernel の形、bias_ct は bias の形。
    # The shapes decide: each gradient has the shape of its argument.
    x_ct = None
    kernel_ct = None
    bias_ct = None
    return x_ct, kernel_ct, bias_ct
