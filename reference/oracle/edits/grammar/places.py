"""Masks, winners, indices and orders: other entries than the forward's, or the right ones in another place."""

from collections.abc import Callable, Iterator
from itertools import combinations, pairwise
from typing import Any

import numpy as np

from reference.oracle.edits.edit import Edited, Group, Values, applied, each, instead, with_argument, with_value
from reference.oracle.edits.functions import multiplied, put
from reference.oracle.edits.program import Program
from reference.oracle.edits.rules import all_of, first_of
from reference.oracle.edits.tape import Step, filled
from reference.oracle.edits.values import array_of, is_mask, named, place

MASKS = ("mask", "greater", "less", "greater_equal", "less_equal", "equal", "astype", "where")


def masks(program: Program, group: Group) -> Iterator[Edited]:
    """A mask left out, turned round, or of all that tie."""
    first, where = group[0], place(group[0])
    if first.name.startswith("winner of "):
        all_ties = instead(lambda s, v: all_of(filled(s.args[0], v), *s.args[1:]))
        yield Edited("all_ties", f"gives the whole gradient to each of several equal entries{where}", 1, each(group, all_ties))
        every = instead(lambda s, v: np.ones_like(s.value))
        yield Edited("wrong_winner", f"gives every entry the gradient of the winner{where}", 0.5, each(group, every))
        for axis in range(first.value.ndim):
            along = instead(lambda s, v, a=axis: first_of(filled(s.args[0], v), a, s.args[2]))
            said = f"gives the gradient to the winner along axis {axis}{where}"
            yield Edited("wrong_winner", said, 2.5, each(group, along))
        for other in {"max", "min"} - {first.args[2]}:
            loser = instead(lambda s, v, o=other: first_of(filled(s.args[0], v), s.args[1], o))
            yield Edited("wrong_winner", f"gives the gradient to the {other}imum{where}", 2, each(group, loser))
    elif first.name == "blanked":
        said = f"lacks the mask{where}"
        yield Edited(_cause(program, first, "derivative_missing", "mask_missing"), said, 1, each(group, instead(lambda s, v: filled(s.args[0], v))))
    elif first.name in MASKS and (is_mask(first) or first.value.dtype == bool):
        cause = _cause(program, first, "derivative_missing", "mask_missing")
        yield Edited(cause, f"lacks the mask{where}", 1, each(group, instead(lambda s, v: np.ones_like(s.value))))
        turned = instead(lambda s, v: ~s.run(v) if s.value.dtype == bool else 1 - s.run(v))
        cause = _cause(program, first, "wrong_derivative", "mask_wrong")
        yield Edited(cause, f"has the mask turned round{where}", 2, each(group, turned))


def _cause(program: Program, step: Step, of_slope: str, of_mask: str) -> str:
    """A comparison of the argument itself is part of a slope, any other a mask."""
    return of_slope if any(leaf.name != "cotangent" for leaf in program.leaves_behind(step)) else of_mask


def moves(program: Program, group: Group) -> Iterator[Edited]:
    """An index assigned instead of added, entries in another order, reversed or moved by one."""
    first, where = group[0], place(group[0])
    if first.name == "scattered":
        assigned = instead(lambda s, v: put(np.zeros(s.args[2]), filled(s.args[1], v), filled(s.args[0], v)))
        yield Edited("not_accumulated", f"assigns where it should add at equal indices{where}", 1, each(group, assigned))
    if first.name == "from the end":
        forwards = instead(lambda s, v: np.cumsum(filled(s.args[0], v), s.args[1]))
        yield Edited("flipped", f"sums from the beginning where it should from the end{where}", 1, each(group, forwards))
    if first.name == "returned":
        laid = instead(lambda s, v: _laid_back(*filled(s.args, v)))
        yield Edited("not_accumulated", f"lets what overlaps replace each other{where}", 1.5, each(group, laid))
    moved = first.name in ("transpose", "swapaxes", "moveaxis", "returned", "flip")
    if moved and isinstance(first.args[0], Step) and first.args[0].value.size == first.value.size:
        kept = instead(lambda s, v: np.reshape(filled(s.args[0], v), s.value.shape))
        cause, words = ("flipped", "is not reversed") if first.name == "flip" else ("transposed", "has its entries in the order before")
        yield Edited(cause, f"{words}{where}", 1, each(group, kept))
        if first.name != "flip" and first.args[0].value.ndim == 2:
            turned = instead(lambda s, v: np.reshape(filled(s.args[0], v).T, s.value.shape))
            yield Edited("transposed", f"has its entries in another order{where}", 2, each(group, turned))
    if first.name in ("reshape", "returned") and first.args[0] in program.carrying and first.args[0].value.ndim > 1:
        turned = instead(lambda s, v: np.reshape(np.asarray(filled(s.args[0], v)).T, s.value.shape))
        if first.args[0].value.size == first.value.size:
            yield Edited("transposed", f"has its entries in another order{where}", 2.5, each(group, turned))


