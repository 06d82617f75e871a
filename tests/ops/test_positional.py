"""Rotary positions: worked numbers, lengths and distances, large positions, and PyTorch as a third witness."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import functional_nn
import reference
from reference.positional import rotary_embedding_bwd, rotary_embedding_fwd

every_side = pytest.mark.parametrize("side", [functional_nn, reference], ids=["functional_nn", "reference"])


def one_head(*rows):
    return np.array(rows, float)[:, None, :]


@every_side
def test_worked_numbers_of_one_pair(side):
    """A pair has the frequency base^0 = 1: at position 1 it turns by 1 radian, at position 0 not at all."""
    y = side.rotary_embedding(one_head([3, 4], [3, 4]))
    turned = [3 * np.cos(1) - 4 * np.sin(1), 3 * np.sin(1) + 4 * np.cos(1)]
    np.testing.assert_allclose(y, one_head([3, 4], turned), rtol=1e-15)


@every_side
def test_worked_numbers_of_two_pairs(side):
    """head_dim 4 and base 100: frequencies 1 and 100^(-2/4) = 1/10; at position 10 the angles are 10 and 1.

    In halves the pairs are (1, 3) and (2, 4) of the features 1, 2, 3, 4; neighbours are (1, 2) and (3, 4).
    """

    def turn(a, b, angle):
        return a * np.cos(angle) - b * np.sin(angle), a * np.sin(angle) + b * np.cos(angle)

    (a, c), (b, d) = turn(1, 3, 10), turn(2, 4, 1)
    y = side.rotary_embedding(one_head([1, 2, 3, 4]), np.array([10]), base=100)
    np.testing.assert_allclose(y, one_head([a, b, c, d]), rtol=1e-14)
    (a, b), (c, d) = turn(1, 2, 10), turn(3, 4, 1)
    y = side.rotary_embedding(one_head([1, 2, 3, 4]), np.array([10]), base=100, interleaved=True)
    np.testing.assert_allclose(y, one_head([a, b, c, d]), rtol=1e-14)


def test_worked_gradient():
    """Position 1, cotangent (1, 0): turned back by 1 radian, (cos 1, -sin 1)."""
    _, residuals = rotary_embedding_fwd(one_head([3, 4], [3, 4]))
    x_ct, positions_ct = rotary_embedding_bwd(residuals, one_head([1, 0], [1, 0]))
    np.testing.assert_allclose(x_ct, one_head([1, 0], [np.cos(1), -np.sin(1)]), rtol=1e-15)
    assert positions_ct is None


@pytest.mark.parametrize("interleaved", [False, True])
def test_lengths_are_kept_and_the_backward_is_the_inverse(interleaved: bool):
    x = np.random.default_rng(0).normal(size=(3, 7, 2, 10))
    y, residuals = rotary_embedding_fwd(x, np.arange(7) * 1000, interleaved=interleaved)
    np.testing.assert_allclose(np.linalg.norm(y, axis=-1), np.linalg.norm(x, axis=-1), rtol=1e-14)
    np.testing.assert_allclose(rotary_embedding_bwd(residuals, y)[0], x, atol=1e-14)


@every_side
def test_scores_depend_on_the_distance_of_positions_alone(side):
    """What the op is for: query and key moved by the same number of positions have the same inner product."""
    rng = np.random.default_rng(0)
    query, key = (np.broadcast_to(rng.normal(size=(1, 1, 8)), (5, 1, 8)) for _ in range(2))
    scores = [
        np.sum(np.asarray(side.rotary_embedding(query, start + 3)) * side.rotary_embedding(key, start), (-1, -2))
        for start in (np.arange(5), np.arange(5) + 500)
    ]
    np.testing.assert_allclose(scores, np.full((2, 5), scores[0][0]), rtol=1e-11)


@every_side
def test_both_orders_of_features_are_the_same_op(side):
    """Halves put in turn become neighbours: only the order of the features differs."""
    x = np.random.default_rng(0).normal(size=(3, 2, 6))
    in_turn = np.array([0, 3, 1, 4, 2, 5])
    halves = np.asarray(side.rotary_embedding(x))
    np.testing.assert_allclose(
        side.rotary_embedding(x[..., in_turn], interleaved=True), halves[..., in_turn], atol=1e-15
    )


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float16], ids=lambda dtype: dtype.__name__)
@pytest.mark.parametrize("end", [1_000, 1_000_000])
def test_large_positions_cost_no_digits(dtype, end: int):
    """Against float64, where the angle is right to 2e-10; an angle that is a product in float32 is off by 0.06."""
    positions = np.arange(end - 64, end)
    x = np.random.default_rng(0).normal(size=(64, 1, 32)).astype(dtype)
    expected = reference.rotary_embedding(x.astype(np.float64), positions)
    got = np.asarray(functional_nn.rotary_embedding(jnp.asarray(x), jnp.asarray(positions)), np.float64)
    bound = 4e-7 if dtype == jnp.float32 else float(jnp.finfo(dtype).eps) / 2
    assert np.abs(got - expected).max() <= bound * 4  # the largest entries are below 4


def test_traced_positions_out_of_range_give_nan():
    x = np.ones((4, 1, 2), np.float32)
    for positions in ([0, -1, 2, -(2**31)], [0, 2**31, 2, 2**40], np.array([0, 2**31, 2, 2**64 - 1], np.uint64)):
        y = jax.jit(functional_nn.rotary_embedding)(x, np.asarray(positions))
        np.testing.assert_array_equal(np.isnan(y[:, 0, 0]), [False, True, False, True])
        np.testing.assert_allclose(y[2, 0], [np.cos(2) - np.sin(2), np.cos(2) + np.sin(2)], rtol=1e-6)


@pytest.mark.parametrize("interleaved", [False, True])
def test_pytorch_agrees(interleaved: bool):
    """Written with complex numbers, as RoFormer and LLaMA have it: a pair is a number, multiplied by exp(i angle)."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x, cotangent, positions = *rng.normal(size=(2, 3, 7, 2, 10)), rng.integers(0, 100, size=(3, 7))
    tensor = torch.tensor(x, requires_grad=True)
    pairs = tensor.unflatten(-1, (5, 2)) if interleaved else tensor.unflatten(-1, (2, 5)).transpose(-1, -2)
    angle = torch.tensor(positions)[..., None] * 10000.0 ** (-torch.arange(5, dtype=torch.float64) / 5)
    turned = torch.view_as_complex(pairs.contiguous()) * torch.polar(torch.ones_like(angle), angle)[..., None, :]
    expected = torch.view_as_real(turned)
    expected = (expected if interleaved else expected.transpose(-1, -2)).flatten(-2)
    expected.backward(torch.tensor(cotangent))
    y, residuals = rotary_embedding_fwd(x, positions, interleaved=interleaved)
    np.testing.assert_allclose(y, expected.detach().numpy(), rtol=1e-12, atol=1e-13)
    x_ct, _ = rotary_embedding_bwd(residuals, cotangent)
    np.testing.assert_allclose(x_ct, tensor.grad.numpy(), rtol=1e-12, atol=1e-13)
