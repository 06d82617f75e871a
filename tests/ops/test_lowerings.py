"""What convolutions lower to: every form against the reference, the choice, and all that may transform them."""

import os
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.compiling import jit_as_users_have_it
from helpers.relations import TAKEN, by_hand, channels_first, relation
from helpers.rows import assert_close
from helpers.thinning import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.sharding import PartitionSpec
from jax.test_util import check_grads
from test_convolution import calls

import functional_nn
from functional_nn import _lax, _libraries
from functional_nn._geometry import Spec, lines
from functional_nn.cpu import forms, lowerings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests are of the fast forms, whatever the environment says, as chosen beside a library on one core."""
    monkeypatch.setattr(lowerings, "FAST", True)
    monkeypatch.setattr(_libraries, "WANTED", False)
    library_uses_all_cores(monkeypatch, False)


def library_uses_all_cores(monkeypatch: pytest.MonkeyPatch, all_cores: bool) -> None:
    monkeypatch.setattr(lowerings, "LIBRARY_USES_ALL_CORES", all_cores)
    monkeypatch.setattr(lowerings, "SLOW_CHANNELS", () if all_cores else (1, 3))


def agree(by: Mapping[str, Any], arrays: dict[str, np.ndarray], spec: Spec) -> None:
    """Each sum in the form that is given and in lax's, all by one program, against the reference."""

    def both(arrays: dict[str, jax.Array]) -> dict[str, dict[str, Any]]:
        found = {}
        for name, form in by.items():
            pair = [arrays[role] for role in TAKEN[name]]
            found[name] = {"fast": form(*pair, spec=spec), "lax": lowerings.LAX[name](*pair, spec=spec)}
        return found

    expected = by_hand(arrays, spec)
    for name, found in jit_as_users_have_it(both)({role: jnp.asarray(arrays[role]) for role in arrays}).items():
        for said, value in found.items():
            assert_close(value, expected[name], 1e-12, f"{name} of {spec}: {said} against the reference")


@pytest.mark.slow
@settings(max_examples=examples(15))
@given(call=calls("conv"), tile_bytes=st.sampled_from([1, 1000, 10**6]), filters=st.sampled_from([1, 3, 40]))
def test_tiles_give_the_kernels_gradient_on_any_geometry(call: tuple, tile_bytes: int, filters: int):
    (x, kernel, _), statics = call
    images = np.concatenate([x, x + 1, x[:1] - 1])
    # The more filters, the more offsets x bears instead of out.
    weights = np.zeros((*kernel.shape[:-1], filters))
    channels = (images[..., : kernel.shape[-2]], weights, None), statics | {"groups": 1}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forms, "TILE_BYTES", tile_bytes)
        agree({"gather": forms.gather_by_tiles}, *relation(channels))


@pytest.mark.slow
@settings(max_examples=examples(15))
@given(call=calls("conv"))
def test_planes_and_patches_give_all_three_sums_on_any_geometry(call: tuple):
    (x, kernel, bias), statics = call
    channels = (x[..., : kernel.shape[-2]], kernel, bias), statics | {"groups": 1}
    by = {"correlate": forms.correlate_by_planes, "spread": forms.spread_by_planes, "gather": forms.gather_by_patches}
    agree(by, *relation(channels))


@pytest.mark.slow
@settings(max_examples=examples(15))
@given(call=calls("conv"), layout=st.sampled_from(["channels_last", "channels_first"]))
def test_forms_for_all_cores_on_any_geometry_without_strides(call: tuple, layout: str):
    (x, kernel, bias), statics = call
    channels = (x[..., : kernel.shape[-2]], kernel, bias), statics | {"groups": 1, "strides": 1}
    arrays, spec = relation(channels, layout)
    agree(lowerings.ON_ALL_CORES, arrays, spec)


def test_for_all_cores_the_output_is_larger_than_x():
    x, kernel = (jax.ShapeDtypeStruct(shape, np.float32) for shape in ((32, 32, 30, 64), (3, 3, 64, 64)))
    spec = Spec(lines("conv", (32, 30), (3, 3), 1, 1, 1), 1, "channels_last", None)
    for form in lowerings.ON_ALL_CORES.values():
        program = jax.jit(partial(form, spec=spec)).lower(x, kernel).as_text()
        assert "tensor<32x33x30x64xf32>" in program, "one row more, along the dimension where it is the smallest share"


@pytest.mark.slow
@settings(max_examples=examples(15))
@given(call=calls("conv"), layout=st.sampled_from(["channels_last", "channels_first"]))
def test_depthwise_forms_on_any_geometry(call: tuple, layout: str):
    (x, kernel, bias), statics = call
    channels = np.random.default_rng(6).normal(size=(*x.shape[:-1], 3))
    weights = np.random.default_rng(7).normal(size=(*kernel.shape[:-2], 1, 3))
    arrays, spec = relation(((channels, weights, bias), statics | {"groups": 3}), layout)
    by_name = {name: partial(lowerings._channels_last, name, form) for name, form in lowerings.DEPTHWISE.items()}
    agree(by_name, arrays, spec)


