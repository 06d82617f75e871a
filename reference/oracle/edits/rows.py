"""The grammar: every way in which one place of a program may be something else, and the cause that it is called by."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.oracle.edits.functions import multiplied, put
from reference.oracle.edits.program import Edit, Program
from reference.oracle.edits.rules import all_of
from reference.oracle.edits.tape import Step, filled
from reference.oracle.edits.values import array_of, is_mask, is_number, is_slope, named, place

Group = tuple[Step, ...]


@dataclass(frozen=True)
class Edited:
    """One edit: what it is called and how it is said, how many bits it takes to say, and what single steps become.

    scalable: it leaves out a contribution, which with any other factor is a mistake, too: that is `otherwise`.
    number: the number that is left out or applied once more.
    """

    cause: str
    words: str
    bits: float
    edits: Mapping[Step, Edit]
    scalable: bool = False
    otherwise: str = ""
    number: float | None = None


def all_edits(program: Program) -> Iterator[Edited]:
    """Every row at every place."""
    for row in ROWS:
        for group in program.groups:
            yield from row(program, group)
    yield from cuts(program)
    yield from forward_numbers(program)


def _each(group: Group, edit: Callable[[Step], Edit]) -> dict[Step, Edit]:
    return {step: edit(step) for step in group}


def _value(tree: Any, values: Mapping[Step, Any]) -> Any:
    return filled(tree, values)


# --- factors ---


def _factors(program: Program, step: Step) -> list[tuple[int, Any]]:
    """(position, factor) of a product that carries the cotangent, other than the cotangent's own operand."""
    if step.name in ("multiply", "divide"):
        items = list(enumerate(step.args))
    elif step.name in ("matmul", "einsum"):
        items = list(enumerate(step.args))[2:]
    else:
        return []
    carrying = [i for i, item in items if isinstance(item, Step) and item in program.carrying]
    return [(i, item) for i, item in items if i not in carrying] if len(carrying) == 1 else []


def factors(program: Program, group: Group) -> Iterator[Edited]:
    """A factor left out, applied twice, or inverted."""
    first = group[0]
    for position, factor in _factors(program, first):
        if is_slope(factor) and not is_number(factor):
            continue
        constant = is_number(factor)
        size = float(array_of(factor).ravel()[0]) if constant else None
        if constant and abs(size or 0) in (0.0, 1.0):
            continue
        cause = "scaled" if constant else "mask_missing" if is_mask(factor) else "argument_factor_missing"
        number = None if size is None else (1 / size if first.name != "divide" else size)
        said = f"lacks the factor {'1/' if first.name == 'divide' else ''}{named(program, factor)}{place(first)}"
        yield Edited(cause, said, 1, _each(group, lambda s, p=position: _without(s, p)), number=number)
        cause = "scaled" if constant else "argument_factor_missing"
        number = None if size is None else (size if first.name != "divide" else 1 / size)
        said = f"has the factor {'1/' if first.name == 'divide' else ''}{named(program, factor)} twice{place(first)}"
        yield Edited(cause, said, 2, _each(group, lambda s, p=position: _twice(s, p)), number=number)
        if first.name in ("multiply", "divide"):
            said = f"{'multiplies' if first.name == 'divide' else 'divides'} by {named(program, factor)}{place(first)}"
            number = None if number is None else (1 / number) ** 2
            yield Edited(
                "scaled" if constant else "wrong_operand", said, 2, _each(group, _inverted), number=number
            )


def _ones(value: Any) -> np.ndarray:
    return np.ones(np.shape(value))


def _without(step: Step, position: int) -> Edit:
    def edit(values: Mapping[Step, Any]) -> Any:
        args = list(_value(step.args, values))
        args[position] = _ones(args[position])
        return step.function(*args)  # pyright: ignore[reportOptionalCall]

    return edit


def _twice(step: Step, position: int) -> Edit:
    def edit(values: Mapping[Step, Any]) -> Any:
        args = list(_value(step.args, values))
        args[position] = args[position] * args[position]
        return step.function(*args)  # pyright: ignore[reportOptionalCall]

    return edit


