"""The rows of all ops, and what each library makes of one: a step that gives the value and the gradients."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch

from benchmarks.ops import entries, layers, sequences
from benchmarks.ops.arguments import IMAGE, Argument, Axes
from benchmarks.ops.row import Function, Row
from benchmarks.ops.sizes import Op

ROWS: dict[str, Row] = {**entries.ROWS, **layers.ROWS, **sequences.ROWS}
FORMATS = {"torch": torch.contiguous_format, "torch channels-last": torch.channels_last}

# A step gives the value, and a gradient for each learned argument by its name, in the library's own axes.
Step = Callable[[], tuple[Any, dict[str, Any]]]


def arguments(op: Op) -> dict[str, Argument]:
    """What the op takes in this size."""
    return ROWS[op.op].arguments(op.sizes)


def arrays(op: Op) -> dict[str, np.ndarray]:
    """The same arguments for every contender, in our axes."""
    rng = np.random.default_rng(0)
    return {name: argument.drawn(rng) for name, argument in arguments(op).items()}


def axes(op: Op) -> dict[str, Axes | None]:
    """Of every argument, and of the result under the name "": its axes in PyTorch and Equinox."""
    found = {name: argument.axes for name, argument in arguments(op).items()}
    return found | {"": next(iter(found.values()))}


def builders(op: Op, device: str | None) -> dict[str, Callable[[], Step]]:
    """By contender, what makes its step; device is PyTorch's, if any. Of one op torch.compile has nothing to fuse."""
    row = ROWS[op.op]
    found: dict[str, Callable[[], Step]] = {
        "ours": partial(jax_step, op, row.ours, foreign=False),
        "flax": partial(jax_step, op, row.flax, foreign=False),
    }
    if row.equinox:
        found["equinox"] = partial(jax_step, op, row.equinox, foreign=True)
    of_images = any(argument.axes == IMAGE for argument in arguments(op).values())
    for name, memory_format in FORMATS.items() if device else ():
        if of_images or name == "torch":
            found[name] = partial(torch_step, op, memory_format, str(device))
    return found


def upstream(op: Op, shape: tuple[int, ...], foreign: bool) -> np.ndarray:
    """The gradient of the result: drawn in our axes, and given in the library's, where shape is."""
    order = axes(op)[""] if foreign else None
    own = tuple(shape[order.index(axis)] for axis in range(len(shape))) if order else shape
    drawn = np.random.default_rng(1).normal(size=own).astype(np.float32)
    return _ordered(drawn, order)


def _ordered(array: np.ndarray, order: Axes | None) -> np.ndarray:
    return array if order is None else array.transpose(order)


def jax_step(op: Op, function: Function, *, foreign: bool) -> Step:
    """A function of JAX, in our axes or, as Equinox has them, in foreign ones."""
    dtype, learned = jnp.dtype(op.dtype), [name for name, argument in arguments(op).items() if argument.learned]
    own = {name: _ordered(array, axes(op)[name] if foreign else None) for name, array in arrays(op).items()}
    given = {name: jnp.asarray(a, dtype if a.dtype == np.float32 else a.dtype) for name, a in own.items()}
    by_name = partial(function, op.sizes)
    shape = jax.eval_shape(lambda given: by_name(**given), given).shape
    back = jnp.asarray(upstream(op, shape, foreign), dtype)

    def both(moving: dict[str, jax.Array], given: dict[str, jax.Array], back: jax.Array) -> Any:
        out, pullback = jax.vjp(lambda moving: by_name(**(given | moving)), moving)
        return out, pullback(back.astype(out.dtype))[0]

    compiled, moving = jax.jit(both), {name: given.pop(name) for name in learned}
    return lambda: jax.block_until_ready(compiled(moving, given, back))


def torch_step(op: Op, memory_format: torch.memory_format, device: str) -> Step:
    """A function of PyTorch, whose arrays of four axes, if any, lie as memory_format says."""
    dtype, learned = getattr(torch, op.dtype), [name for name, argument in arguments(op).items() if argument.learned]

    def tensor(array: np.ndarray, order: Axes | None) -> torch.Tensor:
        found = torch.tensor(_ordered(array, order))
        found = found.to(dtype) if found.is_floating_point() else found.long() if found.dtype == torch.int32 else found
        layout = memory_format if order and found.ndim == 4 else torch.contiguous_format
        return found.to(device).contiguous(memory_format=layout)

    own = {name: tensor(array, axes(op)[name]) for name, array in arrays(op).items()}
    moving = [own[name].requires_grad_() for name in learned]
    by_name = partial(ROWS[op.op].torch, op.sizes, **own)
    back = tensor(upstream(op, tuple(by_name().shape), foreign=True), None)
    back = back.contiguous(memory_format=memory_format if axes(op)[""] else torch.contiguous_format)

    def step() -> tuple[Any, dict[str, Any]]:
        out = by_name()
        found = torch.autograd.grad(out, moving, back.to(out.dtype)) if moving else ()
        if device != "cpu":
            torch.cuda.synchronize()
        return out, dict(zip(learned, found, strict=True))

    return step


def in_our_axes(op: Op, found: tuple[Any, dict[str, Any]], foreign: bool) -> dict[str, np.ndarray]:
    """What a step gave, the value under the name "", as NumPy's arrays in float32."""
    value, gradients = found

    def ours(name: str, array: Any) -> np.ndarray:
        plain = array.detach().float().cpu().numpy() if isinstance(array, torch.Tensor) else np.asarray(array, "f4")
        order = axes(op)[name] if foreign else None
        return _ordered(plain, tuple(np.argsort(order)) if order else None)

    return {name: ours(name, array) for name, array in {"": value, **gradients}.items()}


def least_bytes(op: Op) -> int:
    """What must be read and written: every argument, the result and what comes back of it, and every gradient."""
    width = 2 if op.dtype == "bfloat16" else 4
    sizes = {
        name: array.nbytes if array.dtype != np.float32 else array.size * width for name, array in arrays(op).items()
    }
    learned = sum(sizes[name] for name, argument in arguments(op).items() if argument.learned)
    given = {name: jax.ShapeDtypeStruct(array.shape, array.dtype) for name, array in arrays(op).items()}
    out = jax.eval_shape(lambda given: ROWS[op.op].ours(op.sizes, **given), given)
    return sum(sizes.values()) + learned + 2 * out.size * width


def multiplications(op: Op) -> int:
    """Of the forward pass; where gradients of both factors are computed, they take as many each."""
    return ROWS[op.op].multiplications(op.sizes)