def _laid_back(ct: np.ndarray, source: np.ndarray, start: int, shape: tuple[int, ...]) -> np.ndarray:
    """Every entry of a cotangent at the place that it came from; the last of several is left."""
    there = np.zeros(int(np.prod(shape)))
    mine = (source >= start) & (source < start + there.size)
    there[source[mine] - start] = np.broadcast_to(ct, source.shape)[mine]
    return there.reshape(shape)


def indices(program: Program, group: Group) -> Iterator[Edited]:
    """An array of indices that is another: moved by one, reversed, of the largest entries."""
    first, where = group[0], place(group[0])
    if first.name not in ("getitem", "scattered", "setitem", "added_at", "take"):
        return
    key = first.args[1] if isinstance(first.args[1], tuple) else (first.args[1],)
    shape = first.args[2] if first.name == "scattered" else array_of(first.args[0]).shape
    for axis, part in enumerate(key):
        if not isinstance(part, np.ndarray) or part.dtype.kind not in "iu" or part.ndim == 0 or axis >= len(shape):
            continue
        others = {
            "moved by +1": ("shifted", (part + 1) % shape[axis]),
            "moved by -1": ("shifted", (part - 1) % shape[axis]),
            "in reverse": ("wrong_index", part[::-1]),
            "of the first everywhere": ("wrong_index", np.broadcast_to(part[:1], part.shape)),
            **_largest(program, part, shape[axis]),
        }
        for words, (cause, other) in others.items():
            if not np.array_equal(other, part):
                change = each(group, instead(_with_index(axis, other)))
                yield Edited(cause, f"takes the index {words}{where}", 3, change)


def _largest(program: Program, part: np.ndarray, size: int) -> dict[str, tuple[str, np.ndarray]]:
    """The places of the largest entries of values with one row an index."""
    rows = [v for v in program.values if v.value.ndim == part.ndim + 1 and v.value.shape == (*part.shape, size)]
    return {f"of the largest entries of {named(program, v)}": ("wrong_index", v.value.argmax(-1)) for v in rows[:4]}


def _with_index(axis: int, other: np.ndarray) -> Callable[[Step, Values], Any]:
    def make(step: Step, values: Values) -> Any:
        args = list(filled(step.args, values))
        key = list(args[1] if isinstance(args[1], tuple) else (args[1],))
        key[axis] = other
        args[1] = tuple(key)
        return applied(step, args, values)

    return make


def products(program: Program, group: Group) -> Iterator[Edited]:
    """A factor of a matrix product that is not transposed, or a product entry by entry in its place."""
    first, where = group[0], place(group[0])
    if first.name not in ("matmul", "einsum") or len(first.args) != 4:
        return
    inputs = first.args[0]
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
                    said = f"multiplies by {name} where its transpose belongs{where}"
                    yield Edited("transposed", said, 1.5, each(group, change))
    for number, star in enumerate(STARS):
        said = f"multiplies entry by entry where a product of matrices belongs{where}"
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


