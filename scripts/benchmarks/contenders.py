"""What runs a case, by name: one list for the timing, and for each contender in a process of its own."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import torch

from benchmarks import jax_side, measure, torch_side, transformer_jax, transformer_torch
from benchmarks.networks import Network, Transformer
from benchmarks.ops import registry
from benchmarks.plan import Case

# Makes a step to call again and again; and what tells the bytes that XLA reserves for it, where XLA does.
Build = Callable[[], tuple[Callable[[], Any], Callable[[], float] | None]]


def builders(case: Case, device: str | None, compiled: bool) -> dict[str, Build]:
    """By contender, what makes its step; device is PyTorch's, if any, and compiled adds torch.compile."""
    if isinstance(case, Transformer):
        return _of_transformer(case, device, compiled)
    if isinstance(case, Network):
        return _of_network(case, device, compiled)
    builds = registry.builders(case, device)
    return {name: lambda build=build: (build(), None) for name, build in builds.items()}


def _of_network(network: Network, device: str | None, compiled: bool) -> dict[str, Build]:
    ours = partial(jax_side.ours, network)
    found: dict[str, Build] = {"ours": ours}
    if jax_side.uses_onednn(network):
        found[jax_side.WITHOUT_ONEDNN] = partial(_without_libraries, ours)
    found["flax"] = partial(jax_side.flax, network)
    if not any(layer[0] == "block" for layer in network.layers):
        found["equinox"] = lambda: (jax_side.equinox(network), None)
    for name in torch_side.names(network, compiled) if device else ():
        found[name] = lambda name=name: (torch_side.step(network, name, str(device)), None)
    return found


def _of_transformer(case: Transformer, device: str | None, compiled: bool) -> dict[str, Build]:
    ours = partial(transformer_jax.ours, case)
    found: dict[str, Build] = {"ours": ours}
    if jax.default_backend() == "gpu" and case.dtype != "float32":
        found[jax_side.WITHOUT_CUDNN] = partial(_without_libraries, ours)
    found |= {"plain JAX": partial(transformer_jax.plain, case), "flax": partial(transformer_jax.flax, case)}
    for name in ("torch", "torch compiled") if compiled else ("torch",):
        if device:
            found[name] = lambda name=name: (transformer_torch.step(case, device, name != "torch"), None)
    return found


def _without_libraries(build: Build) -> tuple[Callable[[], Any], Callable[[], float] | None]:
    run, reserved = build()
    return jax_side.without_libraries(run), reserved and jax_side.without_libraries(reserved)


def torch_device(platform: str) -> str | None:
    """PyTorch's name of a device, or None where the installed PyTorch cannot use it."""
    return {"cpu": "cpu", "gpu": "cuda" if torch.cuda.is_available() else None}.get(platform)


def settle(platform: str, tf32: bool) -> None:
    """Where JAX computes, on how many threads PyTorch does, and whether products of float32 may be rounded to TF32."""
    torch.set_num_threads(measure.cores())
    jax.config.update("jax_platforms", {"gpu": "cuda,cpu"}.get(platform, platform))
    if platform == "gpu":
        jax.config.update("jax_default_matmul_precision", None if tf32 else "highest")
        torch.set_float32_matmul_precision("high" if tf32 else "highest")
        torch.backends.cudnn.allow_tf32 = tf32


def started(builds: dict[str, Build]) -> tuple[dict[str, Callable[[], Any]], dict[str, str]]:
    """The steps, called twice so that all is compiled; and of those that fail, which name and why.

    A library that refuses a dtype, or has too little memory, must not end a run of many others.
    """
    runs, refused = {}, {}
    for name, build in builds.items():
        try:
            run, _ = build()
            measure.first_calls({name: run})
            runs[name] = run
        except Exception as error:
            refused[name] = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
    return runs, refused
