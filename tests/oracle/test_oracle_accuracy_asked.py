"""What may be asked of `check` in low precision: references, dtypes and devices, and what is refused."""

import numpy as np
import pytest

from reference import oracle
from reference.oracle.accuracy.formats import FORMATS


def softmax(x):
    shifted = np.exp(x - x.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def one_by_one(x):
    """Loops over numbers of Python, which nothing can record."""
    rows = [[float(np.exp(value)) for value in row] for row in x.tolist()]
    return np.array([[value / sum(row) for value in row] for row in rows])


def kernel(factor=1.0):
    def forward(x):
        return softmax(x.astype(np.float32)).astype(x.dtype)

    def backward(cotangent, x):
        y, d = softmax(x.astype(np.float32)), cotangent.astype(np.float32)
        return (y * (d - factor * np.sum(d * y, axis=-1, keepdims=True))).astype(x.dtype)

    return oracle.from_forward_backward(forward, backward)


X = np.random.default_rng(0).normal(size=(5, 7))


@pytest.mark.parametrize("reference", ["softmax", softmax, one_by_one, kernel()], ids=["op", "code", "loop", "subject"])
@pytest.mark.parametrize("factor", [1.0, 0.0], ids=["right", "wrong"])
def test_every_kind_of_reference(reference, factor):
    if not isinstance(reference, str) and not callable(reference):
        reference = oracle.from_forward_backward(softmax, lambda cotangent, x: cotangent)
    report = oracle.check(kernel(factor), X, reference=reference, dtype="float16")
    assert report.verdict == ("pass" if factor else "fail"), report


def test_functions_of_tensors_are_references_of_torch_code():
    torch = pytest.importorskip("torch")

    class Softmax(torch.autograd.Function):
        factor = 1.0

        @staticmethod
        def forward(ctx, x):
            y = torch.softmax(x.float(), -1)
            ctx.save_for_backward(y)
            return y.to(x.dtype)

        @staticmethod
        def backward(ctx, d):
            (y,) = ctx.saved_tensors
            return (y * (d.float() - Softmax.factor * (d.float() * y).sum(-1, keepdim=True))).to(d.dtype)

    def judged(factor):
        Softmax.factor = factor
        reference = lambda x: torch.softmax(x, -1)  # noqa: E731
        return oracle.check(oracle.from_torch(Softmax), X, reference=reference, dtype=torch.bfloat16, device="cpu")

    assert judged(1.0).status == "as accurate as can be"
    assert judged(0.5).verdict == "fail"


def test_a_jax_kernel_with_another_forward_than_the_reference_fails():
    jax = pytest.importorskip("jax")
    report = oracle.check(oracle.from_jax(jax.nn.sigmoid), X, reference="tanh", dtype="bfloat16")
    assert report.verdict == "fail"
    assert "the forward does not compute reference.tanh" in str(report).replace("\n  ", " ")


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"reference": "softmaxx"}, "reference must be one of"),
        ({"reference": 3}, "reference must be an op's name or a function"),
        ({"reference": "softmax", "op": "relu"}, "reference and op must not differ"),
        ({"reference": lambda x: softmax(x).astype(np.float32)}, "must compute in float64; got an output of float32"),
        ({"reference": lambda x, y: x}, "must be a function of the primals in float64"),
        ({"reference": "softmax", "dtype": "float8"}, "dtype must be one of float64, float32, tf32, bfloat16, float16"),
        ({"reference": "softmax", "device": "cuda"}, "device must be cpu for code in NumPy"),
    ],
    ids=["op", "kind", "two ops", "coarse", "signature", "dtype", "device"],
)
def test_what_cannot_be_asked_is_refused_in_a_sentence(asked, says):
    with pytest.raises((ValueError, TypeError)) as refused:
        oracle.check(kernel(), X, **{"dtype": "float16", **asked})
    assert says in str(refused.value)
    assert str(refused.value).startswith("oracle.check: ")


def test_a_kernel_that_returns_more_or_less_than_its_reference_fails():
    report = oracle.check(kernel(), X, reference=lambda x: x[:2], dtype="float16")
    assert (report.verdict, report.findings[0].cause) == ("fail", "forward")
    assert report.findings[0].evidence == "the output has 35 entries, that of the reference has 14"