def upstream(program: Program) -> Iterator[Edited]:
    """The cotangent itself: turned, or without some of its examples."""
    users = program.users.get(program.cotangent, [])
    shape = program.cotangent.value.shape
    if len(shape) == 2 and shape[0] == shape[1]:
        yield Edited("transposed", "takes the cotangent with its axes exchanged", 2, _given(program, users, np.transpose))
    for axis in range(len(shape)):
        if shape[axis] > 1:
            flipped = lambda ct, a=axis: np.flip(ct, a)  # noqa: E731
            yield Edited("flipped", f"takes the cotangent in reverse along axis {axis}", 3, _given(program, users, flipped))


def _given(program: Program, users: list[Step], change: Callable[[Any], Any]) -> dict[Step, Any]:
    changed = change(program.cotangent.value)
    return {user: (lambda v, s=user: s.run({**v, program.cotangent: changed})) for user in users}


def turned(program: Program) -> Iterator[Edited]:
    """An argument that is reversed, or has its axes exchanged, wherever the backward uses it."""
    for leaf in program.arguments:
        users = [step for step in program.steps if leaf in step.parents] if leaf is not None else []
        if leaf is None or not users or leaf.value.ndim == 0:
            continue
        rank, shape = leaf.value.ndim, leaf.value.shape
        for count in range(1, rank + 1):
            for some in combinations([axis for axis in range(rank) if shape[axis] > 1], count):
                said = f"takes {leaf.name} in reverse along axis {', '.join(map(str, some))}"
                yield Edited("flipped", said, 2 + count / 4, _with_leaf(leaf, users, np.flip(leaf.value, some)))
        for a, b in combinations(range(rank), 2):
            if shape[a] == shape[b]:
                said = f"takes {leaf.name} with axes {a} and {b} exchanged"
                yield Edited("transposed", said, 2.5, _with_leaf(leaf, users, np.swapaxes(leaf.value, a, b)))


def _with_leaf(leaf: Step, users: list[Step], other: np.ndarray) -> dict[Step, Any]:
    return {user: (lambda v, s=user: s.run({**v, leaf: other})) for user in users}


def keys(program: Program, group: Group) -> Iterator[Edited]:
    """A slice that begins elsewhere."""
    first = group[0]
    if first.name not in ("getitem", "setitem", "scattered", "added_at"):
        return
    position = 1
    key = first.args[position] if isinstance(first.args[position], tuple) else (first.args[position],)
    shape = array_of(first.args[0]).shape if first.name != "scattered" else first.args[2]
    for axis, part in enumerate(key):
        if not isinstance(part, slice) or part.step not in (None, 1) or axis >= len(shape) or Ellipsis in [k for k in key if k is Ellipsis]:
            continue
        start, stop, _ = part.indices(shape[axis])
        for other in dict.fromkeys((0, shape[axis] - (stop - start), start - 1, start + 1)):
            if other != start and 0 <= other <= shape[axis] - (stop - start):
                said = f"begins at {other} along axis {axis} where {start} belongs{place(first)}"
                yield Edited("shifted", said, 2.5, each(group, instead(_with_start(axis, other - start))))


def _with_start(axis: int, by: int) -> Callable[[Step, Values], Any]:
    def make(step: Step, values: Values) -> Any:
        args = list(filled(step.args, values))
        key = list(args[1] if isinstance(args[1], tuple) else (args[1],))
        size = np.shape(args[0])[axis] if step.name != "scattered" else args[2][axis]
        start, stop, _ = key[axis].indices(size)
        key[axis] = slice(start + by, stop + by)
        args[1] = tuple(key)
        return applied(step, args, values)

    return make


def spans(program: Program) -> Iterator[Edited]:
    """A part of the way back that is left out, or gone twice."""
    for start, end in program.spans:
        if start is None or end is None or start.value.shape != end.value.shape or start is end:
            continue
        where = place(end)
        skipped = each([end], instead(lambda s, v, a=start: filled(a, v)))
        yield Edited("derivative_missing", f"passes the cotangent on unchanged{where}", 1.2, skipped)
        inside = [s for s in program.behind([start]) if s in program.ancestors(end) and s is not start]
        again = each([end], instead(lambda s, v, a=start, i=inside: _again(s, v, a, i)))
        yield Edited("derivative_twice", f"goes back twice{where}", 2, again)


