"""`convention="torch"` and `"jax"`: what both frameworks really do at kinks and ties, and code held to it."""

import numpy as np
import pytest

from reference import oracle

# By what a NumPy forward says: x, and the choices of PyTorch's and of JAX's functions for it, by their name.
AT = {
    "relu": ([0.0], {"torch.relu": [0.0]}, {"jax.nn.relu": [0.0]}),
    "abs": ([0.0], {"torch.abs": [0.0]}, {"jax.numpy.abs": [1.0]}),
    "clip": ([0.0, 1.0], {"torch.clip": [1.0, 1.0]}, {"jax.numpy.clip": [0.5, 0.5]}),
    "max": ([1.0, 2.0, 2.0], {"torch.amax": [0.0, 0.5, 0.5]}, {"jax.numpy.max": [0.0, 0.5, 0.5]}),
}
FORWARDS = {
    "relu": lambda x: np.maximum(x, 0),
    "abs": np.abs,
    "clip": lambda x: np.clip(x, 0, 1),
    "max": lambda x: np.max(x, axis=0),
}
SETTINGS = {"clip": (0.0, 1.0), "max": (0,)}


def _slopes(name: str, x: np.ndarray) -> np.ndarray:
    """What a backward in NumPy gives away from kinks."""
    smooth = {"relu": x > 0, "abs": np.sign(x), "clip": (x > 0) & (x < 1), "max": x == x.max(0)}
    return smooth[name] * 1.0


def _held(name: str, given: list[float], convention: str | None):
    """The report of a backward that gives these slopes at the kinks."""
    x, *_ = AT[name]
    point = np.array([[*x, 0.3, -0.7]]).T @ np.ones((1, 2)) * (1, 1)
    kinks = np.arange(len(x))

    def backward(cotangent, x):
        slopes = _slopes(name, x)
        slopes[kinks] = np.array(given)[:, None]
        return slopes * cotangent

    return oracle.check(oracle.from_forward_backward(FORWARDS[name], backward), point, convention=convention)


@pytest.mark.parametrize("name", AT)
def test_pytorch_does_what_the_table_says(name: str):
    torch = pytest.importorskip("torch")
    x, choices, _ = AT[name]
    ((function, wanted),) = choices.items()
    given = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    getattr(torch, function.rpartition(".")[2])(given, *SETTINGS.get(name, ())).sum().backward()
    assert given.grad.tolist() == wanted


@pytest.mark.parametrize("name", AT)
def test_jax_does_what_the_table_says(name: str):
    jax = pytest.importorskip("jax")
    x, _, choices = AT[name]
    ((function, wanted),) = choices.items()
    module = jax.nn if "nn" in function.split(".") else jax.numpy
    function = getattr(module, function.rpartition(".")[2])
    slopes = jax.grad(lambda x: function(x, *SETTINGS.get(name, ())).sum())(jax.numpy.array(x))
    assert slopes.tolist() == wanted


@pytest.mark.parametrize("framework", ["torch", "jax"])
@pytest.mark.parametrize("name", AT)
def test_code_is_held_to_it(name: str, framework: str):
    chosen = {"torch": AT[name][1], "jax": AT[name][2]}[framework]
    ((_, wanted),) = chosen.items()
    assert _held(name, wanted, framework).verdict == "pass"
    other = [0.3 if slope in (0.0, 1.0) else 0.7 for slope in wanted]
    if name == "max":
        other = [0.0, 0.3, 0.7]
    assert _held(name, other, None).verdict == "pass", "any legal slope passes where nobody asks"
    report = _held(name, other, framework)
    assert report.verdict == "fail"
    assert report.findings[0].cause == "framework_choice"
    assert f"not what {framework} takes there" in report.findings[0].message


def _distance(p, q):
    return 0.5 * np.abs(p - q).sum(-1)


@pytest.mark.parametrize(
    ("tie", "torch", "jax"), [(-0.5, "fail", "fail"), (0.0, "pass", "fail"), (0.5, "fail", "pass")]
)
def test_total_variation_at_equal_entries(tie: float, torch: str, jax: str):
    """Liger-Kernel#1373: -0.5 where the two are equal."""
    rng = np.random.default_rng(0)
    p, q = rng.normal(size=(2, 3, 5))
    q[0, :2] = p[0, :2]

    def backward(cotangent, p, q):
        p_ct = np.where(p > q, 0.5, np.where(p < q, -0.5, tie)) * cotangent[:, None]
        return p_ct, -p_ct

    subject = oracle.from_forward_backward(_distance, backward)
    verdicts = [oracle.check(subject, p, q, convention=asked).verdict for asked in (None, "torch", "jax")]
    assert verdicts == ["pass", torch, jax]


def test_the_first_of_several_maxima_is_a_choice_too_and_the_last_is_none():
    x = np.array([[1.0, 2.0, 2.0, 0.5], [3.0, 0.0, 3.0, 3.0]])

    def verdict(place: int) -> str:
        def backward(cotangent, x):
            ties = [np.flatnonzero(row == row.max())[place] for row in x]
            return np.eye(x.shape[1])[ties] * cotangent[:, None]

        subject = oracle.from_forward_backward(lambda x: x.max(-1), backward)
        return oracle.check(subject, x, convention="torch").verdict

    assert (verdict(0), verdict(-1)) == ("pass", "fail")


def test_a_forward_in_pytorch_is_followed():
    torch = pytest.importorskip("torch")

    class Absolute(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.abs()

        @staticmethod
        def backward(ctx, upstream):
            (x,) = ctx.saved_tensors
            return upstream * torch.where(x < 0, -1.0, 1.0)

    x = np.array([0.0, 1.0, -2.0])
    verdicts = [oracle.check(oracle.from_torch(Absolute), x, convention=one).verdict for one in ("torch", "jax")]
    assert verdicts == ["fail", "pass"]


def test_a_forward_that_cannot_be_followed_is_said_to_be_none():
    subject = oracle.from_forward_backward(lambda x: np.array([abs(float(v)) for v in x]),
                                           lambda ct, x: ct * np.sign(x))  # fmt: skip
    report = oracle.check(subject, np.array([0.0, 1.0, -2.0]), convention="torch")
    assert "The forward cannot be followed: its choice at kinks was not compared with torch's." in report.power


def test_another_framework_is_refused():
    subject = oracle.from_forward_backward(np.abs, lambda ct, x: ct * np.sign(x))
    with pytest.raises(ValueError, match="convention must be one of torch, jax; got 'numpy'"):
        oracle.check(subject, np.ones(3), convention="numpy")
