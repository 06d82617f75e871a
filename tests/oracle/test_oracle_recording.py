"""Recording harms nobody and always ends: other threads keep their NumPy, and what never ends is given up by count."""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from reference import oracle
from reference.oracle.evidence.pullbacks import differentiate, flat
from reference.oracle.recording.adjoint import followed, of_forward
from reference.oracle.recording.makers import COPIERS, MAKERS, making_recorded
from reference.oracle.recording.tape import MOST_OPERATIONS, MOST_STEPS, Tape

RNG = np.random.default_rng(3)
X, V = RNG.normal(size=(4, 5)), RNG.normal(size=5)
MATRIX = X[:, :4] @ X[:, :4].T + np.eye(4)
PADDINGS = (
    "constant", "edge", "linear_ramp", "maximum", "mean", "median", "minimum", "reflect", "symmetric", "wrap",
)  # fmt: skip


def halved_until_small(v):
    total = np.abs(v).sum()
    while total > 1e-3:
        total = total / 2
    return total * v


def halved_in_place(v):
    v = np.abs(v)
    while v[0] > 1e-3:
        v[0] *= 0.5
    return v * v


def halved_by_calls(v):
    return v * v if np.abs(v).max() < 1e-2 else halved_by_calls(v / 2)


def squares_written(x):
    out = np.zeros_like(x)
    for index in np.ndindex(*x.shape):
        out[index] = x[index] ** 2
    return out


def squares_by_iterator(v):
    out = np.zeros(v.shape)
    with np.nditer([v, out], op_flags=[["readonly"], ["writeonly"]]) as iterator:
        for entry, written in iterator:
            written[...] = entry * entry
    return out


def written_in_place(v):
    v = v.copy()
    v += 1
    v[1:3] -= v[0]
    v[v > 1] = 0
    return np.add(v, 1, out=v)


def padded_by(mode: Any):
    return lambda x: np.pad(x, ((1, 0), (3, 9)), mode=mode) * 2


# What a forward may do with its arrays, on an argument that it may do that with.
FORWARDS = {
    **{f"pad-{mode}": (padded_by(mode), X) for mode in PADDINGS},
    "pad-reflect-odd": (lambda x: np.pad(x, 2, mode="reflect", reflect_type="odd") * 2, X),
    "interp": (lambda v: np.interp(v, [-1, 0, 1], [2.0, 3.0, 5.0]) * 2, V),
    "convolve": (lambda v: np.convolve(v, [1.0, 2.0, 3.0]) * 2, V),
    **{
        f"linalg-{name}": (lambda a, name=name: getattr(np.linalg, name)(a) * 2.0, MATRIX)
        for name in ("inv", "det", "norm", "eigvalsh", "cholesky", "pinv")
    },
    "linalg-solve": (lambda a: np.linalg.solve(a, np.ones(4)) * 2, MATRIX),
    "linalg-matrix_power": (lambda a: np.linalg.matrix_power(a, 5) * 2, MATRIX),
    "vectorize": (lambda v: np.vectorize(lambda entry: entry * entry)(v) * 2, V),
    "apply_along_axis": (lambda x: np.apply_along_axis(lambda row: row * row.sum(), 1, x), X),
    "fft": (lambda v: np.abs(np.fft.fft(v)) ** 2, V),
    "generator": (lambda v: sum(entry * entry for entry in v), V),
    "flat": (lambda x: sum(entry * 2 for entry in x.flat), X),
    "sort": (lambda v: np.sort(v) * 2, V),
    "gradient": (lambda v: np.gradient(v) * 2, V),
    "while": (halved_until_small, V),
    "while-in-place": (halved_in_place, V),
    "recursion": (halved_by_calls, V),
    "ndindex": (squares_written, X),
    "nditer": (squares_by_iterator, V),
    "in-place": (written_in_place, V),
}
# What is recorded as steps, and so must be recorded right; anything else is not recorded at all.
STEPS = {
    "pad-constant", "pad-edge", "pad-reflect", "pad-symmetric", "pad-wrap", "linalg-norm", "generator", "while",
    "while-in-place", "recursion", "ndindex", "in-place", "sort", "convolve", "linalg-solve",
}  # fmt: skip


def recorded_gradient(forward, primal, cotangent):
    """By the recorded forward's adjoint; None where it cannot be followed."""
    program = of_forward(forward, (primal,), ("x",), cotangent)
    return program and program.gradients[0].value


@pytest.mark.parametrize("name", FORWARDS)
def test_what_numpy_computes_is_recorded_right_or_not_at_all(name):
    forward, primal = FORWARDS[name]
    cotangent = np.cos(np.arange(flat(forward(primal.copy())).size) + 0.3)
    found = recorded_gradient(forward, primal, cotangent)
    assert (found is not None) == (name in STEPS), f"{name} is recorded: {found is not None}"
    if found is not None:
        jacobian = differentiate(lambda moved: flat(forward(*moved)), (primal,), 0)
        truth = (cotangent @ jacobian).reshape(primal.shape)
        np.testing.assert_allclose(found, truth, atol=1e-7, err_msg=name)


