"""Whole sequences and losses over them: the reference's own forwards and backwards, as people hand them in."""

from functools import partial

import numpy as np

from reference import recurrent, sequence_losses

from ..case import Family, normal

family = Family("sequences")


def layers(gates, biases, states):
    """An input of (batch, length, in_dim), the states, and the kernels."""

    def inputs(size, seed):
        batch, steps, width, hidden = (3, 5, 2, 4) if size == "small" else (4, 12, 8, 6)
        shapes = [(batch, steps, width), *[(batch, hidden)] * states]
        shapes += [(width, gates * hidden), (hidden, gates * hidden), (biases * hidden,)]
        return normal(seed, *shapes)

    return inputs


def tokens(size, seed):
    rows, width, classes = (5, 3, 7) if size == "small" else (24, 8, 30)
    x, kernel = normal(seed, (rows, width), (width, classes))
    return x, kernel, np.arange(rows) * 3 % classes


def spoken(size, seed):
    batch, steps, classes = (2, 7, 5) if size == "small" else (3, 14, 9)
    (logits,) = normal(seed, (batch, steps, classes))
    labels = np.array([[1, 2, 2], [3, 1, 4], [2, 3, 1]])[:batch]
    return logits, labels, np.array([steps, steps - 1, steps])[:batch], np.array([3, 2, 3])[:batch]


def whole(name, module, inputs, **statics):
    """A control: the forward of an op, with the backward that belongs to it."""
    forward, backward = getattr(module, f"{name}_fwd"), getattr(module, f"{name}_bwd")

    def by_hand(residuals, cotangent):
        return backward(residuals, cotangent)

    by_hand.__name__ = f"{name}_by_hand"
    family.control("", partial(forward, **statics), inputs, style="rule", op=name, statics=statics)(by_hand)


whole("rnn", recurrent, layers(1, 1, 1))
whole("lstm", recurrent, layers(4, 4, 2))
whole("gru", recurrent, layers(3, 4, 1))
whole("linear_recurrence", recurrent, lambda size, seed: normal(seed, (3, 5, 4), (3, 5, 4), (3, 4)))
whole("linear_softmax_cross_entropy", sequence_losses, tokens, chunk=2)
whole("ctc_loss", sequence_losses, spoken)
