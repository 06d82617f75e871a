"""PyTorch and JAX functions as subjects; either framework is imported only when its adapter is called."""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from reference._checks import is_floating
from reference.oracle.subjects import trees
from reference.oracle.subjects.subject import Pullback, Subject, name_of, parameter_names


def from_torch(function: Any) -> Subject:
    """The subject of a torch.autograd.Function, of its `apply`, or of any function of tensors."""
    torch = importlib.import_module("torch")
    owner = _function_class(torch, function)
    apply = owner.apply if owner else function
    if not callable(apply):
        raise TypeError(f"oracle.from_torch: function must be callable; got a {type(function).__name__}")

    def forward(*primals: Any) -> Any:
        with torch.no_grad():
            return trees.mapped(_array, apply(*(_tensor(torch, primal) for primal in primals)))

    def vjp(*primals: Any) -> tuple[Any, Pullback]:
        tensors = [_tensor(torch, primal) for primal in primals]
        wanted = [tensor.requires_grad_() for tensor in tensors if _floating(torch, tensor)]
        outs = apply(*tensors)
        tracked = [leaf for leaf in trees.leaves(outs) if _floating(torch, leaf) and leaf.requires_grad]

        def pullback(cotangent: Any) -> tuple[Any, ...]:
            leaves = zip(trees.leaves(outs), trees.leaves(cotangent), strict=True)
            upstream = [_tensor(torch, np.asarray(ct)) for leaf, ct in leaves if any(leaf is t for t in tracked)]
            found = torch.autograd.grad(tracked, wanted, upstream, retain_graph=True, allow_unused=True)
            arrays = iter([None if gradient is None else _array(gradient) for gradient in found])
            return tuple(next(arrays) if _floating(torch, tensor) else None for tensor in tensors)

        return trees.mapped(_array, outs), Pullback(pullback)

    if owner is None:
        return Subject(name_of(function), forward, vjp, parameter_names(function), function, "torch")
    names = (parameter_names(owner.forward) or ("ctx",))[1:] or None
    return Subject(owner.__name__, forward, vjp, names, owner.backward, "torch")


def _function_class(torch: Any, function: Any) -> Any:
    """The torch.autograd.Function that was given, itself or by its `apply`; None for any other callable."""
    owner = function if isinstance(function, type) else getattr(function, "__self__", None)
    return owner if isinstance(owner, type) and issubclass(owner, torch.autograd.Function) else None


def _tensor(torch: Any, value: Any) -> Any:
    """A tensor on the memory of an array, so that a write into it shows; others as they are."""
    if not isinstance(value, np.ndarray):
        return torch.tensor(value) if isinstance(value, float | np.generic) else value
    if value.dtype.name == "bfloat16":
        return torch.from_numpy(value.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(value)


def _array(value: Any) -> Any:
    if not hasattr(value, "detach"):
        return value
    tensor = value.detach().cpu()
    if str(tensor.dtype) == "torch.bfloat16":
        return tensor.view(importlib.import_module("torch").int16).numpy().view(np.dtype("bfloat16"))
    return tensor.numpy()


def _floating(torch: Any, value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.is_floating_point()


def from_jax(function: Callable[..., Any]) -> Subject:
    """The subject of a jax.custom_vjp or of any JAX function, judged in float64 and at the highest matmul precision."""
    jax = importlib.import_module("jax")
    if not callable(function):
        raise TypeError(f"oracle.from_jax: function must be callable; got a {type(function).__name__}")

    def precisely(call: Callable[[], Any]) -> Any:
        with jax.enable_x64(True), jax.default_matmul_precision("highest"):
            return call()

    def forward(*primals: Any) -> Any:
        return precisely(lambda: trees.mapped(np.asarray, function(*map(jax.numpy.asarray, primals))))

    def vjp(*primals: Any) -> tuple[Any, Pullback]:
        out, pull = precisely(lambda: jax.vjp(function, *map(jax.numpy.asarray, primals)))
        host = trees.mapped(np.array, out)

        def pullback(cotangent: Any) -> tuple[Any, ...]:
            upstream = trees.mapped(lambda ct, like: _cotangent(jax, ct, like), cotangent, host)
            gradients = precisely(lambda: pull(upstream))
            return tuple(
                np.array(g) if is_floating(np.dtype(p.dtype)) else None for g, p in zip(gradients, primals, strict=True)
            )

        return host, Pullback(pullback)

    source = getattr(function, "bwd", None) or function
    return Subject(name_of(function), forward, vjp, parameter_names(function), source, "jax")


def _cotangent(jax: Any, cotangent: Any, like: Any) -> Any:
    """JAX wants a cotangent of dtype float0 for an integer output."""
    if is_floating(np.asarray(like).dtype):
        return np.asarray(cotangent, np.asarray(like).dtype)
    return np.zeros(np.shape(like), jax.dtypes.float0)
