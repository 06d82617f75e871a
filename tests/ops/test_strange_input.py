"""Both twins on input that nobody meant: they take the same, give the same, and refuse it by the same words."""

import warnings
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from helpers.rows import every_op, probe

import functional_nn
import reference
from reference.oracle.opspec import OpSpec, draw

TWINS = pytest.mark.parametrize("package", [functional_nn, reference], ids=lambda package: package.__name__)
HUGE = 10**400


class WithDtype:
    dtype = np.dtype("f8")


class Unreadable(WithDtype):
    def __array__(self, dtype: Any = None, copy: Any = None):
        raise RuntimeError("as a tensor of PyTorch that requires a gradient")


# What may come instead of an argument, given the array that belongs there.
ARGUMENTS: dict[str, Callable[[np.ndarray], Any]] = {
    **{
        f"as {np.dtype(dtype).name}": lambda array, dtype=dtype: array.astype(dtype)
        for dtype in ("i4", "u1", "?", "c8", "g", "O", "U3", "S3", "M8[s]", ml_dtypes.float8_e5m2, ml_dtypes.int4)
    },
    "big-endian": lambda array: array.astype(array.dtype.newbyteorder(">")),
    "big-endian ints": lambda array: array.astype(">i4"),
    "masked": lambda array: np.ma.masked_array(array, mask=False),
    "a record": lambda array: np.zeros(array.shape, [("a", "f4")]),
    "a list": lambda array: array.tolist() if array.ndim else [1.0],
    "a tuple": lambda array: (1.0,),
    "a memoryview": lambda array: memoryview(b"x"),
    "a key": lambda array: jax.random.key(0),
    "an axis more": lambda array: array[None],
    "no element": lambda array: array[:0] if array.ndim else array,
    "a scalar": lambda array: np.asarray(array.reshape(-1)[0]),
    **{
        f"the {type(value).__name__} {str(value)[:9]}": lambda array, value=value: value
        for value in (1, True, "x", b"x", 1j, HUGE, -HUGE, 2**64, {}, Fraction(1, 3), Decimal(1), range(3), len)
    },
    **{
        f"NumPy's {type(value).__name__}": lambda array, value=value: value
        for value in (np.int64(9), np.longdouble(1), np.bool_(True), np.str_("x"), np.complex64(1), np.void(b"ab"))
    },
    "an object": lambda array: object(),
    "an object with a dtype": lambda array: WithDtype(),
    "an array that will not be read": lambda array: Unreadable(),
}

# What may be given for any static.
STATICS: tuple[Any, ...] = (
    *("x", "same", b"SAME", "", 0, 1, -1, 2**31, 2**63, HUGE, -HUGE, True, 0.5, 1.0, -0.5, 1e300, np.nan, np.inf),
    *(1j, [1], {}, {1}, (), (1.0,), (True,), ("x",), (None,), (0,), (-1,), ((1,),), ((1, 2, 3),), ((),), ((1.0, 2),)),
    *(([1, 2],), (HUGE,), ((2**70, 0),), (np.int64(1),), np.int64(1), np.uint8(2), np.float32(0.5), np.float64(0.5)),
    *(np.longdouble(0.5), np.complex64(0.5), np.bool_(True), np.str_("VALID"), np.array(1), np.array([1, 2]), object),
    *(Fraction(1, 3), Decimal("0.5"), ..., range(2), np.datetime64("2020-01-01")),
)  # fmt: skip


def calls(spec: OpSpec) -> Iterator[tuple[str, tuple[Any, ...], dict[str, Any]]]:
    """What is strange, and the call of which everything else is as it should be."""
    case = max(spec.cases[:4], key=lambda case: len(case.arguments))
    arguments = list(draw(spec, case))
    for position, name in enumerate(case.arguments):
        for what, made in ARGUMENTS.items():
            with warnings.catch_warnings(action="ignore"):
                value = made(arguments[position])
            replaced = [*arguments[:position], value, *arguments[position + 1 :]]
            yield f"{name} is {what}", *spec.passed(case, replaced)
    positional, given = spec.passed(case, arguments)
    for name in spec.keywords:
        for value in STATICS:
            yield f"{name}={type(value).__name__} {str(value)[:20]}", positional, given | {name: value}


def outcome(op: Callable[..., Any], arguments: tuple[Any, ...], statics: dict[str, Any]) -> Any:
    """What an op gives, as arrays, or what it raises."""
    try:
        return [np.asarray(leaf) for leaf in jax.tree.leaves(op(*arguments, **statics))]
    except Exception as error:
        return error


def difference(spec: OpSpec, ours: Any, theirs: Any) -> str | None:
    """In what the twins' outcomes differ, or an error is none of this project's."""
    errors = [each for each in (ours, theirs) if isinstance(each, Exception)]
    if len(errors) == 1:
        return f"{'reference' if errors[0] is ours else 'functional_nn'} alone takes it: {errors[0]!r}"
    if errors:
        said = [(type(error), str(error).partition("; got ")[0]) for error in errors]
        named = all(str(error).startswith(f"{spec.name}: ") and "; got " in str(error) for error in errors)
        right = said[0] == said[1] and said[0][0] in (ValueError, TypeError) and named
        return None if right else f"{ours!r} against {theirs!r}"
    for left, right in zip(ours, theirs, strict=True):
        if (left.shape, left.dtype) != (right.shape, right.dtype):
            return f"{left.dtype}{left.shape} against {right.dtype}{right.shape}"
        if not same(left, right):
            return f"{left.reshape(-1)[:4]} against {right.reshape(-1)[:4]}"
    return None


