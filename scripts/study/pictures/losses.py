"""Losses: they grow with the mismatch; how their tails differ; and the gradient of cross-entropy as a difference."""

import numpy as np
from matplotlib.figure import Figure

from reference import cross_entropy_error, huber_loss, softmax, sum_of_squares_error
from reference.losses import (
    huber_loss_bwd,
    huber_loss_fwd,
    softmax_cross_entropy_bwd,
    softmax_cross_entropy_fwd,
    sum_of_squares_error_bwd,
    sum_of_squares_error_fwd,
)

from .canvas import BLUE, GREEN, LINE, MUTED, ORANGE, Say, picture
from .marks import note, short


@picture(520, 280)
def loss_mismatch(figure: Figure, say: Say) -> None:
    """The right class gets probability p, the other 1 − p: both losses grow as p falls, cross-entropy without bound."""
    axes = figure.subplots()
    p = np.linspace(0.004, 1, 250)
    probabilities = np.stack([p, 1 - p], axis=-1)
    targets = np.broadcast_to([1.0, 0.0], probabilities.shape)
    axes.plot(p, cross_entropy_error(probabilities, targets), color=ORANGE)
    axes.plot(p, sum_of_squares_error(probabilities, targets), color=BLUE)
    note(axes, 0.13, 2.5, say("交差エントロピー誤差 −log p", "cross-entropy, −log p"), ORANGE, ha="left")
    note(axes, 0.08, 0.4, say("二乗和誤差", "sum of squares"), BLUE, ha="left")
    note(axes, 1.0, 0.62, say("一致：損失 0", "a match: loss 0"), MUTED, ha="right")
    axes.set(xlim=(0, 1.0), ylim=(0, 4.2), xticks=[0, 0.5, 1], yticks=[0, 1, 2, 3, 4])
    axes.set_xlabel(say("正解のクラスに与えた確率 p", "probability p given to the right class"))
    axes.set_ylabel(say("損失", "loss"))
    axes.grid(visible=True)


@picture(560, 260)
def cross_entropy_gradient(figure: Figure, say: Say) -> None:
    """softmax's output, the target, and the gradient to the logits: the difference of the two, which sums to 0."""
    logits, targets = np.array([[2.0, 1.0, 0.1, -1.0]]), np.array([[0.0, 1.0, 0.0, 0.0]])
    _, residuals = softmax_cross_entropy_fwd(logits, targets)
    gradient = softmax_cross_entropy_bwd(residuals, np.ones(1))[0]
    parts = [
        (softmax(logits)[0], say("出力 p", "output p"), BLUE),
        (targets[0], say("正解 t", "target t"), GREEN),
        (gradient[0], say("勾配 p − t", "gradient p − t"), ORANGE),
    ]
    for axes, (values, words, color) in zip(figure.subplots(1, 3, sharey=True), parts, strict=True):
        axes.bar(range(4), values, width=0.62, color=color)
        axes.axhline(0, color=LINE, linewidth=1)
        for place, value in enumerate(values):
            note(axes, place, value + (-0.09 if value < 0 else 0.07), short(value), fontsize=10.5)
        axes.set_xticks(range(4), ["x₁", "x₂", "x₃", "x₄"])
        axes.set(ylim=(-1.05, 1.2), yticks=[-1, 0, 1])
        axes.set_title(words)


@picture(560, 250)
def loss_tails(figure: Figure, say: Say) -> None:
    """Value and derivative against the error: beyond delta the Huber loss no longer pulls harder."""
    value, slope = figure.subplots(1, 2)
    error = np.linspace(-3, 3, 121)[:, None]
    zeros, ones = np.zeros_like(error), np.ones(len(error))
    value.plot(error, sum_of_squares_error(error, zeros), color=BLUE)
    value.plot(error, huber_loss(error, zeros), color=ORANGE)
    slope.plot(error, sum_of_squares_error_bwd(sum_of_squares_error_fwd(error, zeros)[1], ones)[0], color=BLUE)
    slope.plot(error, huber_loss_bwd(huber_loss_fwd(error, zeros)[1], ones)[0], color=ORANGE)
    note(value, -1.75, 3.9, say("二乗", "square"), BLUE, ha="left")
    note(value, 2.0, 0.7, "Huber", ORANGE, ha="left")
    value.set(xticks=[-3, -1, 0, 1, 3], yticks=[0, 2, 4], title=say("損失", "loss"))
    slope.set(xticks=[-3, -1, 0, 1, 3], yticks=[-2, -1, 0, 1, 2], title=say("微分", "derivative"))
    for axes in (value, slope):
        axes.grid(visible=True)
        axes.set_xlabel(say("誤差 y − t", "error y − t"))
