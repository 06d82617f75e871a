"""What is counted: sums over examples that add up, whatever the batches were, and what is read off them."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


class Totals(NamedTuple):
    """Sums over examples, on the device or fetched from it: of the loss, of correct predictions, of ones."""

    loss: Any = 0.0
    correct: Any = 0.0
    count: Any = 0.0

    def plus(self, other: "Totals") -> "Totals":
        """The sums over both."""
        return Totals(self.loss + other.loss, self.correct + other.correct, self.count + other.count)

    @property
    def mean_loss(self) -> float:
        """Loss of the average example."""
        return float(self.loss) / float(self.count)

    @property
    def accuracy(self) -> float:
        """Share of the examples that were classified correctly, from 0 to 1."""
        return float(self.correct) / float(self.count)


def batch_totals(losses: jax.Array, logits: jax.Array, labels: jax.Array, mask: jax.Array | None = None) -> Totals:
    """Sums over a batch; an example whose mask is 0 counts nothing, whatever its loss."""
    keep = jnp.ones_like(losses) if mask is None else mask.astype(losses.dtype)
    correct = (jnp.argmax(logits, axis=-1) == labels).astype(losses.dtype)
    return Totals(jnp.sum(jnp.where(keep > 0, losses, 0)), jnp.sum(correct * keep), jnp.sum(keep))


def confusion_matrix(labels: np.ndarray, predictions: np.ndarray, classes: int) -> np.ndarray:
    """Counts (classes, classes): row is the true class, column the predicted one."""
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (labels, predictions), 1)
    return matrix
