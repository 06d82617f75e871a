"""What mends a backward that lacks something: a factor, a term, a sum over all passes, a product of matrices.

These are read in one direction only. What each is called before it is mended stands in `diagnosis/mending.py`.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np

from reference.oracle.diagnosis.edit import Edited, Group, each, instead, with_argument
from reference.oracle.diagnosis.grammar.factors import joint
from reference.oracle.diagnosis.values import array_of, is_mask, is_written_slope, named, numbers_in, place
from reference.oracle.recording.functions import put_added
from reference.oracle.recording.program import Program, in_time
from reference.oracle.recording.tape import Step, filled

# Signs that a value may have: what is asked of the values that the forward computes with.
UNTOUCHED = ("getitem", "reshape", "transpose", "mask")
# What it costs to speak of a value that the program gives no name.
NAMELESS = 1.5
COMPARED = {"{} > 0": np.greater, "{} <= 0": np.less_equal}


def multiplied(program: Program, group: Group) -> Iterator[Edited]:
    """One more factor: a value, a mask, or where a value is positive; in a loop the one of the same pass."""
    first, where = group[0], place(group[0])
    if first.name in UNTOUCHED or first.value.dtype.kind != "f" or first.value.size == 1:
        return
    for value, name, arrays, bits in _factors(program, len(group)):
        arrays = [_aligned(array, first.value.shape) for array in arrays]
        if joint(arrays[0].shape, first.value.shape) != first.value.shape or first in program.ancestors(value):
            continue
        by_step = dict(zip(in_time(group), arrays, strict=True))
        mask = is_mask(arrays[0])
        compared = value if mask and (name == named(program, value) or bits == 4) else None
        slope = compared if mask else is_written_slope(program, arrays[0])
        cause = "slope added" if slope else "mask added" if mask else "factor added"
        change = each(group, instead(lambda s, v, a=by_step: s.run(v) * a[s]))
        bits += NAMELESS * (not mask and name.startswith("`"))
        yield Edited(cause, f"multiplies by {name} besides{where}", bits, change, free=mask, mask=compared)
        if not mask and np.all(arrays[0]):
            change = each(group, instead(lambda s, v, a=by_step: s.run(v) / a[s]))
            yield Edited("factor added", f"divides by {name} besides{where}", bits + 1, change)


def _factors(program: Program, passes: int) -> Iterator[tuple[Step, str, list[np.ndarray], float]]:
    """Masks that a program is given, its values, and where they are positive, for so many passes; each once."""
    seen: set[bytes] = set()
    for steps, masks in _given(program, passes):
        opened = [np.asarray(mask, bool) * 1.0 for mask in masks]
        name = f"the mask{place(steps[0])}"
        yield from _new(seen, steps[0], [(name, opened, 2.5), (f"not {name}", [1 - one for one in opened], 2.5)])
    for values in _of_passes(program, passes):
        if values[0] not in program.carrying and values[0].value.size > 1:
            name = named(program, values[0])
            found = [(name, [np.asarray(one.value, float) for one in values], 3.5)]
            if not is_mask(values[0]):
                found += [
                    (text.format(name), [compare(one.value, 0) * 1.0 for one in values], 4.0)
                    for text, compare in COMPARED.items()
                ]
            yield from _new(seen, values[0], found)


def _new(seen: set[bytes], step: Step, found: list[tuple[str, list[np.ndarray], float]]) -> Iterator[Any]:
    for name, arrays, bits in found:
        key = b"".join(one.tobytes() for one in arrays)
        if np.ptp(arrays[0].astype(float)) and key not in seen:
            seen.add(key)
            yield step, name, arrays, bits


def _of_passes(program: Program, passes: int) -> list[list[Step]]:
    """Values for so many passes: the same for all, or of a loop that has as many."""
    loops = [list(same) for same in program.loops if len(same) == passes]
    return [*([value] * passes for value in program.constants), *loops]


def _given(program: Program, passes: int) -> Iterator[tuple[list[Step], list[np.ndarray]]]:
    """The masks that a program is given, of so many passes, in the order of the forward's and in the opposite one."""
    found: dict[Any, list[tuple[Step, np.ndarray]]] = {}
    for step in program.tape.steps:
        for position, item in enumerate(step.args):
            if isinstance(item, np.ndarray) and item.dtype.kind in "bf" and is_mask(item):
                found.setdefault((step.place, step.name, position), []).append((step, item))
    for pairs in found.values():
        for ordered in (pairs * passes,) if len(pairs) == 1 else (pairs, pairs[::-1]) if len(pairs) == passes else ():
            steps, masks = zip(*ordered, strict=True)
            yield list(steps), list(masks)


