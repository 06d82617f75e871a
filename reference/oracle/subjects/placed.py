"""Code on a device: arrays go there with the memory that they lie in, and what it wrote comes back."""

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from reference.oracle.subjects import trees
from reference.oracle.subjects.frameworks import tensor_of
from reference.oracle.subjects.subject import Pullback, Subject

Taken = list[tuple[np.ndarray, Any]]


def missing(framework: str, device: str) -> str:
    """Why the device cannot be used, in the framework's words; empty where it can."""
    try:
        if framework == "jax":
            importlib.import_module("jax").devices(device)
        else:
            importlib.import_module("torch").zeros(1, device=device).cpu()
    except Exception as error:  # each framework, and each version, raises something else
        return str(error).split("\n")[0] or type(error).__name__
    return ""


def placed(subject: Subject, device: str, cast: str | None = None) -> Subject:
    """The subject whose calls run there; cast: the dtype of PyTorch that floating arrays become on their way."""
    return _in_jax(subject, device) if subject.style == "jax" else _in_torch(subject, device, cast)


def _in_torch(subject: Subject, device: str, cast: str | None) -> Subject:
    torch = importlib.import_module("torch")

    def forward(*primals: Any) -> Any:
        with _there(torch, device, cast, primals) as (taken, _):
            return subject.forward(*taken)

    def vjp(*primals: Any) -> tuple[Any, Pullback]:
        with _there(torch, device, cast, primals) as (taken, pairs):
            out, pullback = subject.vjp(*taken)

        def pull(cotangent: Any) -> Any:
            try:
                with _there(torch, device, cast, cotangent) as (upstream, _):
                    return pullback(upstream)
            finally:
                _bring_back(torch, pairs)

        return out, Pullback(pull)

    return replace(subject, forward=forward, vjp=vjp)


@contextmanager
def _there(torch: Any, device: str, cast: str | None, values: Any) -> Iterator[tuple[Any, Taken]]:
    """The values as tensors on the device, and which tensor is which array; the arrays get what was written there."""
    pairs: Taken = []

    def take(value: Any) -> Any:
        if not isinstance(value, np.ndarray):
            return value
        dtype = getattr(torch, cast) if cast and value.dtype.kind == "f" else None
        pairs.append((value, moved(tensor_of(torch, value), device, dtype)))
        return pairs[-1][1]

    try:
        yield trees.mapped(take, values), pairs
    finally:
        _bring_back(torch, pairs)


def _bring_back(torch: Any, pairs: Taken) -> None:
    for array, tensor in pairs:
        _memory(tensor_of(torch, array)).copy_(_memory(tensor.detach()))


def moved(tensor: Any, device: str, dtype: Any = None) -> Any:
    """A copy on the device, of a dtype, that lies in memory as the tensor does: strides, gaps and offset."""
    memory = _memory(tensor).to(device, dtype or tensor.dtype, copy=True)
    return memory.as_strided(tensor.shape, tensor.stride(), tensor.storage_offset())


def _memory(tensor: Any) -> Any:
    """All of the memory that a tensor lies in, in a row."""
    return tensor.as_strided((tensor.untyped_storage().nbytes() // tensor.element_size(),), (1,), 0)


def _in_jax(subject: Subject, device: str) -> Subject:
    jax = importlib.import_module("jax")

    def there(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            with jax.default_device(jax.devices(device)[0]):
                return function(*given)

        return call

    def vjp(*primals: Any) -> tuple[Any, Pullback]:
        out, pullback = there(subject.vjp)(*primals)
        return out, Pullback(there(pullback))

    return replace(subject, forward=there(subject.forward), vjp=vjp)
