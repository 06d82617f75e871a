"""One wrong value wherever it stands: in the whole backward, in one line of it, in every call of one function."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from reference.oracle.diagnosis.edit import Edited, Values, each, instead
from reference.oracle.diagnosis.grammar.factors import factors_of, joint
from reference.oracle.diagnosis.regions import POINTWISE, Slope, curves, regions_to
from reference.oracle.diagnosis.values import is_mask, named, place
from reference.oracle.recording.program import Program
from reference.oracle.recording.rules import first_of
from reference.oracle.recording.tape import Step, filled

# What a value decides, and what an edit is called that changes nothing but this.
DECIDED = {
    **dict.fromkeys(("greater", "less", "greater_equal", "less_equal", "sign"), "wrong_derivative"),
    **dict.fromkeys(("argmax", "argmin", "argsort", "equal", "isclose"), "wrong_winner"),
}
# What may have been meant where a value stands: the same value through one function.
RELATIVES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "-{}": ("sign", np.negative),
    "1 - {}": ("", lambda u: 1 - u),
    "1 / {}": ("", np.reciprocal),
    "abs({})": ("", np.abs),
    "{}**2": ("squared", np.square),
    "sqrt({})": ("", np.sqrt),
    "exp({})": ("", np.exp),
    "log({})": ("", np.log),
    "sigmoid({})": ("", lambda u: 1 / (1 + np.exp(-u))),
    "tanh({})": ("", np.tanh),
}
PAIRS: dict[str, Callable[[Any, Any], Any]] = {
    "{} * {}": np.multiply,
    "{} / {}": np.divide,
    "{} + {}": np.add,
    "{} - {}": np.subtract,
}


def substituted(program: Program) -> Iterator[Edited]:
    """Another value, or a function of the same one, at every use of a value: in one line, or in all."""
    for same, users, where in _uses(program):
        bent, compared = _bends(program, same, users), decides(program, users)
        for words, cause, bits, change, exchange in _others(program, same[0], users):
            if compared and bits < 5 and cause != "sign" and not words.startswith("abs"):
                continue  # what grows with a value compares like it
            bends = bent and exchange is None  # another value of the program is no function of this one
            cause = compared or cause or ("derivative_at_wrong_value" if bends else "wrong_operand")
            new = instead(lambda s, v, same=same, f=change: s.run({**v, **{o: f(filled(o, v), v) for o in same}}))
            said = f"has {words} in place of {named(program, same[0])}{where}"
            yield Edited(cause, said, bits, each(users, new), exchange=None if compared else exchange)


def _uses(program: Program) -> Iterator[tuple[list[Step], list[Step], str]]:
    """Equal values, the steps of the backward that use them, and in which line: of every line, and of all together."""
    found: dict[Any, list[Step]] = {}
    for step in dict.fromkeys([*program.tape.leaves, *program.forward, *program.steps]):
        if step not in program.carrying and step.value.dtype.kind == "f" and step.value.size > 1:
            found.setdefault((step.value.shape, step.value.tobytes()), []).append(step)
    for same in found.values():
        users = [user for user in program.backward if not set(same).isdisjoint(user.parents)]
        lines: dict[Any, list[Step]] = {}
        for user in users:
            lines.setdefault((user.code, user.line), []).append(user)
        if users:
            yield same, users, " wherever it stands" if len(users) > 1 else place(users[0])
        for some in lines.values() if len(lines) > 1 else ():
            yield same, some, place(some[0])


Other = tuple[str, str, float, Callable[[Any, Values], Any], Any]


def _others(program: Program, old: Step, users: Sequence[Step]) -> Iterator[Other]:
    name, shape = named(program, old), old.value.shape
    for words, (cause, function) in RELATIVES.items():
        yield words.format(name), cause, 4.5, (lambda u, v, f=function: f(u)), None
    for axis in range(len(shape) if shape != (1,) * len(shape) else 0):
        for word in ("max", "min"):
            winners = lambda u, v, a=axis, w=word: first_of(u, a, w)  # noqa: E731
            yield f"the place of the {word}imum of {name} along axis {axis}", "wrong_winner", 5, winners, None
    for a in range(len(shape)):
        for b in range(a):
            if shape[a] == shape[b] > 1:
                yield f"{name} transposed", "transposed", 4, (lambda u, v, a=a, b=b: np.swapaxes(u, a, b)), None
    for other in _different(program, old):
        if any(user in program.ancestors(other) for user in users):
            continue
        if other.value.shape == shape:
            cause = "downcast" if old.name in ("round", "astype") and other in old.parents else ""
            yield named(program, other), cause, 5, (lambda u, v, o=other: filled(o, v)), (old, other)
        if other.part == "leaf" and joint(other.value.shape, shape) == shape:
            for words, function in PAIRS.items():
                both = lambda u, v, f=function, o=other: f(u, filled(o, v))  # noqa: E731
                yield words.format(name, named(program, other)), "", 6, both, None


def _different(program: Program, old: Step) -> Iterator[Step]:
    """The values that may stand in the place of this one, each once."""
    seen = {old.value.tobytes()}
    for value in dict.fromkeys([*program.given, *program.values]):
        if value.value.tobytes() not in seen:
            seen.add(value.value.tobytes())
            yield value


def _bends(program: Program, same: Sequence[Step], users: Sequence[Step]) -> bool:
    """Whether a function of single entries, and no straight line, is taken of a value."""
    before = [step for step in program.behind(users) if step not in program.carrying]
    if not all(step.name in POINTWISE and step.value.shape == same[0].value.shape for step in before):
        return False
    found = []
    for times in (1.0, 1.1, 1.2):
        change = instead(lambda s, v, k=times: s.run({**v, **{one: filled(one, v) * k for one in same}}))
        found.append(program.edited(each(users, change)))
    return not all(np.allclose(found[0][i] + found[2][i], 2 * found[1][i], rtol=1e-7, atol=1e-12) for i in found[0])


def decides(program: Program, steps: Sequence[Step]) -> str:
    """What it is called where a value only decides which entry wins, or on which side of a kink it lies."""
    found, waiting, seen = set(), list(steps), set(steps)
    while waiting:
        step = waiting.pop()
        if step.name in DECIDED:
            found.add(DECIDED[step.name])
            continue
        if step in program.carrying:
            return ""
        more = [user for user in program.users.get(step, ()) if user not in seen]
        seen.update(more)
        waiting += more
    return "wrong_winner" if "wrong_winner" in found else next(iter(found), "")


def true_slopes(program: Program) -> Iterator[Edited]:
    """The slope of a function of the forward, in the place of what multiplies the cotangent."""
    for group in program.groups:
        for position, factor in factors_of(program, group[0]):
            if not isinstance(factor, Step) or is_mask(factor):
                continue
            for region, slope in _slopes(program):
                if slope.shape == factor.value.shape and not np.allclose(slope, factor.value):
                    change = instead(lambda s, v, p=position, a=slope: s.run({**v, s.args[p]: a}))
                    said = f"has the derivative of {region.name or 'the function'} in place of "
                    said += f"{named(program, factor)}{place(group[0])}"
                    yield Edited("wrong_derivative", said, 7, each(group, change))


def _slopes(program: Program) -> list[tuple[Any, np.ndarray]]:
    """The functions of single entries that a forward has, each with its slope."""
    with np.errstate(all="ignore"):
        exits = [region.exit for region in curves(program.forward, False).values()]
        order = {step: number for number, step in enumerate(program.forward)}
        found = [region for end in exits for region in regions_to(end, order) if region.pointwise]
        return [(region, Slope(region)(region.exit.value, region.entrance.value)) for region in found]
