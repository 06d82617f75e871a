"""A program that `jax.export` writes for batches of any size, whatever libraries compute it where the size is known."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import functional_nn

ONES: Any = jnp.ones(64, jnp.float32)
MATRIX: Any = jnp.ones((64, 64), jnp.float32)
# Of x (batch, 64).
PROGRAMS = {
    "dense": lambda x: functional_nn.dense(x, MATRIX, ONES),
    "dense in bfloat16": lambda x: functional_nn.dense(x.astype(jnp.bfloat16), MATRIX.astype(jnp.bfloat16)),
    "softmax": functional_nn.softmax,
    "log_softmax": functional_nn.log_softmax,
    "softmax_cross_entropy": lambda x: functional_nn.softmax_cross_entropy(x, jnp.zeros(x.shape[0], int)),
    "sigmoid": functional_nn.sigmoid,
    "silu": functional_nn.silu,
    "glu": lambda x: functional_nn.glu(x, x),
    "batch_norm": lambda x: functional_nn.batch_norm(x, ONES, ONES)[0],
    "layer_norm": lambda x: functional_nn.layer_norm(x, ONES, ONES),
    "rms_norm": lambda x: functional_nn.rms_norm(x, ONES),
    "max_pool": lambda x: functional_nn.max_pool(x.reshape(x.shape[0], 2, 2, 16), window=(2, 2), strides=1),
    "attention": lambda x: functional_nn.attention(*[x.reshape(x.shape[0], 4, 4, 4)] * 3),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_an_exported_program_takes_batches_of_any_size(name: str):
    (batch,) = jax.export.symbolic_shape("batch")
    exported = jax.export.export(jax.jit(PROGRAMS[name]))(jax.ShapeDtypeStruct((batch, 64), jnp.float32))
    for size in (1, 3, 200):
        x = jnp.asarray(np.random.default_rng(size).normal(size=(size, 64)), jnp.float32)
        got, expected = (np.asarray(out, np.float64) for out in (exported.call(x), PROGRAMS[name](x)))
        np.testing.assert_allclose(got, expected, rtol=1e-2 if "bfloat16" in name else 1e-4, atol=1e-4)
