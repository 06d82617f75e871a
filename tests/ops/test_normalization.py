"""Normalization: worked numbers, cotangents of all three outputs, no cancellation, and PyTorch as a third witness."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import functional_nn
import reference
from reference.normalization import (
    batch_norm_bwd,
    batch_norm_fwd,
    batch_norm_inference_bwd,
    batch_norm_inference_fwd,
    layer_norm_bwd,
    layer_norm_fwd,
)

every_side = pytest.mark.parametrize("side", [functional_nn, reference], ids=["functional_nn", "reference"])


@every_side
def test_worked_numbers_of_batch_norm(side):
    """One channel 1, 3, 5: mean 3; squares of -2, 0, 2 are 4, 0, 4, so the biased variance is 8/3 (unbiased: 4).

    With epsilon 4/3 the root is sqrt(8/3 + 4/3) = 2: (-2, 0, 2) / 2 = (-1, 0, 1); times 10, plus 5: (-5, 5, 15).
    """
    y, mean, variance = side.batch_norm(
        np.array([[1.0], [3.0], [5.0]]), np.array([10.0]), np.array([5.0]), epsilon=4 / 3
    )
    np.testing.assert_allclose(y, [[-5.0], [5.0], [15.0]], rtol=1e-14)
    np.testing.assert_allclose(mean, [3.0], rtol=1e-15)
    np.testing.assert_allclose(variance, [8 / 3], rtol=1e-15)


def test_worked_gradient_of_batch_norm():
    """The channel above, with standard s = (-1, 0, 1), root 2, scale 10 and cotangent (1, 0, 0) of y.

    bias_ct = 1; scale_ct = 1 * -1 = -1; standard_ct = (10, 0, 0).
    Less what goes through the root, s * mean(standard_ct * s) = s * -10/3 = (10/3, 0, -10/3):
    (10 - 10/3, 0, 10/3) / 2 = (10/3, 0, 5/3); less its mean, 5/3: (5/3, -5/3, 0).
    A cotangent 6 of the mean adds 6 / 3 = 2 to each; one of 3 to the variance adds 3 * 2 (x - mean) / 3 = (-4, 0, 4).
    """
    _, residuals = batch_norm_fwd(np.array([[1.0], [3.0], [5.0]]), np.array([10.0]), np.array([5.0]), epsilon=4 / 3)
    y_ct, none = np.array([[1.0], [0.0], [0.0]]), np.zeros(1)
    x_ct, scale_ct, bias_ct = batch_norm_bwd(residuals, (y_ct, none, none))
    np.testing.assert_allclose(x_ct.ravel(), [5 / 3, -5 / 3, 0], atol=1e-14)
    np.testing.assert_allclose(scale_ct, [-1.0], rtol=1e-14)
    np.testing.assert_allclose(bias_ct, [1.0], rtol=1e-14)
    x_ct, _, _ = batch_norm_bwd(residuals, (0 * y_ct, np.array([6.0]), none))
    np.testing.assert_allclose(x_ct.ravel(), [2, 2, 2], rtol=1e-14)
    x_ct, _, _ = batch_norm_bwd(residuals, (0 * y_ct, none, np.array([3.0])))
    np.testing.assert_allclose(x_ct.ravel(), [-4, 0, 4], atol=1e-14)
    x_ct, _, _ = batch_norm_bwd(residuals, (y_ct, np.array([6.0]), np.array([3.0])))
    np.testing.assert_allclose(x_ct.ravel(), [5 / 3 + 2 - 4, -5 / 3 + 2, 2 + 4], atol=1e-14)


@every_side
def test_worked_numbers_of_layer_norm(side):
    """Rows (1, 3, 5) and (7, 7, 7): the first as above, the second constant, so y is the bias."""
    y = side.layer_norm(
        np.array([[1.0, 3.0, 5.0], [7.0, 7.0, 7.0]]),
        np.array([1.0, 2.0, 3.0]),
        np.array([0.0, 5.0, 1.0]),
        epsilon=4 / 3,
    )
    np.testing.assert_allclose(y, [[-1.0, 5.0, 4.0], [0.0, 5.0, 1.0]], atol=1e-14)


@every_side
def test_worked_numbers_of_batch_norm_inference(side):
    """(9 - 3) / sqrt(3 + 1) * 10 + 5 = 35."""
    y = side.batch_norm_inference(
        np.array([[9.0]]), np.array([10.0]), np.array([5.0]), np.array([3.0]), np.array([3.0]), epsilon=1.0
    )
    np.testing.assert_allclose(y, [[35.0]], rtol=1e-15)


def test_worked_gradient_of_batch_norm_inference():
    """The same with cotangent 2: x 2 * 10 / 2 = 10, scale 2 * 6 / 2 = 6, bias 2, mean -10.

    variance: -cotangent (x - mean) scale / (2 * root^3) = -2 * 6 * 10 / (2 * 8) = -7.5.
    """
    _, residuals = batch_norm_inference_fwd(
        np.array([[9.0]]), np.array([10.0]), np.array([5.0]), np.array([3.0]), np.array([3.0]), epsilon=1.0
    )
    cotangents = batch_norm_inference_bwd(residuals, np.array([[2.0]]))
    np.testing.assert_allclose(np.concatenate([np.ravel(ct) for ct in cotangents]), [10, 6, 2, -10, -7.5], rtol=1e-15)


@every_side
def test_inference_with_the_batch_s_own_statistics_is_batch_norm(side):
    rng = np.random.default_rng(0)
    x, scale, bias = rng.normal(size=(5, 3)), rng.normal(size=3), rng.normal(size=3)
    y, mean, variance = side.batch_norm(x, scale, bias)
    np.testing.assert_allclose(side.batch_norm_inference(x, scale, bias, mean, variance), y, rtol=1e-12)


@every_side
def test_outputs_have_mean_bias_and_deviation_scale(side):
    rng = np.random.default_rng(0)
    x = rng.normal(loc=3, scale=5, size=(200, 3))
    scale, bias = np.array([1.0, -2.0, 0.5]), np.array([0.0, 1.0, -4.0])
    y, _, _ = side.batch_norm(x, scale, bias, epsilon=1e-12)
    np.testing.assert_allclose(np.mean(y, axis=0), bias, atol=1e-12)
    np.testing.assert_allclose(np.std(y, axis=0), np.abs(scale), rtol=1e-12)


@every_side
def test_shifting_and_stretching_the_input_changes_nothing(side):
    """What normalization is for: it takes out the mean and the scale of what comes in."""
    rng = np.random.default_rng(0)
    x, scale, bias = rng.normal(size=(7, 3)), rng.normal(size=3), rng.normal(size=3)
    y, _, _ = side.batch_norm(x, scale, bias, epsilon=1e-12)
    moved, _, _ = side.batch_norm(5 * x + 2, scale, bias, epsilon=1e-12)
    np.testing.assert_allclose(moved, y, rtol=1e-9)


@every_side
@pytest.mark.parametrize("axis", [(1, 3), (3, 1), (-1, -3)], ids=str)
def test_parameters_stand_in_the_order_of_x_however_axis_lists_them(side, axis):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 2, 4, 5))
    scale, bias = rng.normal(size=(2, 5)), rng.normal(size=(2, 5))
    y, mean, variance = side.batch_norm(x, scale, bias, axis=axis)
    np.testing.assert_allclose(mean, x.mean(axis=(0, 2)), rtol=1e-12)
    np.testing.assert_allclose(variance, x.var(axis=(0, 2)), rtol=1e-12)
    standard = (x - x.mean((0, 2), keepdims=True)) / np.sqrt(x.var((0, 2), keepdims=True) + 1e-5)
    np.testing.assert_allclose(y, standard * scale[:, None, :] + bias[:, None, :], rtol=1e-9)


# --- Large means, constant rows -----------------------------------------------------------------------------------


@every_side
@pytest.mark.parametrize("mean", [1e4, -1e6])
@pytest.mark.parametrize("name", ["batch_norm", "layer_norm"])
def test_a_large_mean_costs_no_digits_in_float32(side, mean: float, name: str):
    """Against float64 on the very same float32 values; a difference of squares would lose all digits at 1e4.

    Taking off the rounded mean alone would leave up to half of its last place: 5e-4 at 1e4, where the deviation is 1.
    """
    rng = np.random.default_rng(0)
    x = (mean + rng.normal(scale=max(1.0, abs(mean) / 1e5), size=(3, 101))).astype(np.float32)
    x = x.T if name == "batch_norm" else x
    ones = np.ones(x.shape[1], np.float32)
    wide = x.astype(np.float64)
    axis = 0 if name == "batch_norm" else 1
    deviation = wide - wide.mean(axis, keepdims=True)
    expected = deviation / np.sqrt(np.mean(deviation**2, axis, keepdims=True) + 1e-5)
    got = getattr(side, name)(x, ones, 0 * ones)
    error = float(np.abs(np.asarray(got[0] if name == "batch_norm" else got) - expected).max())
    assert error <= 2e-6, f"y is off by {error:.1e}"


@pytest.mark.slow
@every_side
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("value", [0.0, 3.3, 1e4, -1e6])
def test_constant_rows_are_finite_in_value_and_gradient(side, dtype, value: float):
    x = np.full((3, 7), value, dtype)
    scale, bias = np.arange(1, 8, dtype=dtype), np.arange(7, dtype=dtype)
    y = side.layer_norm(x, scale, bias)
    np.testing.assert_allclose(y, np.broadcast_to(bias, (3, 7)), atol=1e-6)
    cotangent = np.random.default_rng(0).normal(size=(3, 7)).astype(dtype)
    if side is reference:
        cotangents = layer_norm_bwd(layer_norm_fwd(x, scale, bias)[1], cotangent)
    else:
        cotangents = jax.vjp(functional_nn.layer_norm, *map(jnp.asarray, (x, scale, bias)))[1](jnp.asarray(cotangent))
    for name, leaf in zip(("x", "scale", "bias"), cotangents, strict=True):
        assert np.isfinite(np.asarray(leaf)).all(), f"cotangent of {name}: {leaf}"
    # The slope of a constant row is 1 / sqrt(epsilon) times the centred cotangent.
    weighted = cotangent * scale
    expected = (weighted - weighted.mean(1, keepdims=True)) / np.sqrt(1e-5)
    np.testing.assert_allclose(cotangents[0], expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


@every_side
def test_the_variance_is_never_negative(side):
    x = np.full((5, 3), [0.1, 1e8, -3e-8])
    _, _, variance = side.batch_norm(x, np.ones(3), np.zeros(3))
    assert np.all(np.asarray(variance) >= 0)
    np.testing.assert_allclose(variance, 0, atol=1e-12)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16], ids=lambda dtype: dtype.__name__)
def test_16_bit_statistics_are_taken_in_32_bits(dtype):
    """4,099 ones: bfloat16 alone would stop counting at 256; and squares of 300 are beyond float16."""
    x = jnp.ones((4099, 1), dtype) * 300
    _, mean, variance = functional_nn.batch_norm(x, jnp.ones(1, dtype), jnp.zeros(1, dtype))
    assert mean.dtype == dtype
    assert float(mean[0]) == 300
    assert float(variance[0]) == 0


# --- What the backward has to satisfy -----------------------------------------------------------------------------


def test_the_gradient_is_orthogonal_to_shift_and_stretch():
    """y does not change when x is shifted or (but for epsilon) stretched, so the gradient has no part along either."""
    rng = np.random.default_rng(0)
    x, scale = rng.normal(size=(7, 3)), rng.normal(size=3)
    _, residuals = batch_norm_fwd(x, scale, np.zeros(3), epsilon=1e-12)
    x_ct, _, _ = batch_norm_bwd(residuals, (rng.normal(size=(7, 3)), np.zeros(3), np.zeros(3)))
    np.testing.assert_allclose(x_ct.sum(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose((x_ct * (x - x.mean(axis=0))).sum(axis=0), 0, atol=1e-10)


def test_cotangents_of_mean_and_variance_are_honoured_as_by_jax():
    """A loss that uses only the statistics: a backward that reads y's cotangent alone returns 0 here."""
    rng = np.random.default_rng(0)
    x, scale, bias = rng.normal(size=(5, 2, 3)), rng.normal(size=3), rng.normal(size=3)
    cotangent = (np.zeros((5, 2, 3)), rng.normal(size=3), rng.normal(size=3))
    by_hand = batch_norm_bwd(batch_norm_fwd(x, scale, bias)[1], cotangent)
    by_jax = jax.vjp(functional_nn.batch_norm, *map(jnp.asarray, (x, scale, bias)))[1](
        tuple(map(jnp.asarray, cotangent))
    )
    assert np.abs(by_hand[0]).max() > 0.01
    for name, got, expected in zip(("x", "scale", "bias"), by_hand, by_jax, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-14, err_msg=name)


