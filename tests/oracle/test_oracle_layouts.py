"""Memory: the same values in other layouts, memory that nobody wrote; what kernels in NumPy and PyTorch make of it."""

import numpy as np
import pytest
from helpers.kernels_in_memory import KERNELS, contiguous, dense, function_of, in_order

from reference import oracle
from reference.oracle.accuracy.handed import placed
from reference.oracle.questions.memory_battery.layouts import EXPANDED, LAYOUTS, in_memory_order

X, KERNEL = np.random.default_rng(0).normal(size=(3, 7)), np.random.default_rng(1).normal(size=(7, 5))
SHAPES = [(), (1,), (7,), (3, 1), (3, 5), (2, 3, 4), (2, 3, 4, 5), (0, 3)]
every_framework = pytest.mark.parametrize("framework", ["numpy", "torch"])


def causes(report):
    return [finding.key for finding in report.findings]


def subject(framework, forward, backward):
    if framework == "numpy":
        return oracle.from_forward_backward(forward, backward)
    pytest.importorskip("torch")
    return oracle.from_torch(function_of(forward, backward))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", ["float64", "float16", "int64", "bool"])
def test_every_layout_holds_the_values_and_memory_enough_to_be_read_in_order(shape, dtype):
    value = (10 * np.random.default_rng(2).normal(size=shape)).astype(dtype)
    for layout in LAYOUTS:
        laid = layout.of(value)
        if laid is not None:
            np.testing.assert_array_equal(laid, value)
            assert (laid.shape, laid.dtype) == (value.shape, value.dtype)
            assert in_memory_order(laid).shape == value.shape
            assert laid.base is not None
            first, whole = (array.__array_interface__["data"][0] for array in (laid, laid.base))
            assert 0 <= first - whole <= laid.base.nbytes - value.nbytes


def test_what_is_read_in_order_is_other_values_in_every_layout_with_strides_of_its_own():
    value = np.arange(1.0, 25.0).reshape(2, 3, 4)
    read = {layout.name: in_memory_order(laid) for layout in LAYOUTS if (laid := layout.of(value)) is not None}
    same = [name for name, found in read.items() if np.array_equal(found, value)]
    assert same == ["one entry behind the beginning of its memory", "read-only"]
    assert EXPANDED.of(value) is None
    expanded = EXPANDED.of(np.ones((3, 5)))
    assert expanded is not None
    assert (expanded.strides, in_memory_order(expanded).sum()) == ((0, 0), 1 - 0.5 * 14)


@every_framework
@pytest.mark.parametrize("name", KERNELS)
def test_a_kernel_that_misreads_memory_is_caught_and_named(framework, name):
    if framework == "torch":
        pytest.importorskip("torch")
    kernel = KERNELS[name]
    report = oracle.check(kernel.subject(framework, kernel.wrong), *kernel.primals(), names=list(kernel.shapes))
    assert report.verdict == "fail"
    role = "argument" if kernel.argument else "cotangent"
    assert [(found.key, found.argument) for found in report.findings] == [(f"wrong_strides ({role})", kernel.argument)]
    assert (kernel.argument or "the cotangent") in report.findings[0].message
    assert {argument.verdict for argument in report.arguments} == {"pass"}, "in contiguous memory all is right"


@every_framework
@pytest.mark.parametrize("name", KERNELS)
def test_its_right_twin_passes_without_a_note_of_memory(framework, name):
    if framework == "torch":
        pytest.importorskip("torch")
    kernel = KERNELS[name]
    report = oracle.check(kernel.subject(framework, kernel.right), *kernel.primals(), names=list(kernel.shapes))
    assert (report.status, report.findings) == ("right", ())
    assert not any("memory" in sentence for sentence in report.power)


@every_framework
def test_a_misread_cotangent_is_told_by_what_the_memory_holds(framework):
    report = oracle.check(
        subject(framework, dense, lambda g, x, w: (in_order(g) @ w.T, x.T @ in_order(g))), X, KERNEL, names=["x", "w"]
    )
    assert "as if the memory were read in order" in report.findings[0].evidence
    assert "expanded" in report.findings[0].evidence


