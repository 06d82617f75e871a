"""PyTorch and JAX functions as subjects; either framework is imported only when its adapter is called."""

import importlib
import inspect
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from reference._checks import is_floating
from reference.oracle.subjects import trees
from reference.oracle.subjects.interpreted import mended
from reference.oracle.subjects.subject import Pullback, Subject, name_of, parameter_names


def from_torch(function: Any) -> Subject:
    """The subject of a torch.autograd.Function, of its `apply`, or of any function of tensors.

    Of several outputs those count that are differentiable: None and what a Function marks as not differentiable do not.
    """
    torch = importlib.import_module("torch")
    owner = _function_class(torch, function)
    if not callable(owner.apply if owner else function):
        raise TypeError(f"oracle.from_torch: function must be callable; got a {type(function).__name__}")
    if owner is None:
        return _subject(torch, function, name_of(function), parameter_names(function), {}, function)
    names = parameter_names(owner.forward) or ()
    return _subject(torch, owner, owner.__name__, names[takes_context(owner) :] or None, {}, owner.backward)


def from_torch_settled(owner: Any, order: Sequence[str], settled: Mapping[str, Any]) -> Subject:
    """The subject of a torch.autograd.Function with some of its arguments settled, to what may be no tensor."""
    names = tuple(name for name in order if name not in settled)
    places = {order.index(name): value for name, value in settled.items()}
    return _subject(importlib.import_module("torch"), owner, owner.__name__, names, places, owner.backward)


def _subject(torch: Any, function: Any, name: str, names: Any, settled: Mapping[int, Any], source: Any) -> Subject:
    owner = function if isinstance(function, type) else None
    defaults = _defaults(owner) if owner else ()

    def forward(*primals: Any) -> Any:
        with computing(torch, primals):
            if owner:  # which outputs are differentiable is known where gradients are
                return trees.mapped(array_of, _applied(torch, owner, primals, settled)[1])
            with torch.no_grad():
                return trees.mapped(array_of, _without_none(function(*(tensor_of(torch, one) for one in primals))))

    def vjp(*primals: Any) -> tuple[Any, Pullback]:
        with computing(torch, primals):
            tensors, outs = _applied(torch, function, primals, settled)
        count = len(primals) + len(settled)

        def pullback(cotangent: Any) -> tuple[Any, ...]:
            with computing(torch, primals):
                try:
                    return _gradients(torch, tensors, outs, cotangent)
                except IndexError:  # the backward asks for needs_input_grad of arguments that were left out
                    if count >= len(defaults):
                        raise
                given = {**settled, **{place: defaults[place] for place in range(count, len(defaults))}}
                return _gradients(torch, *_applied(torch, function, primals, given), cotangent)

        return trees.mapped(array_of, outs), Pullback(pullback)

    return Subject(name, forward, vjp, names, source, "torch")


@contextmanager
def computing(torch: Any, primals: Sequence[Any]) -> Iterator[None]:
    """What PyTorch makes of plain numbers is of float64 where the primals are; what it draws can be held fixed.

    A kernel that Triton interprets computes as it would on a GPU.
    """
    usual = torch.get_default_dtype()
    wide = any(str(getattr(primal, "dtype", "")) in ("float64", "torch.float64") for primal in primals)
    torch.set_default_dtype(torch.float64 if wide else usual)
    try:
        with _drawing(torch), mended():
            yield
    finally:
        torch.set_default_dtype(usual)


@contextmanager
def _drawing(torch: Any) -> Iterator[None]:
    """What PyTorch draws follows the state of Python's global generator, which moves on where anything was drawn.

    So a draw is seen, and can be held fixed, like one of Python's own; the caller's generator stays where it was.
    """
    kept, (_, numbers, _) = torch.get_rng_state(), random.getstate()
    seeded = torch.default_generator.manual_seed(numbers[0] * 1024 + numbers[-1]).get_state()
    try:
        yield
    finally:
        drawn = not torch.equal(seeded, torch.get_rng_state())
        torch.set_rng_state(kept)
        if drawn:
            random.random()


