"""An array in another order: reversed, transposed, moved on, its blocks exchanged or dealt out, one row for all."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import Any

import numpy as np

from reference.oracle.edits.edit import Edited, Group, after, each, instead, with_argument
from reference.oracle.edits.program import Program
from reference.oracle.edits.tape import Step, filled
from reference.oracle.edits.values import array_of, is_mask, named, place

# More axes than these are not read in every order.
MOST_AXES = 4


@dataclass(frozen=True)
class Order:
    """One other order: what it is called, how it is said of an array, and the array in it."""

    cause: str
    words: str
    bits: float
    change: Callable[[Any], Any]


def orders(shape: tuple[int, ...]) -> Iterator[Order]:
    """Every other order of an array of this shape."""
    axes = range(len(shape))
    longer = [axis for axis in axes if shape[axis] > 1]
    for count in range(1, len(longer) + 1):
        for some in combinations(longer, count):
            words = f"in reverse along axis {', '.join(map(str, some))}"
            yield Order("flipped", words, 2 + count / 4, lambda a, x=some: np.flip(a, x))
    for a, b in combinations(longer, 2):
        if shape[a] == shape[b]:
            yield Order("transposed", f"with axes {a} and {b} exchanged", 2, lambda v, a=a, b=b: np.swapaxes(v, a, b))
    for axis in longer:
        yield from _along(axis, shape[axis])
    for order in permutations(axes) if 1 < len(longer) and len(shape) <= MOST_AXES else ():
        if [axis for axis in order if axis in longer] != longer:
            words = f"with its entries in the order of the axes {order}"
            yield Order("transposed", words, 4, lambda a, o=order: np.reshape(np.transpose(a, o), np.shape(a)))


def _along(axis: int, size: int) -> Iterator[Order]:
    for by in (1, -1):
        yield Order("shifted", f"moved by {by:+d} along axis {axis}", 3, lambda a, k=by: np.roll(a, k, axis))
    yield Order("wrong_index", f"of the first alone along axis {axis}", 3.5, lambda a: _only_first(a, axis))
    for blocks in range(2, size // 2 + 1):
        if size % blocks == 0:
            words = f"of its {blocks} blocks along axis {axis}"
            by = size // blocks
            yield Order("wrong_index", f"{words} the next", 4, lambda a, k=by: np.roll(a, -k, axis))
            dealt = np.arange(size).reshape(blocks, -1).T.ravel()
            yield Order("wrong_index", f"dealt out among {words[7:]}", 4, lambda a, d=dealt: np.take(a, d, axis))
    if size == 2:
        yield Order("wrong_index", f"with its halves exchanged along axis {axis}", 3, lambda a: np.flip(a, axis))


def _only_first(array: Any, axis: int) -> np.ndarray:
    return np.broadcast_to(np.take(array, [0], axis), np.shape(array))


def reordered(program: Program) -> Iterator[Edited]:
    """The cotangent, or what the forward saved, in another order wherever the backward uses it."""
    for value in (program.cotangent, *program.values):
        users = [user for user in program.users.get(value, ()) if user.part == "backward"]
        for order in orders(value.value.shape) if users else ():
            said = f"takes {named(program, value)} {order.words}"
            yield Edited(
                _cause(program, value, users, order), said, order.bits, each(users, _with(value, order.change))
            )


def _cause(program: Program, value: Any, users: Sequence[Step], order: Order) -> str:
    """Masks and winners have names of their own; dealt out is what another reshape does, where there are such."""
    if is_mask(value):
        return "mask_wrong"
    if order.words.startswith("dealt") and any(step.name == "reshape" for step in program.forward):
        return "transposed"
    return "wrong_winner" if all(user.name.startswith("winner of ") for user in users) else order.cause


def _with(value: Step, change: Callable[[Any], Any]) -> Callable[[Step], Any]:
    return instead(lambda s, v: s.run({**v, value: change(filled(value, v))}))


def rearranged(program: Program, group: Group) -> Iterator[Edited]:
    """An operand in another order in one place."""
    first, where = group[0], place(group[0])
    for position, operand in enumerate(first.args if first.name in COMPUTED else ()):
        if isinstance(operand, Step | np.ndarray):
            carries = isinstance(operand, Step) and operand in program.carrying
            name = "the cotangent" if carries else named(program, operand)
            for order in orders(array_of(operand).shape):
                edits = each(group, with_argument(position, order.change))
                cause = _cause(program, operand, group, order)
                yield Edited(cause, f"takes {name} {order.words}{where}", order.bits + 1, edits)


COMPUTED = ("multiply", "divide", "subtract", "add", "matmul", "einsum", "added up", "spread", "shared")


def arrived(program: Program) -> Iterator[Edited]:
    """What comes back to a value of the forward, in another order."""
    for forward, arriving in program.arriving.items():
        if arriving is not program.cotangent and (forward.part == "forward" or forward in program.arguments):
            for order in orders(arriving.value.shape):
                said = f"hands on the cotangent {order.words}{place(forward)}"
                yield Edited(order.cause, said, order.bits + 1, each([arriving], after(order.change)))
