"""演習 最適化手法: 1ステップの更新を書きます。 / Exercise: one step of each optimizer.

params と grads は、名前から配列への辞書です。新しい params と state を返します。もとの辞書と配列は変えません。
最初の state は None で、その後は前のステップで返したものです。
params and grads are dicts from names to arrays. Return the new params and state; change nothing in place. The state is
None at first, and afterwards what the step before returned.

    .venv/bin/functional-nn check docs/study/exercises/optimizers.py
"""

import numpy as np

# 判定器に、どの関数がどの手法のつもりかを知らせます。 / Tells the oracle which function means to be which optimizer.
OPTIMIZERS = {
    "sgd_step": ("sgd", {"learning_rate": 0.1}),
    "momentum_step": ("momentum", {"learning_rate": 0.1, "momentum": 0.9}),
    "adagrad_step": ("adagrad", {"learning_rate": 0.1, "epsilon": 1e-7}),
    "adam_step": ("adam", {"learning_rate": 0.1, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}),
}


def zeros_like(params):
    """どの重みについても 0。 / A zero for every weight."""
    return {name: np.zeros_like(p) for name, p in params.items()}


def sgd_step(params, grads, state, learning_rate=0.1):
    # p ← p - η g。勾配の逆向きに動かします。 / A step against the gradient.
    raise NotImplementedError("write one step of SGD")


def momentum_step(params, grads, state, learning_rate=0.1, momentum=0.9):
    velocity = zeros_like(params) if state is None else state
    # v ← m v + g、p ← p - η v。速さを持った玉です。 / A ball that keeps a share of its velocity.
    raise NotImplementedError("write one step of momentum")


def adagrad_step(params, grads, state, learning_rate=0.1, epsilon=1e-7):
    squares = zeros_like(params) if state is None else state
    # s ← s + g²、p ← p - η g / √(s + ε)。よく動いた重みほど、歩幅が縮みます。
    # The more a weight has been moved, the smaller its steps.
    raise NotImplementedError("write one step of AdaGrad")


def adam_step(params, grads, state, learning_rate=0.1, beta1=0.9, beta2=0.999, epsilon=1e-8):
    t, mean, square = (0, zeros_like(params), zeros_like(params)) if state is None else state
    # t ← t + 1、m ← β₁ m + (1 - β₁) g、v ← β₂ v + (1 - β₂) g²、
    # p ← p - η m̂ / (√v̂ + ε)。m̂ = m / (1 - β₁ᵗ)、v̂ = v / (1 - β₂ᵗ) は、0 から始めた偏りを直したものです。
    # m̂ and v̂ are m and v, freed of their bias towards the zero that they started from.
    raise NotImplementedError("write one step of Adam")
