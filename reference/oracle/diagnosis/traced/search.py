"""The search through all slips in all steps of a recorded forward."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from typing import Any

import numpy as np

from reference.oracle.diagnosis.evidence import Evidence
from reference.oracle.diagnosis.known.templates import alike
from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.pullbacks import flat
from reference.oracle.diagnosis.traced.altered import Other
from reference.oracle.diagnosis.traced.blocks import some_positions
from reference.oracle.diagnosis.traced.crops import broadcasts, crops
from reference.oracle.diagnosis.traced.exchanges import exchanges
from reference.oracle.diagnosis.traced.factors import factors
from reference.oracle.diagnosis.traced.fewer_bits import fewer_bits
from reference.oracle.diagnosis.traced.fits import Fit, fits
from reference.oracle.diagnosis.traced.gathers import gathers
from reference.oracle.diagnosis.traced.heads import heads
from reference.oracle.diagnosis.traced.logarithms import logarithms
from reference.oracle.diagnosis.traced.maps import maps
from reference.oracle.diagnosis.traced.normalizers import normalizers
from reference.oracle.diagnosis.traced.numbers import with_other_numbers, without_a_number, without_an_epsilon
from reference.oracle.diagnosis.traced.operands import operands
from reference.oracle.diagnosis.traced.orders import orders, turns
from reference.oracle.diagnosis.traced.otherwise import otherwise
from reference.oracle.diagnosis.traced.paths import paths
from reference.oracle.diagnosis.traced.penalties import penalties
from reference.oracle.diagnosis.traced.products import products
from reference.oracle.diagnosis.traced.replaced import factors_of, replaced
from reference.oracle.diagnosis.traced.shares import shares, some_examples
from reference.oracle.diagnosis.traced.sites import Sites, Slip, sites_of
from reference.oracle.diagnosis.traced.slices import epsilons, lengths
from reference.oracle.diagnosis.traced.slopes import slopes
from reference.oracle.diagnosis.traced.states import neighbours, states
from reference.oracle.diagnosis.traced.upstreams import upstreams
from reference.oracle.diagnosis.traced.winners import choices, winners
from reference.oracle.diagnosis.view import View
from reference.oracle.tracing.graph import Graph
from reference.oracle.tracing.trace import trace

# Entries of the arguments and steps of the forward beyond which nothing is tried, and steps back in all slips together,
# of which one through so many entries counts twice.
ENTRIES, STEPS, STEPS_BACK, A_STEP = 60_000, 1500, 300_000, 2000

KINDS = (normalizers, products, paths, factors, orders, crops, slopes)
# What is tried where nothing else is certain.
RARER = (winners, choices, gathers, turns, exchanges, broadcasts, operands, maps, upstreams, states)


@dataclass(frozen=True)
class Traced:
    """A forward whose recorded steps have the right gradients."""

    evidence: Evidence
    sites: Sites
    forward: Callable[..., Any]

    def models(self, view: View) -> Iterator[Model]:
        """The slips that explain an argument, first those that explain the others too, of these those without a fit."""
        yield from _in_order(view, self.found)
        yield from _as_predicted(view, self.otherwise)
        yield from penalties(view, self.sites)
        with np.errstate(all="ignore"):
            yield from epsilons(view, self.sites)

    def rarer(self, view: View) -> Iterator[Model]:
        """Slips that people make less often, or that need many questions."""
        yield from _in_order(view, self.found_rarer)

    def logarithms(self, view: View) -> Iterator[Model]:
        """The forward with another small number, or none, inside the logarithm of its probabilities."""
        with np.errstate(all="ignore"):
            yield from logarithms(view, self.sites)

    def defaults(self, view: View) -> Iterator[Model]:
        """The forwards in which one number is what people leave it at."""
        yield from _as_predicted(view, self.without_an_epsilon)
        yield from _as_predicted(view, self.with_other_numbers)

    def replaced(self, view: View) -> Iterator[Model]:
        """What some of the examples, or another array in the place of a slope or factor, explain."""
        yield from some_examples(view, self.sites)
        yield from some_positions(view, self.sites)
        yield from neighbours(view, self.sites)
        with np.errstate(all="ignore"):
            yield from lengths(view, self.sites)
        yield from _in_order(view, self.found_replaced)
        if view.same_shape:
            with np.errstate(all="ignore"):
                found = list(factors_of(self.sites, self.evidence, view.position))
            yield from (Model(cause, words, predicted, exact=True) for cause, words, predicted in found)
        yield from _as_predicted(view, without_a_number(self.evidence, self.sites.cotangent))

    def shares(self, view: View) -> Iterator[Model]:
        """What only a part of the examples or passes explains."""
        yield from shares(view, self.sites)

    @cached_property
    def otherwise(self) -> list[Other]:
        """The gradients of forwards that differ from this one in a mask or a step."""
        return list(otherwise(self.evidence, self.sites.cotangent))

    @cached_property
    def without_an_epsilon(self) -> list[Other]:
        """The gradients of forwards that lack a small number of this one."""
        return list(without_an_epsilon(self.evidence, self.sites.graph, self.sites.cotangent))

    @cached_property
    def with_other_numbers(self) -> list[Other]:
        """The gradients of forwards that differ from this one in a number."""
        return list(with_other_numbers(self.evidence, self.sites.cotangent))

    @cached_property
    def found(self) -> dict[int, list[tuple[int, Fit]]]:
        """Every slip that fits with its score, by argument."""
        return self._fitting(chain.from_iterable(_unbroken(kind(self.sites)) for kind in KINDS))

    @cached_property
    def found_rarer(self) -> dict[int, list[tuple[int, Fit]]]:
        """The same of the rarer slips."""
        bits = fewer_bits(self.sites, self.evidence)
        rarer = chain.from_iterable(_unbroken(kind(self.sites)) for kind in RARER)
        return self._fitting(chain(_unbroken(bits), rarer))

    @cached_property
    def found_replaced(self) -> dict[int, list[tuple[int, Fit]]]:
        """The same of replacements, which are asked for where no other slip fits."""
        with np.errstate(all="ignore"):
            slips = chain(heads(self.sites, self.evidence), replaced(self.sites, self.forward, self.evidence))
            return self._fitting(list(slips))

    def _fitting(self, slips: Iterable[Slip]) -> dict[int, list[tuple[int, Fit]]]:
        found: dict[int, list[tuple[int, Fit]]] = {}
        with np.errstate(all="ignore"):
            for slip in islice(slips, STEPS_BACK // self._steps):
                explained, broken = self._tried(slip)
                for position, fit in explained.items():
                    found.setdefault(position, []).append((len(explained) - broken, fit))
        return found

    @property
    def _steps(self) -> int:
        """What one way back through the forward costs."""
        return sum(1 + np.size(node.value) // A_STEP for node in self.sites.nodes)

    def _tried(self, slip: Slip) -> tuple[dict[int, Fit], int]:
        """The wrong arguments that a slip explains, and how many right ones it would have made wrong."""
        try:
            predictions = self.sites.graph.backward(self.sites.cotangent, slip.detours)
        except Exception:  # the slip does not fit these shapes
            return {}, 0
        explained: dict[int, Fit] = {}
        broken = 0
        for position, predicted in enumerate(predictions):
            got, expected = self.evidence.got[position], self.evidence.expected[position]
            if predicted is None or got is None:
                continue
            if self.evidence.wrong[position] and expected is not None:
                own = fits(slip, predicted, np.asarray(expected, np.float64), np.asarray(got, np.float64))
                explained.update((position, fit) for fit in own)
            elif got.shape == predicted.shape:
                broken += not np.allclose(predicted, got, rtol=1e-6, atol=1e-9)
        return explained, broken


def _as_predicted(view: View, others: Iterable[Other]) -> Iterator[Model]:
    """The gradients of other forwards as predictions."""
    for cause, words, gradients in others:
        predicted = gradients[view.position]
        if predicted is not None:
            yield Model(cause, words, predicted, exact=True)


def _in_order(view: View, found: dict[int, list[tuple[int, Fit]]]) -> Iterator[Model]:
    """The fits that explain most arguments first, of these those without a fitted number."""
    for _, fit in sorted(found.get(view.position, []), key=lambda pair: (-pair[0], pair[1].freedom)):
        yield fit.model(view)


def _unbroken(slips: Iterator[Slip]) -> Iterator[Slip]:
    """The slips up to one that cannot be made of these steps."""
    with suppress(ValueError, ArithmeticError, IndexError, TypeError):
        yield from slips


def traced(evidence: Evidence) -> Traced | None:
    """The recorded forward, or that of a known one with its values, whose backward gives the measured gradients."""
    if sum(np.size(primal) for primal in evidence.primals) > ENTRIES:
        return None
    cotangent = flat(evidence.cotangent)
    for forward in chain([evidence.subject.forward], alike(evidence)):
        graph = trace(forward, evidence.primals)
        if graph and _usable(graph, cotangent, evidence):
            return Traced(evidence, sites_of(graph, cotangent, evidence.names, evidence.wrong), forward)
    return None


def _usable(graph: Graph, cotangent: np.ndarray, evidence: Evidence) -> bool:
    """Whether the graph is whole and its own backward right."""
    if graph.out is None or graph.out.value.size != cotangent.size or len(graph.nodes) > STEPS:
        return False
    if len(graph.leaves) != len(evidence.expected):
        return False
    quadruples = zip(graph.backward(cotangent), evidence.expected, evidence.got, evidence.noise, strict=True)
    return all(own is None or true is None or _agree(own, true, got, noise) for own, true, got, noise in quadruples)


def _agree(own: np.ndarray, true: np.ndarray, got: np.ndarray | None, noise: float) -> bool:
    """Whether the steps have the measured gradient, but for noise and what is nothing beside the error in question."""
    sizes = [true, got - true] if got is not None and np.shape(got) == np.shape(true) else [true]
    size = max(float(np.max(np.abs(one), initial=0.0, where=np.isfinite(one))) for one in sizes)
    return bool(np.max(np.abs(own - true), initial=0.0) <= 8 * noise + 1e-6 * max(size, 1e-300))
