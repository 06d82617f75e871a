"""Attention by cuDNN: which calls a program for an NVIDIA GPU holds, and what they mean. No GPU runs them here."""

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.rows import assert_close
from jax._src.cudnn import fused_attention_stablehlo

import functional_nn
from functional_nn import _libraries
from functional_nn.gpu import attention as cudnn

FORWARD, BACKWARD = "__cudnn$fmhaSoftmax", "__cudnn$fmhaSoftmaxBackward"
# The shapes of query and of key, the dtype, and the statics of calls that go to cuDNN.
TAKEN: dict[str, tuple[tuple[int, ...], tuple[int, ...], Any, dict[str, Any]]] = {
    "all see all": ((2, 24, 2, 8), (2, 40, 2, 8), jnp.bfloat16, {}),
    "causal": ((1, 32, 2, 16), (1, 32, 2, 16), jnp.float16, {"causal": True}),
    "grouped": ((1, 32, 4, 64), (1, 32, 2, 64), jnp.bfloat16, {"causal": True, "scale": 0.3}),
    "window": ((1, 32, 2, 8), (1, 32, 2, 8), jnp.bfloat16, {"causal": True, "window": 5}),
}
LEFT: dict[str, tuple[tuple[int, ...], tuple[int, ...], Any, dict[str, Any]]] = {
    "float32": ((1, 32, 2, 8), (1, 32, 2, 8), jnp.float32, {}),
    "odd depth": ((1, 32, 2, 9), (1, 32, 2, 9), jnp.bfloat16, {}),
    "too deep": ((1, 32, 2, 512), (1, 32, 2, 512), jnp.bfloat16, {}),
    "causal with more keys": ((1, 24, 2, 8), (1, 32, 2, 8), jnp.bfloat16, {"causal": True}),
    "window both ways": ((1, 32, 2, 8), (1, 32, 2, 8), jnp.bfloat16, {"window": 5}),
    "soft cap": ((1, 32, 2, 8), (1, 32, 2, 8), jnp.bfloat16, {"softcap": 20.0}),
    "no keys": ((1, 32, 2, 8), (1, 0, 2, 8), jnp.bfloat16, {}),
}


@pytest.fixture(autouse=True)
def gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """JAX as on a machine with a card of 2022 and its cuDNN, as far as a program is written and not run."""
    monkeypatch.setattr(_libraries, "WANTED", True)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(fused_attention_stablehlo, "check_cudnn_version", lambda: 91100)
    monkeypatch.setattr(fused_attention_stablehlo, "check_compute_capability", lambda least: True)
    monkeypatch.setattr(fused_attention_stablehlo, "is_cuda_compute_capability_equal", lambda other: False)
    cudnn._accepts.cache_clear()
    jax.clear_caches()
    yield
    cudnn._accepts.cache_clear()
    jax.clear_caches()


def arrays_of(query: tuple[int, ...], key: tuple[int, ...], dtype: Any) -> list[jax.Array]:
    rng = np.random.default_rng(5)
    return [jnp.asarray(rng.normal(size=shape), dtype) for shape in (query, key, key)]


def everything(query: Any, key: Any, value: Any, **statics: Any) -> Any:
    """The value and the three gradients."""
    out, pullback = jax.vjp(partial(functional_nn.attention, **statics), query, key, value)
    return out, *pullback(jnp.sin(out))


def calls(function: Any, *arrays: Any) -> list[str]:
    """Which of cuDNN's kernels a program for a GPU calls."""
    lowered = jax.jit(function).trace(*arrays).lower(lowering_platforms=("cuda",))
    return re.findall(r"custom_call @(__cudnn\S+?)\(", lowered.as_text())


@pytest.mark.parametrize("name", TAKEN)
def test_a_program_for_a_gpu_calls_the_kernels(name: str):
    *shapes, statics = TAKEN[name]
    arrays = arrays_of(*shapes)
    assert calls(partial(functional_nn.attention, **statics), *arrays) == [FORWARD]
    # The second forward call is the first word for word, which XLA may find: it cannot be tried here.
    assert calls(partial(everything, **statics), *arrays) == [FORWARD, FORWARD, BACKWARD]


@pytest.mark.parametrize("name", LEFT)
def test_what_the_kernel_cannot_do_stays_with_xla(name: str):
    *shapes, statics = LEFT[name]
    assert calls(partial(everything, **statics), *arrays_of(*shapes)) == []


def test_a_mask_stays_with_xla():
    seen = jnp.ones((32, 32), bool)
    arrays = arrays_of(*TAKEN["causal"][:3])
    assert calls(lambda q, k, v: functional_nn.attention(q, k, v, seen), *arrays) == []


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_asked_of_the_kernel_is_the_op(name: str, monkeypatch: pytest.MonkeyPatch):
    """The same question, put to JAX's own form: the kernel's arguments say what the op means."""
    *shapes, statics = TAKEN[name]
    arrays = arrays_of(*shapes)
    asked: list[dict[str, Any]] = []
    by_cudnn = jax.nn.dot_product_attention

    def noted(*arrays: Any, **chosen: Any) -> Any:
        asked.append(chosen)
        return by_cudnn(*arrays, **chosen)

    monkeypatch.setattr(jax.nn, "dot_product_attention", noted)
    assert calls(partial(functional_nn.attention, **statics), *arrays) == [FORWARD]
    wide = [array.astype(jnp.float64) for array in arrays]
    expected = by_cudnn(*wide, **asked[-1] | {"implementation": "xla"})
    assert_close(
        functional_nn.attention(*wide, **statics), expected, 1e-6, f"{name}: the op against what cuDNN is asked"
    )


@pytest.mark.parametrize("name", TAKEN)
def test_elsewhere_the_primitive_means_the_op(name: str, monkeypatch: pytest.MonkeyPatch):
    """Written for a GPU, run on a CPU: the bits of attention on a CPU, in every derivative."""
    *shapes, statics = TAKEN[name]
    arrays = arrays_of(*shapes)

    def derivatives(*arrays: Any) -> Any:
        op = partial(functional_nn.attention, **statics)
        moved = jax.jvp(op, arrays, arrays)[1]
        mapped = jax.vmap(op, (0, None, None))(jnp.stack([arrays[0], 2 * arrays[0]]), *arrays[1:])
        return *everything(*arrays, **statics), moved, mapped

    got = derivatives(*arrays)
    monkeypatch.setattr(_libraries, "WANTED", False)
    jax.clear_caches()
    tolerance = 2 * float(jnp.finfo(arrays[0].dtype).eps)
    wide = [[np.asarray(each, np.float64) for each in outs] for outs in (got, derivatives(*arrays))]
    assert_close(wide[0], wide[1], tolerance, f"{name}: the primitive against the op without it")


def test_a_card_without_the_kernel_has_xla(monkeypatch: pytest.MonkeyPatch):
    """As on a card of 2018, on AMD's, and where no cuDNN was installed."""

    def missing() -> int:
        raise RuntimeError("cuDNN is not detected.")

    monkeypatch.setattr(fused_attention_stablehlo, "check_cudnn_version", missing)
    *shapes, statics = TAKEN["causal"]
    assert calls(partial(everything, **statics), *arrays_of(*shapes)) == []


def test_a_program_for_other_machines_calls_none():
    *shapes, statics = TAKEN["causal"]
    function = jax.jit(partial(everything, **statics))
    exported = jax.export.export(function, platforms=("cuda",))(*arrays_of(*shapes))
    assert "__cudnn" not in exported.mlir_module()
