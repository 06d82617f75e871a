"""The derivative of a function: left out, squared, at another point, or another function's."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from reference.oracle.diagnosis.edit import Edited, Group, after, each, instead, ones
from reference.oracle.diagnosis.grammar.numbers import SMALL
from reference.oracle.diagnosis.grammar.substituted import RELATIVES
from reference.oracle.diagnosis.values import array_of, is_kinked, is_mask, is_slope, numbers_in, place, same
from reference.oracle.recording.program import Program
from reference.oracle.recording.tape import Step, filled
from reference.oracle.specs.curves import CURVES


def slope_of(curve: Callable[[Any], Any], u: Any) -> Any:
    """The derivative of a curve by the six-point difference."""
    h = 1e-3
    with np.errstate(all="ignore"):
        a, b, c, d, e, f = (curve(u + k * h) for k in (1, -1, 2, -2, 3, -3))
    return (45 * (a - b) - 9 * (c - d) + (e - f)) / (60 * h)


# Formulas that people write for a derivative, in terms of the function's input or output.
FORMULAS: Mapping[str, Callable[[Any], Any]] = {
    **{words.format("u"): function for words, (_, function) in RELATIVES.items()},
    "u * (1 - u)": lambda u: u * (1 - u),
    "1 - u**2": lambda u: 1 - u * u,
    "1 + u**2": lambda u: 1 + u * u,
    "u * (1 + u)": lambda u: u * (1 + u),
    "(u > 0)": lambda u: (u > 0) * 1.0,
    "(u >= 0)": lambda u: (u >= 0) * 1.0,
    "(u < 0)": lambda u: (u < 0) * 1.0,
    "u": lambda u: u,
    "2 * u": lambda u: 2 * u,
    "1 / u**2": lambda u: 1 / u**2,
    "exp(-u)": lambda u: np.exp(-u),
    "sign(u)": np.sign,
    "sigmoid(-u)": lambda u: 1 / (1 + np.exp(u)),
    "sigmoid'(u)": lambda u: np.exp(-u) / (1 + np.exp(-u)) ** 2,
    "1 - tanh(u)**2": lambda u: 1 - np.tanh(u) ** 2,
    "cos(u)": np.cos,
    "1 + u": lambda u: 1 + u,
    "1 / (1 + u)": lambda u: 1 / (1 + u),
    "1 / sqrt(u)": lambda u: 1 / np.sqrt(u),
    **{f"the derivative of {name}": (lambda u, f=curve: slope_of(f, u)) for name, curve in CURVES.items()},
}


# Formulas that are another with one sign turned.
SIGNS = {
    "1 + u**2": "1 - u**2",
    "u * (1 + u)": "u * (1 - u)",
    "1 - u": "1 + u",
    "1 + u": "1 - u",
}


def slopes(program: Program, group: Group) -> Iterator[Edited]:
    """Every edit of a slope that needs no other value of the program."""
    first = group[0]
    if not is_slope(first):
        return
    name, where = first.name.removeprefix("slope of "), place(first)
    if not np.allclose(first.value, 1):
        said, none = f"lacks the derivative of {name}{where}", each(group, instead(lambda s, v: ones(s.value)))
        cause, bits = ("scaled_by_constant", 2) if is_kinked(first) else ("derivative_missing", 1.1)
        yield Edited(cause, said, bits, none, free=True)
        if number := _number_of(first, name):
            said = f"lacks the derivative of {name}, all but its number {number:g},{where}"
            yield Edited("derivative_missing", said, 1.2, each(group, instead(lambda s, v: number * ones(s.value))))
    if is_mask(first):
        said = f"passes the gradient where {name} does not, and only there{where}"
        yield Edited("wrong_derivative", said, 2, each(group, after(lambda slope: 1 - slope)))
    else:
        yield from _altered(group, name, where)
    if len(first.args) == 2 and array_of(first.args[1]).shape == first.value.shape:
        said = f"takes the derivative of {name} at the output, f'(f(x)){where}"
        yield Edited("derivative_at_wrong_value", said, 1.5, each(group, _at(lambda y, x: y)))
        said = f"takes the derivative of {name} at minus the input{where}"
        yield Edited("sign", said, 2, each(group, _at(lambda y, x: -x)))
    yield from _formulas(group, name, where)


def _number_of(slope: Step, name: str) -> float:
    """The number in front of the derivative of a power; 0 of any other function."""
    exponent = float(array_of(slope.args[2])) if name == "power" and np.ndim(array_of(slope.args[2])) == 0 else 0.0
    return {"sqrt": 0.5, "square": 2.0, "cbrt": 1 / 3}.get(name, exponent)


def _altered(group: Group, name: str, where: str) -> Iterator[Edited]:
    """The sign of a slope alone, the slope twice, inverted, or with its sign turned."""
    slope = group[0].value
    said = f"has the sign of the derivative of {name} turned{where}"
    yield Edited("sign", said, 2, each(group, after(np.negative)))
    if np.isin(slope, (-1.0, 0.0, 1.0)).all():
        return
    cause = "wrong_derivative" if np.any(slope < 0) else "derivative_missing"
    said = f"lacks the derivative of {name}, all but its sign,{where}"
    yield Edited(cause, said, 2.5, each(group, after(np.sign)), free=True)
    cause, bits = ("scaled_by_constant", 2) if is_kinked(slope) else ("derivative_twice", 1)
    yield Edited(cause, f"applies the derivative of {name} twice{where}", bits, each(group, after(np.square)))
    said = f"divides by the derivative of {name}{where}"
    yield Edited("wrong_derivative", said, 2.5, each(group, after(np.reciprocal)))


def skipped(program: Program) -> Iterator[Edited]:
    """A function that the backward takes for nothing: its input stands for its output, and 1 for its derivative."""
    seen: set[Any] = set()
    for step in program.backward:
        forward = step.of
        if not is_slope(step) or forward is None or (forward.place, forward.name) in seen:
            continue
        seen.add((forward.place, forward.name))
        inputs = [a for a in forward.args if isinstance(a, Step) and a.value.shape == forward.value.shape]
        if len(inputs) == 1:
            same = [s for s in program.steps if (s.place, s.name) == (forward.place, forward.name)]
            own = [s for s in program.backward if is_slope(s) and s.of in same]
            edits = each(same, instead(lambda s, v: filled(next(a for a in s.args if isinstance(a, Step)), v)))
            edits |= each(own, instead(lambda s, v: ones(s.value)))
            floor = forward.name == "maximum" and any(0 < number < SMALL for number in numbers_in(forward))
            name = " of ".join([forward.name, *(f"{number:g}" for number in numbers_in(forward))])
            said = f"goes back as if {name} were not there{place(step)}"
            yield Edited("epsilon_one_side" if floor else "derivative_missing", said, 2, edits)


def _at(point: Callable[[Any, Any], Any]) -> Callable[[Step], Callable[..., Any]]:
    """A slope at another point than the input."""

    def make(step: Step) -> Callable[..., Any]:
        forward = getattr(step.function, "forward", None) or getattr(np, step.name.removeprefix("slope of "), None)

        def edit(values: Mapping[Step, Any]) -> Any:
            there = point(*filled(step.args, values))
            return step.function(forward(there), there)  # pyright: ignore[reportOptionalCall]

        return edit

    return make


# What a curve of the forward without a name is called.
UNNAMED = "the function"


def _formulas(group: Group, name: str, where: str) -> Iterator[Edited]:
    first = group[0]
    for number, argument in enumerate(first.args):
        numeric = isinstance(argument, Step) and argument.value.dtype.kind == "f"
        for formula, function in FORMULAS.items() if numeric else ():
            value = function(argument.value)
            if value.shape != first.value.shape or not np.isfinite(value).all() or same(value, first.value):
                continue
            others = [array_of(other) for other in first.args if other is not argument]
            fits_elsewhere = any(
                o.shape == value.shape and o.dtype.kind == "f" and same(function(o), first.value) for o in others
            )
            cause = "derivative_at_wrong_value" if fits_elsewhere else "wrong_derivative"
            plus = SIGNS.get(formula)
            turned = function(-argument.value) if plus is None else FORMULAS[plus](argument.value)
            cause = "sign" if same(turned, first.value) else cause
            letter, whose = ("y", "output") if number == 0 else ("x", "input")
            spelled = re.sub(r"\bu\b", letter, formula)
            said = f"uses {spelled} as the derivative of {name} ({letter} its {whose}){where}"
            change = instead(lambda s, v, f=function, n=number: f(filled(s.args[n], v)))
            yield Edited(
                cause, said, {"wrong_derivative": 4.5}.get(cause, 3) + 3 * (name == UNNAMED), each(group, change)
            )
