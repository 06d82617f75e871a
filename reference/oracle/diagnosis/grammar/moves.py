"""The right entries in another order: transposed, reversed, moved by one, laid over each other."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from reference.oracle.diagnosis.edit import Edited, Group, Values, each, instead
from reference.oracle.diagnosis.values import array_of, named, place
from reference.oracle.recording.functions import multiplied, put
from reference.oracle.recording.program import Program
from reference.oracle.recording.rules import returned, scattered
from reference.oracle.recording.tape import Step, filled


def moves(program: Program, group: Group) -> Iterator[Edited]:
    """Entries in another order, reversed, or laid over each other instead of added up."""
    first, where = group[0], place(group[0])
    for cause, words, bits, laid in LAID.get(first.name, ()):
        change = each(group, instead(lambda s, v, f=laid: f(*filled(s.args, v))))
        yield Edited(cause, f"{words}{where}", bits, change)
    if first.name == "returned" and first.of is not None and first.of.name == "pad":
        for words, far in (("beginning", 0.0), ("end", 1.0)):
            said = f"cuts the padding off so that the {words} is kept{where}"
            yield Edited("shifted", said, 1.5, each(group, instead(lambda s, v, f=far: _cut(s, v, f))))
    source = first.args[0] if first.args else None
    if first.name not in MOVED or not isinstance(source, Step) or source.value.size != first.value.size:
        return
    kept = instead(lambda s, v: np.reshape(filled(s.args[0], v), s.value.shape))
    turned = instead(lambda s, v: np.reshape(np.asarray(filled(s.args[0], v)).T, s.value.shape))
    if first.name != "reshape":
        yield Edited("transposed", f"has its entries in the order before{where}", 1, each(group, kept))
    if source.value.ndim > 1 and (source.value.ndim == 2 or source in program.carrying):
        yield Edited("transposed", f"has its entries in another order{where}", 2.5, each(group, turned))


def _assigned(ct: np.ndarray, key: Any, shape: tuple[int, ...]) -> np.ndarray:
    """A cotangent put at a key, where the last of equal indices is left."""
    return put(np.zeros(shape), key, ct)


def _laid_back(ct: np.ndarray, mine: np.ndarray, source: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Every entry of a cotangent at the place that it came from; the last of several is left."""
    there = np.zeros(int(np.prod(shape)))
    there[source] = np.broadcast_to(ct, mine.shape)[mine]
    return there.reshape(shape)


def _averaged(added: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """What is added up at equal places, divided by how often."""
    return lambda ct, *where: added(ct, *where) / np.maximum(added(np.ones_like(ct), *where), 1)


def _cut(step: Step, values: Values, far: float) -> np.ndarray:
    """A padded cotangent without its padding, all of it taken from one side."""
    ct, shape = np.asarray(filled(step.args[0], values)), step.value.shape
    starts = [int(far * (long - size)) for long, size in zip(ct.shape, shape, strict=True)]
    return ct[tuple(slice(start, start + size) for start, size in zip(starts, shape, strict=True))]


MOVED = ("transpose", "swapaxes", "moveaxis", "returned", "reshape")
# By the step: what it is called where entries lie over each other or are summed the other way round, and how.
ASSIGNS = ("not_accumulated", "assigns where it should add at equal indices", 1)
AVERAGES = ("scaled_by_count", "averages where it should add at equal indices", 2)
LAID: dict[str, tuple[tuple[str, str, float, Callable[..., Any]], ...]] = {
    "scattered": ((*ASSIGNS, _assigned), (*AVERAGES, _averaged(scattered))),
    "returned": (
        ("not_accumulated", "lets what overlaps replace each other", 1.5, _laid_back),
        (*AVERAGES, _averaged(returned)),
    ),
    "from the end": (("flipped", "sums from the beginning where it should from the end", 1, np.cumsum),),
}


def products(program: Program, group: Group) -> Iterator[Edited]:
    """A factor of a matrix product that is not transposed, or a product entry by entry in its place."""
    first, where = group[0], place(group[0])
    if first.name not in ("matmul", "einsum") or len(first.args) != 4:
        return
    inputs = first.args[0]
    summed = set(inputs[0]) & set(inputs[1]) - set(first.args[1])
    for number in (0, 1):
        letters, operand = inputs[number], first.args[2 + number]
        shape = array_of(operand).shape
        carries = isinstance(operand, Step) and operand in program.carrying
        name = "the cotangent" if carries else named(program, operand)
        for i in range(len(letters)):
            for j in range(i):
                if shape[i] == shape[j]:
                    spelled = tuple(_turned(one, i, j) if n == number else one for n, one in enumerate(inputs))
                    change = instead(lambda s, v, sp=spelled: multiplied(sp, s.args[1], *filled(s.args[2:], v)))
                    said = f"multiplies by {name} in place of its transpose{where}"
                    if letters[(i, j)[number]] in summed:  # a row by a column: it is not transposed yet
                        said = f"multiplies by {name}, transposed, in place of {name}{where}"
                    yield Edited("transposed", said, 1.5, each(group, change))
    for number, star in enumerate(STARS):
        said = f"multiplies entry by entry in place of a product of matrices{where}"
        change = instead(lambda s, v, f=star: f(*map(np.asarray, filled(s.args[2:], v))))
        yield Edited("elementwise_product", said, 2 + number / 10, each(group, change))


STARS: tuple[Callable[..., Any], ...] = (
    lambda a, b: a * b,
    lambda a, b: a * b.T,
    lambda a, b: a.T * b,
    lambda a, b: a.T * b.T,
)


def _turned(letters: str, i: int, j: int) -> str:
    turned = list(letters)
    turned[i], turned[j] = turned[j], turned[i]
    return "".join(turned)
