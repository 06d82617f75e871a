"""An array in another order: reversed, transposed, moved on, its blocks exchanged or dealt out, one row for all."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations, permutations, product
from typing import Any

import numpy as np

from reference.oracle.diagnosis.edit import Edited, Group, after, each, instead, with_argument
from reference.oracle.diagnosis.regions import Region
from reference.oracle.diagnosis.values import array_of, is_mask, named, only_for, place
from reference.oracle.recording.program import Program
from reference.oracle.recording.tape import Step, filled

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
    for some in (*combinations(longer, 1), *combinations(longer, 2)):
        for blocks in product(*(_divisors(shape[axis]) for axis in some)):
            words = f"dealt out among {blocks} blocks along axis {', '.join(map(str, some))}"
            yield Order("wrong_index", words, 4, lambda a, x=some, b=blocks: _dealt(a, x, b))
    for order in permutations(axes) if len(longer) > 1 and len(shape) <= MOST_AXES else ():
        if [axis for axis in order if axis in longer] != longer:
            words = f"with its entries in the order of the axes {order}"
            yield Order("transposed", words, 4, lambda a, o=order: np.reshape(np.transpose(a, o), np.shape(a)))


def _along(axis: int, size: int) -> Iterator[Order]:
    for by in (1, -1):
        yield Order("shifted", f"moved by {by:+d} along axis {axis}", 3, lambda a, k=by: np.roll(a, k, axis))
    yield Order("wrong_index", f"of the first alone along axis {axis}", 6.5, lambda a: _only_first(a, axis))
    for blocks in _divisors(size):
        by, words = size // blocks, f"with the next of its {blocks} blocks along axis {axis}"
        yield Order("wrong_index", words, 4, lambda a, k=by: np.roll(a, -k, axis))
    if size == 2:
        yield Order("wrong_index", f"with its halves exchanged along axis {axis}", 3, lambda a: np.flip(a, axis))


def _divisors(size: int) -> list[int]:
    return [blocks for blocks in range(2, size // 2 + 1) if size % blocks == 0]


def _dealt(array: Any, axes: tuple[int, ...], blocks: tuple[int, ...]) -> np.ndarray:
    """Every so-manieth entry along axes, and then the next ones."""
    for axis, count in zip(axes, blocks, strict=True):
        array = np.take(array, np.arange(np.shape(array)[axis]).reshape(count, -1).T.ravel(), axis)
    return array


def _only_first(array: Any, axis: int) -> np.ndarray:
    return np.broadcast_to(np.take(array, [0], axis), np.shape(array))


def reordered(program: Program) -> Iterator[Edited]:
    """The cotangent, or what the forward saved, in another order wherever the backward uses it."""
    for value in (program.cotangent, *program.values):
        mask = is_mask(value)
        everywhere = program.users.get(value, [])
        backward = [user for user in everywhere if user.part == "backward"]
        saved = [everywhere] if value.part == "leaf" and len(backward) < len(everywhere) else []
        for users in (*saved, *([backward] if backward else [])):
            for order in orders(value.value.shape):
                said, edits = f"takes {named(program, value)} {order.words}", each(users, _with(value, order.change))
                bits = order.bits + (value is program.cotangent)
                yield Edited("mask_wrong" if mask else _cause(program, users, order), said, bits, edits)


def _cause(program: Program, users: Sequence[Step], order: Order) -> str:
    """Winners have a name of their own; dealt out is what another reshape does, where there are such."""
    if order.words.startswith("dealt"):
        return "transposed" if any(step.name == "reshape" for step in program.forward) else order.cause
    chosen = [user for user in users if user.part == "backward" or user in program.order]
    return "wrong_winner" if only_for(program, chosen, _is_winner) else order.cause


def _is_winner(step: Step) -> bool:
    return step.name.startswith("winner of ")


def _with(value: Step, change: Callable[[Any], Any]) -> Callable[[Step], Any]:
    return instead(lambda s, v: s.run({**v, value: change(filled(value, v))}))


def rearranged(program: Program, group: Group) -> Iterator[Edited]:
    """An operand in another order in one place."""
    first, where = group[0], place(group[0])
    for position, operand in enumerate(first.args if first.name in COMPUTED else ()):
        if isinstance(operand, Step | np.ndarray):
            carries, mask = isinstance(operand, Step) and operand in program.carrying, is_mask(operand)
            name = "the cotangent" if carries else named(program, operand)
            for order in (*orders(array_of(operand).shape), *_turned(array_of(operand).shape, first.value.shape)):
                edits = each(group, with_argument(position, order.change))
                cause = "mask_wrong" if mask else _cause(program, group, order)
                yield Edited(cause, f"takes {name} {order.words}{where}", order.bits + 1, edits)


def _turned(shape: tuple[int, ...], within: tuple[int, ...]) -> Iterator[Order]:
    """An array that is stretched along another axis than the one that it is short along."""
    for a, b in combinations(range(-len(within), 0), 2):
        turned = list((1,) * (len(within) - len(shape)) + shape)
        if within[a] == within[b] and turned[a] != turned[b]:
            turned[a], turned[b] = turned[b], turned[a]
            yield Order("transposed", f"along axis {a} for {b}", 1.5, lambda v, t=tuple(turned): np.reshape(v, t))


COMPUTED = ("multiply", "divide", "subtract", "add", "matmul", "einsum", "added up", "spread", "shared")


def arrived(program: Program) -> Iterator[Edited]:
    """What comes back to a value of the forward, in another order."""
    for forward, arriving in program.arriving.items():
        if arriving is not program.cotangent and (forward.part == "forward" or forward in program.arguments):
            for order in orders(arriving.value.shape):
                said = f"hands on the cotangent {order.words}{place(forward)}"
                cause = "transposed" if order.words.startswith("dealt") else order.cause
                yield Edited(cause, said, order.bits + 1, each([arriving], after(order.change)))


def again(program: Program) -> Iterator[Edited]:
    """A linear map of the forward that is applied once more where its transpose belongs."""
    for start in program.arguments:
        if start is None or (arrived := program.arriving.get(start)) is None:
            continue
        inside = {start}
        for end in program.forward:
            if not inside.intersection(end.parents):
                continue
            inside.add(end)
            ct = program.arriving.get(end, program.cotangent if end is program.out else None)
            if (
                ct is None
                or end.value.dtype.kind != "f"
                or end.value.shape != start.value.shape
                or not _encloses(program, inside, end)
            ):
                continue
            region = Region(start, end, tuple(step for step in program.forward if step in inside))
            map_of, other = partial(_linear, region), np.flip(start.value)
            if np.allclose(map_of(start.value - other / 2), map_of(start.value) - map_of(other) / 2):
                back = [np.flip(map_of(np.flip(ct.value, axis)), axis) for axis in range(ct.value.ndim)]
                cause = "flipped" if any(np.allclose(one, arrived.value) for one in back) else "transposed"
                picked = (step for step in region.steps if step.name in ("getitem", "take"))
                cause = "wrong_index" if any(isinstance(step.args[1], np.ndarray) for step in picked) else cause
                edits = each([arrived], instead(lambda s, v, m=map_of, c=ct: m(filled(c, v))))
                yield Edited(cause, f"goes forward once more where it should go back{place(end)}", 3, edits)


def _encloses(program: Program, inside: set[Step], end: Step) -> bool:
    """Whether these steps are used by each other alone, but for the last."""
    return all(inside.issuperset(program.tape_users(step)) for step in inside if step is not end)


def _linear(region: Region, x: Any) -> np.ndarray:
    return np.asarray(region.at(x)) - np.asarray(region.at(0 * x))
