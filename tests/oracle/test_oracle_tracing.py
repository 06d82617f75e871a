"""A NumPy forward is recorded step by step: its adjoint has the right gradients, and NumPy is itself again."""

import numpy as np
import pytest

from reference.oracle import example_inputs
from reference.oracle.evidence.pullbacks import differentiate, flat
from reference.oracle.recognition.recognize import triple
from reference.oracle.recording.adjoint import of_forward
from reference.oracle.recording.makers import COPIERS, MAKERS
from reference.oracle.specs import SPECS


def gradients(forward, primals, cotangent):
    """By the recorded forward's adjoint; None where it cannot be followed."""
    program = of_forward(forward, primals, tuple("abcdef"[: len(primals)]), cotangent)
    if program is None:
        return None
    return [
        program.gradients[i].value if i in program.gradients else np.zeros_like(primal)
        for i, primal in enumerate(primals)
    ]


def normal(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape)


def recurrent(x, U, V):
    states, h = np.zeros((x.shape[1], len(x), len(V))), np.zeros((len(x), len(V)))
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ U + h @ V)
        states[t] = h
    return states.swapaxes(0, 1)


def windows(x, w):
    out = np.zeros((len(x), x.shape[1] - 2))
    for j in range(out.shape[1]):
        out[:, j] = np.dot(x[:, j : j + 3], w)
    return out


def leaky(x):
    y = x.copy()
    y[y < 0] *= 0.1
    return y


def normalized(x, gamma):
    return gamma * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0, ddof=1) + 1e-5)


def cross_entropy(z):
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return float(-np.mean(np.log(p[np.arange(len(z)), np.arange(len(z)) % z.shape[1]])))


def padded_maximum(x):
    wide = np.pad(x, 1, constant_values=-np.inf)
    return np.lib.stride_tricks.sliding_window_view(wide, (3, 3)).max(axis=(2, 3))


def stacked(x, y):
    rows = np.concatenate([np.clip(x, -0.5, 0.5), np.where(y > 0, y, 0.2 * y)])
    return np.array([np.maximum(row, 0.1) ** 2 for row in rows]), np.linalg.norm(x, axis=1)


def scattered(table, x):
    out = np.zeros((4, 3))
    np.add.at(out, np.array([0, 2, 2]), x)
    return np.outer(out.sum(axis=1), table.cumsum()) + np.einsum("ij,j->i", out, table)[:, None]


FORWARDS = (
    (recurrent, (normal(3, 4, 2), normal(2, 5), normal(5, 5))),
    (windows, (normal(3, 7), normal(3))),
    (leaky, (normal(4, 5),)),
    (normalized, (normal(5, 3), normal(3))),
    (cross_entropy, (normal(4, 3),)),
    (padded_maximum, (normal(4, 5),)),
    (stacked, (normal(3, 4), normal(2, 4))),
    (scattered, (normal(3), normal(3, 3))),
)


@pytest.mark.parametrize(("forward", "primals"), FORWARDS, ids=lambda value: getattr(value, "__name__", ""))
def test_the_adjoint_of_a_forward_has_its_gradients(forward, primals):
    cotangent = np.cos(np.arange(flat(forward(*primals)).size) + 0.3)
    recorded = gradients(forward, primals, cotangent)
    assert recorded is not None, f"{forward.__name__} could not be followed"
    for position, found in enumerate(recorded):
        jacobian = differentiate(lambda moved: flat(forward(*moved)), primals, position)
        truth = (cotangent @ jacobian).reshape(primals[position].shape)
        np.testing.assert_allclose(
            np.asarray(found), truth, atol=1e-8, err_msg=f"argument {position} of {forward.__name__}"
        )


# Functions that NumPy computes in places where arrays forget their past.
FORGETTING = {"gelu", "conv", "conv_transpose", "step"}


@pytest.mark.parametrize("op", [op for op in SPECS if op not in FORGETTING])
def test_the_adjoint_of_a_reference_op_is_its_backward(op):
    inputs = example_inputs(op)
    primals = tuple(np.asarray(value) for value in inputs)

    def forward(*values):
        out = triple(op)[0](*values, **inputs.statics)[0]
        return out[0] if isinstance(out, tuple) else out

    out, residuals = triple(op)[0](*primals, **inputs.statics)
    first = out[0] if isinstance(out, tuple) else out
    cotangent = np.cos(np.arange(first.size) + 0.3).reshape(first.shape)
    rest = tuple(np.zeros_like(leaf) for leaf in out[1:]) if isinstance(out, tuple) else ()
    truth = triple(op)[1](residuals, (cotangent, *rest) if rest else cotangent)
    recorded = gradients(forward, primals, cotangent)
    assert recorded is not None, f"{op} could not be followed"
    assert all(true is None for true in truth[len(primals) :]), "what was not given has no gradient"
    for found, true in zip(recorded, truth[: len(primals)], strict=True):
        if true is not None:
            np.testing.assert_allclose(np.asarray(found), true, atol=1e-12, err_msg=op)


def test_a_loop_counts_its_passes_and_knows_its_line():
    program = of_forward(recurrent, FORWARDS[0][1], "xUV", np.ones((3, 4, 5)).ravel())
    assert program is not None
    slopes = [step for step in program.forward if step.name == "tanh"]
    assert [step.turn for step in slopes] == [0, 1, 2, 3]
    assert {(step.code, step.line) for step in slopes} == {(recurrent.__code__, recurrent.__code__.co_firstlineno + 3)}


def test_numpy_is_itself_again_even_after_a_forward_that_raises():
    before = {name: getattr(np, name) for name in (*MAKERS, *COPIERS)}

    def raising(x):
        raise RuntimeError("of the user's own")

    assert gradients(raising, (normal(3),), np.ones(1)) is None
    assert {name: getattr(np, name) for name in before} == before


def test_the_arguments_stay_as_they_are():
    x = normal(3, 4)
    kept = x.copy()

    def changing(x):
        x *= 2
        return x.sum()

    recorded = gradients(changing, (x,), np.ones(()))
    assert np.array_equal(x, kept)
    assert recorded is not None
    np.testing.assert_allclose(recorded[0], 2 * np.ones((3, 4)))


@pytest.mark.parametrize(
    "forward", [lambda x: 2 * float(x.sum()), lambda x: np.vectorize(abs)(x)], ids=["float", "map"]
)
def test_a_forward_that_forgets_is_not_followed(forward):
    assert gradients(forward, (normal(3),), np.ones(np.shape(forward(normal(3))))) is None
