"""Convolution and its transpose: numbers by hand, random geometries, the adjoint, and PyTorch as a third witness."""

import itertools
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.relations import channels_first
from helpers.rows import assert_close, inner
from helpers.thinning import examples
from hypothesis import given, settings
from hypothesis import strategies as st

import functional_nn
import reference
from reference.convolution import conv_bwd, conv_fwd, conv_transpose_bwd, conv_transpose_fwd

TWINS = pytest.mark.parametrize("package", [functional_nn, reference], ids=lambda package: package.__name__)
BY_HAND = {"conv": (conv_fwd, conv_bwd), "conv_transpose": (conv_transpose_fwd, conv_transpose_bwd)}


def one_channel(values: Any) -> np.ndarray:
    """A batch of one example with one channel."""
    return np.asarray(values, np.float64)[None, ..., None]


def one_filter(values: Any) -> np.ndarray:
    """A kernel from one channel to one channel."""
    return np.asarray(values, np.float64)[..., None, None]


def value_and_cotangents(package: Any, op: str, arguments: tuple, cotangent: np.ndarray, statics: dict[str, Any]):
    if package is reference:
        forward, backward = BY_HAND[op]
        out, residuals = forward(*arguments, **statics)
        return out, backward(residuals, cotangent)

    def of_jax(arguments: tuple, cotangent: jax.Array):
        out, vjp = jax.vjp(partial(getattr(functional_nn, op), **statics), *arguments)
        return out, vjp(cotangent)

    # One compiled program for both, which is what keeps these tests fast.
    return jax.jit(of_jax)(arguments, cotangent)


# The example of the textbook (Saito, Deep Learning from Scratch, figure 7-4).
IMAGE = [[1, 2, 3, 0], [0, 1, 2, 3], [3, 0, 1, 2], [2, 3, 0, 1]]
FILTER = [[2, 0, 1], [0, 1, 2], [1, 0, 2]]


@TWINS
def test_the_textbooks_window_slides_over_four_positions(package: Any):
    # top left      1*2 + 2*0 + 3*1 + 0*0 + 1*1 + 2*2 + 3*1 + 0*0 + 1*2 = 15
    # top right     2*2 + 3*0 + 0*1 + 1*0 + 2*1 + 3*2 + 0*1 + 1*0 + 2*2 = 16
    # bottom left   0*2 + 1*0 + 2*1 + 3*0 + 0*1 + 1*2 + 2*1 + 3*0 + 0*2 =  6
    # bottom right  1*2 + 2*0 + 3*1 + 0*0 + 1*1 + 2*2 + 3*1 + 0*0 + 1*2 = 15, and 3 more each by the bias
    out = package.conv(one_channel(IMAGE), one_filter(FILTER), np.array([3.0]))
    np.testing.assert_array_equal(out[0, :, :, 0], [[18, 19], [9, 18]])


def test_the_textbooks_gradients_by_hand():
    # The upstream takes the top left output once and the bottom right output -2 times. So does the gradient:
    # to the kernel the windows under these outputs, to x the kernel laid down at these places.
    upstream = one_channel([[1, 0], [0, -2]])
    image, kernel = np.array(IMAGE), np.array(FILTER)
    x_ct = np.zeros((4, 4))
    x_ct[:3, :3] += kernel
    x_ct[1:, 1:] += -2 * kernel
    expected = one_channel(x_ct), one_filter(image[:3, :3] - 2 * image[1:, 1:]), np.array([-1.0])
    arguments = one_channel(IMAGE), one_filter(FILTER), np.array([3.0])
    assert_close(conv_bwd(conv_fwd(*arguments)[1], upstream), expected, 0.0, "by hand")
    assert_close(jax.vjp(functional_nn.conv, *arguments)[1](upstream), expected, 0.0, "by JAX")


@TWINS
@pytest.mark.parametrize("rank", [1, 2, 3, 4])
def test_convolution_multiplies_and_accumulates_in_any_number_of_dimensions(package: Any, rank: int):
    """Row 19 of the glossary: an n-dimensional input, an n-dimensional filter, and the window shown step by step."""
    rng = np.random.default_rng(rank)
    image, weights = rng.normal(size=(4, 3, 5, 2)[:rank]), rng.normal(size=(2, 3, 2, 1)[:rank])
    counts = [size - window + 1 for size, window in zip(image.shape, weights.shape, strict=True)]
    slid = np.empty(counts)
    for position in itertools.product(*map(range, counts)):
        window = tuple(slice(p, p + size) for p, size in zip(position, weights.shape, strict=True))
        slid[position] = np.sum(image[window] * weights)
    assert_close(package.conv(one_channel(image), one_filter(weights)), one_channel(slid), 1e-14, f"{rank} dimensions")


