"""The engine of edits, where the right numbers go to the wrong places: orders, masks, winners, parts."""

import numpy as np
import pytest
from test_oracle_edits import evidence_of, softmax

from reference.oracle.diagnosis.diagnose import diagnose

MASK = np.arange(21).reshape(7, 3) % 4 != 1
LABELS = np.array([2, 0, 1, 1, 2, 0, 2])
HEARD = np.arange(7) % 3 != 1
WORDS = np.array([[0, 2], [2, 2], [1, 4]])


def halves(x):
    return np.concatenate([np.tanh(x), x**2], axis=1)


def of_halves(first=slice(None, 3), second=slice(3, None)):
    return lambda ct, x: (ct[:, first] * (1 - np.tanh(x) ** 2) + ct[:, second] * 2 * x,)


def unfolded(x, w):
    return np.tanh(x.reshape(len(x), -1) @ w)


def of_unfolded(order=(0, 1, 2)):
    def backward(ct, x, w):
        delta = ct * (1 - unfolded(x, w) ** 2)
        flat = x.transpose(order).reshape(len(x), -1)
        return (delta @ w.T).reshape(x.shape), flat.T @ delta

    return backward


def dropped(x):
    return x * MASK / 0.7


def of_dropped(mask=lambda x: MASK):
    return lambda ct, x: (ct * mask(x) / 0.7,)


def largest(x):
    return np.pad(x, ((0, 0), (1, 1)), constant_values=-np.inf).reshape(len(x), -1, 2).max(axis=2)


def of_largest(border=-np.inf, near=0.0):
    def backward(ct, x):
        pairs = np.pad(x, ((0, 0), (1, 1)), constant_values=border).reshape(len(x), -1, 2)
        wins = pairs >= pairs.max(axis=2, keepdims=True) - near
        return ((wins * ct[..., None]).reshape(len(x), -1)[:, 1:-1],)

    return backward


def surprise(z):
    return -np.log(softmax(z)[np.arange(7), LABELS])[HEARD].sum() / HEARD.sum()


def of_surprise(heard=HEARD, labels=LABELS):
    return lambda ct, z: (ct * (softmax(z) - np.eye(3)[labels]) * heard[:, None] / HEARD.sum(),)


def smoothed(x):
    padded = np.pad(x, ((0, 0), (2, 0)))
    return np.stack([padded[:, t : t + 3] @ np.array([1.0, 3.0, 2.0]) for t in range(x.shape[1])], axis=1)


def of_smoothed(cut=2):
    def backward(ct, x):
        back = np.zeros((len(x), x.shape[1] + 2))
        for t in range(x.shape[1]):
            back[:, t : t + 3] += ct[:, t, None] * np.array([1.0, 3.0, 2.0])
        return (back[:, cut : cut + x.shape[1]],)

    return backward


def turned(x):
    a, b = x[:, ::2], x[:, 1::2]
    return np.concatenate([0.6 * a - 0.8 * b, 0.8 * a + 0.6 * b], axis=1)


def bag(table):
    return np.tanh(table[WORDS].sum(axis=1))


def of_bag(words=slice(None)):
    def backward(ct, table):
        out = np.zeros_like(table)
        delta = np.broadcast_to((ct * (1 - bag(table) ** 2))[:, None], (3, 2, table.shape[1]))
        np.add.at(out, WORDS[:, words], delta[:, words])
        return (out,)

    return backward


def normed(x):
    centered = x - x.mean(axis=2, keepdims=True)
    return centered / np.sqrt((centered**2).mean(axis=2, keepdims=True) + 1e-3)


def of_normed(axes=(2,)):
    def backward(ct, x):
        deviation = np.sqrt(x.var(axis=2, keepdims=True) + 1e-3)
        y = normed(x)
        return ((ct - ct.mean(axes, keepdims=True) - y * (ct * y).mean(axes, keepdims=True)) / deviation,)

    return backward


PLANTED = {
    "halves exchanged": (halves, of_halves(slice(3, None), slice(None, 3)), [(7, 3)], "wrong_index"),
    "unfolded in another order": (unfolded, of_unfolded((0, 2, 1)), [(5, 2, 3), (6, 4)], "transposed"),
    "mask read off the sign": (dropped, of_dropped(lambda x: dropped(x) > 0), [(7, 3)], "mask_wrong"),
    "mask of the row below": (dropped, of_dropped(lambda x: np.roll(MASK, 1, axis=0)), [(7, 3)], "mask_wrong"),
    "near entries win": (largest, of_largest(near=0.4), [(7, 6)], "wrong_winner"),
    "zeros around win": (largest, of_largest(border=0.0), [(7, 6)], "wrong_winner"),
    "rows that are not heard": (surprise, of_surprise(heard=np.ones(7)), [(7, 3)], "mask_missing"),
    "the other rows are heard": (surprise, of_surprise(heard=~HEARD), [(7, 3)], "mask_wrong"),
    "labels of the row before": (surprise, of_surprise(labels=np.roll(LABELS, 1)), [(7, 3)], "shifted"),
    "padding cut from the end": (smoothed, of_smoothed(cut=0), [(3, 5)], "shifted"),
    "a rotation once more": (turned, lambda ct, x: (turned(ct),), [(7, 4)], "transposed"),
    "first word of each bag": (bag, of_bag(slice(0, 1)), [(5, 3)], "part_missing"),
    "sums over the batch, too": (normed, of_normed((0, 2)), [(3, 2, 5)], "wrong_axis"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_mistake_is_named(name):
    forward, backward, shapes, cause = PLANTED[name]
    evidence = evidence_of(forward, backward, shapes)
    assert any(evidence.wrong), "the mistake shows"
    first = next(iter(diagnose(evidence)), None)
    assert first is not None, "it is explained"
    assert first.cause == cause, first.message


RIGHT = {
    "halves": (halves, of_halves(), [(7, 3)]),
    "unfolded": (unfolded, of_unfolded(), [(5, 2, 3), (6, 4)]),
    "dropped": (dropped, of_dropped(), [(7, 3)]),
    "largest": (largest, of_largest(), [(7, 6)]),
    "surprise": (surprise, of_surprise(), [(7, 3)]),
    "smoothed": (smoothed, of_smoothed(), [(3, 5)]),
    "bag": (bag, of_bag(), [(5, 3)]),
    "normed": (normed, of_normed(), [(3, 2, 5)]),
}


@pytest.mark.parametrize("name", RIGHT)
def test_the_backward_without_the_mistake_is_right(name):
    forward, backward, shapes = RIGHT[name]
    assert not any(evidence_of(forward, backward, shapes).wrong)