def chosen(name: str, batch: int, size: int, channels: tuple[int, int], window: int, **change: Any) -> str:
    """The name of the form that is chosen for a square convolution."""
    groups, layout, dtype = change.get("groups", 1), change.get("layout", "channels_last"), change.get("dtype", "f4")
    geometry = lines("conv", (size, size), (window, window), change.get("strides", 1), change.get("padding", "SAME"), 1)
    x, kernel = (
        np.empty((batch, size, size, channels[0]), dtype),
        np.empty((window, window, channels[0] // groups, channels[1]), dtype),
    )
    if layout == "channels_first":
        x, kernel = channels_first(x, kernel)
    spec = Spec(geometry, groups, layout, None)
    out = jax.eval_shape(partial(_lax.correlate, spec=spec), x, kernel)
    pair = {"correlate": (x, kernel), "spread": (out, kernel), "gather": (x, out)}[name]
    return called(lowerings.choose(name, pair[0], pair[1], spec))


def called(form: Any) -> str:
    """The name of the innermost function that a form is made of."""
    if not isinstance(form, partial):
        return form.__name__
    return called(form.args[-1] if callable(form.args[-1]) else form.func)


CHOICES = [
    # The sizes that docs/speed.md reports.
    ("gather", 32, 32, (64, 64), 3, {}, "gather_by_tiles"),
    ("gather", 8, 28, (128, 128), 3, {}, "gather_by_tiles"),
    ("gather", 100, 28, (1, 30), 5, {}, "gather_by_patches"),
    ("gather", 100, 28, (1, 16), 3, {"layout": "channels_first"}, "gather_by_patches"),
    ("gather", 100, 28, (16, 16), 3, {}, "gather_by_tiles"),
    ("gather", 100, 28, (16, 16), 3, {"layout": "channels_first"}, "gather_by_tiles"),
    ("gather", 32, 32, (64, 128), 3, {"strides": 2}, "gather_by_tiles"),
    ("spread", 100, 28, (1, 30), 5, {}, "spread_by_planes"),
    ("spread", 100, 28, (3, 16), 3, {"layout": "channels_first"}, "spread_by_planes"),
    ("spread", 100, 28, (8, 16), 3, {}, "spread"),
    ("spread", 32, 224, (3, 64), 7, {}, "spread"),
    ("gather", 8, 14, (256, 256), 3, {}, "gather_by_tiles"),
    ("gather", 2, 112, (64, 64), 3, {}, "gather_by_tiles"),
    ("correlate", 32, 32, (64, 64), 3, {}, "correlate_on_all_cores"),
    ("spread", 32, 32, (64, 64), 3, {}, "spread_on_all_cores"),
    ("spread", 32, 32, (64, 64), 3, {"layout": "channels_first"}, "spread_on_all_cores"),
    ("correlate", 100, 28, (1, 16), 3, {}, "correlate_by_planes"),
    ("correlate", 100, 28, (1, 30), 5, {"layout": "channels_first"}, "correlate_by_planes"),
    ("correlate", 100, 28, (3, 32), 3, {}, "correlate_by_planes"),
    # Here lax is as fast or faster: a large kernel, a large image, few outputs, little to do, groups, 16 bits.
    ("gather", 8, 14, (512, 512), 3, {}, "gather"),
    ("gather", 2, 224, (64, 64), 3, {}, "gather"),
    ("gather", 100, 28, (1, 4), 3, {}, "gather"),
    ("gather", 2, 28, (3, 30), 3, {}, "gather"),
    ("gather", 32, 32, (64, 64), 3, {"groups": 2}, "gather"),
    ("gather", 32, 32, (64, 64), 3, {"dtype": "f2"}, "gather"),
    # The library does not take these, or is fast on one core: few outputs, strides, double precision, little to do.
    ("correlate", 100, 28, (16, 16), 3, {}, "correlate"),
    ("correlate", 32, 32, (64, 128), 3, {"strides": 2}, "correlate"),
    ("correlate", 2, 112, (64, 64), 3, {}, "correlate"),
    ("correlate", 32, 32, (64, 64), 3, {"dtype": "f8"}, "correlate"),
    ("correlate", 2, 16, (64, 64), 3, {}, "correlate"),
    ("correlate", 100, 28, (8, 64), 3, {}, "correlate"),
    ("correlate", 32, 12, (64, 64), 7, {"padding": "VALID"}, "correlate"),
    ("correlate", 100, 28, (1, 64), 3, {}, "correlate"),
    ("correlate", 100, 28, (4, 32), 3, {}, "correlate"),
    ("correlate", 32, 32, (64, 64), 3, {"groups": 64}, "depthwise_correlate"),
    ("spread", 32, 32, (64, 64), 3, {"groups": 64}, "depthwise_spread"),
    ("gather", 32, 32, (64, 64), 3, {"groups": 64}, "depthwise_gather"),
    ("gather", 32, 32, (64, 64), 3, {"groups": 64, "layout": "channels_first"}, "depthwise_gather"),
    # Two filters a channel, and a window too large to write out.
    ("correlate", 32, 32, (64, 128), 3, {"groups": 64}, "correlate"),
    ("correlate", 32, 32, (64, 64), 9, {"groups": 64}, "correlate"),
    ("gather", 0, 32, (64, 64), 3, {"groups": 64}, "gather"),
]


@pytest.mark.parametrize(("name", "batch", "size", "channels", "window", "change", "form"), CHOICES, ids=str)
def test_the_form_is_chosen_by_shapes(name, batch, size, channels, window, change, form):
    assert chosen(name, batch, size, channels, window, **change) == form


@pytest.mark.parametrize(
    ("name", "batch", "size", "channels", "window", "change", "form"),
    [
        ("correlate", 32, 32, (64, 64), 3, {}, "correlate"),
        ("spread", 32, 32, (64, 64), 3, {}, "spread"),
        ("correlate", 100, 28, (3, 32), 3, {}, "correlate"),
        ("correlate", 100, 28, (1, 30), 5, {}, "correlate"),
        ("correlate", 100, 28, (3, 16), 3, {}, "correlate_by_planes"),
        # It takes these, whose transposes stay in the cache, and multiplies enough with every number tiles would copy.
        ("gather", 100, 8, (64, 64), 3, {}, "gather"),
        ("gather", 100, 8, (64, 64), 3, {"layout": "channels_first"}, "gather"),
        # Here it takes longer to transpose.
        ("gather", 32, 32, (64, 64), 3, {}, "gather_by_tiles"),
        # Here copying is cheap.
        ("gather", 100, 28, (1, 30), 5, {}, "gather_by_patches"),
        # These it does not take, or does badly: small batches, strides, single elements.
        ("gather", 8, 32, (80, 16), 3, {}, "gather_by_tiles"),
        ("gather", 32, 16, (64, 64), 3, {"strides": 2}, "gather_by_tiles"),
        ("gather", 32, 10, (128, 128), 1, {}, "gather_by_tiles"),
    ],
    ids=str,
)
def test_a_library_on_all_cores_keeps_what_it_does_well(name, batch, size, channels, window, change, form, monkeypatch):
    library_uses_all_cores(monkeypatch, True)
    assert chosen(name, batch, size, channels, window, **change) == form


def test_all_forms_can_be_left_to_lax(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lowerings, "FAST", False)
    assert chosen("gather", 32, 32, (64, 64), 3, groups=64) == "gather"


STATICS = [{"strides": 2, "padding": 1}, {"groups": 4, "dilation": 2}, {"groups": 2, "layout": "channels_first"}]


def arrays_of(op: str, statics: dict[str, Any]) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(8)
    x, kernel = rng.normal(size=(3, 6, 5, 4)), rng.normal(size=(2, 2, 4 // statics.get("groups", 1), 4))
    if statics.get("layout") == "channels_first":
        x, kernel = channels_first(x, kernel)
    return partial(getattr(functional_nn, op), **statics), x, kernel


@pytest.fixture
def always_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles for small arrays too."""
    monkeypatch.setattr(lowerings, "LEAST_MULTIPLICATIONS", 0)
    monkeypatch.setattr(lowerings, "LEAST_A_COPY", 0)


@pytest.mark.slow
@pytest.mark.usefixtures("always_fast")
@pytest.mark.parametrize("statics", STATICS, ids=str)
@pytest.mark.parametrize("op", ["conv", "conv_transpose"])
def test_second_derivatives_in_both_modes(op: str, statics: dict[str, Any]):
    function, x, kernel = arrays_of(op, statics)
    check_grads(jax.jit(lambda x, kernel: function(x, kernel)), (x[:1], kernel), 2)


@pytest.mark.slow
@pytest.mark.usefixtures("always_fast")
@pytest.mark.parametrize("axes", [(0, None), (None, 0), (0, 0), (1, -1)], ids=str)
@pytest.mark.parametrize("statics", STATICS, ids=str)
@pytest.mark.parametrize("op", ["conv", "conv_transpose"])
def test_vmap_of_value_and_gradients_is_a_loop(op: str, statics: dict[str, Any], axes: tuple):
    function, *single = arrays_of(op, statics)

    def of_one(x, kernel):
        out, vjp = jax.vjp(function, x, kernel)
        return out, *vjp(jnp.cos(out))

    batched = [a if axis is None else np.stack([a, 2 - a], axis) for a, axis in zip(single, axes, strict=True)]
    rows = [
        [a, a] if axis is None else np.moveaxis(b, axis, 0) for a, b, axis in zip(single, batched, axes, strict=True)
    ]
    looped = [jax.jit(of_one)(*pair) for pair in zip(*rows, strict=True)]
    got = jax.jit(jax.vmap(of_one, axes))(*batched)
    assert_close(
        got, [np.stack(each) for each in zip(*looped, strict=True)], 1e-12, f"{op} {statics}, vmap over {axes}"
    )


def test_vmap_over_nothing():
    function, x, kernel = arrays_of("conv", {"groups": 2})
    none = np.empty((0, *kernel.shape))
    assert jax.vmap(function, (None, 0))(x, none).shape == (0, 3, 5, 4, 4)


def gradients(x: Any, kernel: Any, **statics: Any) -> Any:
    return jax.grad(lambda x, kernel: jnp.sum(functional_nn.conv(x, kernel, **statics) ** 2), (0, 1))(x, kernel)


@pytest.mark.slow
def test_shard_map_sums_the_kernels_gradient():
    _, x, kernel = arrays_of("conv", {})
    mesh = jax.make_mesh((1,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    rows, whole = PartitionSpec("data"), PartitionSpec()
    sharded = jax.shard_map(gradients, mesh=mesh, in_specs=(rows, whole), out_specs=(rows, whole))
    assert_close(sharded(x, kernel), gradients(x, kernel), 1e-12, "gradients inside and outside of shard_map")


@pytest.mark.parametrize("platforms", [("cuda",), ("tpu",), ("cpu", "cuda", "tpu")], ids="-".join)
def test_exported_for_other_platforms_it_is_laxs_convolution(platforms: tuple[str, ...]):
    x, kernel = (jax.ShapeDtypeStruct(shape, np.float32) for shape in ((32, 16, 16, 64), (3, 3, 64, 64)))
    module = jax.export.export(jax.jit(gradients), platforms=platforms)(x, kernel).mlir_module()
    assert module.count("stablehlo.convolution") >= 3
    assert ("stablehlo.while" in module) == ("cpu" in platforms)


def test_the_batch_may_be_symbolic():
    x = jax.ShapeDtypeStruct(jax.export.symbolic_shape("n, 6, 5, 4"), np.float64)
    kernel = np.random.default_rng(9).normal(size=(2, 2, 4, 4))
    exported = jax.export.export(jax.jit(gradients))(x, kernel)
    images = np.random.default_rng(10).normal(size=(3, 6, 5, 4))
    assert_close(exported.call(images, kernel), gradients(images, kernel), 1e-12, "exported with a symbolic batch")


def test_transposed_and_rematerialized():
    function, x, kernel = arrays_of("conv", {"padding": 1})
    back = jax.linear_transpose(lambda x: function(x, kernel), x)(function(x, kernel))[0]
    expected = functional_nn.conv_transpose(function(x, kernel), kernel, padding=1)
    assert_close(back, expected, 1e-12, "linear_transpose against conv_transpose")
    again = jax.grad(jax.checkpoint(lambda x: jnp.sum(function(x, kernel) ** 2)))(x)
    assert_close(again, 2 * back, 1e-12, "rematerialized")


DIVIDED = """
import jax, numpy as np
from functional_nn.cpu import lowerings
from jax.sharding import NamedSharding, PartitionSpec
from test_lowerings import gradients
lowerings.LIBRARY_USES_ALL_CORES = False
x, kernel = np.random.default_rng(0).normal(size=(4, 20, 20, 48)), np.ones((3, 3, 48, 48))
mesh = jax.make_mesh((2,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
rows, whole = NamedSharding(mesh, PartitionSpec("data")), NamedSharding(mesh, PartitionSpec())
divided = jax.jit(gradients, in_shardings=(rows, whole), out_shardings=(rows, whole))
np.testing.assert_allclose(divided(x, kernel)[1], jax.jit(gradients)(x, kernel)[1], rtol=1e-4)
assert "while" in jax.jit(gradients).lower(x, kernel).as_text()
assert "while" not in divided.lower(x, kernel).as_text()
"""


@pytest.mark.slow
def test_divided_among_devices_there_is_no_loop_over_the_batch():
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "ops")])
    environment = os.environ | {"JAX_NUM_CPU_DEVICES": "2", "PYTHONPATH": paths, "FUNCTIONAL_NN_FAST": "xla"}
    ended = subprocess.run([sys.executable, "-c", DIVIDED], env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