def _inverted(step: Step) -> Edit:
    other = np.multiply if step.name == "divide" else np.divide

    def edit(values: Mapping[Step, Any]) -> Any:
        a, b = _value(step.args, values)
        carries_second = isinstance(step.args[1], Step) and step.name == "multiply" and not _cot(step.args[0])
        return other(b, a) if carries_second else other(a, b)

    return edit


def _cot(value: Any) -> bool:
    return isinstance(value, Step) and value.part == "backward"


# --- terms ---


def terms(program: Program, group: Group) -> Iterator[Edited]:
    """A term left out, or with its sign turned."""
    first = group[0]
    if first.name not in ("added up", "add", "subtract"):
        return
    carrying = [i for i, item in enumerate(first.args) if isinstance(item, Step) and item in program.carrying]
    for position in carrying if len(carrying) == 2 else ():
        term = first.args[position]
        said = f"lacks {_of(term)}"
        cause = term_cause(program, first, term)
        yield Edited(cause, said, 1, _each(group, lambda s, p=position: _less(s, p)), scalable=True, otherwise=cause)
        said = f"has the sign of {_of(term)} turned"
        yield Edited("sign", said, 1, _each(group, lambda s, p=position: _minus(s, p)))


def _of(term: Step) -> str:
    """A contribution in words: the step of the forward that it comes back through."""
    text = place(term).removeprefix(" in ")
    return f"the contribution through {text}" if text else f"the term of {term.name}"


def _back_from(program: Program, term: Step) -> Step | None:
    """The step of the forward whose derivative a term is."""
    return term.of


def term_cause(program: Program, sum_step: Step, term: Step) -> str:
    """What a contribution that is left out is called."""
    node, behind = sum_step.of, term.of
    if behind is not None and behind.place and node is not None and node.turn != behind.turn and _looped(node):
        return "time_not_carried"
    if node is not None and node.part == "leaf":
        return "use_dropped"
    return "sum_term_missing"


def _looped(step: Step) -> bool:
    return step.turn > 0


def _less(step: Step, position: int) -> Edit:
    def edit(values: Mapping[Step, Any]) -> Any:
        a, b = _value(step.args, values)
        kept = b if position == 0 else a
        kept = -kept if position == 0 and step.name == "subtract" else kept
        return np.broadcast_to(kept, step.value.shape)

    return edit


def _minus(step: Step, position: int) -> Edit:
    def edit(values: Mapping[Step, Any]) -> Any:
        args = list(_value(step.args, values))
        args[position] = -args[position]
        return step.function(*args)  # pyright: ignore[reportOptionalCall]

    return edit


# --- reductions ---


def reductions(program: Program, group: Group) -> Iterator[Edited]:
    """A sum that is a mean, one entry, another axis, or none."""
    first = group[0]
    if first.name == "gathered":
        axes = first.args[1]
    elif first.name == "sum" and isinstance(first.args[0], Step):
        axes = first.how["axis"]
        axes = tuple(range(first.args[0].value.ndim)) if axis_is_none(axes) else axes if isinstance(axes, tuple) else (axes,)
    else:
        return
    source = first.args[0]
    carries = source in program.carrying
    axes = tuple(a % source.value.ndim for a in axes)
    spelled = ", ".join(map(str, axes))
    where = place(first)
    mean = "mean_instead_of_sum" if carries and first.name == "gathered" else "scaled_by_size"
    yield Edited(mean, f"takes the mean over axis {spelled} where it should sum{where}", 2, _each(group, _reduced(axes, np.mean)))
    for number, word in ((-1, "last"), (0, "first")):
        take = lambda a, axis, n=number: np.take(a, n, axis)  # noqa: E731
        cause = "last_sample_only" if axes == (0,) else "reduced_over_wrong_axis"
        yield Edited(cause, f"takes the {word} entry along axis {spelled} where it should sum{where}", 2.5, _each(group, _reduced(axes, take)))
    for count in range(source.value.ndim + 1):
        pass
    for other in range(source.value.ndim):
        if (other,) != axes:
            cause = "coupled_over_wrong_axis" if first.name == "sum" else "reduced_over_wrong_axis"
            said = f"sums over axis {other} where axis {spelled} belongs{where}"
            yield Edited(cause, said, 2, _each(group, _summed_over(other)))
    if first.name == "sum" and source.value.shape != first.value.shape:
        said = f"does not sum over axis {spelled}{where}"
        yield Edited("diagonal_only", said, 1.5, _each(group, lambda s: lambda values: _value(s.args[0], values)))


