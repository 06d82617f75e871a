"""What is added up: a term left out, alone, or with the other sign; a value taken for a constant; a pass cut off."""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np

from reference.oracle.diagnosis.edit import Edited, Group, Values, each, instead, with_argument
from reference.oracle.diagnosis.grammar.factors import line
from reference.oracle.diagnosis.grammar.numbers import on_a_branch
from reference.oracle.diagnosis.grammar.time import around_loop, handed_on, ways
from reference.oracle.diagnosis.penalties import is_penalty, penalty_steps
from reference.oracle.diagnosis.values import place
from reference.oracle.recording.program import Program
from reference.oracle.recording.tape import Step, filled

BROADCASTING = ("add", "subtract", "multiply", "divide", "maximum", "minimum", "where", "broadcast_to")
# Sums of more terms are not asked which of them is alone.
MOST = 16
# What a term through a statistic passes on its way back.
SUMS = ("gathered", "sum", "mean", "spread", "shared")
ALONG = (*SUMS, "multiply", "divide", "negative", "reshape", "subtract", "add", "added up", "transpose", "expand_dims")


def terms(program: Program, group: Group) -> Iterator[Edited]:
    """A term left out, or with its sign turned."""
    first = group[0]
    if first.name not in ("added up", "add", "subtract") or (len(group) > 1 and len({step.of for step in group}) == 1):
        return  # where the passes of a loop add up, `overwritten` asks
    carrying = [i for i, item in enumerate(first.args) if isinstance(item, Step) and item in program.carrying]
    for position in carrying if len(carrying) == 2 else ():
        term, kept = first.args[position], first.args[1 - position]
        user = first.ways[position] if first.ways else None
        cause = cause_of(program, first, term, kept, user)
        said = f"lacks {in_words(user or term)}"
        less = instead(lambda s, v, p=position: _less(s, p, v))
        bits = 0.8 if cause in ("statistics_as_constants", "time_not_carried", "regularization") else 1
        yield Edited(cause, said, bits, each(group, less), scalable=True, term=term)
        turned = each(group, with_argument(position, np.negative))
        yield Edited("sign", f"has the sign of {in_words(user or term)} turned", 2, turned, term=term)


def in_words(term: Step) -> str:
    """A contribution in words: the step of the forward that it comes back through."""
    text = place(term).removeprefix(" in ")
    return f"the contribution through {text}" if text else f"the term of {term.name}"


def cause_of(program: Program, added: Step, term: Step, kept: Any, user: Step | None) -> str:
    """What a contribution that is left out is called."""
    node = added.of
    if _apart(term, kept):
        inside = next((one for one in term.parents if one in program.carrying), term)
        return "scaled_by_constant" if line(program, inside)[0] else "part_missing"
    if added.name == "added up" and node is not None and user is not None:
        if around_loop(program, node, user) or handed_on(program, node, user):
            return "time_not_carried"
        first, second = added.ways
        if first is not None and second is not None and alike(first, second):
            return "not_accumulated"  # two passes of a loop
    users = [user] if user is not None else [way for _, way in ways(term) if way is not None]
    if users and all(is_penalty(program, one) for one in users):
        return "regularization"
    number, mask = line(program, term)
    _, rest = line(program, kept) if number and mask is not None else (False, None)
    if rest is not None and np.array_equal(rest, 1 - np.asarray(mask)):
        return "scaled_by_constant"  # a line on each side, one of them with a number
    statistic = through_sum(program, term, kept) if user is None else leads_to_statistic(program, user)
    return "statistics_as_constants" if statistic else "term_missing"


def alike(first: Step, second: Step) -> bool:
    """Whether two steps are one expression in two passes of a loop, and not of different arguments."""
    same = first is not second and (first.place, first.name) == (second.place, second.name)
    return same and {a for a in first.parents if a.part == "leaf"} == {a for a in second.parents if a.part == "leaf"}


def _apart(term: Any, kept: Any) -> bool:
    """Whether a term belongs to a part of an array of which the other has nothing."""
    placed = isinstance(term, Step) and isinstance(kept, Step) and term.name in ("scattered", "returned")
    return placed and not np.any((term.value != 0) & (kept.value != 0))


def leads_to_statistic(program: Program, step: Step) -> bool:
    """Whether what begins here is nothing but the way into a statistic."""
    while not is_statistic(program, step):
        users = program.tape_users(step)
        if len(users) != 1:
            return False
        step = users[0]
    return True


def through_sum(program: Program, term: Step, kept: Any) -> bool:
    """Whether a term comes back through a sum over an axis that the other term does not come through."""
    shared = program.ancestors(kept) if isinstance(kept, Step) else set()
    waiting, seen = [term], set()
    while waiting:
        step = waiting.pop()
        if not isinstance(step, Step) or step in shared or step.part != "backward":
            return False
        if step.name in SUMS and step.value.size < step.parents[0].value.size and step not in program.last_sums:
            continue
        carrying = [one for one in step.parents if one in program.carrying]
        if not carrying or (len(carrying) == 1 and step.name not in ALONG):
            return False
        waiting += [one for one in carrying if one not in seen]  # all the ways that it comes back in
        seen.update(carrying)
    return True


def _less(step: Step, position: int, values: Values) -> Any:
    a, b = filled(step.args, values)
    kept = b if position == 0 else a
    kept = -kept if position == 0 and step.name == "subtract" else kept
    return np.broadcast_to(kept, step.value.shape)


