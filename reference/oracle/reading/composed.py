"""Networks whose backward is that of a loss: forward(X), then backward(X, y), the loss in a function apart or nowhere.

The parts are put together as one function, or one class, that returns its loss; the readings of those are then as of
any other. A loss that is nowhere is one of a few that people mean, and only where some gradient is that of it.
"""

import contextlib
import functools
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from reference.oracle.reading.calls import RATE
from reference.oracle.reading.discover import Found
from reference.oracle.reading.filling import filled
from reference.oracle.reading.scenes import scenes
from reference.oracle.reading.source import (
    init_of,
    keys_anywhere,
    method_of,
    parameters,
    required,
    returned_names,
    returns_several,
    texts_in,
    undecorated,
)
from reference.oracle.reading.trial import DidNotRun, Reading, trying
from reference.oracle.reading.vocabulary import BACKWARD_WORDS, LOSSES, is_cache, is_cotangent, part_of, plain, words_of
from reference.oracle.specs import SPECS
from reference.oracle.subjects.vjp import copies, quiet

# A dict of all parameters, by the names that it has as an argument.
PARAMETERS = ("parameters", "params", "param", "weights", "theta", "model", "weightsandbiases")
KEY = re.compile(r"[Wb][1-3]")
Loss = Callable[[Any, Any], Any]


def composed(found: Found) -> Iterator[Found]:
    """The forward, the loss and the backward as one."""
    if found.style == "value_and_gradient" and _keys(found.parts[0]):
        yield replace(found, parts=(_apart(found.parts[0]),))
    if found.style not in ("object", "pair") or len(found.parts) < 2 or found.parts[-1] is None:
        return
    if found.style == "object" and (pair := _as_pair(found)):
        yield from composed(pair)
        return
    forward, backward = _signatures(found)
    known = [p.name for p in parameters(forward)]
    wanted = [name for name in required(backward) if name not in known and part_of(name) in ("targets", "other")]
    if found.style == "pair" and not wanted and _keys(forward):
        yield _with_parameters_apart(found)
    handed = [name for name in required(backward) if name not in known and is_cotangent(name)]
    alone = found.style == "pair" and len(required(backward)) == 1  # of y = f(x), as in y * (1 - y)
    if len(wanted) != 1 or handed or alone or not required(forward):
        return
    losses = list(_losses_beside(found))
    make = _as_function if found.style == "pair" else _as_class
    for loss in losses:
        yield make(found, wanted[0], loss)
    if not losses:
        meant = Meant()
        yield replace(make(found, wanted[0], meant), settle=meant.settled)


def _as_pair(found: Found) -> Found | None:
    """The two methods of an object that is handed a dict of its parameters; None for others."""
    owner, forward, backward = found.parts
    if not any(plain(name) in PARAMETERS for name in required(method_of(owner, forward))):
        return None
    for scene in (scene for scene in scenes(0) if scene.name in SPECS):
        with contextlib.suppress(Exception, SystemExit):  # anybody's constructor may raise anything
            made = owner(**(filled(init_of(owner), scene, constructor=True) or {}))
            pair = replace(found, style="pair", parts=(getattr(made, forward), getattr(made, backward)))
            return pair if _keys(pair.parts[0]) else None
    return None


def _signatures(found: Found) -> tuple[Callable[..., Any], Callable[..., Any]]:
    if found.style == "pair":
        return found.parts[0], found.parts[1]
    owner, forward, backward = found.parts
    return method_of(owner, forward), method_of(owner, backward)


def _losses_beside(found: Found) -> Iterator[Any]:
    """The functions of the module, or the names of methods of the class, that are a loss of an output and targets."""
    part = found.parts[0]
    beside = part.__dict__ if found.style == "object" else getattr(undecorated(part), "__globals__", {})
    for name, value in beside.items():
        words = {word.lower() for word in words_of(name)}
        if inspect.isfunction(value) and words & set(LOSSES) and not words & set(BACKWARD_WORDS):
            taken = required(method_of(part, name) if found.style == "object" else value)
            if (
                not returns_several(value)
                and len(taken) in (2, 3)
                and all(plain(one) in PARAMETERS for one in taken[2:])
            ):
                yield name if found.style == "object" else value


