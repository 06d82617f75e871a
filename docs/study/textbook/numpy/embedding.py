"""An embedding, as a textbook prints it: words are numbers, and each has a row of the table W."""

import numpy as np


def one_hot(words, size):
    return np.eye(size)[words]


def by_product(words, W):
    return one_hot(words, len(W)) @ W


class Embedding:
    def __init__(self, W):
        self.W = W

    def forward(self, words):
        self.words = words
        return self.W[words]

    def backward(self, dout):
        dW = np.zeros_like(self.W)
        for n, word in enumerate(self.words):
            dW[word] += dout[n]
        return dW


def embedding(words, W):
    return Embedding(W).forward(words)


def embedding_backward(words, W, dout):
    layer = Embedding(W)
    layer.forward(words)
    return layer.backward(dout)


def product_backward(words, W, dout):
    return one_hot(words, len(W)).T @ dout


def cos_similarity(x, y):
    return np.sum(x * y) / (np.sqrt(np.sum(x**2)) * np.sqrt(np.sum(y**2)))
