"""解答 ニューラルネットワーク: CNN 全体の逆伝播を書き、訓練します。 / Solution: a whole CNN, backwards, and trained.

演習の答えの1つです。 / One way to write it.

    .venv/bin/functional-nn check docs/study/solutions/models.py
    python docs/study/solutions/models.py
"""

import numpy as np

from reference.activations import relu_bwd, relu_fwd
from reference.convolution import conv_bwd, conv_fwd
from reference.linear import dense_bwd, dense_fwd
from reference.losses import softmax_cross_entropy_bwd, softmax_cross_entropy_fwd
from reference.pooling import max_pool_bwd, max_pool_fwd


def first_weights(rng, filters=8, size=8, classes=10):
    """He の初期値。 / He's first weights: the kernel and bias of the convolution, then of the dense layer."""
    inputs = ((size - 2) // 2) ** 2 * filters
    conv_kernel = rng.normal(size=(3, 3, 1, filters)) * np.sqrt(2 / 9)
    dense_kernel = rng.normal(size=(inputs, classes)) * np.sqrt(2 / inputs)
    return conv_kernel, np.zeros(filters), dense_kernel, np.zeros(classes)


def network_fwd(x, conv_kernel, conv_bias, dense_kernel, dense_bias, labels):
    """損失の平均と、逆伝播に要るもの。 / The mean loss, and what the backward needs."""
    images, conv_residuals = conv_fwd(x, conv_kernel, conv_bias)
    active, relu_residuals = relu_fwd(images)
    pooled, pool_residuals = max_pool_fwd(active, window=2)
    rows = pooled.reshape(len(pooled), -1)
    logits, dense_residuals = dense_fwd(rows, dense_kernel, dense_bias)
    losses, loss_residuals = softmax_cross_entropy_fwd(logits, labels)
    saved = (conv_residuals, relu_residuals, pool_residuals, pooled.shape, dense_residuals, loss_residuals)
    return losses.mean(), (saved, len(losses), logits)


def network_bwd(residuals, cotangent):
    (conv_saved, relu_saved, pool_saved, pooled_shape, dense_saved, loss_saved), count, _ = residuals
    # 平均の逆伝播: 1件ごとに 1/N。 / The backward of the mean: 1/N per example.
    losses_ct = np.full(count, cotangent / count)
    logits_ct, _ = softmax_cross_entropy_bwd(loss_saved, losses_ct)
    # ここから先を書きます: 全結合、形を戻す、プーリング、ReLU、畳み込み。
    # From here on it is yours: dense, reshape, pooling, relu, convolution.
    rows_ct, dense_kernel_ct, dense_bias_ct = dense_bwd(dense_saved, logits_ct)
    pooled_ct = rows_ct.reshape(pooled_shape)
    (active_ct,) = max_pool_bwd(pool_saved, pooled_ct)
    (images_ct,) = relu_bwd(relu_saved, active_ct)
    x_ct, conv_kernel_ct, conv_bias_ct = conv_bwd(conv_saved, images_ct)
    return x_ct, conv_kernel_ct, conv_bias_ct, dense_kernel_ct, dense_bias_ct, None


def example_inputs(name):
    """`functional-nn check` が使う入力。 / The inputs that the check uses."""
    rng = np.random.default_rng(0)
    return (rng.normal(size=(3, 6, 6, 1)), *first_weights(rng, filters=2, size=6, classes=5), np.array([4, 0, 4]))


def train(steps=300, batch=50, learning_rate=0.1):
    """手書き数字で訓練し、テスト画像での認識精度を返します。 / Train on digits; the accuracy on test images."""
    from functional_nn.training.data.images import load

    digits, rng = load("digits"), np.random.default_rng(0)
    params = first_weights(rng)
    for step in range(steps):
        chosen = rng.choice(len(digits.train), batch, replace=False)
        x, labels = digits.train.x[chosen].astype(float), digits.train.labels[chosen]
        loss, residuals = network_fwd(x, *params, labels)
        _, *grads, _ = network_bwd(residuals, 1.0)
        if any(grad is None for grad in grads):
            raise SystemExit("network_bwd is not finished: functional-nn check says what is missing")
        params = [p - learning_rate * grad for p, grad in zip(params, grads, strict=True)]
        if step % 50 == 0:
            print(f"step {step}: loss {loss:.3f}")
    _, (_, _, logits) = network_fwd(digits.test.x.astype(float), *params, digits.test.labels)
    return np.mean(logits.argmax(axis=1) == digits.test.labels)


def judge():
    """判定器の報告: 正しければ "pass"。 / The oracle's report on the backward, whose verdict must be "pass"."""
    from reference import oracle

    return oracle.check(oracle.from_rule(network_fwd, network_bwd), *example_inputs("network"))


if __name__ == "__main__":
    # 認識精度だけでは、逆伝播が正しいとは言えません。 / Accuracy alone does not show that the backward is right.
    print(f"accuracy on test images: {train():.1%}")
    report = judge()
    if report.verdict != "pass":
        first = str(report).split("\n\n")[0]
        raise SystemExit(f"Not finished yet, though it learns. functional-nn check says more:\n{first}")
    print("Finished: it learns, and its backward is right.")
