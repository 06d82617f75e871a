"""What happens to signals and gradients layer by layer, measured: initial scale, and what sigmoid does to gradients."""

import numpy as np
from matplotlib.figure import Figure

from reference.models import mlp

from .canvas import BLUE, GREEN, INK, MUTED, ORANGE, Say, picture
from .marks import logarithmic, note

DEPTH, WIDTH = 8, 100


def gradient_sizes(activation: str, initializer: str) -> list[float]:
    """The mean size of the loss's gradient to the output of each dense layer, from the first to the last."""
    config = mlp.Config(
        input_shape=(WIDTH,), classes=10, hidden=(WIDTH,) * DEPTH, activation=activation, initializer=initializer
    )
    params, state = mlp.init(0, config)
    generator = np.random.default_rng(1)
    x, labels = generator.standard_normal((50, WIDTH)), generator.integers(0, 10, 50)
    cotangents = mlp.layer_cotangents(params, state, x, labels)
    return [float(np.abs(cotangents[f"dense{layer}"]).mean()) for layer in range(1, DEPTH + 1)]


@picture(500, 270)
def vanishing_gradient(figure: Figure, say: Say) -> None:
    """Eight hidden layers: on its way back the gradient shrinks at every sigmoid, and keeps its size through relu."""
    axes = figure.subplots()
    layers = np.arange(1, DEPTH + 1)
    for activation, initializer, color in (("relu", "he_normal", BLUE), ("sigmoid", "glorot_normal", ORANGE)):
        sizes = gradient_sizes(activation, initializer)
        axes.plot(layers, sizes, color=color, marker="o")
        note(axes, 1.2, sizes[0] * (3 if activation == "relu" else 0.25), activation, color, ha="left")
    logarithmic(axes, "y", range(-9, -1, 2))
    axes.set(xlim=(0.7, DEPTH + 0.3), ylim=(1e-9, 1e-2), xticks=layers)
    axes.set_xlabel(say("層（逆伝播は右から左へ）", "layer (backpropagation runs from right to left)"))
    axes.set_ylabel(say("勾配の大きさ", "size of the gradient"))
    axes.grid(visible=True)


@picture(600, 250)
def initial_scale(figure: Figure, say: Say) -> None:
    """Five layers of tanh: weights too small let the signal die out, too large ones saturate it, others spread it."""
    generator = np.random.default_rng(0)
    x = generator.standard_normal((200, WIDTH))
    cases = [(0.01, say("標準偏差 0.01", "standard deviation 0.01")), (1.0, say("標準偏差 1", "standard deviation 1"))]
    cases.append((1 / np.sqrt(WIDTH), say("標準偏差 1/√n", "standard deviation 1/√n")))
    bins = np.linspace(-1, 1, 31)
    for axes, (scale, words) in zip(figure.subplots(1, 3, sharey=True), cases, strict=True):
        signal = x
        for layer in range(1, 6):
            signal = np.tanh(signal @ (scale * generator.standard_normal((WIDTH, WIDTH))))
            heights, _ = np.histogram(signal, bins)
            middle = (bins[:-1] + bins[1:]) / 2
            top = 0.85 * heights / heights.max()
            axes.fill_between(middle, 5 - layer, 5 - layer + top, color=GREEN, alpha=0.35, linewidth=0)
            axes.plot(middle, 5 - layer + top, color=INK, linewidth=0.8)
        axes.set_title(words, fontsize=10.5)
        axes.set(xticks=[-1, 0, 1], yticks=np.arange(5) + 0.4, yticklabels=["5", "4", "3", "2", "1"])
        axes.tick_params(axis="y", length=0)
    figure.axes[0].set_ylabel(say("層", "layer"))
    figure.supxlabel(say("活性化後の値の分布", "how values after tanh are spread"), fontsize=10.5, color=MUTED)