def _applied(torch: Any, function: Any, primals: tuple[Any, ...], settled: Mapping[int, Any]) -> tuple[list[Any], Any]:
    """The tensors whose gradients are asked for, in the place of the floating primals, and the outputs that count."""
    owner = function if isinstance(function, type) else None
    tensors = [tensor_of(torch, primal) for primal in primals]
    for tensor in tensors:
        if _floating(torch, tensor):
            tensor.requires_grad_()
    # What is declared as changed in place must not be a leaf, nor the caller's memory.
    changes = owner and _names_in(owner, "mark_dirty")
    handed = iter([one.clone() if changes and isinstance(one, torch.Tensor) else one for one in tensors])
    count = len(tensors) + len(settled)
    arguments = [settled[place] if place in settled else next(handed) for place in range(count)]
    outs = _without_none((function.apply if owner else function)(*arguments))
    return tensors, _differentiable(torch, outs) if owner else outs


def _gradients(torch: Any, tensors: list[Any], outs: Any, cotangent: Any) -> tuple[Any, ...]:
    """What the backward gives, an entry a primal."""
    leaves = list(zip(trees.leaves(outs), trees.leaves(cotangent), strict=True))
    tracked = [(leaf, ct) for leaf, ct in leaves if _floating(torch, leaf) and leaf.requires_grad]
    wanted = [tensor for tensor in tensors if _floating(torch, tensor)]
    upstream = [tensor_of(torch, _as_array(torch, ct)).to(leaf.device) for leaf, ct in tracked]
    found = torch.autograd.grad([leaf for leaf, _ in tracked], wanted, upstream, retain_graph=True, allow_unused=True)
    arrays = iter([None if gradient is None else array_of(gradient) for gradient in found])
    return tuple(next(arrays) if _floating(torch, tensor) else None for tensor in tensors)


def _as_array(torch: Any, value: Any) -> Any:
    """Numbers as an array; a tensor, wherever it lies, as it is."""
    return value if isinstance(value, torch.Tensor) else np.asarray(value)


def _without_none(outs: Any) -> Any:
    """Several outputs without those that are None; the one that remains, bare."""
    return _some(outs, [out is not None for out in outs]) if type(outs) in (tuple, list) else outs


def _differentiable(torch: Any, outs: Any) -> Any:
    """The outputs of a Function without the floating ones that it marks as not differentiable, where others remain."""
    if not isinstance(outs, tuple) or not any(_floating(torch, out) and out.requires_grad for out in outs):
        return outs
    return _some(outs, [not _floating(torch, out) or out.requires_grad for out in outs])


def _some(outs: Sequence[Any], wanted: list[bool]) -> Any:
    kept = tuple(out for out, keep in zip(outs, wanted, strict=True) if keep)
    return outs if len(kept) == len(outs) or not kept else kept[0] if len(kept) == 1 else kept


