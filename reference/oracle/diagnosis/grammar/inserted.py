"""What mends a backward that lacks something: a factor, a term, a sum over all passes, a product of matrices.

These are read in one direction only. What each is called before it is mended stands in `diagnosis/mending.py`.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from reference.oracle.diagnosis.edit import Edited, Group, each, instead
from reference.oracle.diagnosis.grammar.factors import joint
from reference.oracle.diagnosis.values import is_mask, named, place
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
    for value, name, arrays in _factors(program, len(group)):
        if joint(arrays[0].shape, first.value.shape) != first.value.shape or first in program.ancestors(value):
            continue
        by_step = dict(zip(in_time(group), arrays, strict=True))
        mask = is_mask(arrays[0])
        cause = "slope added" if mask else "factor added"
        change = each(group, instead(lambda s, v, a=by_step: s.run(v) * a[s]))
        bits = 3.5 + NAMELESS * (not mask and name.startswith("`"))
        yield Edited(cause, f"multiplies by {name} besides{where}", bits, change, mask=value if mask else None)
        if not mask and np.all(arrays[0]):
            change = each(group, instead(lambda s, v, a=by_step: s.run(v) / a[s]))
            yield Edited("factor added", f"divides by {name} besides{where}", bits + 1, change)


def _factors(program: Program, passes: int) -> Iterator[tuple[Step, str, list[np.ndarray]]]:
    """Values of the program, and where they are positive, for so many passes; each once."""
    seen = set()
    loops = [same for same in program.loops if len(same) == passes and same[0] not in program.carrying]
    for values in [*([value] * passes for value in program.constants), *loops]:
        name = named(program, values[0])
        found = [(name, [np.asarray(one.value, float) for one in values])]
        if not is_mask(values[0]):
            found += [
                (text.format(name), [compare(one.value, 0) * 1.0 for one in values])
                for text, compare in COMPARED.items()
            ]
        for text, arrays in found:
            key = b"".join(one.tobytes() for one in arrays)
            if np.ptp(arrays[0]) and key not in seen:
                seen.add(key)
                yield values[0], text, arrays


def added(program: Program, group: Group) -> Iterator[Edited]:
    """One more term: another value that carries the cotangent, or beside what does not another that does not."""
    first = group[0]
    if len(group) > 1 or first.value.dtype.kind != "f" or first.value.size == 1:
        return
    carries = first in program.carrying
    others = [step for step in program.backward if step in program.carrying] if carries else program.constants
    for value in [program.cotangent, *others] if carries else others:
        if value.value.shape != first.value.shape or first in program.ancestors(value):
            continue
        for word, sign in (("adds", 1), ("subtracts", -1)):
            change = each(group, instead(lambda s, v, o=value, k=sign: s.run(v) + k * filled(o, v)))
            yield Edited("term added", f"{word} {named(program, value)} besides{place(first)}", 5, change)


def accumulated(program: Program, group: Group) -> Iterator[Edited]:
    """Parts that are assigned, in place of being added to what is there."""
    first = group[0]
    if first.name == "setitem" and first.args[2] in program.carrying:
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


def turned(program: Program) -> Iterator[Edited]:
    """A square matrix and its transpose in each other's place, everywhere in the backward."""
    for value in program.constants:
        if value.value.ndim == 2 and value.value.shape[0] == value.value.shape[1]:
            users = [user for user in program.users.get(value, ()) if user.part == "backward"]
            change = instead(lambda s, v, o=value: s.run({**v, o: filled(o, v).T}))
            said = f"has {named(program, value)} transposed wherever it stands"
            yield Edited("transposed", said, 2.5, each(users, change))