def _again(end: Step, values: Values, start: Step, inside: list[Step]) -> Any:
    once = end.run(values)
    found = {**values, start: once}
    for step in inside:
        found[step] = step.run(found)
    return found[end]


EXTRA: dict[str, Callable[[Any, Any], Any]] = {
    "u * (1 - u)": lambda ct, u: ct * u * (1 - u),
    "1 - u**2": lambda ct, u: ct * (1 - u * u),
    "(u > 0)": lambda ct, u: ct * (u > 0),
    "softmax's derivative": lambda ct, u: u * (ct - np.sum(u * ct, axis=-1, keepdims=True)),
}


def extra_slopes(program: Program) -> Iterator[Edited]:
    """A slope that does not belong there, besides the right derivative."""
    arriving = [(forward, step) for forward, step in program.arriving.items() if forward.part == "forward"]
    ends = [(end, end) for end in program.gradients.values()]
    for forward, step in [*arriving, *ends]:
        for value in program.values if forward.value.size > 1 else ():
            if value.value.shape != step.value.shape:
                continue
            for formula, apply in EXTRA.items():
                said = f"applies {formula} with u = {named(program, value)} besides{place(forward)}"
                change = each([step], instead(lambda s, v, f=apply, o=value: f(s.run(v), filled(o, v))))
                yield Edited("derivative_twice", said, 6, change)


def examples(program: Program) -> Iterator[Edited]:
    """Of what comes back to a value with one row an example: the first, the last, or all but one left out."""
    seen: set[tuple[int, ...]] = set()
    for forward, arriving in program.arriving.items():
        size = forward.value.shape[0] if forward.value.ndim else 0
        if size < 3 or forward.part != "forward" or forward.value.shape in seen:
            continue
        seen.add(forward.value.shape)
        for words, kept in (
            ("the first", slice(1, None)),
            ("the last", slice(None, -1)),
            ("all but the last", slice(-1, None)),
            ("all but the first", slice(None, 1)),
        ):
            said = f"lacks the contributions of {words} of {size} entries along axis 0{place(forward)}"
            cause = "not_accumulated" if words.startswith("all") else "part_missing"
            yield Edited(cause, said, 2, each([arriving], instead(_only(kept))))


def _only(kept: slice) -> Callable[[Step, Values], Any]:
    def make(step: Step, values: Values) -> Any:
        value = np.asarray(step.run(values))
        part = np.zeros_like(value)
        part[kept] = value[kept]
        return part

    return make


def forward_masks(program: Program) -> Iterator[Edited]:
    """A mask that the forward is given, at another place, turned round, or without effect, in the backward."""
    for step in program.steps:
        for position, mask in enumerate(step.args if step.name in ("where", "multiply", "add", "mask") else ()):
            if isinstance(mask, Step) or not _masking(mask):
                continue
            for words, change in OTHER_MASKS.items():
                other = change(np.asarray(mask))
                if other.shape == np.shape(mask) and not np.array_equal(other, mask):
                    cause = "mask_missing" if words == "without" else "mask_wrong"
                    said = f"takes the mask {words}{place(step)}"
                    yield Edited(cause, said, 3, each([step], with_value(position, other)))
                    behind = _masked_by(program, mask, change)
                    if behind:
                        both = each([step], with_value(position, other)) | behind
                        yield Edited(cause, f"{said}, and on the way back", 2.5, both)


def _masked_by(program: Program, mask: Any, change: Callable[[np.ndarray], np.ndarray]) -> dict[Step, Any]:
    """The backward's products with the same mask, or with its opposite, with another one."""
    whole = np.asarray(mask)
    open_there = whole.astype(bool) if whole.dtype == bool or is_mask(whole) else whole > -1e4
    edits: dict[Step, Any] = {}
    for step in program.backward if open_there.ndim else ():
        for position, item in enumerate(step.args if step.name == "multiply" else ()):
            if isinstance(item, np.ndarray) and item.shape == open_there.shape:
                if np.array_equal(item.astype(bool), open_there) and is_mask(item):
                    edits |= each([step], with_value(position, change(open_there) * 1.0))
    return edits


