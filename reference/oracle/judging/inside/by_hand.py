"""Whether a gradient is written in the submission: what its backward calls, and what stands in PyTorch's graph."""

import re
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from reference.oracle.command.byhand import leanings
from reference.oracle.subjects import trees
from reference.oracle.subjects.frameworks import tensor_of
from reference.oracle.subjects.placed import moved
from reference.oracle.subjects.subject import Subject

# Steps of PyTorch's graph that give values another place, shape or dtype, and compute nothing.
MOVES = re.compile(
    r"(AccumulateGrad|(View|UnsafeView|Reshape\w*|Transpose|Permute|T|Expand|Squeeze|Unsqueeze|Slice|Select|Clone|"
    r"ToCopy|AsStrided|Split\w*|Unbind|Cat|Stack|Alias|Detach|Contiguous|Narrow|Flatten|Unflatten)Backward\d*)"
)


def not_by_hand(subject: Subject, primals: tuple[Any, ...], device: str | None) -> list[str]:
    """A sentence for everything that others differentiate."""
    torch = sys.modules.get("torch")
    found = list(leanings(subject, primals))
    if torch is not None and subject.style == "torch" and subject.source is not None and _is_function(subject):
        steps = dict.fromkeys(_differentiated(torch, subject.source, primals, device or "cpu"))
        found += [f"PyTorch differentiates a step of the forward itself: {step}" for step in steps]
    return found


def _is_function(subject: Subject) -> bool:
    """Whether it is a function of tensors that PyTorch differentiates, and no Function and no pair of functions."""
    return getattr(subject.source, "__name__", "") == subject.name and subject.source is not None


def _differentiated(torch: Any, function: Any, primals: tuple[Any, ...], device: str) -> Iterator[str]:
    tensors = [moved(tensor_of(torch, one), device) if isinstance(one, np.ndarray) else one for one in primals]
    for tensor in tensors:
        if isinstance(tensor, torch.Tensor) and tensor.is_floating_point():
            tensor.requires_grad_()
    waiting = [leaf.grad_fn for leaf in trees.leaves(function(*tensors)) if getattr(leaf, "grad_fn", None)]
    done: set[Any] = set()
    while waiting:
        node = waiting.pop()
        if node in done:
            continue
        done.add(node)
        if not isinstance(node, torch.autograd.function.BackwardCFunction) and not MOVES.fullmatch(type(node).__name__):
            yield type(node).__name__
        waiting += [following for following, _ in node.next_functions if following is not None]