def axis_is_none(axis: Any) -> bool:
    return axis is None


def _reduced(axes: tuple[int, ...], reduce: Callable[..., Any]) -> Callable[[Step], Edit]:
    def make(step: Step) -> Edit:
        def edit(values: Mapping[Step, Any]) -> Any:
            array = _value(step.args[0], values)
            for axis in sorted(axes, reverse=True):
                array = reduce(array, axis=axis)
            return np.reshape(array, step.value.shape)

        return edit

    return make


def _summed_over(axis: int) -> Callable[[Step], Edit]:
    def make(step: Step) -> Edit:
        def edit(values: Mapping[Step, Any]) -> Any:
            array = np.sum(_value(step.args[0], values), axis=axis, keepdims=True)
            return array if step.name == "sum" and step.how["keepdims"] else np.reshape(array, step.value.shape)

        return edit

    return make


# --- slopes ---

# Formulas that people write for a derivative, in terms of the function's input or output.
FORMULAS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "u * (1 - u)": lambda u: u * (1 - u),
    "1 - u**2": lambda u: 1 - u * u,
    "(u > 0)": lambda u: (u > 0) * 1.0,
    "(u >= 0)": lambda u: (u >= 0) * 1.0,
    "u": lambda u: u,
    "2 * u": lambda u: 2 * u,
    "-u": lambda u: -u,
    "1 / u": lambda u: 1 / u,
    "1 / u**2": lambda u: 1 / u**2,
    "u**2": lambda u: u * u,
    "exp(u)": np.exp,
    "exp(-u)": lambda u: np.exp(-u),
    "sign(u)": np.sign,
    "sigmoid(u)": lambda u: 1 / (1 + np.exp(-u)),
    "tanh(u)": np.tanh,
    "sigmoid'(u)": lambda u: np.exp(-u) / (1 + np.exp(-u)) ** 2,
    "1 - tanh(u)**2": lambda u: 1 - np.tanh(u) ** 2,
    "cos(u)": np.cos,
    "-sin(u)": lambda u: -np.sin(u),
    "1 - u": lambda u: 1 - u,
    "1 + u": lambda u: 1 + u,
    "1 / (1 + u)": lambda u: 1 / (1 + u),
    "sqrt(u)": np.sqrt,
    "1 / sqrt(u)": lambda u: 1 / np.sqrt(u),
    "1 / (2 * u)": lambda u: 0.5 / u,
}


