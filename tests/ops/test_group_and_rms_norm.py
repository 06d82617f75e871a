"""RMS and group normalization: worked numbers, what they are at their ends, 16 bits, and PyTorch as a third witness."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import functional_nn
import reference
from reference.normalization import group_norm_bwd, group_norm_fwd, rms_norm_bwd, rms_norm_fwd

every_side = pytest.mark.parametrize("side", [functional_nn, reference], ids=["functional_nn", "reference"])


@every_side
def test_worked_numbers_of_rms_norm(side):
    """1, 5, 7: the squares 1, 25, 49 have the mean 25, the root of which is 5; a row of zeros stays one."""
    y = side.rms_norm(np.array([[1.0, 5.0, 7.0], [0.0, 0.0, 0.0]]), np.array([1.0, 2.0, 10.0]), epsilon=1e-12)
    np.testing.assert_allclose(y, [[0.2, 2.0, 14.0], [0.0, 0.0, 0.0]], rtol=1e-12)


def test_worked_gradient_of_rms_norm():
    """With epsilon 11, the root of 25 + 11 is 6: s = (1, 5, 7) / 6. Scale (6, 6, 6) and cotangent (1, 0, 0).

    g = (6, 0, 0), mean(g s) = 6 * 1/6 / 3 = 1/3: x_ct = (6 - 1/18, -5/18, -7/18) / 6; scale_ct = (1/6, 0, 0).
    """
    _, residuals = rms_norm_fwd(np.array([1.0, 5.0, 7.0]), np.full(3, 6.0), epsilon=11)
    x_ct, scale_ct = rms_norm_bwd(residuals, np.array([1.0, 0.0, 0.0]))
    np.testing.assert_allclose(x_ct, np.array([107, -5, -7]) / 108, rtol=1e-14)
    np.testing.assert_allclose(scale_ct, [1 / 6, 0, 0], rtol=1e-14)


@every_side
def test_worked_numbers_of_group_norm(side):
    """Channels 1, 3 and 10, 50: each pair lies at its mean less and plus its deviation, so that y is -1 and 1."""
    x = np.array([[1.0, 3.0, 10.0, 50.0]])
    y = side.group_norm(x, np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.0, 10.0, 0.0, 10.0]), groups=2, epsilon=1e-12)
    np.testing.assert_allclose(y, [[-1, 12, -3, 14]], rtol=1e-10)


def test_worked_gradient_of_group_norm():
    """A group of two channels at two positions: 1, 3 and 3, 1, with mean 2, variance 1; epsilon 3 makes r = 1/2.

    s = (-1, 1, 1, -1) / 2. Scale (2, 4), cotangent 1 at the first entry: g = (2, 0, 0, 0), mean(g) = 1/2,
    mean(g s) = -1/4: x_ct = (2 - 1/2 - 1/8, -1/2 + 1/8, -1/2 + 1/8, -1/2 - 1/8) / 2.
    """
    x = np.array([[[1.0, 3.0], [3.0, 1.0]]])
    _, residuals = group_norm_fwd(x, np.array([2.0, 4.0]), np.zeros(2), groups=1, epsilon=3)
    x_ct, scale_ct, bias_ct = group_norm_bwd(residuals, np.array([[[1.0, 0.0], [0.0, 0.0]]]))
    np.testing.assert_allclose(x_ct.ravel(), np.array([11, -3, -3, -5]) / 16, rtol=1e-14)
    np.testing.assert_allclose(scale_ct, [-1 / 2, 0], rtol=1e-14)
    np.testing.assert_array_equal(bias_ct, [1, 0])


@every_side
def test_stretching_the_input_changes_nothing_and_shifting_it_does(side):
    rng = np.random.default_rng(0)
    x, scale = rng.normal(size=(3, 7)), rng.normal(size=7)
    y = np.asarray(side.rms_norm(x, scale, epsilon=1e-12))
    np.testing.assert_allclose(side.rms_norm(5 * x, scale, epsilon=1e-12), y, rtol=1e-9)
    assert np.abs(side.rms_norm(x + 2, scale, epsilon=1e-12) - y).max() > 0.1


def test_the_gradient_of_rms_norm_is_orthogonal_to_stretching():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 7))
    _, residuals = rms_norm_fwd(x, rng.normal(size=7), epsilon=1e-12)
    x_ct, _ = rms_norm_bwd(residuals, rng.normal(size=(3, 7)))
    np.testing.assert_allclose((x_ct * x).sum(-1), 0, atol=1e-10)


@every_side
def test_of_centred_rows_rms_norm_is_layer_norm(side):
    rng = np.random.default_rng(0)
    x, scale = rng.normal(size=(3, 7)), rng.normal(size=7)
    x = x - x.mean(-1, keepdims=True)
    expected = side.layer_norm(x, scale, np.zeros(7), epsilon=1e-6)
    np.testing.assert_allclose(side.rms_norm(x, scale), expected, rtol=1e-12, atol=1e-14)


@every_side
def test_one_group_is_layer_norm_over_all_but_the_batch(side):
    rng = np.random.default_rng(0)
    x, scale = rng.normal(size=(3, 2, 7)), rng.normal(size=7)
    wide = np.broadcast_to(scale, (2, 7))
    expected = side.layer_norm(x, wide, 0 * wide, axis=(1, 2))
    np.testing.assert_allclose(side.group_norm(x, scale, 0 * scale, groups=1), expected, rtol=1e-12, atol=1e-14)


@every_side
def test_layouts_differ_by_their_axes_alone(side):
    rng = np.random.default_rng(0)
    x, scale, bias = rng.normal(size=(3, 5, 2, 6)), rng.normal(size=6), rng.normal(size=6)
    last = np.asarray(side.group_norm(x, scale, bias, groups=3))
    first = side.group_norm(np.moveaxis(x, -1, 1), scale, bias, groups=3, layout="channels_first")
    np.testing.assert_allclose(np.moveaxis(np.asarray(first), 1, -1), last, rtol=1e-12, atol=1e-14)


@every_side
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16], ids=lambda dtype: dtype.__name__)
def test_squares_of_16_bits_are_taken_in_32(side, dtype):
    """The square of 300 is beyond float16, and bfloat16 alone would stop adding at 256 ones."""
    y = side.rms_norm(np.full((1, 4099), 300, dtype), np.ones(4099, dtype))
    assert y.dtype == dtype
    np.testing.assert_array_equal(np.asarray(y, np.float64), 1)


def test_mixed_dtypes_promote_and_cotangents_keep_their_own():
    x, scale, bias = np.arange(8, dtype=np.float16).reshape(2, 4), np.ones(4, np.float32), np.zeros(4, np.float64)
    y, residuals = group_norm_fwd(x, scale, bias, groups=2)
    by_jax, pullback = jax.vjp(lambda *a: functional_nn.group_norm(*a, groups=2), *map(jnp.asarray, (x, scale, bias)))
    assert y.dtype == by_jax.dtype == np.float64
    for cotangents in (group_norm_bwd(residuals, y), pullback(by_jax)):
        assert [ct.dtype for ct in cotangents] == [np.float16, np.float32, np.float64]
    y, residuals = rms_norm_fwd(x, scale)
    by_jax, pullback = jax.vjp(functional_nn.rms_norm, jnp.asarray(x), jnp.asarray(scale))
    assert y.dtype == by_jax.dtype == np.float32
    for cotangents in (rms_norm_bwd(residuals, y), pullback(by_jax)):
        assert [ct.dtype for ct in cotangents] == [np.float16, np.float32]


def torch_agrees(torch_function, arrays, out, by_hand, cotangent):
    torch = pytest.importorskip("torch")
    tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
    expected = torch_function(torch.nn.functional, *tensors)
    expected.backward(torch.tensor(cotangent))
    np.testing.assert_allclose(out, expected.detach().numpy(), rtol=1e-12, atol=1e-13)
    for name, got, tensor in zip(("x", "scale", "bias"), by_hand, tensors, strict=False):
        np.testing.assert_allclose(got, tensor.grad.numpy(), rtol=1e-12, atol=1e-13, err_msg=name)


@pytest.mark.parametrize(("shape", "axis"), [((5, 7), -1), ((3, 4, 7), (1, 2))], ids=["last axis", "two axes"])
def test_pytorch_agrees_on_rms_norm(shape: tuple[int, ...], axis):
    rng = np.random.default_rng(0)
    features = shape[1:]
    x, scale, cotangent = rng.normal(size=shape), rng.normal(size=features), rng.normal(size=shape)
    y, residuals = rms_norm_fwd(x, scale, axis=axis)
    by_hand = rms_norm_bwd(residuals, cotangent)
    torch_agrees(lambda f, x, scale: f.rms_norm(x, features, scale, eps=1e-6), (x, scale), y, by_hand, cotangent)


@pytest.mark.parametrize(("groups", "space"), [(1, ()), (3, ()), (1, (7,)), (2, (7,)), (3, (2, 5)), (6, (2, 5))])
def test_pytorch_agrees_on_group_norm(groups: int, space: tuple[int, ...]):
    rng = np.random.default_rng(0)
    x, cotangent, scale, bias = *rng.normal(size=(2, 3, 6, *space)), *rng.normal(size=(2, 6))
    y, residuals = group_norm_fwd(x, scale, bias, groups=groups, layout="channels_first")
    by_hand = group_norm_bwd(residuals, cotangent)
    torch_agrees(lambda f, x, s, b: f.group_norm(x, groups, s, b), (x, scale, bias), y, by_hand, cotangent)


def test_pytorch_agrees_that_a_channel_a_group_is_instance_norm():
    rng = np.random.default_rng(0)
    x, cotangent, scale, bias = *rng.normal(size=(2, 3, 6, 7)), *rng.normal(size=(2, 6))
    y, residuals = group_norm_fwd(x, scale, bias, groups=6, layout="channels_first")
    by_hand = group_norm_bwd(residuals, cotangent)
    torch_agrees(lambda f, x, s, b: f.instance_norm(x, weight=s, bias=b), (x, scale, bias), y, by_hand, cotangent)
