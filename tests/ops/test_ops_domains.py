"""Every row at the edges: low precision, sizes 0 and 1, extreme values, kinks, and what must be refused."""

from typing import Any

import jax
import ml_dtypes
import numpy as np
import pytest
from helpers.rows import ROWS, Row, assert_close, every_op, every_row, probe

from reference.oracle.drawn import DIMENSIONS
from reference.oracle.opspec import ErrorCase, OpSpec
from reference.oracle.specs import SPECS

DTYPES = (np.float64, np.float32, ml_dtypes.bfloat16, np.float16)
every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: np.dtype(dtype).name)
# Roundings that a sum of a few hundred products may add up, in units of the dtype's epsilon.
ROUNDINGS = {"functional_nn": 16, "reference": 64}


def _twin(row: Row, side: str, arguments: tuple[Any, ...], cotangent: Any) -> tuple[Any, tuple[Any, ...]]:
    if side == "reference":
        return row.reference(*arguments), row.pullback(arguments, cotangent)
    return row.compiled(arguments, cotangent)


@pytest.mark.slow
@pytest.mark.one_in(3)
@every_dtype
@pytest.mark.parametrize("side", ["functional_nn", "reference"])
@every_row
def test_dtype_and_shape_are_kept_and_the_value_is_right(row: Row, side: str, dtype: Any):
    arguments = row.draw(dtype=dtype)
    wide = tuple(a.astype(np.float64) if a.dtype == dtype else a for a in arguments)
    expected = row.reference(*wide)
    cotangent = jax.tree.map(lambda leaf: leaf.astype(dtype), probe(expected, row.id))
    out, cotangents = _twin(row, side, arguments, cotangent)
    for leaf, want in zip(jax.tree.leaves(out), jax.tree.leaves(expected), strict=True):
        assert leaf.dtype == dtype, f"{row.id}: the value has dtype {leaf.dtype}, not {np.dtype(dtype)}"
        assert leaf.shape == want.shape, f"{row.id}: the value has shape {leaf.shape}, not {want.shape}"
    for position, (leaf, argument) in enumerate(zip(cotangents, row.pick(arguments), strict=True)):
        assert leaf.dtype == dtype, f"{row.id}: cotangent {position} has dtype {leaf.dtype}, not {np.dtype(dtype)}"
        assert leaf.shape == argument.shape, f"{row.id}: cotangent {position} has shape {leaf.shape}"
    tolerance = ROUNDINGS[side] * float(ml_dtypes.finfo(dtype).eps)
    assert_close(out, expected, tolerance, f"{row.id}: value in {np.dtype(dtype)}", row.rounding)
    wide_cotangent = jax.tree.map(lambda leaf: leaf.astype(np.float64), cotangent)
    slopes = row.pullback(wide, wide_cotangent)
    assert_close(cotangents, slopes, tolerance, f"{row.id}: gradient in {np.dtype(dtype)}", row.rounding)


def _dimensions(row: Row) -> set[str]:
    terms = " ".join(drawn.shape for drawn in row.case.arguments.values()).split()
    return {name for name in (term.rpartition("*")[2] for term in terms) if not name.isdigit()}


SIZED = [(row, name) for row in ROWS for name in sorted(_dimensions(row))]


@pytest.mark.slow
@pytest.mark.one_in(3)
@pytest.mark.parametrize("size", [0, 1])
@pytest.mark.parametrize(("row", "name"), SIZED, ids=lambda value: value.id if isinstance(value, Row) else value)
def test_a_dimension_of_size_0_or_1(row: Row, name: str, size: int):
    """The twins agree in value and gradient, or refuse alike."""
    try:
        arguments = row.draw(dimensions={**DIMENSIONS, name: size})
    except ValueError:
        labels = [drawn for drawn in row.case.arguments.values() if drawn.below == name]
        assert any(size <= drawn.low for drawn in labels), f"{row.id}: {name} of size {size} cannot be drawn"
        return  # There is no label below that size.
    by_hand = _outcome(row, "reference", arguments)
    outcomes = [_outcome(row, "functional_nn", arguments, by_hand), by_hand]
    errors = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    if errors:
        assert len(errors) == 2, f"{row.id}: only one twin refuses {name} of size {size}: {errors[0]!r}"
        assert type(errors[0]) is type(errors[1]), f"{row.id}: {errors[0]!r} against {errors[1]!r}"
        assert all(str(error).startswith(f"{row.spec.name}: ") for error in errors), f"{row.id}: {errors}"
        return
    assert_close(outcomes[0], outcomes[1], row.spec.tolerance.twin, f"{row.id}: {name} of size {size}", row.rounding)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(outcomes[1])), f"{row.id}: not finite"


def _outcome(row: Row, side: str, arguments: tuple[Any, ...], expected: Any = None) -> Any:
    """Value and cotangents, or the refusal; where a value is expected, the cotangent is of its shape."""
    try:
        if isinstance(expected, tuple):
            return _twin(row, side, arguments, probe(expected[0], row.id))
        shapes = row.reference(*arguments) if side == "reference" else jax.eval_shape(row.jax, *arguments)
        return _twin(row, side, arguments, probe(shapes, row.id))
    except (ValueError, TypeError) as error:
        return error