@TWINS
@pytest.mark.parametrize(
    ("statics", "expected"),
    [
        ({}, [12, 23, 34, 45]),
        ({"strides": 3}, [12, 45]),
        ({"padding": ((2, 1),)}, [0, 1, 12, 23, 34, 45, 50]),
        ({"padding": 1, "strides": 2}, [1, 23, 45]),
        # The odd element of padding lies at the high end.
        ({"padding": "SAME"}, [12, 23, 34, 45, 50]),
        ({"padding": "SAME", "strides": 4}, [12, 50]),
        # Or at the low end.
        ({"padding": "SAME_LOWER"}, [1, 12, 23, 34, 45]),
        ({"padding": "SAME_LOWER", "strides": 4}, [1, 45]),
        ({"dilation": 3}, [14, 25]),
        # padded: 0 1 2 3 4 5, pairs (0, 2) and (2, 4); the next pair would begin at 4 and end outside.
        ({"dilation": 2, "strides": 2, "padding": ((1, 0),)}, [2, 24]),
    ],
    ids=str,
)
def test_one_dimension_by_hand(package: Any, statics: dict[str, Any], expected: list[float]):
    # [10, 1] reads a pair of neighbours as a number of two digits; a flipped kernel would read 21, 32, ...
    out = package.conv(one_channel([1, 2, 3, 4, 5]), one_filter([10, 1]), **statics)
    np.testing.assert_array_equal(out[0, :, 0], expected)


@TWINS
def test_one_dimensions_gradients_by_hand(package: Any):
    # The last case above with upstream (1, 3), the example of docs/derivations/convolution.md. Padded x: 0 1 2 3 4 5;
    # the windows hold (0, 2) and (2, 4). x: 10 and 1 at places 0 and 2, 30 and 3 at places 2 and 4, less the padding.
    statics = {"dilation": 2, "strides": 2, "padding": ((1, 0),)}
    arguments = one_channel([1, 2, 3, 4, 5]), one_filter([10, 1]), np.array([0.0])
    _, cotangents = value_and_cotangents(package, "conv", arguments, one_channel([1, 3]), statics)
    expected = one_channel([0, 31, 0, 3, 0]), one_filter([0 * 1 + 2 * 3, 2 * 1 + 4 * 3]), np.array([4.0])
    assert_close(cotangents, expected, 0.0, f"{package.__name__}.conv")


@TWINS
@pytest.mark.parametrize(
    ("kernel", "statics", "expected"),
    [
        ([1, 10, 100], {}, [1, 12, 120, 200]),
        ([1, 10, 100], {"strides": 2}, [1, 10, 102, 20, 200]),
        ([1, 10, 100], {"strides": 2, "padding": 1}, [10, 102, 20]),
        ([1, 10, 100], {"strides": 2, "padding": 1, "output_padding": 1}, [10, 102, 20, 200]),
        ([1, 10, 100], {"strides": 2, "padding": ((0, 2),)}, [1, 10, 102]),
        ([1, 10], {"strides": 1, "dilation": 3}, [1, 2, 0, 10, 20]),
        ([1, 10], {"strides": 1, "dilation": 3, "output_padding": 2}, [1, 2, 0, 10, 20, 0, 0]),
        # The size times the stride: cut off at the high end first, or filled up there.
        ([1, 10, 100], {"strides": 2, "padding": "SAME"}, [1, 10, 102, 20]),
        ([1, 10], {"strides": 3, "padding": "SAME"}, [1, 10, 0, 2, 20, 0]),
        # Or at the low end first, which is filled up at the high end all the same.
        ([1, 10, 100], {"strides": 2, "padding": "SAME_LOWER"}, [10, 102, 20, 200]),
        ([1, 10], {"strides": 3, "padding": "SAME_LOWER"}, [1, 10, 0, 2, 20, 0]),
    ],
    ids=str,
)
def test_one_dimension_transposed_by_hand(package: Any, kernel: list, statics: dict[str, Any], expected: list):
    # 1 lays down the kernel once, and 2 lays down its double a stride further.
    out = package.conv_transpose(one_channel([1, 2]), one_filter(kernel), **statics)
    np.testing.assert_array_equal(out[0, :, 0], expected)