@pytest.mark.parametrize("mode", ["auto", "directional"])
def test_an_argument_that_does_not_matter_at_this_input_is_not_wrong(mode):
    subject = oracle.from_forward_backward(lambda x, w: x @ w, lambda g, x, w: (g @ w.T, x.T @ g))
    x, w = np.zeros((5, 3), np.float32), np.ones((3, 4), np.float32)
    report = oracle.check(subject, x, w, reference=lambda x, w: x @ w, dtype="float32", mode=mode)
    assert report.verdict == "pass", str(report)


def test_primals_beyond_the_dtype_are_refused():
    with pytest.raises(ValueError, match="every primal must fit float16; got "):
        oracle.check(kernel(), 1e6 * X, reference="softmax", dtype="float16")


@pytest.mark.parametrize("name", ["float32", "float16"])
def test_rounding_is_that_of_numpy(name):
    values = np.random.default_rng(1).normal(size=1000) * 10.0 ** np.arange(-10, 10).repeat(50)
    with np.errstate(all="ignore"):
        expected = values.astype(name).astype(np.float64)
    assert np.array_equal(FORMATS[name].rounded(values), expected)


def test_rounding_is_that_of_ml_dtypes():
    bfloat16 = pytest.importorskip("ml_dtypes").bfloat16
    values = np.random.default_rng(1).normal(size=1000)
    assert np.array_equal(FORMATS["bfloat16"].rounded(values), values.astype(bfloat16).astype(np.float64))


def scaled_sigmoid(x):
    """Within 1 % of gelu at ordinary values, and another function."""
    wide = x.astype(np.promote_types(x.dtype, np.float32))
    return (wide / (1 + np.exp(-1.702 * wide))).astype(x.dtype)


def scaled_sigmoid_backward(cotangent, x):
    wide = x.astype(np.promote_types(x.dtype, np.float32))
    s = 1 / (1 + np.exp(-1.702 * wide))
    return (cotangent * (s + 1.702 * wide * s * (1 - s))).astype(x.dtype)


def root_mean_square(x):
    wide = x.astype(np.promote_types(x.dtype, np.float32))
    return (wide / np.sqrt(np.mean(wide * wide, -1, keepdims=True) + 1e-6)).astype(x.dtype)


def root_mean_square_backward(cotangent, x):
    wide = x.astype(np.promote_types(x.dtype, np.float32))
    root = np.sqrt(np.mean(wide * wide, -1, keepdims=True) + 1e-6)
    d = cotangent.astype(wide.dtype)
    return (d / root - wide * np.mean(d * wide, -1, keepdims=True) / root**3).astype(x.dtype)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize(
    ("forward", "backward", "x"),
    [
        (scaled_sigmoid, scaled_sigmoid_backward, np.random.default_rng(0).normal(size=(6, 7))),
        (lambda x: np.ones_like(x), lambda cotangent, x: np.zeros_like(x), X[:, :1]),
        (root_mean_square, root_mean_square_backward, np.zeros((2, 1))),
    ],
    ids=["nearly a gelu", "softmax of one column", "zeros"],
)  # fmt: skip
def test_right_code_is_taken_for_no_other_op_because_a_dtype_has_few_digits(dtype, forward, backward, x):
    if dtype == "bfloat16":
        pytest.importorskip("ml_dtypes")
    report = oracle.check(oracle.from_forward_backward(forward, backward), x, dtype=dtype)
    assert not [found for found in report.findings if found.blame != "check"], str(report)
    assert report.verdict == "pass" or not np.ptp(forward(x)), str(report)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_wrong_code_without_an_ops_name_is_wrong_in_a_dtype_of_few_digits(dtype):
    if dtype == "bfloat16":
        pytest.importorskip("ml_dtypes")

    def backward(cotangent, x):
        return (1.25 * scaled_sigmoid_backward(cotangent, x)).astype(x.dtype)

    x = np.random.default_rng(0).normal(size=(6, 7))
    assert oracle.check(oracle.from_forward_backward(scaled_sigmoid, backward), x, dtype=dtype).verdict == "fail"


@pytest.mark.parametrize("factor", [1, 2])
def test_a_cotangent_that_is_handed_on_is_as_accurate_as_can_be(factor):
    def backward(cotangent, x, b):
        return cotangent, (factor * cotangent.sum(axis=0, dtype=np.float64)).astype(b.dtype)

    subject = oracle.from_forward_backward(lambda x, b: x + b, backward)
    report = oracle.check(subject, X, X[0], dtype="float16")
    assert (report.verdict, report.accuracy[1].kind) == ("pass" if factor == 1 else "fail", "best"), str(report)
