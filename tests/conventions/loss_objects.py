"""Losses as objects: loss and grad, forward and backward, __call__ and gradient, methods and static methods."""

import numpy as np


class MSE:
    """loss(predicted, actual) and grad(predicted, actual)."""

    def loss(self, predicted, actual):
        return np.sum((predicted - actual) ** 2)

    def grad(self, predicted, actual):
        # wrong MSE predicted [scaled_by_constant]: return predicted - actual
        return 2 * (predicted - actual)


class SquareLoss:
    """loss and gradient of every entry: nothing is summed."""

    def loss(self, y, y_pred):
        return 0.5 * np.power((y - y_pred), 2)

    def gradient(self, y, y_pred):
        # wrong SquareLoss y_pred [sign]: return y - y_pred
        return -(y - y_pred)


class CrossEntropy:
    """Of probabilities, by the mean over the batch."""

    def forward(self, y_pred, y_true):
        self.y_pred, self.y_true = y_pred, y_true
        return -np.sum(y_true * np.log(y_pred)) / len(y_pred)

    def backward(self):
        # wrong CrossEntropy y_pred [scaled_by_count]: return -self.y_true / self.y_pred
        return -self.y_true / self.y_pred / len(self.y_pred)


class BinaryCrossEntropy:
    """__call__ for the loss and gradient for the gradient; chances of zeros and ones."""

    def __call__(self, prediction, target):
        return -np.mean(target * np.log(prediction) + (1 - target) * np.log(1 - prediction))

    def gradient(self, prediction, target):
        grad = (1 - target) / (1 - prediction) - target / prediction
        # wrong BinaryCrossEntropy prediction [sign]: return -grad / target.size
        return grad / target.size


class SoftmaxWithLoss:
    """backward(dout=1)."""

    def forward(self, x, t):
        self.t = t
        self.y = np.exp(x - x.max(axis=1, keepdims=True))
        self.y /= self.y.sum(axis=1, keepdims=True)
        return -np.mean(np.log(self.y[np.arange(len(t)), t]))

    def backward(self, dout=1):
        dx = self.y.copy()
        dx[np.arange(len(self.t)), self.t] -= 1
        # wrong SoftmaxWithLoss x [scaled_by_count]: return dx * dout
        return dx * dout / len(self.t)


class Hinge:
    """Signs, and static methods."""

    @staticmethod
    def loss(scores, y):
        return np.mean(np.maximum(0, 1 - y * scores))

    @staticmethod
    def gradient(scores, y):
        # wrong Hinge scores [sign]: return y * (y * scores < 1) / y.size
        return -y * (y * scores < 1) / y.size


class MeanAbsoluteError:
    """The loss keeps what it is given, and its gradient in .grad."""

    def forward(self, output, label):
        self.output, self.label = output, label
        return np.abs(output - label).mean()

    def backward(self):
        # wrong MeanAbsoluteError output [sign]: self.grad = np.sign(self.label - self.output) / self.label.size
        self.grad = np.sign(self.output - self.label) / self.label.size
        return self.grad


class SoftmaxCrossEntropy:
    """self.loss and self.grad are both there after the forward; the backward hands out what was kept."""

    def __init__(self):
        self.loss = 0.0
        self.grad = np.zeros(())

    def forward(self, logits, labels):
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        rows = np.arange(len(labels))
        self.loss = -np.mean(np.log(p[rows, labels]))
        p[rows, labels] -= 1
        # wrong SoftmaxCrossEntropy logits [scaled_by_count]: self.grad = p
        self.grad = p / len(labels)
        return self.loss

    def backward(self):
        return self.grad


class LogCosh:
    """loss and loss_prime."""

    def loss(self, y_true, y_pred):
        return np.mean(np.log(np.cosh(y_pred - y_true)))

    def loss_prime(self, y_true, y_pred):
        # wrong LogCosh y_pred [scaled_by_count]: return np.tanh(y_pred - y_true)
        return np.tanh(y_pred - y_true) / y_true.size


class Beside:
    """The backward returns the loss once more, before its gradient."""

    def loss(self, scores, y):
        return self.backward(scores, y)[0]

    def backward(self, scores, y):
        difference = scores - y
        # wrong Beside scores [scaled_by_constant]: return np.mean(difference**2), 1.3 * difference / difference.size
        return np.mean(difference**2), 2 * difference / difference.size