def _aligned(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A mask of the first axes of an array, so that it is one of the array."""
    leading = joint(array.shape, shape) != shape and shape[: array.ndim] == array.shape and is_mask(array)
    return array.reshape(array.shape + (1,) * (len(shape) - array.ndim)) if leading else array


def added(program: Program, group: Group) -> Iterator[Edited]:
    """One more term: another value that carries the cotangent, or beside what does not another that does not."""
    first = group[0]
    if first.value.dtype.kind != "f" or first.value.size == 1:
        return
    carries = first in program.carrying
    others = [[value] for value in [program.cotangent, *program.backward]] if carries and len(group) == 1 else []
    for values in others or _of_passes(program, len(group)):
        value = values[0]
        unlike = value.value.shape != first.value.shape or (value in program.carrying) != carries
        if unlike or first in program.ancestors(value):
            continue
        by_step = dict(zip(in_time(group), values, strict=True))
        for word, sign in (("adds", 1), ("subtracts", -1)):
            change = each(group, instead(lambda s, v, o=by_step, k=sign: s.run(v) + k * filled(o[s], v)))
            yield Edited("term added", f"{word} {named(program, value)} besides{place(first)}", 5.5, change)


def carried(program: Program, group: Group) -> Iterator[Edited]:
    """In a loop: what comes out of the pass before is added, as it is or through a matrix."""
    first = group[0]
    if len(group) < 2 or first not in program.carrying or first.value.dtype.kind != "f":
        return
    ordered = in_time(group)
    for values in program.loops:
        if len(values) != len(group) or values[0] not in program.carrying:
            continue
        for words, back in _ways_back(program, values[0].value.shape, first.value.shape):
            before = dict(zip(ordered[1:], values, strict=False))
            change = instead(lambda s, v, b=before, f=back: s.run(v) + f(filled(b[s], v)))
            said = f"adds {words.format(named(program, values[0]))} of the pass before{place(first)}"
            yield Edited("carry added", said, 3.5, each(ordered[1:], change))


def _ways_back(program: Program, shape: tuple[int, ...], wanted: tuple[int, ...]) -> Iterator[tuple[str, Any]]:
    if shape == wanted:
        yield "{}", lambda value: value
    for leaf in program.arguments:
        fits = leaf is not None and shape and leaf.value.shape == (*wanted[-1:], shape[-1])
        if leaf is not None and fits and shape[:-1] == wanted[:-1]:
            yield f"{{}} @ {leaf.name}.T", lambda value, m=leaf.value: value @ m.T


def rejoined(program: Program, group: Group) -> Iterator[Edited]:
    """Parts of one array, or the values of a choice, in each other's place."""
    first = group[0]
    if first.name not in ("concatenate", "stack", "hstack", "vstack") or first not in program.carrying:
        return
    for a, b in combinations(range(len(first.args[0])), 2):
        if np.shape(array_of(first.args[0][a])) == np.shape(array_of(first.args[0][b])):
            said = f"has parts {a} and {b} in each other's place{place(first)}"
            yield Edited(
                "wrong_index", said, 3, each(group, with_argument(0, lambda all, a=a, b=b: _swapped(all, a, b)))
            )


def _swapped(items: Any, a: int, b: int) -> list[Any]:
    items = list(items)
    items[a], items[b] = items[b], items[a]
    return items


def guards(program: Program, group: Group) -> Iterator[Edited]:
    """A number of the forward beside what is divided by, rooted or logged."""
    first = group[0]
    position = {"divide": 1, "sqrt": 0, "log": 0, "power": 0, "reciprocal": 0}.get(first.name)
    guarded = None if position is None else first.args[position]
    if not isinstance(guarded, Step) or guarded in program.carrying:
        return
    numbers = {number for step in program.tape.steps if step.name in ("add", "maximum") for number in numbers_in(step)}
    for number in sorted(numbers - {0.0, 1.0, -1.0}):
        said = f"adds {number:g} to {named(program, guarded)}{place(first)}"
        more = with_argument(position, lambda value, n=number: np.asarray(value) + n)  # pyright: ignore
        yield Edited("epsilon_one_side", said, 2, each(group, more))


def accumulated(program: Program, group: Group) -> Iterator[Edited]:
    """Parts that are assigned, in place of being added to what is there."""
    first = group[0]
    if first.name == "setitem" and isinstance(first.args[2], Step):
        change = instead(lambda s, v: put_added(filled(s.args[0], v), s.args[1], filled(s.args[2], v)))
        yield Edited("sum added", f"adds to what is there{place(first)}", 1.5, each(group, change))


def over_passes(program: Program) -> Iterator[Edited]:
    """What every pass of a loop computes and only the last one hands on, summed over the passes."""
    for passes in program.visits:
        last = passes[-1]
        if len(passes) > 1 and last in program.carrying and not any(one in program.order for one in passes[:-1]):
            change = instead(lambda s, v, p=passes: s.run(v) + sum(one.value for one in p[:-1]))
            said = f"adds up what all {len(passes)} passes compute{place(last)}"
            yield Edited("sum added", said, 1.5, each([last], change))


def matrix_products(program: Program, group: Group) -> Iterator[Edited]:
    """A product of matrices in place of one entry by entry."""
    first = group[0]
    if first.name != "multiply" or any(np.ndim(one.value if isinstance(one, Step) else one) != 2 for one in first.args):
        return
    for words, product in PRODUCTS.items():
        change = instead(lambda s, v, f=product: f(*map(np.asarray, filled(s.args, v))))
        yield Edited("elementwise_product", f"has {words} in place of a * b{place(first)}", 2, each(group, change))


PRODUCTS: dict[str, Any] = {
    "a @ b": lambda a, b: a @ b,
    "b @ a": lambda a, b: b @ a,
    "a.T @ b": lambda a, b: a.T @ b,
    "a @ b.T": lambda a, b: a @ b.T,
    "b.T @ a": lambda a, b: b.T @ a,
    "b @ a.T": lambda a, b: b @ a.T,
}


def not_updated(program: Program) -> Iterator[Edited]:
    """An argument as it is, where a step along its gradient has been taken already."""
    ends = set(program.gradients.values())
    for step in program.backward:
        leaf = next((one for one in step.parents if one in program.arguments), None)
        moved = step.name in ("add", "subtract") and step in program.carrying
        if moved and leaf is not None and step not in ends and step.value.shape == leaf.value.shape:
            said = f"uses {leaf.name} as it is before its step{place(step)}"
            yield Edited("updated_weight", said, 0.5, each([step], instead(lambda s, v, o=leaf: filled(o, v))))