def test_mixed_dtypes_promote_and_cotangents_keep_their_own():
    """Common in mixed precision: 16-bit activations, 32-bit parameters."""
    x, scale, bias = np.ones((4, 3), np.float16) * np.arange(3), np.ones(3, np.float32), np.zeros(3, np.float64)
    x = x.astype(np.float16)
    out, residuals = batch_norm_fwd(x, scale, bias)
    by_jax, pullback = jax.vjp(functional_nn.batch_norm, *map(jnp.asarray, (x, scale, bias)))
    assert [leaf.dtype for leaf in out] == [leaf.dtype for leaf in by_jax] == [np.float64] * 3
    by_hand = batch_norm_bwd(residuals, out)
    assert [ct.dtype for ct in by_hand] == [ct.dtype for ct in pullback(by_jax)] == [np.float16, np.float32, np.float64]


# --- PyTorch ------------------------------------------------------------------------------------------------------


def compare_with_torch(torch_function, arrays, out, cotangents_by_hand, cotangent, to_torch=lambda a: a):
    torch = pytest.importorskip("torch")
    tensors = [torch.tensor(to_torch(a) if i == 0 else a, requires_grad=True) for i, a in enumerate(arrays)]
    expected = torch_function(torch, *tensors)
    expected.backward(torch.tensor(to_torch(cotangent)))
    np.testing.assert_allclose(to_torch(out), expected.detach().numpy(), rtol=1e-10, atol=1e-12)
    for i, (tensor, by_hand) in enumerate(zip(tensors, cotangents_by_hand, strict=True)):
        got = to_torch(by_hand) if i == 0 else by_hand
        np.testing.assert_allclose(got, tensor.grad.numpy(), rtol=1e-9, atol=1e-11, err_msg=f"argument {i}")


