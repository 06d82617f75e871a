"""The textbook's training loop: forward, loss, backward, update, and again. `python -m reference.training` shows it.

Its twin is the package `functional_nn.training`, where the same step is one compiled program.
"""

import numpy as np

from reference.calculus import gradient
from reference.losses import softmax_cross_entropy
from reference.models import mlp
from reference.optimizers import adam


def train(params, batches, *, value_and_grad, optimizer):
    """Take one step a batch, and yield what each step reached.

    Args:
        params: where to start, nested dictionaries of arrays; never changed in place.
        batches: pairs (x, targets).
        value_and_grad: (params, x, targets) -> (loss, grads), from `by_hand` or `by_differences`.
        optimizer: any of `reference.optimizers`, `adam(learning_rate=0.01)` for example.

    Yields:
        (params, loss): the parameters after the step, and the loss of its batch before it.
    """
    opt_state = optimizer.init(params)
    for x, targets in batches:
        loss, grads = value_and_grad(params, x, targets)
        params, opt_state = optimizer.update(grads, opt_state, params)
        yield params, loss


def by_hand(model, state):
    """The gradient as it is derived on paper: one pass forwards as in training, but without dropout, one backwards."""
    return lambda params, x, targets: model.value_and_grad(params, state, x, targets, masks={})


def by_differences(model, state, *, h=1e-4):
    """The gradient by trying: two passes forwards for every single number, so for tiny networks only."""

    def value_and_grad(params, x, targets):
        def loss(params):
            logits, _ = model.apply(params, state, x, train=True)
            return softmax_cross_entropy(logits, targets).mean()

        def loss_of(layer, name):
            return lambda array: loss({**params, layer: {**params[layer], name: array}})

        grads = {
            layer: {name: gradient(loss_of(layer, name), h=h)(array) for name, array in arrays.items()}
            for layer, arrays in params.items()
        }
        return loss(params), grads

    return value_and_grad


def minibatches(x, targets, batch_size, *, epochs, seed):
    """Pairs (x, targets) of batch_size examples, in a new order every epoch; what does not fill a batch is left out."""
    generator = np.random.default_rng(seed)
    for _ in range(epochs):
        order = generator.permutation(len(x))
        for start in range(0, len(x) - batch_size + 1, batch_size):
            chosen = order[start : start + batch_size]
            yield x[chosen], targets[chosen]


def accuracy(model, params, state, x, labels):
    """The share of the examples whose largest logit is the one of their label."""
    logits, _ = model.apply(params, state, x)
    return float((logits.argmax(axis=-1) == labels).mean())


def spiral(count, *, arms=3, seed=0):
    """So many points an arm on arms that wind around the origin, (arms * count, 2), and the arm of each point."""
    generator = np.random.default_rng(seed)
    radius = np.tile(np.arange(count) / count, arms)
    labels = np.repeat(np.arange(arms), count)
    angle = 4.0 * (labels + radius) + 0.2 * generator.standard_normal(arms * count)
    return np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=-1), labels


def main():
    """Learn a spiral twice, with the gradient derived by hand and with the one found by trying, from one start."""
    x, labels = spiral(100)
    # tanh, for a difference steps over the kink of relu now and then, and the two runs would part.
    params, state = mlp.init(0, mlp.Config(input_shape=(2,), classes=3, hidden=(10,), activation="tanh"))
    print("three arms of a spiral, 300 points; 2-10-3 network, adam, batches of 30\n")
    print(" step   loss by hand   by differences   on the right arm")
    rules = (by_hand(mlp, state), by_differences(mlp, state))
    batches = (minibatches(x, labels, 30, epochs=50, seed=0) for _ in rules)
    runs = [
        train(params, batch, value_and_grad=rule, optimizer=adam(learning_rate=0.05))
        for rule, batch in zip(rules, batches, strict=True)
    ]
    for step, ((params, loss), (_, numerical)) in enumerate(zip(*runs, strict=True), start=1):
        if step % 50 == 0:
            right = 100 * accuracy(mlp, params, state, x, labels)
            print(f"{step:5d}   {loss:12.8f}   {numerical:14.8f}   {right:14.1f} %")


if __name__ == "__main__":
    main()
