"""A row of the registry: an op in each library."""

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from benchmarks.ops.arguments import Argument

# Takes the numbers of a size and then the arguments by name; gives one array, whose axes lie as the first argument's.
Function = Callable[..., Any]


@dataclass(frozen=True)
class Row:
    """An op's arguments, and the function of them in each library; None where a library has nothing of the kind.

    Each library's function gets arrays of its own, with axes in the library's order. What a function of PyTorch reads
    besides, such as cosines, it must not compute again at every call.
    """

    arguments: Callable[[SimpleNamespace], dict[str, Argument]]
    ours: Function
    flax: Function
    torch: Function
    equinox: Function | None = None
    # Of the forward pass: the two gradients of a product take as many each.
    multiplications: Callable[[SimpleNamespace], int] = lambda _: 0