def _defaults(owner: Any) -> tuple[Any, ...]:
    """The defaults of a Function's arguments by place, ctx apart."""
    known = inspect.signature(owner.forward).parameters.values()
    positional = [p for p in known if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return tuple(p.default for p in positional[takes_context(owner) :])


def takes_context(owner: type) -> bool:
    """Whether a Function's forward takes ctx first: it does unless setup_context is its own."""
    own = (base for base in owner.__mro__ if base.__module__.split(".")[0] != "torch")
    return not any("setup_context" in vars(base) for base in own)


def _names_in(owner: Any, name: str) -> bool:
    """Whether a Function's own methods name an attribute."""
    methods = (inspect.unwrap(getattr(owner, method)) for method in ("forward", "setup_context"))
    return any(name in getattr(getattr(method, "__code__", None), "co_names", ()) for method in methods)


def _function_class(torch: Any, function: Any) -> Any:
    """The torch.autograd.Function that was given, itself or by its `apply`; None for any other callable."""
    owner = function if isinstance(function, type) else getattr(function, "__self__", None)
    return owner if isinstance(owner, type) and issubclass(owner, torch.autograd.Function) else None


def tensor_of(torch: Any, value: Any) -> Any:
    """A tensor on the memory of an array, so that a write into it shows; others as they are."""
    if not isinstance(value, np.ndarray):
        return torch.tensor(value) if isinstance(value, float | np.generic) else value
    whole = value.base
    if isinstance(whole, np.ndarray) and whole.ndim == 1 and whole.dtype == value.dtype:
        return _part_of(torch, value, whole)
    if value.dtype.name == "bfloat16":
        return torch.from_numpy(value.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(value)


def _part_of(torch: Any, part: np.ndarray, whole: np.ndarray) -> Any:
    """The same part of the tensor on the whole memory: its strides, and where in the storage it begins."""
    item, (here, begin) = part.itemsize, (array.__array_interface__["data"][0] for array in (part, whole))
    strides = [step // item for step in part.strides]
    return torch.as_strided(tensor_of(torch, whole), part.shape, strides, (here - begin) // item)


def array_of(value: Any) -> Any:
    if not hasattr(value, "detach"):
        return value
    tensor = value.detach().cpu()
    if str(tensor.dtype) == "torch.bfloat16":
        try:
            narrow = np.dtype("bfloat16")
        except TypeError:  # nobody has told NumPy of it: float32 holds the same values
            return tensor.float().numpy()
        return tensor.view(importlib.import_module("torch").int16).numpy().view(narrow)
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

    def host(value: Any) -> Any:
        return value if isinstance(value, jax.core.Tracer) else np.array(value)  # it may be traced

    fast = _Compiled(jax, function)

    def forward(*primals: Any) -> Any:
        return precisely(lambda: trees.mapped(host, fast.forward(*map(jax.numpy.asarray, primals))))

    def vjp(*primals: Any) -> tuple[Any, Pullback]:
        arrays = precisely(lambda: tuple(map(jax.numpy.asarray, primals)))
        out, pull = precisely(lambda: fast.vjp(*arrays))

        def pullback(cotangent: Any) -> tuple[Any, ...]:
            upstream = trees.mapped(lambda ct, like: _cotangent(jax, ct, like), cotangent, out)
            gradients = precisely(lambda: pull(upstream))
            pairs = zip(gradients, primals, strict=True)
            return tuple(host(g) if is_floating(np.dtype(p.dtype)) else None for g, p in pairs)

        return trees.mapped(host, out), Pullback(pullback)

    source = getattr(function, "bwd", None) or function
    return Subject(name_of(function), forward, vjp, parameter_names(function), source, "jax")


# Loops and kernels: JAX compiles them anew at every call, unless what calls them is compiled as a whole.
COMPILED_ANEW = ("scan[", "while[", "pallas_call[")


class _Compiled:
    """A JAX function and its vjp, compiled once where JAX would compile parts of it at every call."""

    def __init__(self, jax: Any, function: Callable[..., Any]):
        self.jax, self.function = jax, function
        # The forward of a jax.custom_vjp by itself: the rule around it matters only to those who differentiate.
        self.primal = getattr(function, "__wrapped__", function) if isinstance(function, jax.custom_vjp) else function
        self.loops: bool | None = None
        self.call = jax.jit(function)
        self.pull = jax.jit(lambda primals, upstream: jax.vjp(function, *primals)[1](upstream))

    def forward(self, *arrays: Any) -> Any:
        """The function's output."""
        if self._traced(arrays):
            return self.function(*arrays)
        return self.call(*arrays) if self._looping(arrays) else self.primal(*arrays)

    def vjp(self, *arrays: Any) -> tuple[Any, Callable[[Any], Any]]:
        """The function's output, and its gradients of a cotangent."""
        if not self._looping(arrays):
            return self.jax.vjp(self.function, *arrays)
        return self.call(*arrays), lambda upstream: self.pull(arrays, upstream)

    def _traced(self, arrays: tuple[Any, ...]) -> bool:
        """Whether the function is to be followed step by step, as it stands."""
        return any(isinstance(array, self.jax.core.Tracer) for array in arrays)

    def _looping(self, arrays: tuple[Any, ...]) -> bool:
        if self._traced(arrays):
            return False
        if self.loops is None:
            try:
                text = str(self.jax.make_jaxpr(self.function)(*arrays))
                self.loops = any(name in text for name in COMPILED_ANEW)
                if self.loops:
                    out, _ = self.jax.vjp(self.function, *arrays)
                    upstream = self.jax.tree_util.tree_map(self.jax.numpy.zeros_like, out)
                    self.pull(arrays, upstream)
            except Exception:  # it looks at its numbers, or raises: then as it is
                self.loops = False
        return self.loops


def _cotangent(jax: Any, cotangent: Any, like: Any) -> Any:
    """JAX wants a cotangent of dtype float0 for an integer output."""
    if is_floating(np.dtype(like.dtype)):
        traced = isinstance(cotangent, jax.core.Tracer)
        return cotangent.astype(like.dtype) if traced else np.asarray(cotangent, like.dtype)
    return np.zeros(np.shape(like), jax.dtypes.float0)
