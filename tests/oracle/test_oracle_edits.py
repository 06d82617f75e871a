"""The engine of edits: programs recorded while they run, the grammar applied to them, and the names that come out."""

import numpy as np
import pytest

from reference import oracle
from reference.oracle import opspec
from reference.oracle.diagnosis import diagnose
from reference.oracle.diagnosis.grammar import further_edits, plain_edits, whole_edits
from reference.oracle.evidence.evidence import Evidence
from reference.oracle.recognition.recognize import triple
from reference.oracle.recording.adjoint import of_forward, of_pair
from reference.oracle.recording.functions import put_added
from reference.oracle.specs import SPECS


def softmax(x):
    raised = np.exp(x - x.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


def normalized(x, gamma, beta):
    centered = x - x.mean(axis=0)
    return gamma * centered / np.sqrt(x.var(axis=0) + 1e-3) + beta


def recurrent(x, kernel, carried, bias):
    state, states = np.zeros((len(x), len(carried))), []
    for step in range(x.shape[1]):
        state = np.tanh(x[:, step] @ kernel + state @ carried + bias)
        states.append(state)
    return np.stack(states, axis=1)


def correlated(x, kernel):
    height, width = x.shape[1] - len(kernel) + 1, x.shape[2] - len(kernel) + 1
    padded, out = np.pad(x, ((0, 0), (0, 0), (0, 0))), np.zeros((len(x), height, width))
    for i in range(height):
        for j in range(width):
            out[:, i, j] = np.tensordot(padded[:, i : i + 3, j : j + 3], kernel, axes=([1, 2], [0, 1]))
    return out


def assigned(x):
    out = x.copy()
    out[x < 0] = 0.1 * x[x < 0]
    return out


def pieces(x, y):
    low, high = np.split(np.cumsum(x, axis=1), 2, axis=1)
    return np.concatenate([np.where(low > 0, low * y, y), np.clip(high, -0.5, 0.5)], axis=0).mean(axis=1)


def attended(query, key, value):
    weights = softmax(np.einsum("ntd,nsd->nts", query, key) / np.sqrt(query.shape[-1]))
    return np.matmul(weights, value)


def looked_up(table):
    return np.log1p(np.abs(np.take(table, [0, 2, 2, 1], axis=0))).sum(axis=1) + table[[1, 1, 0, 2]].max(axis=1)


FORWARDS = {
    "softmax": (softmax, [(3, 5)]),
    "batch norm": (normalized, [(7, 3), (3,), (3,)]),
    "recurrent": (recurrent, [(2, 4, 3), (3, 5), (5, 5), (5,)]),
    "convolution in loops": (correlated, [(2, 5, 7), (3, 3)]),
    "assignment by a mask": (assigned, [(3, 5)]),
    "pieces": (pieces, [(3, 4), (3, 2)]),
    "attention": (attended, [(2, 3, 5), (2, 7, 5), (2, 7, 5)]),
    "look-up": (looked_up, [(3, 5)]),
}


def drawn(shapes, seed=0):
    rng = np.random.default_rng(seed)
    return tuple(rng.normal(size=shape) for shape in shapes)


def measured(forward, primals, cotangent):
    """The true gradients by differences."""
    gradients = []
    for position, primal in enumerate(primals):
        gradient = np.zeros(primal.shape)
        for index in np.ndindex(*primal.shape):
            moved = [np.array(p) for p in primals]
            values = []
            for by in (1e-5, -1e-5):
                moved[position] = np.array(primal)
                moved[position][index] += by
                values.append(np.sum(cotangent * forward(*moved)))
            gradient[index] = (values[0] - values[1]) / 2e-5
        gradients.append(gradient)
    return gradients


def recorded(forward, primals, seed=1):
    cotangent = np.random.default_rng(seed).normal(size=np.shape(forward(*primals)))
    program = of_forward(forward, primals, [f"a{number}" for number in range(len(primals))], cotangent)
    assert program is not None, "the forward can be followed"
    return program, cotangent


@pytest.mark.parametrize("name", FORWARDS)
def test_a_recorded_forward_gives_the_measured_gradients(name):
    forward, shapes = FORWARDS[name]
    primals = drawn(shapes)
    program, cotangent = recorded(forward, primals)
    for position, true in enumerate(measured(forward, primals, cotangent)):
        np.testing.assert_allclose(program.gradients[position].value, true, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", FORWARDS)
def test_every_step_run_again_gives_what_it_gave(name):
    forward, shapes = FORWARDS[name]
    program, _ = recorded(forward, drawn(shapes))
    for step in program.steps:
        np.testing.assert_array_equal(step.run({}), step.value, err_msg=step.name)


@pytest.mark.parametrize("shape", [(3, 3), (2, 3, 2), (4,)], ids=str)
def test_what_does_not_fit_at_a_key_is_refused_before_numpy_adds_it(shape):
    # np.add.at of NumPy 2.4.6 can end the process there (on "convolution/transposed_kernel_gradient_rotated").
    with pytest.raises(ValueError, match=r"broadcast|dimensions"):
        put_added(np.zeros((3, 5)), (slice(None), slice(0, 2)), np.ones(shape))


@pytest.mark.parametrize("name", FORWARDS)
def test_edits_are_of_the_programs_own_steps_and_leave_it_as_it_was(name):
    forward, shapes = FORWARDS[name]
    program, _ = recorded(forward, drawn(shapes))
    before = {step: step.value.copy() for step in program.steps}
    steps, count = set(program.steps), 0
    with np.errstate(all="ignore"):
        for rows in (plain_edits, whole_edits, further_edits):
            for edited in rows(program, program.groups):
                count += 1
                assert edited.cause in oracle.CAUSES, edited.words
                assert set(edited.edits) <= steps, edited.words
    assert count > 20
    for step, value in before.items():
        np.testing.assert_array_equal(step.value, value, err_msg=step.name)


# Ops whose backward by hand leaves NumPy's own functions of arrays, or takes tuples of outputs.
NOT_FOLLOWED = {"gelu"}


@pytest.mark.parametrize("op", [op for op in SPECS if op not in NOT_FOLLOWED])
def test_the_references_own_backwards_are_recorded_while_they_run(op):
    spec = SPECS[op]
    case = spec.cases[-1]
    arguments, statics = spec.passed(case, opspec.draw(spec, case))
    forward, backward, _ = triple(op)
    out, residuals = forward(*arguments, **statics)
    if isinstance(out, tuple):
        pytest.skip("several outputs")
    cotangent = np.random.default_rng(1).normal(size=np.shape(out))
    names = [f"a{number}" for number in range(len(arguments))]
    program = of_pair(lambda *given: forward(*given, **statics), backward, arguments, names, cotangent)
    assert program is not None
    with np.errstate(all="ignore"):
        own = backward(residuals, cotangent)
    for position, step in program.gradients.items():
        np.testing.assert_allclose(step.value, own[position], rtol=1e-12, atol=1e-12)


# --- what planted mistakes are called ---


def dense(x, w, b):
    return np.tanh(x @ w + b)


def gated(x, w, v):
    return (x @ w) * np.tanh(x @ v)


def energy(x, w):
    return 0.5 * ((x @ w) ** 2).sum() / len(x) + 0.1 * (w**2).sum()


def of_dense(slope=lambda h: 1 - h**2, weight=lambda w: w.T, data=lambda x: x.T, bias=lambda d: d.sum(axis=0)):
    def backward(ct, x, w, b):
        delta = ct * slope(np.tanh(x @ w + b))
        return delta @ weight(w), data(x) @ delta, bias(delta)

    return backward


def of_gated(first=True, second=True, exchanged=False):
    def backward(ct, x, w, v):
        a, h = x @ w, np.tanh(x @ v)
        da, dz = ct * h, ct * (h if exchanged else a) * (1 - h**2)
        return first * (da @ w.T) + second * (dz @ v.T), x.T @ da, x.T @ dz

    return backward


def of_energy(penalty=0.2, count=None):
    def backward(ct, x, w):
        delta = ct * (x @ w) / (count or len(x))
        return delta @ w.T, x.T @ delta + penalty * ct * w

    return backward


def of_states(shift=1, carry=True):
    def backward(ct, x, kernel, carried, bias):
        states = recurrent(x, kernel, carried, bias)
        before = np.concatenate([np.zeros_like(states[:, :1]), states], axis=1)
        grads = [np.zeros_like(p) for p in (x, kernel, carried, bias)]
        handed = np.zeros_like(states[:, 0])
        for step in reversed(range(x.shape[1])):
            delta = (ct[:, step] + handed) * (1 - states[:, step] ** 2)
            grads[0][:, step] = delta @ kernel.T
            grads[1] += x[:, step].T @ delta
            grads[2] += before[:, step + 1 - shift].T @ delta
            grads[3] += delta.sum(axis=0)
            handed = delta @ carried.T if carry else 0 * handed
        return tuple(grads)

    return backward


def at_the_output(h):
    return 1 - np.tanh(h) ** 2


DENSE, STATES = [(7, 5), (5, 5), (5,)], [(2, 4, 3), (3, 5), (5, 5), (5,)]
GATED, ENERGY = [(7, 5), (5, 3), (5, 3)], [(7, 5), (5, 3)]
PLANTED = {
    "slope left out": (dense, of_dense(slope=np.ones_like), DENSE, "derivative_missing", "w"),
    "slope twice": (dense, of_dense(slope=lambda h: (1 - h**2) ** 2), DENSE, "derivative_twice", "w"),
    "slope with a plus": (dense, of_dense(slope=lambda h: 1 + h**2), DENSE, "sign", "w"),
    "slope at the output": (dense, of_dense(slope=at_the_output), DENSE, "derivative_at_wrong_value", "w"),
    "weight not transposed": (dense, of_dense(weight=lambda w: w), DENSE, "transposed", "x"),
    "bias by its mean": (dense, of_dense(bias=lambda d: d.mean(axis=0)), DENSE, "scaled_by_count", "b"),
    "first way left out": (gated, of_gated(first=False), GATED, "term_missing", "x"),
    "gate for value": (gated, of_gated(exchanged=True), GATED, "wrong_operand", "v"),
    "penalty with half its factor": (energy, of_energy(penalty=0.1), ENERGY, "regularization", "w"),
    "state of the step itself": (recurrent, of_states(shift=0), STATES, "shifted", "carried"),
    "nothing carried": (recurrent, of_states(carry=False), STATES, "time_not_carried", "x"),
}


def evidence_of(forward, backward, shapes):
    """What the diagnosis gets to see of a pair, the truth by the recorded forward."""
    primals = drawn(shapes)
    program, cotangent = recorded(forward, primals)
    names = tuple(forward.__code__.co_varnames[: forward.__code__.co_argcount])
    true = tuple(program.gradients[position].value for position in range(len(primals)))
    got = backward(cotangent, *primals)
    wrong = tuple(not np.allclose(a, b, rtol=1e-6, atol=1e-9) for a, b in zip(got, true, strict=True))
    subject = oracle.from_forward_backward(forward, backward)
    noise = (1e-12,) * len(primals)
    return Evidence(subject, names, primals, forward(*primals), cotangent, got, true, noise, wrong)


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_mistake_is_named(name):
    forward, backward, shapes, cause, argument = PLANTED[name]
    evidence = evidence_of(forward, backward, shapes)
    assert any(evidence.wrong), "the mistake shows"
    first = next((found for found in diagnose(evidence) if found.argument == argument), None)
    assert first is not None, f"{argument} is explained"
    assert first.cause == cause, first.message


RIGHT = {
    "dense": (dense, of_dense(), DENSE),
    "gated": (gated, of_gated(), GATED),
    "energy": (energy, of_energy(), ENERGY),
    "recurrent": (recurrent, of_states(), STATES),
}


@pytest.mark.parametrize("name", RIGHT)
def test_of_right_code_nothing_is_asked(name):
    forward, backward, shapes = RIGHT[name]
    evidence = evidence_of(forward, backward, shapes)
    assert not any(evidence.wrong)
    assert diagnose(evidence) == []


def test_what_no_edit_gives_is_not_explained():
    rng = np.random.default_rng(5)
    maps = [rng.normal(size=(*shape, 7, 5)) for shape in DENSE]
    evidence = evidence_of(dense, lambda ct, x, w, b: tuple(np.tensordot(m, ct) for m in maps), DENSE)
    assert all(evidence.wrong)
    assert diagnose(evidence) == []


def test_a_report_says_the_edit_in_the_words_of_its_line():
    subject = oracle.from_forward_backward(dense, of_dense(slope=lambda h: 1 + h**2))
    report = oracle.check(subject, *drawn(DENSE))
    assert {found.cause for found in report.findings} == {"sign"}
    assert "1 + h**2" in report.findings[0].message