def _masking(value: Any) -> bool:
    array = np.asarray(value)
    return array.ndim >= 1 and array.size > 1 and (array.dtype == bool or is_mask(array) or bool(np.any(array < -1e4)))


OTHER_MASKS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "without": lambda mask: np.full_like(mask, mask.max()),
    "turned round": lambda mask: ~mask if mask.dtype == bool else mask.max() + mask.min() - mask,
    "one place earlier": lambda mask: _moved(mask, -1),
    "one place later": lambda mask: _moved(mask, 1),
    "from the other corner": lambda mask: np.flip(mask),
    "transposed": lambda mask: np.swapaxes(mask, -1, -2) if mask.ndim > 1 else mask,
}


def _moved(mask: np.ndarray, by: int) -> np.ndarray:
    moved = np.roll(mask, by, -1)
    moved[..., 0 if by > 0 else -1] = mask[..., 0 if by > 0 else -1]
    return moved


def strides(program: Program, group: Group) -> Iterator[Edited]:
    """Windows that a loop visits in steps, visited in other steps."""
    if group[0].name not in ("getitem", "scattered", "setitem", "added_at") or len(group) < 2:
        return
    keys = [step.args[1] if isinstance(step.args[1], tuple) else (step.args[1],) for step in group]
    for axis in range(min(map(len, keys))):
        starts = [_start(key[axis]) for key in keys]
        if any(start is None for start in starts):
            continue
        places = sorted({start for start in starts if start is not None})
        own = min((b - a for a, b in pairwise(places)), default=0)
        for other in (1, 2, 3) if own else ():
            if other != own and all((start - places[0]) % own == 0 for start in places):
                moved = {start: places[0] + (start - places[0]) // own * other for start in places}
                said = f"goes on by {other} along axis {axis} where the forward goes on by {own}{place(group[0])}"
                yield Edited("static_ignored", said, 3, each(group, instead(_at_start(axis, moved))))


def _start(part: Any) -> int | None:
    if isinstance(part, slice):
        return (part.start or 0) if isinstance(part.start, int | np.integer | None) and (part.start or 0) >= 0 else None
    return int(part) if isinstance(part, int | np.integer) and not isinstance(part, bool) and part >= 0 else None


def _at_start(axis: int, moved: dict[int, int]) -> Callable[[Step, Values], Any]:
    def make(step: Step, values: Values) -> Any:
        args = list(filled(step.args, values))
        key = list(args[1] if isinstance(args[1], tuple) else (args[1],))
        part = key[axis]
        start = _start(part) or 0
        new = moved[start]
        if isinstance(part, slice):
            key[axis] = slice(new, None if part.stop is None else part.stop - start + new, part.step)
        else:
            key[axis] = new
        args[1] = tuple(key)
        return applied(step, args, values)

    return make


def rearranged(program: Program, group: Group) -> Iterator[Edited]:
    """An operand that is moved by one place, or reversed, along an axis."""
    first, where = group[0], place(group[0])
    if first.name not in ("multiply", "divide", "subtract", "add", "matmul", "einsum"):
        return
    for position, operand in enumerate(first.args):
        if not isinstance(operand, Step | np.ndarray) or array_of(operand).ndim == 0:
            continue
        carries = isinstance(operand, Step) and operand in program.carrying
        name = "the cotangent" if carries else named(program, operand)
        for axis, size in enumerate(array_of(operand).shape):
            if size < 2:
                continue
            for by in (1, -1):
                rolled = with_argument(position, lambda a, k=by, x=axis: np.roll(a, k, x))
                yield Edited("shifted", f"takes {name} moved by {by:+d} along axis {axis}{where}", 4, each(group, rolled))
            flipped = with_argument(position, lambda a, x=axis: np.flip(a, x))
            yield Edited("flipped", f"takes {name} in reverse along axis {axis}{where}", 4, each(group, flipped))