def never_small(v):
    view = v[:]  # the record keeps a copy, so what is written into this one never arrives
    while v[0] * v[0] > 1e-6:
        view *= 0.5
    return v * 2


def never_raising(v):
    while True:
        try:
            if (v * 1.0)[0] is None:
                return v
        except Exception:
            continue


def only_looking(v):
    while float(v[0]) is not None:
        pass
    return v


@pytest.mark.parametrize("forward", [never_small, never_raising, only_looking])
def test_a_loop_that_never_ends_under_recording_is_given_up_by_count(forward):
    assert of_forward(forward, (V,), ("v",), np.ones(5)) is None
    tape = followed(forward, (V,))
    ended = MOST_OPERATIONS + 1, MOST_STEPS + 1
    assert tape.operations == ended[0] or len(tape.steps) == ended[1], "given up too early, or too late"


@pytest.mark.parametrize("mode", ["reflect", "symmetric", "wrap"])
def test_a_wrong_backward_of_a_padded_convolution_is_judged_in_the_end(mode: Any):
    def padded(x):
        return np.pad(x, ((0, 0), (2, 2), (2, 2)), mode)

    def forward(x, kernel):
        wide = padded(x)
        out = np.zeros((len(x), wide.shape[1] - 2, wide.shape[2] - 2))
        for i, j in np.ndindex(*out.shape[1:]):
            out[:, i, j] = (wide[:, i : i + 3, j : j + 3] * kernel).sum(axis=(1, 2))
        return out

    def backward(ct, x, kernel):
        wide = padded(x)
        back, slope = np.zeros_like(wide), np.zeros_like(kernel)
        for i, j in np.ndindex(*ct.shape[1:]):
            here = ct[:, i, j, None, None]
            back[:, i : i + 3, j : j + 3] += here * kernel
            slope += (here * wide[:, i : i + 3, j : j + 3]).sum(axis=0)
        return back[:, 2:-2, 2:-2], slope  # what lies in the padding never comes home

    x, kernel = RNG.normal(size=(2, 3, 4)), RNG.normal(size=(3, 3))
    report = oracle.check(oracle.from_forward_backward(forward, backward), x, kernel)
    assert report.verdict == "fail", str(report)
    assert {argument.name: argument.verdict for argument in report.arguments} == {"x": "fail", "kernel": "pass"}


def test_other_threads_keep_their_numpy_while_a_forward_is_recorded():
    inside, done = threading.Event(), threading.Event()
    kinds: list[type] = []

    def elsewhere():
        inside.wait(60)
        kinds.extend(type(make(3)) for make in (np.zeros, np.ones, np.array, np.asarray, np.empty))
        done.set()

    def forward(x):
        inside.set()
        assert done.wait(60)
        out = np.zeros(x.shape)
        out[...] = x * x
        return out

    thread = threading.Thread(target=elsewhere)
    thread.start()
    found = recorded_gradient(forward, V, np.ones(5))
    thread.join()
    assert set(kinds) == {np.ndarray}
    assert found is not None, "the thread that records must still see its own arrays"


def test_two_threads_record_at_once_and_numpy_is_itself_again():
    before = {name: getattr(np, name) for name in (*MAKERS, *COPIERS)}
    meeting, found = threading.Barrier(2, timeout=60), {}

    def record(number):
        def forward(x):
            meeting.wait()
            out = np.zeros(x.shape)
            out[...] = number * x
            meeting.wait()
            return out * x

        found[number] = recorded_gradient(forward, V, np.ones(5))

    threads = [threading.Thread(target=record, args=(number,)) for number in (2.0, 3.0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_allclose(found[2.0], 4 * V)
    np.testing.assert_allclose(found[3.0], 6 * V)
    assert {name: getattr(np, name) for name in before} == before


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, RecursionError])
def test_numpy_is_itself_again_whatever_ends_the_forward(error):
    before = {name: getattr(np, name) for name in (*MAKERS, *COPIERS)}

    def ending(x):
        raise error

    with contextlib.suppress(error):
        recorded_gradient(ending, V, np.ones(5))
    assert {name: getattr(np, name) for name in before} == before


def test_what_a_layer_keeps_of_a_recorded_call_is_an_array_like_any_other():
    kept = []
    tape = followed(lambda x: kept.append(x * 2) or x, (V,))
    before, (array,) = (len(tape.steps), tape.operations), kept
    for _ in range(50):
        array = array * 0.5
    np.testing.assert_array_equal(np.asarray(array), 0.5**49 * V)
    assert (len(tape.steps), tape.operations) == before, "what happens after the recording still counts"


def test_records_of_two_threads_that_overlap_leave_numpy_as_it_was():
    own = {name: getattr(np, name) for name in ("zeros", "array", "full_like")}
    first, second = making_recorded(Tape()), making_recorded(Tape())
    with ThreadPoolExecutor(1) as other:  # in one thread the end of the second would bring back the first one's tape
        first.__enter__()
        other.submit(second.__enter__).result()
        assert np.zeros is not own["zeros"], "something stands in"
        first.__exit__(None, None, None)
        other.submit(second.__exit__, None, None, None).result()
    assert {name: getattr(np, name) for name in own} == own