@TWINS
def test_groups_keep_to_themselves(package: Any):
    # Two groups of two inputs and one output: 1*1 + 2*10 and 3*100 + 4*1000.
    x, kernel = np.array([[[1.0, 2.0, 3.0, 4.0]]]), np.array([[[1.0, 100.0], [10.0, 1000.0]]])
    np.testing.assert_array_equal(package.conv(x, kernel, groups=2), [[[21, 4300]]])
    # Transposed, 1 and 2 go back to the inputs of their own group.
    back = package.conv_transpose(np.array([[[1.0, 2.0]]]), kernel, groups=2)
    np.testing.assert_array_equal(back, [[[1, 10, 200, 2000]]])


@st.composite
def calls(draw: st.DrawFn, op: str, widest: int = 2) -> tuple[tuple[np.ndarray, ...], dict[str, Any]]:
    """A legal call of an op in channels_last, often with no more elements than the window and the padding need."""
    rank, groups = draw(st.integers(1, 3)), draw(st.integers(1, 3))

    def each(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw(st.integers(low, high)) for _ in range(rank))

    window, strides, dilation = each(1, 3), each(1, 3), each(1, 2)
    pairs = tuple(zip(each(0, widest), each(0, widest), strict=True))
    padding = draw(st.sampled_from(["VALID", "SAME", "SAME_LOWER", pairs]))
    statics: dict[str, Any] = {"strides": strides, "padding": padding, "dilation": dilation, "groups": groups}
    # What the padding cuts off conv_transpose's output, or the window needs of conv's padded input.
    spans = [(k - 1) * d + 1 for k, d in zip(window, dilation, strict=True)]
    pads = [sum(pair) if padding == pairs else 0 for pair in pairs]
    least = [max(span - pad, 1) for span, pad in zip(spans, pads, strict=True)]
    if op == "conv_transpose":
        least = [max(pad - span, 0) + 2 for span, pad in zip(spans, pads, strict=True)]
        fixed = padding in ("SAME", "SAME_LOWER")
        most = [0 if fixed else max(pair) - 1 for pair in zip(strides, dilation, strict=True)]
        statics["output_padding"] = tuple(draw(st.integers(0, more)) for more in most)
    sizes = [size + more for size, more in zip(least, each(0, 2), strict=True)]
    inputs, outputs = draw(st.integers(1, 2)), draw(st.integers(1, 2)) * groups
    read, made = (inputs * groups, outputs) if op == "conv" else (outputs, inputs * groups)
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    shapes = (2, *sizes, read), (*window, inputs, outputs), (made,)
    return tuple(rng.normal(size=shape) for shape in shapes), statics


@pytest.mark.slow
@pytest.mark.parametrize("op", sorted(BY_HAND))
@settings(max_examples=examples(15))
@given(data=st.data())
def test_twins_agree_on_any_geometry(op: str, data: st.DataObject):
    arguments, statics = data.draw(calls(op))
    if data.draw(st.booleans()):
        arguments, statics = channels_first(*arguments), statics | {"layout": "channels_first"}
    cotangent = np.random.default_rng(3).normal(size=getattr(reference, op)(*arguments, **statics).shape)
    by_hand = value_and_cotangents(reference, op, arguments, cotangent, statics)
    by_jax = value_and_cotangents(functional_nn, op, arguments, cotangent, statics)
    assert_close(by_hand, by_jax, 1e-12, f"{op} {statics}: value and cotangents")


@settings(max_examples=60)
@given(call=calls("conv_transpose"))
def test_conv_transpose_is_the_adjoint_of_conv(call: tuple[tuple[np.ndarray, ...], dict[str, Any]]):
    """<conv(x), y> = <x, conv_transpose(y)>; output_padding of a stride or more would be room for another window."""
    (y, kernel, _), statics = call
    pairs = zip(statics.pop("output_padding"), statics["strides"], strict=True)
    extra: dict[str, Any] = {"output_padding": tuple(min(more, stride - 1) for more, stride in pairs)}
    back = reference.conv_transpose(y, kernel, **(statics | extra))
    x = np.random.default_rng(4).normal(size=back.shape)
    out = reference.conv(x, kernel, **statics)
    assert out.shape == y.shape, f"{statics}: conv of {x.shape} gives {out.shape}, not {y.shape}"
    left, right = inner(out, y), inner(x, back)
    assert abs(left - right) <= 1e-12 * np.linalg.norm(out) * np.linalg.norm(y), f"{statics}: {left!r} and {right!r}"