@every_framework
def test_only_the_gradient_of_a_sum_shows_a_scalar_taken_for_the_whole(framework):
    """A kernel that copies what is not contiguous, but takes strides of 0 for contiguous."""

    def dense_enough(g):
        strides = g.strides if isinstance(g, np.ndarray) else g.stride()
        return in_order(g) if not any(strides) else contiguous(g)

    report = oracle.check(
        subject(framework, dense, lambda g, x, w: (dense_enough(g) @ w.T, x.T @ dense_enough(g))), X, KERNEL
    )
    assert causes(report) == ["wrong_strides (cotangent)"]
    assert "expanded" in report.findings[0].message


@every_framework
def test_a_forward_that_misreads_its_argument_is_to_blame(framework):
    report = oracle.check(
        subject(framework, lambda x, w: in_order(x) @ w, lambda g, x, w: (g @ w.T, in_order(x).T @ g)), X, KERNEL,
        names=["x", "w"],
    )  # fmt: skip
    assert [(found.argument, found.blame) for found in report.findings] == [("x", "forward")]


@every_framework
def test_a_kernel_that_refuses_other_memory_is_right_and_the_note_says_so(framework):
    def refusing(g, x, w):
        if not (g.flags.c_contiguous if isinstance(g, np.ndarray) else g.is_contiguous()):
            raise RuntimeError("grad_output must be contiguous")
        return g @ w.T, x.T @ g

    report = oracle.check(subject(framework, dense, refusing), X, KERNEL, strict=True)
    assert report.status == "right"
    notes = [sentence for sentence in report.power if "RuntimeError: grad_output must be contiguous" in sentence]
    assert len(notes) == 1
    assert all(word in notes[0] for word in ("the cotangent", "transposed", "expanded"))


