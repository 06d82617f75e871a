"""Purity, state and the adapters: what code changes, remembers or returns in its own way."""

from typing import Any

import numpy as np
import pytest

from reference import oracle

X = np.random.default_rng(5).normal(size=(3, 7))
KERNEL = np.random.default_rng(6).normal(size=(7, 5))
BIAS = np.random.default_rng(7).normal(size=5)
LABELS = np.eye(5)[[1, 0, 4]]


def causes(report):
    return [finding.key for finding in report.findings]


def softmax(x):
    shifted = np.exp(x - x.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


class Affine:
    x: Any
    dW: Any

    def __init__(self, W, b):
        self.W, self.b, self.x, self.dW, self.db = W, b, None, None, None

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW, self.db = self.x.T @ dout, dout.sum(0)
        return dout @ self.W.T


class Accumulating(Affine):
    def __init__(self, W, b):
        super().__init__(W, b)
        self.dW = np.zeros_like(W)

    def backward(self, dout):
        self.dW += self.x.T @ dout
        self.db = dout.sum(0)
        return dout @ self.W.T


class Updating(Affine):
    def backward(self, dout):
        dx = super().backward(dout)
        self.W = self.W - 0.1 * self.dW
        return dx


class Stale(Affine):
    def forward(self, x):
        self.x = x if self.x is None else self.x
        return x @ self.W + self.b


class StuckInEvaluation(Affine):
    training = True

    def forward(self, x, train_flg=True):
        self.training = self.training and train_flg
        return super().forward(x)

    def backward(self, dout):
        return super().backward(dout) if self.training else 0 * self.x


class Listed:
    """Parameters and gradients in lists, gradients written in place."""

    def __init__(self, W, b):
        self.params, self.grads = [W, b], [np.zeros_like(W), np.zeros_like(b)]

    def forward(self, x):
        self.x = x
        return x @ self.params[0] + self.params[1]

    def backward(self, dout):
        self.grads[0][...] = self.x.T @ dout
        self.grads[1][...] = dout.sum(0)
        return dout @ self.params[0].T


class ReturnsWhatItKeeps(Affine):
    """The parameters' gradients are returned too, in arrays that the next backward writes into."""

    def __init__(self, W, b):
        super().__init__(W, b)
        self.dW, self.db = np.zeros_like(W), np.zeros_like(b)

    def backward(self, dout):
        np.matmul(self.x.T, dout, out=self.dW)
        np.sum(dout, axis=0, out=self.db)
        return dout @ self.W.T, self.dW, self.db


class Mapped:
    """Parameters and gradients in dicts."""

    def __init__(self, W, b):
        self.params, self.grads = {"W": W, "b": b}, {}

    def forward(self, x):
        self.x = x
        return x @ self.params["W"] + self.params["b"]

    def backward(self, dout):
        self.grads = {"W": self.x.T @ dout, "b": dout.sum(0)}
        return dout @ self.params["W"].T


class Dropout:
    def forward(self, x, train_flg=True):
        if not train_flg:
            return x * 0.7
        self.mask = np.random.rand(*x.shape) > 0.3  # noqa: NPY002 - as textbooks write it
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


class SoftmaxWithLoss:
    def forward(self, x, t):
        self.t, self.y = t, softmax(x)
        return -np.sum(t * np.log(self.y)) / len(x)

    def backward(self, dout=1):
        return (self.y - self.t) / len(self.t)


class Network:
    def __init__(self, W1, W2, forget=False):
        self.params, self.forget = {"W1": W1, "W2": W2}, forget

    def loss(self, x, t):
        self.hidden = np.tanh(x @ self.params["W1"])
        self.y = softmax(self.hidden @ self.params["W2"])
        return -np.mean(np.sum(t * np.log(self.y), axis=1))

    def gradient(self, x, t):
        self.loss(x, t)
        delta = (self.y - t) / len(x)
        inner = (delta @ self.params["W2"].T) * (1 if self.forget else 1 - self.hidden**2)
        return {"W1": x.T @ inner, "W2": self.hidden.T @ delta}


@pytest.mark.parametrize("layer", [Affine, Listed, Mapped], ids=lambda layer: layer.__name__)
def test_parameters_are_found_and_named_in_every_container(layer):
    report = oracle.check(oracle.from_layer(layer(KERNEL, BIAS)), X, op="dense")
    assert report.verdict == "pass", str(report)
    assert [argument.name for argument in report.arguments] == ["x", "W", "b"]


def test_a_mapping_fixes_the_order_and_an_empty_one_means_none():
    layer = Affine(KERNEL, BIAS)
    ordered = oracle.check(oracle.from_layer(layer, {"b": "db", "W": "dW"}), X)
    assert [argument.name for argument in ordered.arguments] == ["x", "b", "W"]
    none = oracle.check(oracle.from_layer(layer, {}), X)
    assert [argument.name for argument in none.arguments] == ["x"]
    listed = oracle.check(oracle.from_layer(Listed(KERNEL, BIAS), {"params[1]": "grads[1]"}), X)
    assert [(a.name, a.verdict) for a in listed.arguments] == [("x", "pass"), ("params[1]", "pass")]


@pytest.mark.parametrize(
    ("layer", "cause"),
    [(Accumulating, "accumulates"), (Updating, "changed_in_place (argument)"), (Stale, "stale_state"),
     (StuckInEvaluation, "stale_state"), (ReturnsWhatItKeeps, "changed_in_place (buffer)")],
    ids=lambda value: getattr(value, "__name__", value),
)  # fmt: skip
def test_state_that_spoils_a_later_call_is_found(layer, cause):
    report = oracle.check(oracle.from_layer(layer(KERNEL, BIAS)), X)
    assert (report.verdict, causes(report)[0]) == ("fail", cause), str(report)


def test_the_users_layer_is_never_touched():
    layer = Accumulating(np.array(KERNEL), np.array(BIAS))
    oracle.check(oracle.from_layer(layer), X)
    assert layer.x is None
    assert not layer.dW.any()
    np.testing.assert_array_equal(layer.W, KERNEL)


def test_dropout_with_a_global_generator_passes_and_leaves_that_generator_alone():
    np.random.seed(3)  # noqa: NPY002 - as users do
    expected = np.random.rand()  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    report = oracle.check(oracle.from_layer(Dropout()), X)
    assert report.verdict == "pass", str(report)
    assert any("random" in sentence for sentence in report.acquittals)
    assert np.random.rand() == expected  # noqa: NPY002


def test_a_loss_layer_that_ignores_its_default_upstream_passes_as_last_layer():
    report = oracle.check(oracle.from_layer(SoftmaxWithLoss()), KERNEL[:3], LABELS, op="softmax_cross_entropy")
    assert report.verdict == "pass", str(report)
    assert [argument.name for argument in report.arguments] == ["x"]
    assert any("last layer" in sentence for sentence in report.acquittals)


def test_a_network_is_judged_parameter_by_parameter():
    W2 = np.random.default_rng(8).normal(size=(5, 5))
    right = oracle.check(oracle.from_network(Network(KERNEL, W2)), X, LABELS)
    assert right.verdict == "pass", str(right)
    wrong = oracle.check(oracle.from_network(Network(KERNEL, W2, forget=True)), X, LABELS)
    assert [(a.name, a.verdict) for a in wrong.arguments] == [("W1", "fail"), ("W2", "pass")]


def relu_in_place(dout, x):
    dout[x <= 0] = 0
    return dout


def scaled_in_place(dout, x):
    x *= 2
    return 2 * dout


def forward_in_place(x):
    x *= 2
    return x


def tanh_rule(x):
    y = np.tanh(x)
    return y, y


def spoils_residuals(y, dout):
    np.multiply(y, y, out=y)
    return dout * (1 - y)


BUFFER = np.zeros_like(X)
SEEN = []


def into_a_buffer(dout, x):
    np.multiply(dout, 2.0, out=BUFFER)
    return BUFFER


def into_a_view(dout, x):
    BUFFER[:] = 2 * dout
    return BUFFER[:]


def forward_into_a_buffer(x):
    return np.multiply(x, 2.0, out=BUFFER)


def of_the_latest_forward(x):
    SEEN.append(np.array(x))
    return x * x


FB = oracle.from_forward_backward
# A generator each for all calls: they differ, and the tests do not differ from run to run.
NOISE, FACTORS = np.random.default_rng(0), np.random.default_rng(1)

IMPURE = {
    "cotangent changed": (FB(lambda x: np.maximum(x, 0), relu_in_place), "changed_in_place (cotangent)"),
    "input changed by the backward": (FB(lambda x: 2 * x, scaled_in_place), "changed_in_place (argument)"),
    "input changed by the forward": (FB(forward_in_place, lambda ct, x: 2 * ct), "changed_in_place (argument)"),
    "residuals changed": (oracle.from_rule(tanh_rule, spoils_residuals), "changed_in_place (saved)"),
    "buffer reused": (FB(lambda x: 2 * x, into_a_buffer), "changed_in_place (buffer)"),
    "a view of a buffer reused": (FB(lambda x: 2 * x, into_a_view), "changed_in_place (buffer)"),
    "buffer of the forward reused": (FB(forward_into_a_buffer, lambda ct, x: 2 * ct), "changed_in_place (buffer)"),
    "latest forward used": (FB(of_the_latest_forward, lambda ct, x: 2 * SEEN[-1] * ct), "stale_state"),
    "random forward": (FB(lambda x: x + NOISE.normal(size=x.shape), lambda ct, x: ct),
                       "not_deterministic"),
    "random backward": (FB(lambda x: x, lambda ct, x: ct * FACTORS.normal(size=x.shape)),
                        "not_deterministic"),
}  # fmt: skip


@pytest.mark.parametrize("name", IMPURE)
def test_impurity_is_found_and_the_callers_array_stays(name):
    subject, cause = IMPURE[name]
    x = np.array(X)
    report = oracle.check(subject, x, strict=True)
    assert report.verdict != "pass"
    assert causes(report)[0] == cause, str(report)
    np.testing.assert_array_equal(x, X)


def test_the_cache_style_takes_the_cotangent_first():
    def forward(x, w, b):
        return x @ w + b, (x, w)

    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout, dout.sum(0)

    report = oracle.check(oracle.from_cache(forward, backward), X, KERNEL, BIAS)
    assert report.verdict == "pass", str(report)


def test_a_custom_vjp_of_jax_is_judged_in_float64():
    jax = pytest.importorskip("jax")

    @jax.custom_vjp
    def swish(x):
        return x / (1 + jax.numpy.exp(-x))

    def bwd(x, ct):
        s = 1 / (1 + jax.numpy.exp(-x))
        return (ct * s * (1 + x * (1 - s)),)

    swish.defvjp(lambda x: (swish(x), x), bwd)
    right = oracle.check(oracle.from_jax(swish), X)
    assert right.verdict == "pass", str(right)
    swish.defvjp(lambda x: (swish(x), x), lambda x, ct: (ct / (1 + jax.numpy.exp(-x)),))
    assert oracle.check(oracle.from_jax(swish), X).verdict == "fail"


def test_a_torch_function_is_judged_by_class_or_by_apply():
    torch = pytest.importorskip("torch")

    class Square(torch.autograd.Function):
        factor = 2.0

        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, *grads):
            (x,) = ctx.saved_tensors
            return Square.factor * x * grads[0]

    for function in (Square, Square.apply):
        report = oracle.check(oracle.from_torch(function), X)
        assert report.verdict == "pass", str(report)
        assert report.arguments[0].name == "x"
    Square.factor = 1.0
    assert oracle.check(oracle.from_torch(Square), X).verdict == "fail"
