"""What is added up: a term left out, alone, or with the other sign; a value taken for a constant; a pass cut off."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from reference.oracle.edits.edit import Edited, Group, Values, each, instead, with_argument
from reference.oracle.edits.functions import put
from reference.oracle.edits.grammar.factors import line
from reference.oracle.edits.grammar.numbers import on_a_branch
from reference.oracle.edits.penalties import is_penalty, penalty_steps
from reference.oracle.edits.program import Program
from reference.oracle.edits.tape import Step, filled
from reference.oracle.edits.values import place

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
        yield Edited(cause, said, bits, each(group, less), scalable=True)
        turned = each(group, with_argument(position, np.negative))
        yield Edited("sign", f"has the sign of {in_words(user or term)} turned", 2, turned)


def in_words(term: Step) -> str:
    """A contribution in words: the step of the forward that it comes back through."""
    text = place(term).removeprefix(" in ")
    return f"the contribution through {text}" if text else f"the term of {term.name}"


def cause_of(program: Program, added: Step, term: Step, kept: Any, user: Step | None) -> str:
    """What a contribution that is left out is called."""
    node = added.of
    if added.name == "added up" and node is not None and user is not None:
        if around_loop(program, node, user):
            return "time_not_carried"
        first, second = added.ways
        if first is not None and second is not None and (first.place, first.name) == (second.place, second.name):
            return "not_accumulated"  # two passes of a loop
    users = [user] if user is not None else list(_ways(term))
    if users and all(is_penalty(program, one) for one in users):
        return "regularization"
    number, mask = line(program, term)
    _, rest = line(program, kept) if number and mask is not None else (False, None)
    if rest is not None and np.array_equal(rest, 1 - np.asarray(mask)):
        return "scaled_by_constant"  # a line on each side, one of them with a number
    statistic = through_sum(program, term, kept) if user is None else leads_to_statistic(program, user)
    return "statistics_as_constants" if statistic else "term_missing"


def _ways(term: Any) -> Iterator[Step]:
    """The users of a value of the forward that a sum of contributions came through."""
    if isinstance(term, Step) and term.name == "added up":
        yield from (way for way in term.ways if way is not None)
        yield from _ways(term.args[0])


def leads_to_statistic(program: Program, step: Step) -> bool:
    """Whether what begins here is nothing but the way into a statistic."""
    while not is_statistic(program, step):
        users = program.tape_users(step)
        if len(users) != 1 or step.name in ("matmul", "einsum"):
            return False
        step = users[0]
    return True


def around_loop(program: Program, made: Step, user: Step) -> bool:
    """Whether a value is used by the next pass of the loop that made it: at an earlier place in the same code."""
    for (code, here), (other, there) in zip(made.place, user.place, strict=False):
        if code is not other:
            return False
        if here != there:
            return there < here
    return made.name == user.name and made.place == user.place


def through_sum(program: Program, term: Step, kept: Any) -> bool:
    """Whether a term comes back through a sum over an axis that the other term does not come through."""
    shared = set(program.ancestors(kept)) if isinstance(kept, Step) else set()
    waiting = [term] if isinstance(term, Step) else []
    while waiting:
        step = waiting.pop()
        if step in shared or step.part != "backward" or step not in program.carrying:
            continue
        if step.name in SUMS:
            return True
        if step.name in ALONG or step.name.startswith("slope"):
            waiting += step.parents
    return False


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
    """Of a sum of three terms or more, one alone."""
    last = group[0]
    summands = list(_summands(program, last, 1))
    for sign, term in summands if len(summands) > 2 else ():
        cause = "term_missing"
        if any(through_sum(program, other, term) for _, other in summands if other is not term):
            cause = "statistics_as_constants"
        if not isinstance(term, Step):
            continue
        said = f"has only {in_words(term)}, without the other {len(summands) - 1} terms{place(last)}"
        kept = instead(lambda s, v, t=term, k=sign: np.broadcast_to(k * filled(t, v), s.value.shape))
        yield Edited(cause, said, 2, each(group, kept))


def _summands(program: Program, step: Any, sign: int) -> Iterator[tuple[int, Any]]:
    adds = isinstance(step, Step) and step.name in ("add", "subtract", "added up") and step in program.carrying
    if not adds or step.part != "backward":
        yield sign, step
        return
    first, second = step.args
    yield from _summands(program, first, sign)
    yield from _summands(program, second, -sign if step.name == "subtract" else sign)


def is_statistic(program: Program, forward: Step) -> bool:
    """Whether a step reduces an array to what is then used for all of its entries."""
    reduced = (
        forward.name in ("sum", "mean", "max", "min", "prod") and forward.value.size < forward.parents[0].value.size
    )
    waiting = [forward] if reduced else []
    seen: set[Step] = set()
    while waiting:
        step = waiting.pop()
        if step.value.size > forward.value.size:
            return True
        if step not in seen and step.name not in ("matmul", "einsum", "concatenate", "stack"):
            seen.add(step)
            waiting += program.tape_users(step)
    return False


def overwritten(program: Program, group: Group) -> Iterator[Edited]:
    """In a loop: each pass assigns what it should add, so that the last pass, or the first, is all that is left."""
    passes = [step for step in group if step.name == "added up"]
    ways = {(way.place, way.name) for step in passes for way in step.ways if way is not None}
    if not passes or len({step.of for step in passes}) > 1 or len(ways) > 1:
        return
    for number, word in ((0, "last"), (-1, "first")):
        ordered = sorted(passes, key=program.order.__getitem__)
        said = f"keeps the {word} of {len(passes) + 1} contributions that should add up{place(passes[0])}"
        if number == 0:
            chain_start = ordered[0].args[0]
            edits = each([ordered[-1]], instead(lambda s, v, o=chain_start: filled(o, v)))
        else:
            edits = each([ordered[-1]], instead(lambda s, v: filled(s.args[1], v)))
        yield Edited("not_accumulated", said, 1.5, edits)


def assigned(program: Program, group: Group) -> Iterator[Edited]:
    """Parts of an array that are assigned where they should be added to what is there."""
    first = group[0]
    if first.name not in ("setitem", "added_at") or first.args[2] not in program.carrying:
        return
    value = first.args[2]
    adds = isinstance(value, Step) and value.name == "add" and any(_reads(item) for item in value.args)
    if adds or first.name == "added_at":
        change = instead(lambda s, v: put(filled(s.args[0], v), s.args[1], filled(_new_part(s.args[2]), v)))
        said = f"assigns where it should add to what is there{place(first)}"
        yield Edited("not_accumulated", said, 1, each(group, change))


def _reads(item: Any) -> bool:
    return isinstance(item, Step) and item.name == "getitem"


def _new_part(value: Any) -> Any:
    """What is added to a part of an array."""
    if not isinstance(value, Step) or value.name != "add":
        return value
    first, second = value.args
    return second if _reads(first) else first


def windows(program: Program, group: Group) -> Iterator[Edited]:
    """Windows that overlap, each of which replaces what lies there instead of being added to it."""
    last = group[-1]
    parts = [part for _, part in _summands(program, last, 1)]
    if len(parts) < 2 or not all(isinstance(part, Step) and part.name == "scattered" for part in parts):
        return
    if any(last in step.parents and step.name == "added up" for step in program.users.get(last, [])):
        return
    forward = sorted(parts, key=lambda part: part.of.turn if part.of else 0)
    for ordered, word in ((forward, "later"), (forward[::-1], "earlier")):
        said = f"lets {word} windows replace what overlaps, which should add up{place(last)}"
        yield Edited("not_accumulated", said, 1.5, each([last], instead(lambda s, v, o=ordered: _laid(o, v))))


def _laid(parts: list[Step], values: Values) -> np.ndarray:
    """Windows laid over each other."""
    whole = np.zeros(parts[0].args[2])
    for part in parts:
        whole[part.args[1]] = filled(part.args[0], values)
    return whole
