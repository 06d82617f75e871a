"""What reaches the first step of a sequence: plain recurrence against gates (Deep Learning from Scratch 2, 6.1)."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from functional_nn.experiments.axes import COLORS, figure_of
from functional_nn.experiments.study import Figures, Study, learn
from functional_nn.linear import dense
from functional_nn.losses import softmax_cross_entropy
from functional_nn.models.initializers import lecun_normal
from functional_nn.recurrent import gru, lstm, rnn
from functional_nn.training.report.pictures import save_figure

LENGTH, SYMBOLS, HIDDEN = 50, 8, 64
STEPS, BATCH, RATE = 500, 32, 0.01
EXAMPLES = 512  # that gradients and accuracy are measured on

Params = Mapping[str, jax.Array]


class Cell(NamedTuple):
    """A recurrent layer of an op: how many states it carries, and the blocks of its kernel and of its first bias."""

    op: Callable[..., tuple[jax.Array, ...]]
    states: int
    blocks: int
    bias: Sequence[int]


# The bias of 3 lets the gate that keeps the cell, or the state, begin nearly open. With 1, as in `models.lstm_lm`,
# neither lstm nor gru remembered a symbol for 40 steps after 600 steps of learning.
CELLS = {"rnn": Cell(rnn, 1, 1, (0,)), "lstm": Cell(lstm, 2, 4, (0, 3, 0, 0)), "gru": Cell(gru, 1, 3, (0, 3, 0, 0))}


def measure(seed: int) -> Figures:
    """Of each layer: the norms of gradients before and after learning, the loss a step, and the accuracy reached."""
    of_params, of_batches, of_examples = jax.random.split(jax.random.key(seed), 3)
    batches = np.asarray(jax.random.randint(of_batches, (STEPS, BATCH, LENGTH), 0, SYMBOLS))
    examples = np.asarray(jax.random.randint(of_examples, (EXAMPLES, LENGTH), 0, SYMBOLS))
    figures = {}
    for name, cell in CELLS.items():
        first = init(of_params, cell)
        params, losses = learn(first, lambda params, x, cell=cell: jnp.mean(loss_of(cell, params, x)), batches, RATE)
        right = np.argmax(logits_of(cell, params, one_hot(examples)), axis=-1) == examples[:, 0]
        norms = {when: norms_of(cell, at, examples) for when, at in (("before", first), ("after", params))}
        figures[name] = norms | {"losses": losses, "accuracy": float(np.mean(right))}
    return figures


def init(key: jax.Array, cell: Cell) -> Params:
    """Random kernels of variance 1 / fan_in, for a layer of the cell and a dense layer on its last state."""
    of_inputs, of_states, of_head = jax.random.split(key, 3)
    return {
        "kernel": lecun_normal(of_inputs, (SYMBOLS, cell.blocks * HIDDEN)),
        "recurrent_kernel": lecun_normal(of_states, (HIDDEN, cell.blocks * HIDDEN)),
        "bias": jnp.repeat(jnp.array(cell.bias, float), HIDDEN),
        "head_kernel": lecun_normal(of_head, (HIDDEN, SYMBOLS)),
        "head_bias": jnp.zeros(SYMBOLS),
    }


def one_hot(x: np.ndarray | jax.Array) -> jax.Array:
    """Symbols as vectors, so that there is a gradient for each step of them."""
    return jax.nn.one_hot(x, SYMBOLS, dtype=float)


def logits_of(cell: Cell, params: Params, inputs: jax.Array) -> jax.Array:
    """After the last step, which symbol came first."""
    states = [jnp.zeros((len(inputs), HIDDEN))] * cell.states
    layer = (params["kernel"], params["recurrent_kernel"], params["bias"])
    return dense(cell.op(inputs, *states, *layer)[1], params["head_kernel"], params["head_bias"])


def loss_of(cell: Cell, params: Params, x: jax.Array) -> jax.Array:
    """A loss an example."""
    return softmax_cross_entropy(logits_of(cell, params, one_hot(x)), x[:, 0])


def norms_of(cell: Cell, params: Params, x: np.ndarray) -> list[float]:
    """The norm of the gradient that reaches the input of each step, the mean over the examples."""
    first = jnp.asarray(x[:, 0])

    @jax.jit
    def slopes(inputs: jax.Array) -> jax.Array:
        return jax.grad(lambda inputs: jnp.sum(softmax_cross_entropy(logits_of(cell, params, inputs), first)))(inputs)

    return np.linalg.norm(slopes(one_hot(x)), axis=-1).mean(axis=0).tolist()


def draw(figures: Figures, path: Path) -> None:
    """The norms against the steps, before and after learning, and the loss while it learned."""
    figure = figure_of(f"Which symbol came first, {LENGTH} steps ago? What the answer's gradient leaves", 12.0, 3.8)
    before, after, learning = figure.subplots(1, 3)
    before.sharey(after)
    for color, (name, measured) in zip(COLORS, figures.items(), strict=False):
        for axes, when in ((before, "before"), (after, "after")):
            axes.semilogy(range(1, LENGTH + 1), measured[when], color=color, label=name)
        label = f"{name}: {100 * measured['accuracy']:.1f} % right"
        learning.plot(_smoothed(measured["losses"]), color=color, label=label)
    for axes, title, below in (
        (before, "norm of the gradient, first weights", "step of the sequence"),
        (after, f"norm of the gradient, after {STEPS} steps of Adam", "step of the sequence"),
        (learning, "loss, mean of 20 steps", "step of Adam"),
    ):
        axes.set_title(title, fontsize=10)
        axes.set_xlabel(below)
        axes.grid(alpha=0.3)
        axes.legend(frameon=False, fontsize=8)
    save_figure(figure, path)


def _smoothed(losses: Sequence[float], over: int = 20) -> np.ndarray:
    return np.convolve(losses, np.full(over, 1 / over), mode="valid")


def table(figures: Figures) -> list[str]:
    """A line a layer: what reaches the first step, as a share of what reaches the last."""
    lines = [f"{'first step / last':<18} {'first weights':>14} {'learned':>10} {'right':>9}"]
    for name, measured in figures.items():
        before, after = (measured[when][0] / measured[when][-1] for when in ("before", "after"))
        lines.append(f"{name:<18} {before:>14.1e} {after:>10.1e} {100 * measured['accuracy']:>7.1f} %")
    return lines


VANISHING_GRADIENTS = Study("How much of a gradient reaches the first step of a sequence?", measure, draw, table)
