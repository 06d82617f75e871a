"""Minibatches: twelve cards in rounds of three minibatches, and what the batch size does to a run, measured."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from reference import softmax_cross_entropy, training
from reference.models import mlp
from reference.optimizers import sgd

from .canvas import BLUE, GREEN, INK, MUTED, ORANGE, PAPER, PURPLE, Say, picture
from .marks import board, box, note

# The cards of the page `minibatch`.
CARDS = [(-2, 0), (-1, 1), (-1, -1), (0, 1), (-2, -1), (1, 0), (2, 0), (1, -1), (1, 1), (0, -1), (2, 1), (-1, 0)]
X, LABELS = np.array(CARDS, dtype=float), np.repeat([0, 1], 6)
START: Any = {"dense1": {"kernel": np.zeros((2, 2)), "bias": np.zeros(2)}}
STATE: Any = {"config": mlp.Config(input_shape=(2,), classes=2, hidden=())}
RATE, EPOCHS = 0.2, 4


def losses(batch_size: int) -> list[float]:
    """The loss of all cards at the start and after every epoch."""
    batches = training.minibatches(X, LABELS, batch_size, epochs=EPOCHS, seed=0)
    rule = training.by_hand(mlp, STATE)
    steps = [params for params, _ in training.train(START, batches, value_and_grad=rule, optimizer=sgd(RATE))]
    per_epoch = len(X) // batch_size
    ends = [START, *steps[per_epoch - 1 :: per_epoch]]
    return [float(softmax_cross_entropy(mlp.apply(params, STATE, X)[0], LABELS).mean()) for params in ends]


@picture(640, 230)
def minibatch_story(figure: Figure, say: Say) -> None:
    """Two epochs of three iterations: every card once a round, in an order of its own."""
    axes = board(figure, 640, 230)
    numbers = np.arange(len(X))
    batches = [chosen for chosen, _ in training.minibatches(numbers, numbers, 4, epochs=2, seed=0)]
    words = [say("1エポック目", "epoch 1"), say("2エポック目", "epoch 2")]
    for index, batch in enumerate(batches):
        left, top = 96 + 182 * (index % 3), 24 + 104 * (index // 3)
        color = (BLUE, GREEN, PURPLE)[index % 3]
        box(axes, left - 6, top - 6, 172, 60, edgecolor=color, linewidth=1.6)
        for place, card in enumerate(batch):
            box(axes, left + 41 * place, top, 36, 46, edgecolor=INK, facecolor=PAPER)
            note(axes, left + 41 * place + 18, top + 23, str(card), color, fontsize=12)
        note(axes, left + 80, top + 70, say(f"更新 {index + 1} 回目", f"update {index + 1}"), color)
    for row, text in enumerate(words):
        note(axes, 44, 48 + 104 * row, text, MUTED)


@picture(520, 280)
def minibatch_sizes(figure: Figure, say: Say) -> None:
    """The same cards, learning rate and number of epochs with three batch sizes."""
    axes, epochs = figure.subplots(), np.arange(EPOCHS + 1)
    for size, color in ((12, ORANGE), (4, BLUE), (1, GREEN)):
        found = losses(size)
        axes.plot(epochs, found, color=color, marker="o")
        words = say(f"バッチサイズ {size}", f"batch size {size}")
        note(axes, 4.12, found[-1] - (0.006 if size == 1 else -0.004), words, color, ha="left")
    axes.set(
        xlim=(-0.1, 5.3),
        ylim=(0.43, 0.71),
        xticks=epochs,
        xlabel=say("エポック", "epochs"),
        ylabel=say("損失 L", "loss L"),
    )
    axes.grid(visible=True)