@pytest.mark.parametrize("shape", [(5, 3), (4, 2, 7, 3)], ids=["matrix", "images"])
def test_pytorch_agrees_on_batch_norm(shape: tuple[int, ...]):
    rng = np.random.default_rng(0)
    x, scale, bias, cotangent = rng.normal(size=shape), rng.normal(size=3), rng.normal(size=3), rng.normal(size=shape)
    (y, mean, variance), residuals = batch_norm_fwd(x, scale, bias)
    by_hand = batch_norm_bwd(residuals, (cotangent, 0 * mean, 0 * variance))
    compare_with_torch(
        lambda torch, x, scale, bias: torch.nn.functional.batch_norm(x, None, None, scale, bias, training=True),
        (x, scale, bias),
        y,
        by_hand,
        cotangent,
        to_torch=lambda a: np.ascontiguousarray(np.moveaxis(a, -1, 1)),
    )


def test_pytorch_agrees_on_batch_norm_inference():
    rng = np.random.default_rng(0)
    x, scale, bias, mean = rng.normal(size=(5, 3)), rng.normal(size=3), rng.normal(size=3), rng.normal(size=3)
    variance, cotangent = rng.uniform(0.5, 2, size=3), rng.normal(size=(5, 3))
    y, residuals = batch_norm_inference_fwd(x, scale, bias, mean, variance)
    by_hand = batch_norm_inference_bwd(residuals, cotangent)
    # PyTorch has no gradient to the running statistics, so those two are left to JAX and to central differences.
    compare_with_torch(
        lambda torch, x, scale, bias: torch.nn.functional.batch_norm(
            x, torch.tensor(mean), torch.tensor(variance), scale, bias, training=False
        ),
        (x, scale, bias),
        y,
        by_hand[:3],
        cotangent,
    )


@pytest.mark.parametrize(("shape", "axis"), [((5, 7), -1), ((3, 4, 7), (1, 2))], ids=["last axis", "two axes"])
def test_pytorch_agrees_on_layer_norm(shape: tuple[int, ...], axis):
    rng = np.random.default_rng(0)
    features = shape[1:]
    x, cotangent = rng.normal(size=shape), rng.normal(size=shape)
    scale, bias = rng.normal(size=features), rng.normal(size=features)
    y, residuals = layer_norm_fwd(x, scale, bias, axis=axis)
    compare_with_torch(
        lambda torch, x, scale, bias: torch.nn.functional.layer_norm(x, features, scale, bias),
        (x, scale, bias),
        y,
        layer_norm_bwd(residuals, cotangent),
        cotangent,
    )
