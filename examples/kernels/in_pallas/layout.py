"""What every launch needs: a grid over blocks of rows, and sums that each block leaves for itself."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl

INTERPRET = jax.default_backend() == "cpu"
ROWS = 8


def wide_dtype(dtype: jnp.dtype) -> jnp.dtype:
    """What is computed in: float32, or float64 where that comes in, so that it can be judged to the last digit."""
    return jnp.promote_types(dtype, jnp.float32)


def wide(x: jax.Array) -> jax.Array:
    """Values in the dtype that is computed in."""
    return x.astype(wide_dtype(x.dtype))


def rows_of(x: jax.Array) -> jax.Array:
    """An array of any rank as rows of its last axis."""
    return x.reshape(-1, x.shape[-1])


def inside(count: int) -> jax.Array:
    """Which rows of this program's block there are, as a column; what lies beyond the last row may hold anything."""
    return pl.program_id(0) * ROWS + jax.lax.broadcasted_iota(jnp.int32, (ROWS, 1), 0) < count


def over_rows(
    kernel: Callable[..., None],
    rows: Sequence[jax.Array],
    shared: Sequence[jax.Array] = (),
    *,
    outs: Sequence[tuple[int, jnp.dtype]],
    sums: Sequence[int] = (),
) -> list[jax.Array]:
    """Run a kernel over blocks of rows; shared arguments are seen whole by every program.

    Returns:
        For each of outs, (columns, dtype), an array (rows, columns); for each of sums, columns, the sum over all blocks
        of what each wrote, in the dtype that is computed in.
    """
    count, blocks = len(rows[0]), pl.cdiv(len(rows[0]), ROWS)
    partly = [pl.BlockSpec((ROWS, array.shape[1]), lambda block: (block, 0)) for array in rows]
    wholly = [pl.BlockSpec(array.shape, lambda block: (0, 0)) for array in shared]
    written = [pl.BlockSpec((ROWS, columns), lambda block: (block, 0)) for columns, _ in outs]
    added = [pl.BlockSpec((None, 1, columns), lambda block: (block, 0, 0)) for columns in sums]
    shapes = [jax.ShapeDtypeStruct((count, columns), dtype) for columns, dtype in outs]
    shapes += [jax.ShapeDtypeStruct((blocks, 1, columns), wide_dtype(rows[0].dtype)) for columns in sums]
    call = pl.pallas_call(
        kernel, grid=(blocks,), in_specs=partly + wholly, out_specs=written + added, out_shape=shapes,
        interpret=INTERPRET,
    )  # fmt: skip
    results = call(*rows, *shared)
    return [*results[: len(outs)], *(partial.sum((0, 1)) for partial in results[len(outs) :])]
