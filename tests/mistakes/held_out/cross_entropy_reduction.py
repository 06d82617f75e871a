"""Cross-entropy: the cotangent, the reduction, and softmax taken back twice (catalogue 19, 20, 27)."""

import numpy as np

from ..case import Family
from .cross_entropy_scale import classes, one_hot, softmax

family = Family("cross_entropy")


@family.whole(
    19,
    "wrong backward",
    "vjp",
    one_hot,
    op="softmax_cross_entropy",
    cause="ignores_cotangent",
    argument="logits",
    constants=("targets",),
)
def losses_of_examples_with_a_fixed_gradient(logits, targets):
    p = softmax(logits)

    def vjp(g):
        return p - targets, None

    return -np.sum(targets * np.log(p), axis=-1), vjp


@family.whole(
    20,
    "wrong backward",
    "layer",
    classes,
    cause=("static_ignored", "scaled_by_batch", "scaled"),
    argument="input",
    inputs_of_layer=2,
    gradients={},
)
class CrossEntropyLossThatSumsInBackward:
    reduction = "mean"

    def forward(self, input, target):
        self.p, self.target = softmax(input), target
        nll = -np.log(self.p[np.arange(len(target)), target])
        return getattr(np, self.reduction)(nll)

    def backward(self, grad_output=1.0):
        grad = self.p.copy()
        grad[np.arange(len(grad)), self.target] -= 1
        return grad_output * grad


class Softmax:
    def forward(self, x):
        self.p = softmax(x)
        return self.p

    def backward(self, grad):
        return self.p * (grad - (grad * self.p).sum(axis=1, keepdims=True))


class CrossEntropy:
    def forward(self, p, t):
        self.p, self.t = p, t
        return -np.sum(t * np.log(p)) / len(p)

    def backward(self):
        return (self.p - self.t) / len(self.p)


@family.whole(
    27,
    "wrong backward",
    "layer",
    one_hot,
    cause="derivative_twice",
    argument="x",
    inputs_of_layer=2,
    gradients={},
    constants=("t",),
    ends_in_loss=True,
)
class TwoLayersThatBothKnowSoftmax:
    def __init__(self):
        self.activation, self.criterion = Softmax(), CrossEntropy()

    def forward(self, x, t):
        return self.criterion.forward(self.activation.forward(x), t)

    def backward(self, dout=1):
        return self.activation.backward(self.criterion.backward())
