"""Linear maps: worked numbers, the part of the bias, rows that add up in 16 bits, and PyTorch as a third witness."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import functional_nn
from reference.linear import dense, dense_bwd, dense_fwd, embedding, embedding_bwd, embedding_fwd

# Saito, section 3.3.3: the product of a 1x2 input and a 2x3 matrix.
X = np.array([[1.0, 2.0], [3.0, 4.0]])
KERNEL = np.array([[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]])
BIAS = np.array([1.0, 2.0, 3.0])
OPS = pytest.mark.parametrize("op", [functional_nn.dense, dense], ids=["functional_nn", "reference"])
TABLE = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]])
EMBEDDINGS = pytest.mark.parametrize("op", [functional_nn.embedding, embedding], ids=["functional_nn", "reference"])
COTANGENT = np.array([[1.0, -1.0, 0.0], [2.0, 0.0, -3.0]])


@OPS
def test_worked_numbers(op):
    """Row 0: 1*1 + 2*2 = 5, 1*3 + 2*4 = 11, 1*5 + 2*6 = 17; row 1: 3 + 8 = 11, 9 + 16 = 25, 15 + 24 = 39."""
    np.testing.assert_array_equal(op(X, KERNEL), [[5, 11, 17], [11, 25, 39]])
    np.testing.assert_array_equal(op(X, KERNEL, BIAS), [[6, 13, 20], [12, 27, 42]])


def test_worked_gradients():
    """x_ct = cotangent kernel^T, kernel_ct = x^T cotangent, bias_ct = the column sums of cotangent.

    x_ct row 0: 1*1 - 1*3 + 0*5 = -2, 1*2 - 1*4 = -2; row 1: 2*1 - 3*5 = -13, 2*2 - 3*6 = -14.
    kernel_ct row 0: 1*1 + 3*2 = 7, 1*-1 = -1, 3*-3 = -9; row 1: 2*1 + 4*2 = 10, 2*-1 = -2, 4*-3 = -12.
    bias_ct: 1 + 2 = 3, -1, -3.
    """
    _, residuals = dense_fwd(X, KERNEL, BIAS)
    x_ct, kernel_ct, bias_ct = dense_bwd(residuals, COTANGENT)
    np.testing.assert_array_equal(x_ct, [[-2, -2], [-13, -14]])
    np.testing.assert_array_equal(kernel_ct, [[7, -1, -9], [10, -2, -12]])
    np.testing.assert_array_equal(bias_ct, [3, -1, -3])


@OPS
def test_the_bias_shifts_every_output_alike_whatever_the_input(op):
    """Seed row 15: a term added after the weights, independent of the input."""
    shift = op(X, KERNEL, BIAS) - op(X, KERNEL)
    np.testing.assert_array_equal(shift, np.broadcast_to(BIAS, (2, 3)))
    np.testing.assert_array_equal(op(np.zeros_like(X), KERNEL, BIAS), np.broadcast_to(BIAS, (2, 3)))


@OPS
def test_the_bias_moves_a_decision_boundary_without_turning_it(op):
    """Seed row 15: where w x + b = 0. With w = (3, 4) the line is at distance -b / |w| = -b / 5 from the origin.

    b = 0: through the origin. b = -10: 2 away, through 2 (3, 4) / 5 = (1.2, 1.6). Along (4, -3) nothing changes.
    """
    kernel = np.array([[3.0], [4.0]])
    on_the_line = np.array([[1.2, 1.6], [1.2 + 4, 1.6 - 3], [1.2 - 40, 1.6 + 30]])
    np.testing.assert_allclose(op(on_the_line, kernel, np.array([-10.0])), 0, atol=1e-12)
    np.testing.assert_allclose(op(on_the_line - on_the_line[:1], kernel, np.array([0.0])), 0, atol=1e-12)
    assert (
        op(np.zeros((1, 2)), kernel, np.array([-10.0]))[0, 0] < 0 < op(np.zeros((1, 2)), kernel, np.array([10.0]))[0, 0]
    )


@OPS
def test_a_scalar_bias_is_refused_not_broadcast(op):
    with pytest.raises(ValueError, match=r"dense: bias.shape must equal kernel.shape\[1:\]; got bias.shape=\(\)"):
        op(X, KERNEL, 3.0)


def test_mixed_dtypes_promote_and_cotangents_keep_their_own():
    arguments = (X.astype(np.float32), KERNEL, BIAS.astype(np.float16))
    out, residuals = dense_fwd(*arguments)
    by_jax, pullback = jax.vjp(functional_nn.dense, *map(jnp.asarray, arguments))
    assert out.dtype == by_jax.dtype == np.float64
    for cotangents in (dense_bwd(residuals, COTANGENT), pullback(jnp.asarray(COTANGENT))):
        assert [np.asarray(cotangent).dtype for cotangent in cotangents] == [np.float32, np.float64, np.float16]


@pytest.mark.parametrize("shape", [(3,), (5, 3), (2, 5, 3)], ids=["vector", "matrix", "sequence"])
def test_pytorch_agrees(shape: tuple[int, ...]):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x, kernel, bias = rng.normal(size=shape), rng.normal(size=(3, 7)), rng.normal(size=7)
    tensors = [torch.tensor(a, requires_grad=True) for a in (x, kernel.T.copy(), bias)]
    expected = torch.nn.functional.linear(*tensors)
    cotangent = rng.normal(size=expected.shape)
    expected.backward(torch.tensor(cotangent))
    out, residuals = dense_fwd(x, kernel, bias)
    np.testing.assert_allclose(out, expected.detach().numpy(), rtol=1e-12)
    x_grad, kernel_grad, bias_grad = (tensor.grad.numpy() for tensor in tensors)
    witness = (x_grad, kernel_grad.T, bias_grad)
    for name, by_hand, by_torch in zip(("x", "kernel", "bias"), dense_bwd(residuals, cotangent), witness, strict=True):
        np.testing.assert_allclose(np.asarray(by_hand), by_torch, rtol=1e-12, err_msg=name)


# --- Rows of a table -----------------------------------------------------------------------------------------------


@EMBEDDINGS
def test_worked_numbers_of_embedding(op):
    """Row 2 is (5, 6), row 0 is (1, 2); an index alone gives a row alone."""
    np.testing.assert_array_equal(op(np.array([[2, 0], [2, 3]]), TABLE), [[[5, 6], [1, 2]], [[5, 6], [7, 8]]])
    np.testing.assert_array_equal(op(3, TABLE), [7, 8])


def test_worked_gradient_of_embedding():
    """Row 2 was looked up first and last: 1 + 100 and 10 + 1000; row 0 once; rows 1 and 3 never."""
    _, residuals = embedding_fwd(np.array([2, 0, 2]), TABLE)
    indices_ct, table_ct = embedding_bwd(residuals, np.array([[1.0, 10.0], [2.0, 20.0], [100.0, 1000.0]]))
    assert indices_ct is None
    np.testing.assert_array_equal(table_ct, [[2, 20], [0, 0], [101, 1010], [0, 0]])


@EMBEDDINGS
def test_it_is_the_product_with_one_hot_rows(op):
    indices = np.array([3, 1, 1, 0, 3])
    np.testing.assert_array_equal(op(indices, TABLE), np.eye(4)[indices] @ TABLE)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16], ids=lambda dtype: dtype.__name__)
def test_a_row_of_16_bits_counts_all_of_its_places(dtype):
    """4,099 times 1 is 4,100 in float16 and 4,096 in bfloat16; added one by one they would stop at 2,048 and at 256."""
    indices, table, ones = np.zeros(4099, int), jnp.ones((2, 1), dtype), jnp.ones((4099, 1), dtype)
    _, residuals = embedding_fwd(indices, np.asarray(table))
    by_jax = jax.vjp(lambda table: functional_nn.embedding(jnp.asarray(indices), table), table)[1](ones)[0]
    for table_ct in (embedding_bwd(residuals, np.asarray(ones))[1], by_jax):
        assert table_ct.dtype == dtype
        np.testing.assert_array_equal(np.asarray(table_ct, np.float64), np.asarray(jnp.array([[4099], [0]], dtype)))


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.int64, np.uint8, np.uint64], ids=lambda d: d.__name__)
def test_traced_indices_outside_the_table_give_nan_and_no_gradient(dtype):
    """And never another row: of 64 bits, whose lower half alone would be a row, and of 8, which cannot say 300."""
    outside = {np.int8: [-1, -128], np.int32: [-1, 300], np.int64: [2**32 + 1, -1], np.uint8: [255, 200]}
    indices = np.array([2, *outside.get(dtype, [2**32 + 1, 2**64 - 1]), 2], dtype)
    rows, row_count = np.array([False, True, True, False]), 150 if dtype == np.uint8 else 300

    @jax.jit
    def value_and_gradient(indices, table):
        out, pullback = jax.vjp(lambda table: functional_nn.embedding(indices, table), table)
        return out, pullback(jnp.ones_like(out))[0]

    table = np.arange(1.0, row_count + 1)[:, None] * [1.0, 10.0]
    out, table_ct = value_and_gradient(indices, table)
    np.testing.assert_array_equal(np.isnan(out), np.stack([rows, rows], 1))
    np.testing.assert_array_equal(np.asarray(out)[~rows], table[[2, 2]])
    np.testing.assert_array_equal(table_ct, 2.0 * (np.arange(row_count) == 2)[:, None] * [1, 1])


def test_indices_that_a_jitted_function_closes_over_are_refused():
    indices = jnp.array([0, -1])
    with pytest.raises(ValueError, match="embedding: indices must be at least 0"):
        jax.jit(lambda table: functional_nn.embedding(indices, table))(TABLE)


def test_pytorch_agrees_on_embedding():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    indices, table, cotangent = rng.integers(0, 5, (3, 7)), rng.normal(size=(5, 2)), rng.normal(size=(3, 7, 2))
    weight = torch.tensor(table, requires_grad=True)
    expected = torch.nn.functional.embedding(torch.tensor(indices), weight)
    expected.backward(torch.tensor(cotangent))
    out, residuals = embedding_fwd(indices, table)
    np.testing.assert_array_equal(out, expected.detach().numpy())
    np.testing.assert_allclose(embedding_bwd(residuals, cotangent)[1], weight.grad.numpy(), rtol=1e-12, atol=1e-15)