def cuts(program: Program) -> Iterator[Edited]:
    """A value of the forward taken for a constant."""
    found: dict[Any, list[tuple[Step, Step]]] = {}
    penalized = penalty_steps(program)
    for forward, arriving in program.arriving.items():
        if forward.part == "forward":
            found.setdefault((forward.place, forward.name), []).append((forward, arriving))
    for pairs in found.values():
        forward = pairs[0][0]
        text = place(forward).removeprefix(" in ") or forward.name
        statistic = is_statistic(program, forward)
        cause = "statistics_as_constants" if statistic else "term_missing"
        cause = "scaled_by_constant" if on_a_branch(program, forward) else cause
        if any(around_loop(program, one, user) for one, _ in pairs for user in program.tape_users(one)):
            cause = "time_not_carried"
        cause = "regularization" if forward in penalized else cause
        cut = each([arriving for _, arriving in pairs], instead(lambda s, v: np.zeros_like(s.value)))
        said = f"treats the value of {text} as a constant"
        yield Edited(cause, said, 1 if statistic else 2.5, cut, scalable=True)


def all_statistics(program: Program) -> Iterator[Edited]:
    """All statistics of the forward taken for constants at once."""
    arriving = [
        a for forward, a in program.arriving.items() if forward.part == "forward" and is_statistic(program, forward)
    ]
    if len(arriving) > 1:
        cut = each(arriving, instead(lambda s, v: np.zeros_like(s.value)))
        yield Edited("statistics_as_constants", "treats all statistics of the forward as constants", 1.5, cut)


def alone(program: Program, group: Group) -> Iterator[Edited]:
    """Of a sum of three terms or more, but not of ever so many, one alone."""
    last = group[0]
    summands = list(_summands(program, last, 1))
    for sign, term in summands if 2 < len(summands) <= MOST else ():
        cause = "term_missing"
        if any(through_sum(program, other, term) for _, other in summands if other is not term):
            cause = "statistics_as_constants"
        cause = "diagonal_only" if _of_neighbours([one for _, one in summands]) else cause
        if not isinstance(term, Step):
            continue
        said = f"has only {in_words(term)}, without the other {len(summands) - 1} terms{place(last)}"
        kept = instead(lambda s, v, t=term, k=sign: np.broadcast_to(k * filled(t, v), s.value.shape))
        yield Edited(cause, said, 2, each(group, kept))


def _of_neighbours(terms: list[Any]) -> bool:
    """Whether terms come back through slices of one array: from an entry itself and from those beside it."""
    sliced = [term.of for term in terms if isinstance(term, Step) and term.of is not None and term.of.name == "getitem"]
    return len(sliced) == len(terms) and len({one.args[0] for one in sliced}) == 1


def _summands(program: Program, step: Any, sign: int) -> Iterator[tuple[int, Any]]:
    adds = isinstance(step, Step) and step.name in ("add", "subtract", "added up") and step in program.carrying
    if not adds or step.part != "backward":
        yield sign, step
        return
    first, second = step.args
    yield from _summands(program, first, sign)
    yield from _summands(program, second, -sign if step.name == "subtract" else sign)


def is_statistic(program: Program, forward: Step) -> bool:
    """Whether a step reduces an array to what is then used for all of its entries, or as a divisor of their sum."""
    contracts = forward.name in ("matmul", "einsum") and forward.value.size == 1
    reduces = contracts or forward.name in ("sum", "mean", "max", "min", "prod")
    if not reduces or forward.value.size >= forward.parents[0].value.size:
        return False
    waiting, seen, leaves = [forward], {forward}, program.leaves_behind(forward)
    while waiting:
        before = waiting.pop()
        for step in program.tape_users(before):
            others = [one for one in step.parents if one is not before]
            again = any(leaves & program.leaves_behind(one) and forward not in program.ancestors(one) for one in others)
            grown = step.name in BROADCASTING and step.value.size > before.value.size
            if (grown and again) or (again and step.name == "divide" and step.args[1] is before):
                return True
            if step not in seen and step.name not in ("concatenate", "stack") and len(seen) < 40:
                seen.add(step)
                waiting.append(step)
    return False


def overwritten(program: Program, group: Group) -> Iterator[Edited]:
    """In a loop: each pass assigns what it should add, so that the last pass, or the first, is all that is left."""
    passes = [step for step in group if step.name == "added up"]
    users = [way for step in passes for way in step.ways if way is not None]
    if not passes or len({step.of for step in passes}) > 1 or len({(way.place, way.name) for way in users}) > 1:
        return
    cause = "not_accumulated" if all(alike(a, b) for a, b in combinations(users, 2)) else "term_missing"
    ordered, count = sorted(passes, key=program.order.__getitem__), len(passes) + 1
    contributions = [ordered[0].args[0], *(step.args[1] for step in ordered)][::-1]
    all_up = f"of {count} contributions that should add up"
    choices = [(cause, f"keeps the last {all_up}", 1.5, [-1]), (cause, f"keeps the first {all_up}", 1.5, [0])]
    choices += [
        ("part_missing", f"adds {words} of {count} contributions only", 2.5, kept) for words, kept in _some(count)
    ]
    for cause, said, bits, kept in choices:
        change = instead(lambda s, v, c=[contributions[k] for k in kept]: sum(filled(one, v) for one in c))
        yield Edited(cause, f"{said}{place(passes[0])}", bits, each([ordered[-1]], change))


def _some(count: int) -> Iterator[tuple[str, list[int]]]:
    """Of passes, which may be those of a loop in a loop: without the first or last of either, or every second."""
    numbers = list(range(count))
    for size in [size for size in range(1, count) if count % size == 0]:
        yield f"all but the last {size}", numbers[:-size]
        yield f"all but the first {size}", numbers[size:]
        if size > 1:
            yield f"all but the last of every {size}", [n for n in numbers if n % size != size - 1]
            yield f"all but the first of every {size}", [n for n in numbers if n % size != 0]
    yield "every second", numbers[::2]
    yield "every second, from the second on,", numbers[1::2]
