"""Softmax, and cross-entropy of logits with labels."""

import torch

from scripts.acceptance.operation import Operation


def softmax(a, d, x):
    p = torch.softmax(x, -1)
    return (p * (d - a.sum(p * d, -1)),)


def cross_entropy(a, d, logits, labels):
    p = torch.softmax(logits, -1)
    hit = torch.nn.functional.one_hot(labels, logits.shape[-1]).to(p.dtype)
    return d[:, None] * (p - hit), None


OPERATIONS = (
    Operation(
        "softmax", "softmax", lambda x: torch.softmax(x, -1), softmax,
        lambda rng: {"x": 2 * rng.normal(size=(9, 3, 11))},
        (
            ("the sum's term is missing", " - a.sum(p * d, -1)", ""),
            ("the factor p is missing", "(p * (d", "((d"),
            ("the sum over another axis", "a.sum(p * d, -1)", "a.sum(p * d, -2)"),
            ("a mean for the sum", "a.sum", "a.mean"),
            ("the diagonal only", "(d - a.sum(p * d, -1))", "(1 - p) * d"),
        ),
    ),
    Operation(
        "cross-entropy", "softmax_cross_entropy",
        lambda logits, labels: torch.nn.functional.cross_entropy(logits, labels, reduction="none"), cross_entropy,
        lambda rng: {"logits": rng.normal(size=(17, 13)), "labels": rng.integers(0, 13, size=17)},
        (
            ("the labels are not taken off", "(p - hit)", "p"),
            ("divided by the batch", "(p - hit)", "(p - hit) / len(p)"),
            ("the labels of the row before", "one_hot(labels,", "one_hot(labels.roll(1),"),
            ("the sign", "(p - hit)", "(hit - p)"),
        ),
    ),
)  # fmt: skip