def same(left: np.ndarray, right: np.ndarray) -> bool:
    """Equal up to rounding, and to numbers so small that XLA for the CPU treats them as 0."""
    precision = ml_dtypes.finfo(left.dtype)
    a, b = left.astype(np.float64), right.astype(np.float64)
    largest = float(np.abs(b[np.isfinite(b)]).max(initial=0))
    return np.allclose(a, b, 0, 64 * float(precision.eps) * largest + float(precision.tiny), equal_nan=True)


@every_op
def test_the_twins_take_and_refuse_alike(spec: OpSpec):
    found = []
    for what, arguments, statics in calls(spec):
        ours, theirs = (outcome(op, arguments, statics) for op in (spec.jax(), spec.reference()))
        found.append((what, difference(spec, ours, theirs)))
    wrong = [f"{what}: {differs}" for what, differs in found if differs]
    assert not wrong, f"{spec.name}: {len(wrong)} of {len(found)} calls differ:\n" + "\n".join(wrong)


SPECIAL = (np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-37, -1e-37, 1e4, -1e4)
# In some forms zeros of the padding are multiplied with an infinity of the kernel, which gives NaN, in others left out.
MULTIPLIED_WITH_PADDING = {("conv", "kernel"), ("conv_transpose", "kernel")}


@every_op
@pytest.mark.parametrize("dtype", [np.float32, ml_dtypes.bfloat16], ids=lambda dtype: np.dtype(dtype).name)
def test_special_values_give_the_same_and_no_warning(spec: OpSpec, dtype: Any):
    """In every floating argument by turns; backward too, where the reference must not warn either."""
    case = spec.cases[0]
    arguments = draw(spec, case, dtype=dtype)
    for position, name in enumerate(case.arguments):
        if arguments[position].dtype != dtype:
            continue
        finite_only = (spec.name, name) in MULTIPLIED_WITH_PADDING
        for value in (value for value in SPECIAL if np.isfinite(value) or not finite_only):
            special = [np.array(argument) for argument in arguments]
            special[position].reshape(-1)[:1] = value
            positional, named = spec.passed(case, special)
            out, residuals = spec.reference("_fwd")(*positional, **named)
            spec.reference("_bwd")(residuals, probe(out, spec.name))
            ours = outcome(spec.jax(), positional, named)
            wrong = difference(spec, ours, [np.asarray(leaf) for leaf in jax.tree.leaves(out)])
            assert not wrong, f"{spec.name} with {value} in {name}: {wrong}"


@TWINS
def test_bytes_in_the_other_order_are_the_same_numbers(package: Any):
    native = np.arange(1, 7, dtype=np.float32).reshape(2, 3)
    for first, second in ((native, native.astype(">f4")), (native.astype(">f4"), native)):
        for x in (first, second):
            out = package.relu(x)
            np.testing.assert_array_equal(out, native)
            assert out.dtype == np.float32
    loss = package.softmax_cross_entropy(native, np.array([0, 2], ">i8"))
    np.testing.assert_array_equal(loss, package.softmax_cross_entropy(native, np.array([0, 2])))


@TWINS
def test_an_int_of_python_is_a_label(package: Any):
    scores = np.zeros(5)
    assert abs(float(package.softmax_cross_entropy(scores, 2)) - np.log(5)) < 1e-6
    for label in (5, -1, 2**40):
        with pytest.raises(ValueError, match=r"softmax_cross_entropy: labels must be at least 0 and below logits"):
            package.softmax_cross_entropy(scores, label)


@pytest.mark.parametrize("rate", [0.5, np.float64(0.5), np.float32(0.5), Fraction(1, 2), 0], ids=repr)
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, jnp.float32], ids=lambda dtype: dtype.__name__)
@TWINS
def test_a_rate_leaves_the_dtype(package: Any, dtype: Any, rate: Any):
    out = package.dropout(np.ones(4, dtype), np.array([True, False, True, False]), rate=rate)
    assert out.dtype == dtype
    np.testing.assert_array_equal(np.asarray(out, np.float32), np.array([1, 0, 1, 0]) / (1 - float(rate)))


def test_an_equal_static_of_another_type_is_another_static():
    """(1,) == (1.0,) == (True,), and an op that was compiled for the first must still refuse the others."""

    def by(strides: Any) -> jax.Array:
        return functional_nn.conv(jnp.ones((1, 4, 1)), jnp.ones((2, 1, 1)), strides=strides)

    assert by((1,)).shape == (1, 3, 1)
    for strides in ((1.0,), (True,)):
        with pytest.raises(TypeError, match="strides must be an int"):
            by(strides)
    assert by((np.int64(1),)).shape == (1, 3, 1)


@TWINS
def test_of_an_infinite_score_no_probability_is_known(package: Any):
    assert np.isnan(package.softmax(np.array([np.inf, 1.0, 2.0]))).all()
    assert np.isnan(package.log_softmax(np.array([np.inf, 1.0, 2.0]))).all()
    np.testing.assert_array_equal(package.softmax(np.array([-np.inf, 1.0, 1.0])), [0, 0.5, 0.5])


@pytest.mark.parametrize(
    "dtype", [np.float64, np.float32, np.float16, ml_dtypes.bfloat16], ids=lambda d: np.dtype(d).name
)
@TWINS
def test_the_step_is_at_0_and_nowhere_else(package: Any, dtype: Any):
    least = float(ml_dtypes.finfo(dtype).smallest_subnormal)
    x = np.array([least, -least, 0.0, -0.0, 1.0, np.inf, -np.inf, np.nan], dtype)
    np.testing.assert_array_equal(np.asarray(package.step(x), np.float64), [1, 0, 0, 0, 1, 1, 0, np.nan])
