"""解答 最適化手法: 1ステップの更新を書きます。 / Solution: one step of each optimizer.

演習の答えの1つです。 / One way to write it.

    .venv/bin/functional-nn check docs/study/solutions/optimizers.py
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
    return {name: p - learning_rate * grads[name] for name, p in params.items()}, state


def momentum_step(params, grads, state, learning_rate=0.1, momentum=0.9):
    velocity = zeros_like(params) if state is None else state
    # v ← m v + g、p ← p - η v。速さを持った玉です。 / A ball that keeps a share of its velocity.
    velocity = {name: momentum * v + grads[name] for name, v in velocity.items()}
    return {name: p - learning_rate * velocity[name] for name, p in params.items()}, velocity


def adagrad_step(params, grads, state, learning_rate=0.1, epsilon=1e-7):
    squares = zeros_like(params) if state is None else state
    # s ← s + g²、p ← p - η g / √(s + ε)。よく動いた重みほど、歩幅が縮みます。
    # The more a weight has been moved, the smaller its steps.
    squares = {name: s + grads[name] ** 2 for name, s in squares.items()}
    return {
        name: p - learning_rate * grads[name] / np.sqrt(squares[name] + epsilon) for name, p in params.items()
    }, squares


def adam_step(params, grads, state, learning_rate=0.1, beta1=0.9, beta2=0.999, epsilon=1e-8):
    t, mean, square = (0, zeros_like(params), zeros_like(params)) if state is None else state
    # t ← t + 1、m ← β₁ m + (1 - β₁) g、v ← β₂ v + (1 - β₂) g²、
    # p ← p - η m̂ / (√v̂ + ε)。m̂ = m / (1 - β₁ᵗ)、v̂ = v / (1 - β₂ᵗ) は、0 から始めた偏りを直したものです。
    # m̂ and v̂ are m and v, freed of their bias towards the zero that they started from.
    t = t + 1
    mean = {name: beta1 * m + (1 - beta1) * grads[name] for name, m in mean.items()}
    square = {name: beta2 * v + (1 - beta2) * grads[name] ** 2 for name, v in square.items()}

    def move(p, m, v):
        unbiased_mean, unbiased_square = m / (1 - beta1**t), v / (1 - beta2**t)
        return p - learning_rate * unbiased_mean / (np.sqrt(unbiased_square) + epsilon)

    return {name: move(p, mean[name], square[name]) for name, p in params.items()}, (t, mean, square)
