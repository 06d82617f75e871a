"""Gated units: worked numbers, the kink, whose slope belongs to whom, and PyTorch as a third witness."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import functional_nn
import reference
from reference.gating import ACTIVATIONS, glu_bwd, glu_fwd

every_side = pytest.mark.parametrize("side", [functional_nn, reference], ids=["functional_nn", "reference"])


@every_side
@pytest.mark.parametrize(
    ("activation", "weight"),
    [("sigmoid", 3 / 4), ("silu", np.log(3) * 3 / 4), ("relu", np.log(3)), ("identity", np.log(3))],
)
def test_worked_numbers(side, activation: str, weight: float):
    """The gate log 3 has the sigmoid 3 / (1 + 3); the gate 0 has the sigmoid 1 / 2, and the others are 0 there."""
    closed = 1 / 2 if activation == "sigmoid" else 0
    y = side.glu(np.array([2.0, -8.0]), np.array([np.log(3), 0.0]), activation=activation)
    np.testing.assert_allclose(y, [2 * weight, -8 * closed], rtol=1e-15)


def test_worked_gradient_of_sigmoid():
    """At x = 2, gate = log 3 and cotangent 10: x_ct = 10 * 3/4; gate_ct = 10 * 2 * 3/4 * 1/4 = 3.75."""
    _, residuals = glu_fwd(np.array(2.0), np.log(3))
    np.testing.assert_allclose(glu_bwd(residuals, np.array(10.0)), [7.5, 3.75], rtol=1e-15)


def test_worked_gradient_of_the_bilinear_unit():
    """A product: each factor's cotangent is the other, times what comes in."""
    _, residuals = glu_fwd(np.array([2.0, 3.0]), np.array([5.0, 7.0]), activation="identity")
    x_ct, gate_ct = glu_bwd(residuals, np.array([1.0, -10.0]))
    np.testing.assert_array_equal(x_ct, [5, -70])
    np.testing.assert_array_equal(gate_ct, [2, -30])


def test_at_the_kink_of_relu_the_gate_has_no_gradient():
    x, gate, ones = np.array([3.0, 3.0, 3.0]), np.array([0.0, -0.0, 1e-30]), np.ones(3)
    _, residuals = glu_fwd(x, gate, activation="relu")
    _, pullback = jax.vjp(lambda *a: functional_nn.glu(*a, activation="relu"), jnp.asarray(x), jnp.asarray(gate))
    for _, gate_ct in (glu_bwd(residuals, ones), pullback(jnp.asarray(ones))):
        np.testing.assert_array_equal(gate_ct, [0, 0, 3])


@every_side
@pytest.mark.parametrize("activation", ["sigmoid", "silu", "gelu", "relu"])
def test_it_is_x_times_the_op_of_that_name(side, activation: str):
    rng = np.random.default_rng(0)
    x, gate = rng.normal(size=7), rng.normal(size=7)
    weight = np.asarray(getattr(side, activation)(gate))
    np.testing.assert_allclose(side.glu(x, gate, activation=activation), x * weight, rtol=1e-15)


def test_mixed_dtypes_promote_and_cotangents_keep_their_own():
    x, gate = np.ones(3, np.float16), np.arange(3, dtype=np.float32)
    out, residuals = glu_fwd(x, gate, activation="gelu")
    by_jax, pullback = jax.vjp(lambda *a: functional_nn.glu(*a, activation="gelu"), jnp.asarray(x), jnp.asarray(gate))
    assert out.dtype == by_jax.dtype == np.float32
    for cotangents in (glu_bwd(residuals, out), pullback(by_jax)):
        assert [ct.dtype for ct in cotangents] == [np.float16, np.float32]


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_pytorch_agrees(activation: str):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x, gate, cotangent = (rng.normal(size=(3, 7)) for _ in range(3))
    tensors = [torch.tensor(a, requires_grad=True) for a in (x, gate)]
    named = {"sigmoid": torch.sigmoid, "silu": torch.nn.functional.silu, "gelu": torch.nn.functional.gelu}
    named |= {"relu": torch.relu, "identity": lambda gate: gate}
    expected = tensors[0] * named[activation](tensors[1])
    expected.backward(torch.tensor(cotangent))
    out, residuals = glu_fwd(x, gate, activation=activation)
    np.testing.assert_allclose(out, expected.detach().numpy(), rtol=1e-12, atol=1e-15)
    for by_hand, tensor in zip(glu_bwd(residuals, cotangent), tensors, strict=True):
        np.testing.assert_allclose(by_hand, tensor.grad.numpy(), rtol=1e-12, atol=1e-15)


def test_pytorch_s_own_unit_takes_both_halves_in_one():
    """torch.nn.functional.glu splits one array: its first half is x, its second the gate."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x, gate = rng.normal(size=(2, 3, 5))
    both = torch.nn.functional.glu(torch.tensor(np.concatenate([x, gate], -1)))
    np.testing.assert_allclose(reference.glu(x, gate), both.numpy(), rtol=1e-14)