EXTREMES = [(spec, i) for spec in SPECS.values() for i in range(len(spec.extremes))]


@pytest.mark.slow
@every_dtype
@pytest.mark.parametrize(
    ("spec", "i"), EXTREMES, ids=lambda value: value.name if isinstance(value, OpSpec) else str(value)
)
def test_extreme_values_stay_finite(spec: OpSpec, i: int, dtype: Any):
    arguments = tuple(_cast(values, dtype) for values in spec.extremes[i].values())
    if not all(np.isfinite(argument).all() for argument in arguments):
        assert dtype == np.float16, f"{spec.name}: an extreme value is not finite in {np.dtype(dtype)}"
        return  # float16 ends at 65504.
    case = spec.cases[0].__class__("extreme", {}, {name: _drawn(spec, name) for name in spec.extremes[i]})
    row = Row(spec, case)
    ones = jax.tree.map(lambda leaf: np.ones_like(np.asarray(leaf)), row.reference(*arguments))
    for side in ("functional_nn", "reference"):
        for leaf in jax.tree.leaves(_twin(row, side, arguments, ones)):
            values = np.asarray(leaf, np.float64)
            assert np.isfinite(values).all(), f"{side}.{spec.name} at {spec.extremes[i]}: {values}"


def _drawn(spec: OpSpec, name: str) -> Any:
    return next(case.arguments[name] for case in spec.cases if name in case.arguments)


def _cast(values: Any, dtype: Any) -> np.ndarray:
    array = np.asarray(values)
    with np.errstate(over="ignore"):
        return array.astype(dtype) if array.dtype.kind == "f" else array


KINKS = [(spec, at) for spec in SPECS.values() for at in spec.kinks]


@pytest.mark.parametrize("side", ["functional_nn", "reference"])
@pytest.mark.parametrize(
    ("spec", "at"), KINKS, ids=lambda value: value.name if isinstance(value, OpSpec) else f"at={value}"
)
def test_the_derivative_at_a_kink_is_the_documented_one(spec: OpSpec, at: float, side: str):
    row = Row(spec, spec.cases[0])
    _, (derivative,) = _twin(row, side, (np.array([at]),), np.array([1.0]))
    assert float(derivative[0]) == spec.kinks[at], f"{side}.{spec.name}'({at}) = {derivative[0]}"
    _, tangent = jax.jvp(row.jax, (np.array([at]),), (np.array([1.0]),))
    assert float(tangent[0]) == spec.kinks[at], f"{spec.name}'({at}) in forward mode = {tangent[0]}"


ERRORS = [(spec, error) for spec in SPECS.values() for error in spec.errors]


@pytest.mark.parametrize("side", ["functional_nn", "reference"])
@pytest.mark.parametrize(
    ("spec", "error"), ERRORS, ids=lambda value: value.name if isinstance(value, OpSpec) else value.id
)
def test_bad_input_is_refused_in_one_sentence(spec: OpSpec, error: ErrorCase, side: str):
    op = spec.jax() if side == "functional_nn" else spec.reference()
    kept = [np.copy(a) if isinstance(a, np.ndarray) else a for a in error.arguments]
    with pytest.raises(error.error) as raised:
        op(*error.arguments, **error.statics)
    assert type(raised.value) is error.error, f"{side}: {raised.value!r}"
    message = str(raised.value)
    assert message.startswith(f"{spec.name}: "), f"{side}: the message does not start with the op: {message}"
    assert "; got " in message, f"{side}: the message does not say what it got: {message}"
    assert error.says in message, f"{side}: the message does not say {error.says!r}: {message}"
    assert "\n" not in message, f"{side}: more than one line: {message}"
    for now, before in zip(error.arguments, kept, strict=True):
        assert not isinstance(now, np.ndarray) or np.array_equal(now, before), f"{side}: an argument was changed"


@every_op
def test_a_row_has_cases_errors_and_readable_ids(spec: OpSpec):
    assert spec.cases, f"{spec.name}: no cases"
    assert spec.errors, f"{spec.name}: no error cases"
    ids = [case.id for case in spec.cases]
    assert len(set(ids)) == len(ids), f"{spec.name}: two cases share an id: {ids}"
    assert spec.tolerance == type(spec.tolerance)() or spec.tolerance.reason, f"{spec.name}: a tolerance without reason"


def test_every_public_op_has_a_row():
    import reference

    without = set(reference.__all__) - set(SPECS) - NOT_OPS
    assert not without, f"public functions without a row in the table: {sorted(without)}"


# Functions of functions, and the maker of masks: tests/ops/test_calculus.py and tests/ops/test_regularization.py.
NOT_OPS = {
    "derivative",
    "partial_derivative",
    "gradient",
    "directional_derivative",
    "gradient_descent",
    "dropout_mask",
}
