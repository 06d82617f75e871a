"""Every row under jit, vmap and repetition; and on machines that this one is not."""

from typing import Any

import jax
import jax.export
import jax.monitoring
import numpy as np
import pytest
from helpers.compiling import jit_as_users_have_it
from helpers.rows import ROWS, Row, assert_close, every_row, probe

ACCELERATORS = ("cuda", "tpu")
# Of each op the first row and the last.
ENDS = {row.id: row for rows in (ROWS[::-1], ROWS) for row in {row.spec.name: row for row in rows}.values()}
first_and_last_rows = pytest.mark.parametrize("row", ENDS.values(), ids=list(ENDS))


def cotangent_of(row: Row) -> Any:
    return probe(row.reference(*row.arguments), row.id)


@pytest.mark.slow
@pytest.mark.one_in(2)
@first_and_last_rows
def test_jit_equals_eager(row: Row):
    """By the compiler as users have it, against one primitive after the other, of which each is compiled by itself."""
    cotangent = cotangent_of(row)
    with jax.disable_jit():
        eager, eager_cotangents = row.jax_value_and_vjp(row.arguments, cotangent)
    compiled, cotangents = jit_as_users_have_it(row.jax_value_and_vjp)(row.arguments, cotangent)
    assert_close(compiled, eager, 1e-14, f"{row.id}: jit")
    assert_close(cotangents, eager_cotangents, 1e-13, f"{row.id}: jit of the gradient")


@pytest.mark.slow
@pytest.mark.one_in(3)
@every_row
def test_vmap_equals_a_loop(row: Row):
    """Of the value and of the gradient."""
    first, second = row.draw(seed=1), row.draw(seed=2)
    cotangent = cotangent_of(row)
    stacked = tuple(np.stack(pair) for pair in zip(first, second, strict=True))
    mapped = jax.jit(jax.vmap(row.jax_value_and_vjp, in_axes=(0, None)))(stacked, cotangent)
    loop = [row.compiled(arguments, cotangent) for arguments in (first, second)]
    expected = jax.tree.map(lambda *leaves: np.stack(leaves), *loop)
    assert_close(mapped, expected, 1e-13, f"{row.id}: vmap, value and gradient")


@pytest.fixture
def traces():
    """A list that grows by one at every tracing of a function."""
    seen: list[str] = []

    def listen(event: str, duration_secs: float, **kwargs: str | int) -> None:
        if "trace" in event:
            seen.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield seen
    jax.monitoring.unregister_event_duration_listener(listen)


@pytest.mark.slow
@pytest.mark.one_in(3)
@every_row
def test_equal_shapes_are_traced_once(row: Row, traces: list[str]):
    cotangent = cotangent_of(row)
    jax.jit(lambda *arguments: row.jax(*arguments)).trace(*row.arguments)
    assert traces, f"{row.id}: the listener heard no tracing at all"
    row.jax(*row.arguments)
    row.compiled(row.arguments, cotangent)
    traced = len(traces)
    again = row.draw(seed=1)
    row.jax(*again)
    row.compiled(again, cotangent)
    assert len(traces) == traced, f"{row.id}: traced {len(traces) - traced} more times for equal shapes"


@every_row
def test_the_backward_by_hand_is_pure(row: Row):
    arguments = tuple(argument.copy() for argument in row.arguments)
    for argument in arguments:
        argument.setflags(write=False)
    out, residuals = row.forward(*arguments)
    kept = jax.tree.map(np.copy, [leaf for leaf in jax.tree.leaves(residuals) if isinstance(leaf, np.ndarray)])
    cotangent = probe(out, row.id)
    cotangents_before = jax.tree.map(np.copy, cotangent)
    first = row.spec.reference("_bwd")(residuals, cotangent)
    first = jax.tree.map(np.copy, first)
    second = row.spec.reference("_bwd")(residuals, cotangent)
    assert_close(second, first, 0.0, f"{row.id}: a second pullback")
    assert_close(cotangent, cotangents_before, 0.0, f"{row.id}: the cotangent after two pullbacks")
    now = [leaf for leaf in jax.tree.leaves(residuals) if isinstance(leaf, np.ndarray)]
    assert_close(now, kept, 0.0, f"{row.id}: the residuals after two pullbacks")
    assert_close(arguments, row.arguments, 0.0, f"{row.id}: the arguments")


@pytest.mark.slow
@pytest.mark.one_in(3)
@every_row
def test_value_and_gradient_lower_for_accelerators(row: Row):
    arguments = row.draw(dtype=np.float32)
    cotangent = jax.tree.map(np.float32, cotangent_of(row))
    exported = jax.export.export(jax.jit(row.jax_value_and_vjp), platforms=ACCELERATORS)(arguments, cotangent)
    assert tuple(exported.platforms) == ACCELERATORS
