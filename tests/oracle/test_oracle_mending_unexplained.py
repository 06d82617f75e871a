"""What mends a backward that is wrong at several places at once, or in what it looks up: made up, one of each kind."""

import copy

import numpy as np
import pytest
from planted.evidence import evidence_of

from reference.oracle.diagnosis.diagnose import diagnose
from reference.oracle.recording.recorded import remembering, step_of
from reference.oracle.recording.tape import Tape


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


def gated(x, z):
    return x * sigmoid(z)


def slope_of_the_raw_gate(dy, x, z):
    return dy * sigmoid(z), dy * x * z * (1 - z)


def two_gates(x, z):
    return sigmoid(x) + 2 * sigmoid(z)


def slopes_of_the_values(dy, x, z):
    def slope(v):
        return sigmoid(v) * (1 - sigmoid(v))

    a, b = sigmoid(x), sigmoid(z)
    return dy * slope(a), 2 * dy * slope(b)


def conjugated(S, P):
    return S @ P @ S.T


def conjugated_forwards(dy, S, P):
    return dy @ S @ P.T + dy.T @ S @ P, S @ dy @ S.T


def largest(x):
    return x.max(axis=1)


def largest_in_size(dy, x):
    return (dy[:, None] * np.eye(x.shape[1])[np.abs(x).argmax(axis=1)],)


def smallest(dy, x):
    return (dy[:, None] * np.eye(x.shape[1])[x.argmin(axis=1)],)


def chosen_scores(x, labels):
    return x[np.arange(len(x)), labels] - 0.5 * (x**2).sum(axis=1)


def labels_as_numbers(dy, x, labels):
    return dy[:, None] * (labels[:, None] - x), None


def last_state(x, w):
    h = np.zeros_like(x[:, 0])
    for t in range(x.shape[1]):
        h = h * w + x[:, t]
    return h


def cotangent_at_every_step(dy, x, w):
    before = [np.zeros_like(x[:, 0])]
    for t in range(x.shape[1]):
        before.append(before[-1] * w + x[:, t])
    dx, dw, dh = np.zeros_like(x), np.zeros_like(w), np.zeros_like(dy)
    for t in reversed(range(x.shape[1])):
        dh = dh + dy
        dx[:, t] = dh
        dw += (dh * before[t]).sum(axis=0)
        dh = dh * w
    return dx, dw


def mirrored(x):
    wide = np.pad(x, ((0, 0), (2, 2)), mode="reflect")
    return wide[:, :-4] + 3 * wide[:, 4:]


def border_cut_off(dy, x):
    wide = np.pad(x, ((0, 0), (2, 2)), mode="reflect")
    back = np.zeros_like(wide)
    back[:, :-4] += dy
    back[:, 4:] += 3 * dy
    return (back[:, 2:-2],)


def means(x):
    return np.stack([x[:, 2 * k : 2 * k + 3].mean(axis=1) for k in range(3)], axis=1)


def means_side_by_side(dy, x):
    dx = np.zeros((len(x), 9))
    for k in range(3):
        dx[:, 3 * k : 3 * k + 3] += dy[:, k : k + 1] / 3
    return (dx[:, : x.shape[1]],)


MADE_UP = {
    "slope at the raw gate": (gated, slope_of_the_raw_gate, [(5, 3), (5, 3)], "derivative_at_wrong_value", 1),
    "slopes at the values": (two_gates, slopes_of_the_values, [(5, 3), (5, 3)], "derivative_at_wrong_value", 0),
    "one line transposed": (conjugated, conjugated_forwards, [(5, 5), (5, 5)], "transposed", 1),
    "size for value": (largest, largest_in_size, [(7, 5)], "wrong_winner", 0),
    "smallest for largest": (largest, smallest, [(7, 5)], "wrong_winner", 0),
    "labels as numbers": (chosen_scores, labels_as_numbers, [(7, 5), 5], "wrong_index", 0),
    "cotangent at every step": (last_state, cotangent_at_every_step, [(5, 4, 3), (3,)], "term_extra", 0),
    "border cut off": (mirrored, border_cut_off, [(3, 7)], "term_missing", 0),
    "stride": (means, means_side_by_side, [(3, 7)], "static_ignored", 0),
}


def drawn(shapes):
    generator = np.random.default_rng(11)
    return [
        generator.integers(shape, size=shapes[0][0]) if isinstance(shape, int) else generator.normal(size=shape)
        for shape in shapes
    ]


@pytest.mark.parametrize("name", MADE_UP)
def test_what_mends_it_names_it(name):
    forward, backward, shapes, cause, argument = MADE_UP[name]
    evidence = evidence_of(forward, backward, *drawn(shapes))
    assert evidence.wrong[argument], "the mistake shows"
    first = next((found for found in diagnose(evidence) if found.argument == evidence.names[argument]), None)
    assert first is not None, "it is explained"
    assert first.cause == cause, first.message


def test_what_a_layer_saved_keeps_its_past():
    tape = Tape()
    saved = {"z": remembering(tape, tape.leaf(np.arange(3.0), "z"))}
    assert step_of(copy.deepcopy(saved)["z"]) is step_of(saved["z"])
