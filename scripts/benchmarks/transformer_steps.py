"""The contenders of a transformer's training step."""

from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks import transformer_jax, transformer_torch
from benchmarks.networks import Transformer


def builders(case: Transformer, device: str | None, compiled: bool) -> dict[str, Callable[[], tuple[Any, Any]]]:
    """By contender, what makes its step and tells the bytes that XLA reserves for it; device is PyTorch's, if any."""
    found: dict[str, Callable[[], tuple[Any, Any]]] = {
        "ours": partial(transformer_jax.ours, case),
        "plain JAX": partial(transformer_jax.plain, case),
        "flax": partial(transformer_jax.flax, case),
    }
    for name in ("torch", "torch compiled") if compiled else ("torch",):
        if device:
            found[name] = lambda name=name: (transformer_torch.step(case, device, name != "torch"), None)
    return found
