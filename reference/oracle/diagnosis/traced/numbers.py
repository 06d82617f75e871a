"""The forward itself with one of its numbers changed, or left out: whose gradient came back?"""

from collections.abc import Iterator
from functools import partial

import numpy as np

from reference.oracle.diagnosis.evidence import Evidence
from reference.oracle.diagnosis.traced.altered import Other, gradients_with
from reference.oracle.tracing.alterations import NumberChange, altering
from reference.oracle.tracing.graph import Graph
from reference.oracle.tracing.trace import trace

# The largest number that may be added for safety.
EPSILON = 0.06
# What people leave a parameter at: one, a half, the usual slope; and a bound that is never reached.
USUAL = (1.0, 0.5, 0.01, 2.0, 1e9)
# Numbers of a forward that are tried.
MOST_NUMBERS = 8


def with_another_number(evidence: Evidence, cotangent: np.ndarray) -> Iterator[Other]:
    """The gradients of the forward with one of its numbers, met at a single place, at what people leave it at."""
    numbers = _seen(evidence)
    alone = [number for number in numbers if numbers.count(number) == 1]
    for words, change in _numbers(alone, USUAL):
        yield from gradients_with(evidence, cotangent, "static_ignored", words, number=change)


def with_other_numbers(evidence: Evidence, cotangent: np.ndarray) -> Iterator[Other]:
    """The gradients of the forward with one of its numbers, met at several places, at what people leave it at."""
    numbers = _seen(evidence)
    several = [number for number in numbers if numbers.count(number) > 1]
    for words, change in _numbers(several, USUAL):
        yield from gradients_with(evidence, cotangent, "static_ignored", words, number=change)


def without_a_number(evidence: Evidence, cotangent: np.ndarray) -> Iterator[Other]:
    """The gradients of the forward with zero in the place of one of its numbers."""
    numbers = _seen(evidence)
    for words, change in _numbers(numbers, (0.0,)):
        yield from gradients_with(evidence, cotangent, "static_ignored", words, number=change)
    yield from _at_single_places(evidence, cotangent, numbers)


def _at_single_places(evidence: Evidence, cotangent: np.ndarray, numbers: list[float]) -> Iterator[Other]:
    """One in the place of a number that the forward has at several places, at one of them."""
    several = [number for number in numbers if numbers.count(number) > 1]
    for own in list(dict.fromkeys(several))[:MOST_NUMBERS]:
        for place in range(min(several.count(own), MOST_NUMBERS)) if own not in (0.0, 1.0) else ():
            words = f"is the gradient of a forward with 1 in one of {several.count(own)} places that have {own:.6g}"
            change = partial(_at_one_place, own, place, iter(range(len(numbers))))
            yield from gradients_with(evidence, cotangent, "static_ignored", words, number=change)


def without_an_epsilon(evidence: Evidence, graph: Graph, cotangent: np.ndarray) -> Iterator[Other]:
    """The gradients of the forward without a small number that it adds for safety."""
    for own in _added(evidence, graph):
        words = f"is the gradient of a forward without the {own:.6g} that this one adds"
        for other in (0.0, own**2, own**0.5):
            change = partial(_exchanged, own, other)
            note = words if not other else f"is the gradient of a forward that adds {other:.6g}, this one {own:.6g}"
            yield from gradients_with(evidence, cotangent, "epsilon_one_side", note, number=change)


def _added(evidence: Evidence, graph: Graph) -> list[float]:
    """The small numbers that the forward adds to something."""
    found = set()
    for node in graph.nodes:
        if node.name in ("add", "maximum") and len(node.parents) == 1:
            more = np.ravel(node.value - node.parents[0].value if node.name == "add" else node.value.min())
            if 0 < abs(float(more[0])) <= EPSILON and np.ptp(more) <= 1e-9:
                found.add(float(more[0]))
    numbers = _seen(evidence) if found else []
    return [own for own in dict.fromkeys(numbers) if any(abs(own - more) < 1e-9 for more in found)]


def _numbers(numbers: list[float], others: tuple[float, ...]) -> Iterator[tuple[str, NumberChange]]:
    """Each number of the forward that is no whole one at what it is left at by default."""
    for own in list(dict.fromkeys(numbers))[:MOST_NUMBERS]:
        for usual in others if own % 1 and abs(own) > 1e-3 else ():
            words = f"is the gradient of a forward with {usual:g} where this one has {own:.6g}"
            yield words, partial(_exchanged, own, usual)


def _exchanged(own: float, usual: float, number: float) -> float:
    return usual if number == own else -usual if number == -own else number


def _at_one_place(own: float, place: int, visits: Iterator[int], number: float) -> float:
    """One in the place of a number, at one of the places where the forward meets it."""
    return 1.0 if number == own and next(visits, -1) == place else number


def _seen(evidence: Evidence) -> list[float]:
    """The numbers that the forward computes with, as often as it meets them."""
    numbers: list[float] = []

    def note(number: float) -> float:
        numbers.append(number)
        return number

    with altering(number=note):
        trace(evidence.subject.forward, evidence.primals)
    return numbers