def slopes(program: Program, group: Group) -> Iterator[Edited]:
    """The derivative of a function left out, squared, at another point, or another function's."""
    first = group[0]
    if not is_slope(first):
        return
    name = first.name.removeprefix("slope of ")
    mask, where = is_mask(first), place(first)
    lacking = "mask_missing" if mask else "derivative_missing"
    if not np.allclose(first.value, 1):
        yield Edited(lacking, f"lacks the derivative of {name}{where}", 1, _each(group, lambda s: lambda v: _ones(s.value)))
        yield Edited(lacking, f"lacks the derivative of {name}{where}, all but its sign", 2, _each(group, lambda s: lambda v: np.sign(s.run(v)) + (s.value == 0)))
    yield Edited("derivative_twice", f"applies the derivative of {name} twice{where}", 1, _each(group, lambda s: lambda v: s.run(v) ** 2))
    if mask:
        yield Edited("mask_wrong", f"passes the gradient where {name} does not{where}", 2, _each(group, lambda s: lambda v: 1 - s.run(v)))
    out, *inputs = first.args
    for letter, number in (("the input", 1), ("the output", 0), *((("the second operand", 2),) if len(inputs) > 1 else ())):
        for formula, function in FORMULAS.items():
            if not isinstance(first.args[number], Step):
                continue
            with np.errstate(all="ignore"):
                value = function(array_of(first.args[number]))
            if value.shape != first.value.shape or not np.isfinite(value).all() or np.allclose(value, first.value):
                continue
            cause = "mask_wrong" if mask and is_mask(value) else "wrong_derivative"
            with np.errstate(all="ignore"):
                own = function(array_of(first.args[1 - number])) if number < 2 else None
            if own is not None and own.shape == first.value.shape and np.allclose(own, first.value):
                cause = "derivative_at_output" if number == 0 else "derivative_at_input"
            said = f"uses {formula} of {letter} as the derivative of {name}{where}"
            edit = lambda s, f=function, n=number: lambda v: f(_value(s.args[n], v))  # noqa: E731
            yield Edited(cause, said, 4, _each(group, edit))
    if isinstance(inputs[0], Step) and inputs[0].value.shape == first.value.shape:
        at_output = lambda s: lambda v: s.function(*([_value(s.args[0], v)] * len(s.args)))  # noqa: E731
        if len(inputs) == 1:
            yield Edited("derivative_at_output", f"takes the derivative of {name} at the output, f'(f(x)){where}", 1.5, _each(group, _at_output))
    yield from _at_other_passes(group, name, where)


def _at_output(step: Step) -> Edit:
    again = getattr(step, "at", None)

    def edit(values: Mapping[Step, Any]) -> Any:
        y = _value(step.args[0], values)
        if again is not None:
            return again(y)
        from reference.oracle.edits.functions import FUNCTIONS  # noqa: F401

        forward = getattr(np, step.name.removeprefix("slope of "))
        return step.function(forward(y), y)  # pyright: ignore[reportOptionalCall]

    return edit


def _at_other_passes(group: Group, name: str, where: str) -> Iterator[Edited]:
    if len(group) < 2 or len({s.value.shape for s in group}) > 1:
        return
    passes = sorted(group, key=lambda s: s.turn)
    for number, word in ((-1, "last"), (0, "first")):
        said = f"takes the derivative of {name} of the {word} of {len(group)} passes everywhere{where}"
        other = passes[number]
        yield Edited("wrong_operand", said, 2, _each(group, lambda s, o=other: lambda v: o.value))
    for move, word in ((-1, "before"), (1, "after")):
        pairs = {s: passes[k + move] for k, s in enumerate(passes) if 0 <= k + move < len(passes)}
        said = f"takes the derivative of {name} of the step {word}{where}"
        yield Edited("time_off_by_one", said, 2, {s: (lambda v, o=o: o.value) for s, o in pairs.items()})


# --- masks ---


def masks(program: Program, group: Group) -> Iterator[Edited]:
    """A mask without effect, turned round, with all ties, or taken from the cotangent."""
    first = group[0]
    if first.name.startswith("winner of "):
        array, axis, name = first.args
        all_ties = lambda s: lambda v: all_of(_value(s.args[0], v), axis, name)  # noqa: E731
        yield Edited("all_ties", f"gives the gradient to all entries that tie{place(first)}", 1, _each(group, all_ties))
    if first.name not in ("mask", "astype", "greater", "less", "greater_equal", "less_equal", "where", "blanked"):
        return
    where = place(first)
    if first.name == "blanked":
        passes = lambda s: lambda v: _value(s.args[0], v)  # noqa: E731
        yield Edited("mask_missing", f"lacks the mask{where}", 1, _each(group, passes))
        return
    if not is_mask(first) and first.value.dtype != bool:
        return
    yield Edited("mask_missing", f"lacks the mask{where}", 1, _each(group, lambda s: lambda v: np.ones_like(s.value)))
    yield Edited("mask_wrong", f"has the mask turned round{where}", 2, _each(group, lambda s: lambda v: ~s.value if s.value.dtype == bool else 1 - s.value))


# --- moves ---


