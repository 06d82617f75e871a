"""A real run, short enough for every build: simple_convnet learns scikit-learn's digits by hand-written gradients."""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from functional_nn.training.data.images import load
from reference import training
from reference.models import simple_convnet
from reference.models._network import forward
from reference.optimizers import adam

from .canvas import BLUE, INK, LINE, MUTED, ORANGE, RED, Say, picture
from .marks import arrow, board, box, cells, note, short

CONFIG = simple_convnet.Config(input_shape=(8, 8, 1), filters=8, window=3, hidden=32)
EPOCHS, BATCH = 5, 50


class Run(NamedTuple):
    """Parameters before and after, the loss of every step, the share of test images right after every epoch."""

    before: Any
    after: Any
    state: Any
    losses: list[float]
    accuracies: list[float]


@cache
def run() -> Run:
    """Five epochs of adam over 1,437 images of 8 × 8 pixels."""
    digits = load("digits")
    images, labels = digits.train.x.astype(np.float64), digits.train.labels
    tests = digits.test.x.astype(np.float64), digits.test.labels
    before, state = simple_convnet.init(0, CONFIG)
    batches = training.minibatches(images, labels, BATCH, epochs=EPOCHS, seed=0)
    by_hand = training.by_hand(simple_convnet, state)
    learning = training.train(before, batches, value_and_grad=by_hand, optimizer=adam(learning_rate=0.005))
    losses, accuracies = [], [training.accuracy(simple_convnet, before, state, *tests)]
    params = before
    for step, (params, loss) in enumerate(learning, start=1):
        losses.append(float(loss))
        if step % (len(images) // BATCH) == 0:
            accuracies.append(training.accuracy(simple_convnet, params, state, *tests))
    return Run(before, params, state, losses, accuracies)


@picture(560, 260)
def training_curve(figure: Figure, say: Say) -> None:
    """The loss of every step, and the share of test images that are right after every epoch."""
    left, right = figure.subplots(1, 2)
    losses, accuracies = run().losses, run().accuracies
    left.plot(range(1, len(losses) + 1), losses, color=BLUE, linewidth=1.2)
    left.set(ylim=(0, None), xlabel=say("更新の回数", "updates"))
    left.set_title(say("損失", "loss"))
    right.plot(range(len(accuracies)), [100 * share for share in accuracies], color=ORANGE, marker="o")
    right.set(ylim=(0, 104), xticks=range(len(accuracies)), xlabel=say("エポック", "epochs"))
    right.set_title(say("テスト画像の認識精度（%）", "test images right (%)"))
    note(right, EPOCHS - 0.1, 100 * accuracies[-1] - 15, f"{100 * accuracies[-1]:.1f} %", ORANGE, ha="right")
    for axes in (left, right):
        axes.grid(visible=True)


@picture(560, 220)
def learned_filters(figure: Figure, say: Say) -> None:
    """The eight filters of the first layer, before and after the run."""
    axes = board(figure, 560, 220)
    for row, (params, words) in enumerate(
        ((run().before, say("学習前", "before")), (run().after, say("学習後", "after")))
    ):
        kernel = params["conv1"]["kernel"][:, :, 0, :]
        for index in range(CONFIG.filters):
            size = 17
            cells(axes, kernel[..., index], 72 + 60 * index, 24 + 100 * row, size, largest=1.2, numbers=False)
        note(axes, 62, 50 + 100 * row, words, ha="right")
    note(
        axes,
        310,
        200,
        say("青：正の重み、橙：負の重み", "blue: positive weights, orange: negative"),
        MUTED,
        fontsize=10,
    )


def _image(axes: Axes, values: np.ndarray, left: float, top: float, size: float, largest: float) -> None:
    cells(axes, values, left, top, size / len(values), largest=largest, numbers=False)
    box(axes, left, top, size, size, edgecolor=LINE)


def layer_outputs(image: np.ndarray) -> dict[str, np.ndarray]:
    """What every layer of the trained network makes of an image, by the layer's name, and the image itself as x."""
    outputs = {"x": image}
    for layer in simple_convnet.layers(CONFIG):
        image, _ = forward([layer], run().after, image)
        outputs[layer.name] = image
    return outputs


def _scores(axes: Axes, logits: np.ndarray) -> None:
    """A bar per class, to the right of the middle where it is positive; the largest is the answer."""
    for label, value in enumerate(logits):
        y, width = 46 + 23 * label, 54 * abs(value) / np.abs(logits).max()
        color = RED if value == logits.max() else MUTED
        box(axes, 536 if value > 0 else 536 - width, y - 6, width, 12, facecolor=color, linewidth=0)
        note(axes, 470, y, str(label), INK, fontsize=10)


@picture(640, 300)
def cnn_layers(figure: Figure, say: Say) -> None:
    """One image on its way through the trained network: what every layer makes of it, with the shapes."""
    axes = board(figure, 640, 300)
    outputs = layer_outputs(load("digits").test.x[3:4].astype(np.float64))
    _image(axes, outputs["x"][0, ..., 0], 14, 110, 80, 1.2)
    for name, left, size in (("relu1", 138, 54), ("pool1", 268, 36)):
        for index in range(4):
            _image(axes, outputs[name][0, ..., index], left, 30 + 60 * index, size, outputs[name].max())
        note(axes, left + size / 2, 22, f"… {CONFIG.filters}", MUTED, fontsize=9.5)
    hidden = outputs["relu2"][0]
    cells(axes, hidden[:, None], 392, 38, 7, largest=float(hidden.max()), numbers=False)
    _scores(axes, outputs["dense2"][0])
    stations = [(54, say("入力", "input"), "x"), (165, "conv1, relu1", "relu1"), (286, "pool1", "pool1")]
    for x, words, name in [*stations, (396, "dense1, relu2", "relu2"), (540, "dense2", "dense2")]:
        note(axes, x, 276, words, fontsize=10)
        note(axes, x, 291, " × ".join(short(size) for size in outputs[name].shape[1:]), MUTED, fontsize=9.5)
    for start, end in ((100, 132), (198, 260), (312, 384), (406, 460)):
        arrow(axes, (start, 150), (end, 150), MUTED, linewidth=1.2)