@settings(max_examples=30)
@given(call=calls("conv"))
def test_both_layouts_are_the_same_convolution(call: tuple[tuple[np.ndarray, ...], dict[str, Any]]):
    arguments, statics = call
    first = reference.conv(*channels_first(*arguments), **statics, layout="channels_first")
    assert_close(np.moveaxis(first, 1, -1), reference.conv(*arguments, **statics), 1e-15, str(statics))


TORCH = [
    (1, {"strides": 2, "padding": 3, "dilation": 2}, 0),
    (2, {"strides": (2, 3), "padding": (1, 2), "dilation": (1, 2), "groups": 2}, (1, 2)),
    # Depthwise: as many groups as input channels.
    (2, {"strides": 1, "padding": (0, 2), "dilation": (3, 1), "groups": 4}, (2, 0)),
    (3, {"strides": (1, 2, 2), "padding": (1, 0, 1), "dilation": (2, 1, 1)}, (1, 1, 0)),
]


@pytest.mark.slow
@TWINS
@pytest.mark.parametrize(("rank", "statics", "output_padding"), TORCH, ids=str)
@pytest.mark.parametrize("op", sorted(BY_HAND))
def test_pytorch_agrees(op: str, rank: int, statics: dict[str, Any], output_padding: Any, package: Any):
    torch = pytest.importorskip("torch")
    statics = statics | ({} if op == "conv" else {"output_padding": output_padding})
    theirs = getattr(torch.nn.functional, f"{op}{rank}d")
    groups, rng = statics.get("groups", 1), np.random.default_rng(rank)
    inputs, outputs = 4, 2 * groups
    read, made = (inputs, outputs) if op == "conv" else (outputs, inputs)
    shapes = (2, read, *(5, 7, 6)[:rank]), (outputs, inputs // groups, *(2, 3, 2)[:rank]), (made,)
    arguments = tuple(rng.normal(size=shape) for shape in shapes)
    leaves = [torch.tensor(a, requires_grad=True) for a in arguments]
    expected = theirs(*leaves, **{"stride" if name == "strides" else name: value for name, value in statics.items()})
    cotangent = rng.normal(size=tuple(expected.shape))
    gradients = [g.numpy() for g in torch.autograd.grad(expected, leaves, torch.tensor(cotangent))]
    out, cotangents = value_and_cotangents(package, op, arguments, cotangent, statics | {"layout": "channels_first"})
    assert_close(out, expected.detach().numpy(), 1e-12, f"{op} against PyTorch: value")
    assert_close(cotangents, gradients, 1e-12, f"{op} against PyTorch: cotangents")


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16], ids=lambda dtype: dtype.__name__)
def test_a_long_sum_in_16_bits_does_not_stop_growing(dtype: Any):
    # 1 + 1 + ... ends at 256 in bfloat16 and at 2048 in float16, when the sum itself has 16 bits.
    x, kernel, bias = jnp.ones((1, 4096, 1), dtype), jnp.ones((1, 1, 1), dtype), jnp.zeros(1, dtype)
    out, vjp = jax.vjp(functional_nn.conv, x, kernel, bias)
    _, kernel_ct, bias_ct = vjp(jnp.ones_like(out))
    assert float(bias_ct[0]) == 4096.0, f"the bias's cotangent is {bias_ct}"
    assert float(kernel_ct[0, 0, 0]) == 4096.0, f"the kernel's cotangent is {kernel_ct}"


@TWINS
@pytest.mark.parametrize("op", sorted(BY_HAND))
def test_floating_dtypes_may_be_mixed(op: str, package: Any):
    arguments = np.ones((1, 3, 1), np.float32), np.ones((2, 1, 1), np.float64), np.ones(1, np.float32)
    out, cotangents = value_and_cotangents(package, op, arguments, np.ones((1, 2 if op == "conv" else 4, 1)), {})
    assert out.dtype == np.float64
    assert [ct.dtype for ct in cotangents] == [np.float32, np.float64, np.float32]


@TWINS
@pytest.mark.parametrize("op", sorted(BY_HAND))
def test_a_bias_of_none_has_no_cotangent(op: str, package: Any):
    arguments = np.ones((1, 3, 1)), np.ones((2, 1, 1)), None
    cotangent = np.ones((1, 2 if op == "conv" else 4, 1))
    assert value_and_cotangents(package, op, arguments, cotangent, {})[1][2] is None