def moves(program: Program, group: Group) -> Iterator[Edited]:
    """An index assigned instead of added, entries in another order, an operand that is not transposed."""
    first = group[0]
    where = place(first)
    if first.name == "scattered":
        assigned = lambda s: lambda v: put(np.zeros(s.args[2]), _value(s.args[1], v), _value(s.args[0], v))  # noqa: E731
        yield Edited("repeated_index_dropped", f"assigns where it should add at repeated indices{where}", 1, _each(group, assigned))
    if first.name in ("transpose", "swapaxes", "moveaxis", "returned") and isinstance(first.args[0], Step):
        kept = lambda s: lambda v: np.reshape(_value(s.args[0], v), s.value.shape)  # noqa: E731
        if first.args[0].value.size == first.value.size:
            yield Edited("reordered", f"has its entries in the order before{where}", 1, _each(group, kept))
    if first.name in ("matmul", "einsum") and len(first.args) == 4:
        yield from _products(program, group)


def _products(program: Program, group: Group) -> Iterator[Edited]:
    first = group[0]
    where = place(first)
    inputs, output, a, b = first.args
    shapes = [array_of(a).shape, array_of(b).shape]
    for number in (0, 1):
        letters, shape = inputs[number], shapes[number]
        carries = isinstance(first.args[2 + number], Step) and first.args[2 + number] in program.carrying
        for i in range(len(letters)):
            for j in range(i):
                if shape[i] == shape[j]:
                    turned = list(letters)
                    turned[i], turned[j] = turned[j], turned[i]
                    spelled = tuple("".join(turned) if n == number else old for n, old in enumerate(inputs))
                    said = f"multiplies by {'the cotangent' if carries else named(program, first.args[2 + number])} where its transpose belongs{where}"
                    edit = lambda s, sp=spelled: lambda v: multiplied(sp, s.args[1], *_value(s.args[2:], v))  # noqa: E731
                    yield Edited("not_transposed", said, 1.5, _each(group, edit))
    star = _by_entry(first)
    if star is not None:
        said = f"multiplies entry by entry where a product of matrices belongs{where}"
        yield Edited("elementwise_product", said, 2, _each(group, lambda s: lambda v: _star(s, v)))


def _by_entry(step: Step) -> np.ndarray | None:
    try:
        return _star(step, {})
    except ValueError:
        return None


def _star(step: Step, values: Mapping[Step, Any]) -> np.ndarray:
    a, b = (np.asarray(x) for x in _value(step.args[2:], values))
    for first in (a, a.T):
        for second in (b, b.T):
            try:
                product = first * second
            except ValueError:
                continue
            if product.shape == step.value.shape:
                return product
    raise ValueError("the shapes do not fit")


# --- other values ---


def operands(program: Program, group: Group) -> Iterator[Edited]:
    """Another value of the program in the place of an operand."""
    first = group[0]
    if first.name in ("added up", "gathered", "scattered", "returned", "broadcast_to", "reshape"):
        return
    for position, operand in enumerate(first.args):
        if not isinstance(operand, Step) or operand.value.ndim == 0:
            continue
        carries = operand in program.carrying
        for value in program.steps + program.tape.leaves:
            late = value in program.order and program.order[value] >= program.order[first]
            if value is operand or late or value.value.shape != operand.value.shape or value.value.dtype == bool:
                continue
            if (value in program.carrying) != carries or len(group) > 1:
                continue
            if np.array_equal(value.value, operand.value):
                continue
            said = f"has {named(program, value)} where {named(program, operand)} belongs{place(first)}"
            edit = lambda s, p=position, o=value: _replaced(s, p, o)  # noqa: E731
            yield Edited(_operand_cause(program, first, operand, value), said, 5, _each(group, edit))
    if len(group) > 1:
        yield from _passes(program, group)


def _operand_cause(program: Program, step: Step, operand: Step, value: Step) -> str:
    if is_slope(step):
        return "derivative_at_output" if value is step.args[0] else "derivative_at_input" if value in step.args[1:] else "wrong_operand"
    return "wrong_operand"