def _with_parameters_apart(found: Found) -> Found:
    """The same pair with every parameter of its dict as an argument of its own."""
    forward, backward = found.parts
    return replace(found, parts=(_apart(forward), backward))


def _keys(function: Callable[..., Any]) -> list[str]:
    """The names by which a function opens the dict of its parameters."""
    holders = [name for name in required(function) if plain(name) in PARAMETERS]
    return list(dict.fromkeys(key for name in holders for key in keys_anywhere(function, name)))


def _apart(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function with every parameter of its dict as an argument of its own."""
    known = parameters(function)
    holders = [name for name in required(function) if plain(name) in PARAMETERS]
    keys = _keys(function)

    @functools.wraps(undecorated(function))
    def apart(**given: Any) -> Any:
        held = {key: given.pop(key) for key in keys}
        return function(**given, **dict.fromkeys(holders, held))

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    more = [inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY) for key in keys]
    rest = [p.replace(kind=kind) for p in known if p.name not in holders]
    apart.__signature__ = inspect.Signature([*rest, *more])  # pyright: ignore
    return apart


def _as_function(found: Found, targets: str, loss: Loss) -> Found:
    """One function of the inputs, the targets and every parameter, that returns the loss and the gradients."""
    forward, backward = found.parts
    inputs = [name for name in required(forward) if plain(name) not in PARAMETERS]
    asks = len(inputs) < len(required(forward))
    keys = sorted({text for part in (forward, backward) for text in texts_in(part) if KEY.fullmatch(text)})
    keys = (keys or ["W1", "W2", "b1", "b2"]) if asks else []
    usual = {p.name: p.default for p in parameters(forward) if p.default is not p.empty}

    def run(**given: Any) -> Any:
        held = {key: given[key] for key in keys}
        returned = forward(**_handed(required(forward), given, held))
        out, *saved = returned if isinstance(returned, tuple) else (returned,)
        named = dict(zip(returned_names(forward), [out, *saved], strict=False))
        cache = saved[0] if len(saved) == 1 else tuple(saved)
        back = _handed(required(backward), {**usual, **named, **given}, held, cache, out)
        return _loss_of(loss, out, given[targets], held), backward(**back)

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    taken = [inspect.Parameter(name, kind) for name in (*inputs, targets, *keys)]
    run.__signature__ = inspect.Signature(taken)  # pyright: ignore[reportFunctionMemberAccess] - PEP 362
    run.__name__ = found.name
    return replace(found, style="value_and_gradient", parts=(run,))


def _handed(
    names: Sequence[str], given: Mapping[str, Any], held: Mapping[str, Any], cache: Any = None, out: Any = None
) -> dict[str, Any]:
    """An argument for every name: what is called so, the dict of parameters, what was saved, a rate, or the output."""
    values: dict[str, Any] = {}
    for name in names:
        if plain(name) in PARAMETERS:
            values[name] = held
        elif name in given:
            values[name] = given[name]
        else:
            values[name] = cache if is_cache(name) else RATE if part_of(name) == "learning_rate" else out
    return values


def _loss_of(loss: Loss, out: Any, targets: Any, held: Mapping[str, Any]) -> Any:
    first, *rest = required(loss)
    swapped = part_of(first) in ("targets", "other") and part_of(rest[0]) not in ("targets", "other")
    more = dict.fromkeys(rest[1:], held)
    return loss(targets, out, **more) if swapped else loss(out, targets, **more)


def _as_class(found: Found, targets: str, loss: Any) -> Found:
    """A class with a method that returns the loss, and one that hands the backward what it asks for."""
    owner, forward, backward = found.parts
    inputs, asked = required(method_of(owner, forward)), required(method_of(owner, backward))
    rates = [name for name in asked if part_of(name) == "learning_rate"]

    def loss_of(self: Any, **given: Any) -> Any:
        returned = getattr(self, forward)(**{name: given[name] for name in inputs})
        self.composed_out = returned[0] if isinstance(returned, tuple) else returned
        return _loss_of(loss if callable(loss) else getattr(self, loss), self.composed_out, given[targets], {})

    def back_of(self: Any, **given: Any) -> Any:
        return getattr(self, backward)(**_handed(asked, given, {}, None, self.composed_out))

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    for method, names in ((loss_of, (*inputs, targets)), (back_of, (*inputs, targets, *rates))):
        taken = [inspect.Parameter(name, kind) for name in ("self", *names)]
        method.__signature__ = inspect.Signature(taken)  # pyright: ignore[reportFunctionMemberAccess] - PEP 362
    named = {"__module__": owner.__module__, "__qualname__": owner.__qualname__, "__doc__": owner.__doc__}
    made = type(owner)(owner.__name__, (owner,), {**named, "loss_of": loss_of, "back_of": back_of})
    return replace(found, parts=(made, "loss_of", "back_of"))


def _usual() -> Iterator[tuple[str, Loss]]:
    """The losses that a backward may mean: squares, half of them, cross-entropy; in all, or by the batch or size."""

    def squares(out: Any, targets: Any) -> Any:
        return np.sum((out - targets) ** 2)

    def halves(out: Any, targets: Any) -> Any:
        return np.sum((out - targets) ** 2) / 2

    def bits(out: Any, targets: Any) -> Any:
        return -np.sum(targets * np.log(out) + (1 - targets) * np.log(1 - out))

    def classes(out: Any, targets: Any) -> Any:
        return -np.sum(targets * np.log(out))

    kinds = {"half the squared error": halves, "the squared error": squares, "the cross-entropy of bits": bits,
             "the cross-entropy": classes}  # fmt: skip
    for by, count in {"": lambda out: 1, ", by the length of axis 0": lambda out: out.shape[0],
                      ", by the length of the last axis": lambda out: out.shape[-1],
                      ", by the number of outputs": np.size}.items():  # fmt: skip
        for name, kind in kinds.items():
            yield f"{name}{by}", functools.partial(_shared, kind, count)


def _shared(loss: Loss, count: Callable[[Any], Any], out: Any, targets: Any) -> Any:
    return loss(out, targets) / count(out)


class Meant:
    """The loss that a backward means and nobody wrote: the one that some gradient of the backward belongs to."""

    def __init__(self) -> None:
        self.losses = list(_usual())

    def __call__(self, output: Any, targets: Any) -> Any:
        """The loss, of an output and targets of one shape."""
        if np.shape(output) != np.shape(targets):
            raise ValueError(f"the targets have shape {np.shape(targets)}, the output {np.shape(output)}")
        return self.losses[0][1](output, targets)

    def settled(self, reading: Reading) -> Reading | None:
        """The reading with the loss that one of its gradients is of, along one direction; None where there is none."""
        every = self.losses
        for loss in every:
            self.losses = [loss]
            with contextlib.suppress(DidNotRun):
                if not trying("forward", _is_of_its_loss, reading):
                    continue
                note = f"No loss is written: the backward is judged as that of {loss[0]}."
                return replace(reading, notes=(note, *reading.notes))
        self.losses = every
        return None


def _is_of_its_loss(reading: Reading) -> bool:
    """Whether one gradient of a reading is that of its value, along one direction."""
    subject, primals = reading.subject, reading.primals
    _, pullback = subject.vjp(*copies(primals))
    came = pullback(np.float64(1.0))
    return any(_is_slope(subject.forward, primals, at, gradient) for at, gradient in enumerate(came))


def _is_slope(
    forward: Callable[..., Any], primals: tuple[Any, ...], at: int, gradient: Any, step: float = 1e-5
) -> bool:
    if gradient is None or np.shape(gradient) != np.shape(primals[at]):
        return False
    direction = 1.0 - 0.25 * (np.arange(np.size(gradient)).reshape(np.shape(gradient)) % 3)

    def moved(by: float) -> float:
        with quiet(0):
            return float(forward(*copies((*primals[:at], primals[at] + by * direction, *primals[at + 1 :]))))

    measured = (moved(step) - moved(-step)) / (2 * step)
    told = float(np.sum(np.asarray(gradient) * direction))
    return abs(measured - told) <= 1e-4 * max(abs(measured), abs(told)) and abs(told) > 1e-8
