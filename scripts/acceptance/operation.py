"""An operation with its right backward, and the edits of that backward's text that make it wrong."""

import inspect
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import torch

from scripts.acceptance.arithmetic import Arithmetic, low, right

Primals = dict[str, np.ndarray]
Code = Callable[..., tuple[torch.Tensor | None, ...]]
AnyCode = TypeVar("AnyCode", bound=Callable[..., Any])


@dataclass(frozen=True)
class Operation:
    """A function of PyTorch, the op of the library that it is, and its backward by hand.

    forward: takes the primals as tensors, and is differentiable; what PyTorch itself makes of its gradient is "plain".
    backward: takes an Arithmetic, the cotangent and the primals, and gives a gradient for each primal.
    edits: what is wrong, the text in the backward's source, and what stands there instead.
    long: whether its sums are so long that the precision of an accumulator shows.
    """

    name: str
    op: str
    forward: Callable[..., torch.Tensor]
    backward: Code
    primals: Callable[[np.random.Generator], Primals]
    edits: tuple[tuple[str, str, str], ...] = ()
    statics: dict[str, Any] = field(default_factory=dict)
    long: bool = False


@dataclass(frozen=True)
class Backward:
    """One backward of an operation: how it computes, and what was done to it; edit: "" where it is right."""

    operation: Operation
    arithmetic: Arithmetic
    edit: str
    code: Code

    @property
    def right(self) -> bool:
        """Whether nothing was done to it."""
        return not self.edit

    @property
    def label(self) -> str:
        """What stands in a list."""
        return f"{self.operation.name}: {self.edit or self.arithmetic.name}"

    def function(self) -> type[torch.autograd.Function]:
        """The pair as an autograd.Function, as a kernel's author would write it."""
        arithmetic, forward, code = self.arithmetic, self.operation.forward, self.code

        class Kernel(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, *primals: torch.Tensor) -> torch.Tensor:
                ctx.save_for_backward(*primals)
                dtype = next(primal.dtype for primal in primals if primal.is_floating_point())
                return forward(*map(arithmetic.lifted, primals)).to(dtype)

            @staticmethod
            def backward(ctx: Any, cotangent: torch.Tensor) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
                given = ctx.saved_tensors
                found = code(arithmetic, arithmetic.lifted(cotangent), *map(arithmetic.lifted, given))
                pairs = zip(found, given, strict=True)
                return tuple(None if one is None else one.to(primal.dtype) for one, primal in pairs)

        return Kernel


def edited(code: AnyCode, old: str, new: str) -> AnyCode:
    """A backward with one edit of its text.

    Raises:
        ValueError: the text does not stand there exactly once.
    """
    source = textwrap.dedent(inspect.getsource(code))
    if source.count(old) != 1:
        raise ValueError(f"edited: {old!r} must stand once in {code.__name__}; got {source.count(old)} times")
    there = dict(code.__globals__)
    exec(compile(source.replace(old, new), f"<{code.__name__} with {new!r}>", "exec"), there)
    return there[code.__name__]


def _answering(change: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Code], Code]:
    """A change of every gradient."""

    def apply(code: Code) -> Code:
        return lambda *given: tuple(None if one is None else change(one) for one in code(*given))

    return apply


def _asking(change: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Code], Code]:
    """A change of the cotangent."""

    def apply(code: Code) -> Code:
        return lambda a, d, *primals: code(a, change(d), *primals)

    return apply


def _without_last_entry(gradient: torch.Tensor) -> torch.Tensor:
    flat = gradient.reshape(-1)
    return torch.cat([flat[:-1], torch.zeros_like(flat[-1:])]).reshape(gradient.shape)


# What goes wrong whatever the operation is.
ANYWHERE = {
    "zeros": _answering(torch.zeros_like),
    "a fiftieth too large": _answering(lambda gradient: 1.02 * gradient),
    "the last entry is not written": _answering(_without_last_entry),
    "the cotangent's first row for all": _asking(lambda d: d[:1].expand_as(d)),
    "the cotangent is taken for 1": _asking(torch.ones_like),
}


def backwards(operation: Operation, dtype: torch.dtype) -> Iterator[Backward]:
    """The right backwards of an operation in this dtype, then the wrong ones; an edit computes plainly."""
    ways = right(dtype)
    for way in ways:
        yield Backward(operation, way, "", operation.backward)
    for edit, old, new in operation.edits:
        yield Backward(operation, ways[1], edit, edited(operation.backward, old, new))
    if operation.long:
        way = low(dtype)
        yield Backward(operation, way, way.name, operation.backward)
        return
    for edit, apply in ANYWHERE.items():
        yield Backward(operation, ways[1], edit, apply(operation.backward))
