"""Attention of one head, as a textbook prints it: Q is (queries, d), K and V have a row for each key."""

import numpy as np


def softmax(S):
    e = np.exp(S - S.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def attention(Q, K, V, scale):
    S = scale * Q @ K.T
    P = softmax(S)
    return P @ V


def attention_backward(Q, K, V, scale, dout):
    P = softmax(scale * Q @ K.T)
    dV = P.T @ dout
    dP = dout @ V.T
    dS = P * (dP - np.sum(P * dP, axis=-1, keepdims=True))
    dQ = scale * dS @ K
    dK = scale * dS.T @ Q
    return dQ, dK, dV
