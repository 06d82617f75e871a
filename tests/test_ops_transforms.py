"""Every row under jit, vmap and repetition; and on machines that this one is not."""

import jax
import jax.export
import jax.monitoring
import numpy as np
import pytest
from rows import ROWS, Row, assert_close, every_differentiable_row, every_row, probe

ACCELERATORS = ("cuda", "tpu")


@pytest.mark.slow
@every_row
def test_jit_equals_eager(row: Row):
    with jax.disable_jit():
        eager = row.jax(*row.arguments)
    assert_close(jax.jit(row.jax)(*row.arguments), eager, 1e-14, f"{row.id}: jit")


@pytest.mark.slow
@every_row
def test_vmap_equals_a_loop(row: Row):
    first, second = row.draw(seed=1), row.draw(seed=2)
    stacked = tuple(np.stack(pair) for pair in zip(first, second, strict=True))
    loop = [row.jax(*arguments) for arguments in (first, second)]
    expected = jax.tree.map(lambda *leaves: np.stack(leaves), *loop)
    assert_close(jax.vmap(row.jax)(*stacked), expected, 1e-13, f"{row.id}: vmap")


@pytest.mark.slow
@every_differentiable_row
def test_vmap_of_the_gradient_equals_a_loop(row: Row):
    first, second = row.draw(seed=1), row.draw(seed=2)
    cotangent = probe(row.reference(*first), row.id)
    stacked = tuple(np.stack(pair) for pair in zip(first, second, strict=True))
    mapped = jax.vmap(lambda *arguments: row.jax_vjp(arguments, cotangent))(*stacked)
    loop = [row.jax_vjp(arguments, cotangent) for arguments in (first, second)]
    expected = jax.tree.map(lambda *leaves: np.stack(leaves), *loop)
    assert_close(mapped, expected, 1e-13, f"{row.id}: vmap of the gradient")


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
@every_row
def test_equal_shapes_are_traced_once(row: Row, traces: list[str]):
    jitted = jax.jit(lambda *arguments: (row.jax(*arguments), row.jax_vjp_of_ones(arguments)))
    row.jax(*row.arguments)
    jitted(*row.arguments)
    traced = len(traces)
    assert traced, f"{row.id}: the listener heard no tracing at all"
    again = row.draw(seed=1)
    row.jax(*again)
    jitted(*again)
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
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_value_and_gradient_lower_for_accelerators(row: Row):
    arguments = row.draw(dtype=np.float32)
    exported = jax.export.export(
        jax.jit(lambda *args: (row.jax(*args), row.jax_vjp_of_ones(args))), platforms=ACCELERATORS
    )(*arguments)
    assert tuple(exported.platforms) == ACCELERATORS