def _replaced(step: Step, position: int, other: Step) -> Edit:
    def edit(values: Mapping[Step, Any]) -> Any:
        args = list(_value(step.args, values))
        args[position] = _value(other, values)
        return step.function(*args, **{k: _value(item, values) for k, item in step.how.items()})  # pyright: ignore

    return edit


def _passes(program: Program, group: Group) -> Iterator[Edited]:
    """In a loop: the same operand of the pass before or after, or another value of the same pass."""
    passes = sorted(group, key=lambda s: s.turn)
    for position, operand in enumerate(passes[0].args):
        mine = [s.args[position] for s in passes]
        if not all(isinstance(o, Step) for o in mine) or operand in program.carrying or operand.value.ndim == 0:
            continue
        others: list[list[Step]] = []
        for same in program.loops:
            if len(same) == len(passes) and same[0].value.shape == operand.value.shape and same[0] not in program.carrying:
                others.append(same)
        for same in others:
            if any(a is b for a, b in zip(same, mine, strict=True)):
                continue
            said = f"multiplies by {named(program, same[0])} where {named(program, operand)} belongs{place(passes[0])}"
            moved = any(same[k] is mine[k + d] for k in range(len(mine)) for d in (1, -1) if 0 <= k + d < len(mine))
            cause = "time_off_by_one" if moved else "wrong_operand"
            edits = {s: _replaced(s, position, o) for s, o in zip(passes, same, strict=True)}
            yield Edited(cause, said, 5, edits)
        for move in (1, -1):
            pairs = [(s, mine[k + move]) for k, s in enumerate(passes) if 0 <= k + move < len(passes)]
            if pairs and all(o.value.shape == s.args[position].value.shape for s, o in pairs):
                word = "after" if move > 0 else "before"
                said = f"multiplies by {named(program, operand)} of the step {word}{place(passes[0])}"
                yield Edited("time_off_by_one", said, 3, {s: _replaced(s, position, o) for s, o in pairs})


# --- paths ---


def cuts(program: Program) -> Iterator[Edited]:
    """A step of the forward treated as a constant, or carried by some passes only."""
    found: dict[Any, list[tuple[Step, Step]]] = {}
    for forward, arriving in program.arriving.items():
        found.setdefault((forward.place, forward.name), []).append((forward, arriving))
    for pairs in found.values():
        forward = pairs[0][0]
        text = place(forward).removeprefix(" in ")
        said = f"treats the value of {text or forward.name} as a constant"
        edits = {arriving: (lambda v, s=arriving: np.zeros_like(s.value)) for _, arriving in pairs}
        yield Edited(cut_cause(program, forward), said, 1.5, edits, scalable=True, otherwise=cut_cause(program, forward))


def cut_cause(program: Program, forward: Step) -> str:
    reduced = forward.value.size < max((p.value.size for p in forward.parents), default=0)
    return "statistics_as_constants" if reduced else "sum_term_missing"


def forward_numbers(program: Program) -> Iterator[Edited]:
    """A number of the forward that is another one, or nothing, for the backward."""
    for step in program.steps:
        if step.part != "forward" or step.name not in ("add", "subtract", "multiply", "divide", "maximum", "power"):
            continue
        for position, item in enumerate(step.args):
            if isinstance(item, Step) or np.ndim(item) or isinstance(item, bool):
                continue
            own = float(item)
            small = 0 < abs(own) < 1e-2
            for other in (0.0, 1.0) if step.name in ("add", "subtract") else (1.0,):
                if own == other:
                    continue
                said = f"is the gradient of a forward with {other:g} where this one has {own:g}{place(step)}"
                cause = "epsilon_one_side" if small and other == 0 else "static_ignored"
                yield Edited(cause, said, 3, {step: _with_number(step, position, other)})


def _with_number(step: Step, position: int, other: float) -> Edit:
    def edit(values: Mapping[Step, Any]) -> Any:
        args = list(_value(step.args, values))
        args[position] = other
        return step.function(*args)  # pyright: ignore[reportOptionalCall]

    return edit


ROWS = (factors, terms, slopes, masks, reductions, moves, operands)