def test_numbers_that_are_drawn_in_the_order_of_the_memory_are_no_misreading():
    torch = pytest.importorskip("torch")

    class Dropout(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.mask = (torch.rand_like(x) > 0.5).to(x.dtype)
            return x * ctx.mask

        @staticmethod
        def backward(ctx, *cotangents):
            return cotangents[0] * ctx.mask

    report = oracle.check(oracle.from_torch(Dropout), X)
    assert (report.status, report.findings) == ("right", ())


def test_an_argument_given_transposed_is_judged_in_contiguous_memory_too():
    """The wrong gradient is that of the memory it was given in."""
    report = oracle.check(
        oracle.from_forward_backward(dense, lambda g, x, w: (g @ in_order(w).T, x.T @ g)), X, np.asfortranarray(KERNEL)
    )
    assert "wrong_strides (argument)" in causes(report)


def test_a_wrong_gradient_is_named_before_the_memory_that_it_misreads_too():
    report = oracle.check(
        oracle.from_forward_backward(dense, lambda g, x, w: (in_order(g) @ w.T, 2 * x.T @ in_order(g))), X, KERNEL
    )
    assert causes(report) == ["scaled_by_constant", "wrong_strides (cotangent)"]


def test_the_mean_of_equal_numbers_may_round_otherwise_where_they_are_one_number():
    def mean(x):
        return x.flat[:1] if 0 in x.strides else np.sum(x, keepdims=True).ravel() / np.float32(x.size)

    def forward(x):
        return 1000 * x * (x - mean(x))

    def backward(cotangent, x):
        scaled = 1000 * cotangent
        return scaled * (2 * x - mean(x)) - np.sum(scaled * x) / np.float32(x.size)

    report = oracle.check(oracle.from_forward_backward(forward, backward), np.full((3, 7), -2.37, np.float32))
    assert report.verdict == "pass", str(report)


def test_sums_in_another_order_are_no_misreading():
    """In half precision, sums in the order of the memory differ by far more than float64's rounding."""

    def total(x):
        order = np.argsort([-step for step in x.strides], kind="stable")
        return np.cumsum(x.transpose(order).ravel(), dtype=np.float16)[-1]

    def forward(x):
        return total(x) * x

    def backward(g, x):
        return (total(x) * g + total(g * x),)

    x = np.random.default_rng(3).normal(size=(20, 30)).astype(np.float16)
    report = oracle.check(oracle.from_forward_backward(forward, backward), x)
    assert not any("strides" in cause for cause in causes(report)), str(report)


@every_framework
def test_memory_that_nobody_wrote_is_seen_in_a_gradient(framework):
    """Rows behind the last whole block of two are left as `empty_like` hands them out."""

    def backward(g, x, w):
        x_ct = np.empty_like(x) if isinstance(x, np.ndarray) else x.new_empty(x.shape)
        x_ct[:2] = g[:2] @ w.T
        return x_ct, x.T @ g

    report = oracle.check(subject(framework, dense, backward), X, KERNEL, names=["x", "w"])
    first = report.findings[0]
    assert (report.verdict, first.cause, first.argument, first.blame) == (
        "fail", "entries_not_written", "x", "backward")  # fmt: skip
    assert "7 of 21 entries" in first.evidence
    assert "[2, 0]" in first.evidence


@every_framework
def test_memory_that_nobody_wrote_is_seen_in_the_output(framework):
    def forward(x):
        out = np.empty_like(x) if isinstance(x, np.ndarray) else x.new_empty(x.shape)
        out[:, 1:] = 2 * x[:, 1:]
        return out

    report = oracle.check(subject(framework, forward, lambda g, x: 2 * g), X)
    assert (report.findings[0].cause, report.findings[0].blame) == ("entries_not_written", "forward")


@every_framework
def test_memory_that_is_written_in_full_may_come_from_empty(framework):
    def backward(g, x, w):
        x_ct = np.empty_like(x) if isinstance(x, np.ndarray) else x.new_empty(x.shape)
        x_ct[:] = g @ w.T
        return x_ct, x.T @ g

    report = oracle.check(subject(framework, dense, backward), X, KERNEL)
    assert report.status == "right"


def test_empty_is_numpys_own_again_whatever_the_subject_raises():
    torch = pytest.importorskip("torch")
    before = np.empty, np.empty_like, torch.get_deterministic_debug_mode()

    def raising(g, x):
        raise KeyError(np.empty(2).shape)

    report = oracle.check(oracle.from_forward_backward(lambda x: 2 * x, raising), X)
    assert causes(report) == ["raises"]
    assert (np.empty, np.empty_like, torch.get_deterministic_debug_mode()) == before


@pytest.mark.parametrize("dtype", [None, "float32", "bfloat16"])
@pytest.mark.parametrize("misread", ["x", "the cotangent"])
def test_the_layouts_reach_a_device(dtype, misread):
    pytest.importorskip("torch")
    if dtype == "bfloat16":
        pytest.importorskip("ml_dtypes")
    read, read_g = (in_order, contiguous) if misread == "x" else (contiguous, in_order)
    wrong = subject("torch", dense, lambda g, x, w: (read_g(g) @ w.T, read(x).T @ read_g(g)))
    report = oracle.check(wrong, X, KERNEL, names=["x", "w"], device="cpu", dtype=dtype)
    assert report.verdict == "fail"
    assert report.findings[0].message.startswith(f"the backward misreads {misread} where it is ")


def test_an_array_keeps_its_memory_where_it_becomes_a_tensor_of_another_dtype():
    torch = pytest.importorskip("torch")
    seen = []

    def double(x):
        seen.append((x.dtype, *x.stride(), x.storage_offset()))
        return 2 * x

    x = np.arange(26, dtype=np.float32)[2:].reshape(3, 8)[:, ::2]
    placed(oracle.from_torch(double), "bfloat16", "cpu").forward(x)
    assert seen == [(torch.bfloat16, 8, 2, 2)]
