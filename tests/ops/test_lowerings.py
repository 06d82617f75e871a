"""What convolutions lower to: every form against the reference, and all that may transform them."""

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
from test_lowerings_chosen import want_fast_forms

import functional_nn
from functional_nn._geometry import Spec, lines
from functional_nn.cpu import forms, lowerings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    want_fast_forms(monkeypatch)


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
