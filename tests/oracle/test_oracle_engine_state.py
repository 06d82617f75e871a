"""Purity and the adapters: what functions change, remember or return in their own way."""

import numpy as np
import pytest
from test_oracle_engine_layers import BIAS, KERNEL, X, causes

from reference import oracle


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
