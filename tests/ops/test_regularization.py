"""Dropout: worked numbers, what it keeps on average, and its masks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import functional_nn
from reference.regularization import dropout, dropout_bwd, dropout_fwd, dropout_mask

OPS = pytest.mark.parametrize("op", [functional_nn.dropout, dropout], ids=["functional_nn", "reference"])
MASKS = {
    "functional_nn": lambda seed, shape, rate: functional_nn.dropout_mask(jax.random.key(seed), shape, rate),
    "reference": dropout_mask,
}
every_maker = pytest.mark.parametrize("make", MASKS.values(), ids=MASKS)


@OPS
def test_worked_numbers(op):
    """Rate 0.2 keeps 0.8: 4 / 0.8 = 5, -2 / 0.8 = -2.5."""
    mask = np.array([True, False, True])
    np.testing.assert_allclose(op(np.array([4.0, 7.0, -2.0]), mask, rate=0.2), [5.0, 0.0, -2.5], rtol=1e-15)


def test_worked_gradient():
    """The same mask and factor on the way back: 0.4 / 0.8 = 0.5, nothing, -1.6 / 0.8 = -2; and none for the mask."""
    _, residuals = dropout_fwd(np.array([4.0, 7.0, -2.0]), np.array([True, False, True]), rate=0.2)
    x_ct, mask_ct = dropout_bwd(residuals, np.array([0.4, 3.0, -1.6]))
    np.testing.assert_allclose(x_ct, [0.5, 0.0, -2.0], rtol=1e-15)
    assert mask_ct is None


@OPS
def test_rate_0_with_a_full_mask_is_the_identity(op):
    x = np.array([1.5, -2.0, 0.0])
    np.testing.assert_array_equal(op(x, np.ones(3, bool), rate=0.0), x)


@OPS
def test_a_dropped_element_is_zero_whatever_it_was(op):
    x = np.array([np.nan, np.inf, 1.0])
    np.testing.assert_array_equal(op(x, np.array([False, False, True]), rate=0.5), [0.0, 0.0, 2.0])


def test_a_dropped_element_passes_no_gradient_whatever_it_was():
    x, mask, cotangent = np.array([np.nan, np.inf, 1.0]), np.array([False, False, True]), np.array([np.inf, 1.0, 1.0])
    _, pullback = jax.vjp(lambda x: functional_nn.dropout(x, jnp.asarray(mask), rate=0.5), x)
    by_jax = pullback(jnp.asarray(cotangent))[0]
    by_hand, _ = dropout_bwd(dropout_fwd(x, mask, rate=0.5)[1], cotangent)
    np.testing.assert_array_equal(by_jax, [0.0, 0.0, 2.0])
    np.testing.assert_array_equal(by_hand, [0.0, 0.0, 2.0])


@OPS
@every_maker
def test_the_mean_is_kept(op, make):
    """Each output is 1 / (1 - rate) with probability 1 - rate; the mean of 40,000 is off by sqrt(rate / keep / n)."""
    shape, rate = (200, 200), 0.3
    out = np.asarray(op(np.ones(shape), make(0, shape, rate), rate=rate))
    assert abs(out.mean() - 1) <= 4 * np.sqrt(0.3 / 0.7 / 40_000), out.mean()


@every_maker
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_a_mask_drops_the_share_it_is_told(make, rate: float):
    mask = np.asarray(make(1, (100, 100), rate))
    assert mask.dtype == np.bool_
    # Four standard deviations of the share of 10,000 elements.
    assert abs(1 - mask.mean() - rate) <= 4 * np.sqrt(rate * (1 - rate) / 10_000)


@every_maker
def test_the_same_seed_gives_the_same_mask(make):
    np.testing.assert_array_equal(make(3, (50,), 0.5), make(3, (50,), 0.5))
    assert not np.array_equal(make(3, (50,), 0.5), make(4, (50,), 0.5))
    assert np.all(make(3, (50,), 0.0)), "rate 0 drops nothing"
    assert make(0, (), 0.5).shape == ()
    assert make(0, [2, 0], 0.5).shape == (2, 0)


def test_a_generator_moves_on():
    rng = np.random.default_rng(0)
    first, second = dropout_mask(rng, (50,), 0.5), dropout_mask(rng, (50,), 0.5)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, dropout_mask(0, (50,), 0.5))


@every_maker
@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5, np.nan, "half", None])
def test_a_rate_out_of_range_makes_no_mask(make, rate):
    with pytest.raises(ValueError, match=r"^dropout_mask: rate must be a number, at least 0 and below 1; got rate="):
        make(0, (3,), rate)


def test_pytorch_agrees_on_its_own_mask():
    """PyTorch draws its mask itself; where its output is not 0, it kept the element."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    x = torch.linspace(1, 2, 60, dtype=torch.float64, requires_grad=True)
    out = torch.nn.functional.dropout(x, p=0.4, training=True)
    cotangent = np.linspace(-1, 3, 60)
    out.backward(torch.tensor(cotangent))
    mask = out.detach().numpy() != 0
    assert 0 < mask.sum() < 60
    by_hand, residuals = dropout_fwd(x.detach().numpy(), mask, rate=0.4)
    np.testing.assert_allclose(by_hand, out.detach().numpy(), rtol=1e-14)
    np.testing.assert_allclose(dropout_bwd(residuals, cotangent)[0], x.grad.numpy(), rtol=1e-14)
