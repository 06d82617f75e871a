"""The search through all slips in all steps of a recorded forward."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice

import numpy as np

from reference.oracle.diagnosis.known.templates import alike
from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.pullbacks import flat
from reference.oracle.diagnosis.scale import name_ratio
from reference.oracle.diagnosis.structure import where_in_words
from reference.oracle.diagnosis.traced.factors import factors
from reference.oracle.diagnosis.traced.normalizers import normalizers
from reference.oracle.diagnosis.traced.paths import paths
from reference.oracle.diagnosis.traced.penalties import penalties
from reference.oracle.diagnosis.traced.products import products
from reference.oracle.diagnosis.traced.shares import shares
from reference.oracle.diagnosis.traced.sites import Sites, Slip, sites_of
from reference.oracle.diagnosis.traced.slopes import slopes
from reference.oracle.diagnosis.view import View
from reference.oracle.evidence import Evidence
from reference.oracle.tracing.graph import Graph
from reference.oracle.tracing.trace import trace

# Entries of the arguments and steps of the forward beyond which nothing is tried, and steps back in all slips together.
ENTRIES, STEPS, STEPS_BACK = 60_000, 1500, 300_000

KINDS = (normalizers, products, paths, factors, slopes)


@dataclass(frozen=True)
class Fit:
    """A slip that gives the gradient of an argument: with what factor, and how many arguments it explains."""

    slip: Slip
    predicted: np.ndarray
    factor: float | None
    score: int
    freedom: int


@dataclass(frozen=True)
class Traced:
    """A forward whose recorded steps have the right gradients."""

    evidence: Evidence
    sites: Sites
    fits: dict[int, list[Fit]] = field(default_factory=dict)

    def models(self, view: View) -> Iterator[Model]:
        """The slips that explain an argument, those first that explain the others too."""
        for fit in sorted(self.found.get(view.position, []), key=_rank):
            yield _model(view, fit)
        yield from penalties(view, self.sites)
        yield from shares(view, self.sites)

    @cached_property
    def found(self) -> dict[int, list[Fit]]:
        """Every slip that fits, by argument."""
        found: dict[int, list[Fit]] = {}
        slips = chain(*(kind(self.sites) for kind in KINDS))
        for slip in islice(slips, STEPS_BACK // len(self.sites.nodes)):
            for position, fit in self._fits(slip).items():
                found.setdefault(position, []).append(fit)
        return found

    def _fits(self, slip: Slip) -> dict[int, Fit]:
        try:
            with np.errstate(all="ignore"):
                predictions = self.sites.graph.backward(self.sites.cotangent, slip.detours)
        except Exception:  # the slip does not fit these shapes
            return {}
        fits, broken = {}, 0
        for position, prediction in enumerate(predictions):
            got = self.evidence.got[position]
            if self.evidence.wrong[position]:
                fits |= {position: fit for fit in self._fit(slip, position, prediction)}
            elif prediction is not None and np.shape(got) == prediction.shape:
                broken += not np.allclose(prediction, got, rtol=1e-6, atol=1e-9)
        score = len(fits) - broken
        return {p: Fit(slip, fit.predicted, fit.factor, score, fit.freedom) for p, fit in fits.items()}

    def _fit(self, slip: Slip, position: int, prediction: np.ndarray | None) -> Iterator[Fit]:
        """The prediction itself, or with the contribution that it leaves out scaled so that it fits."""
        expected = np.asarray(self.evidence.expected[position], np.float64)
        got = np.asarray(self.evidence.got[position], np.float64)
        if prediction is None or got.shape != expected.shape or not np.isfinite(prediction).all():
            return
        size = float(np.max(np.abs(got - expected), initial=0.0))
        part = expected - prediction
        power = float(np.sum(part * part))
        if np.max(np.abs(part), initial=0.0) < 1e-6 * size:
            return
        whole = np.max(np.abs(prediction), initial=0.0) < 1e-9 * np.max(np.abs(expected))
        if np.max(np.abs(got - prediction)) <= 1e-4 * size:
            yield Fit(slip, prediction, None, 0, 0)
        elif (slip.scalable and not whole) or slip.fitted:
            factor = float(np.sum((got - prediction) * part)) / power
            if np.max(np.abs(prediction + factor * part - got)) <= 1e-4 * size:
                yield Fit(slip, prediction + factor * part, factor, 0, 1)
            elif slip.scalable and part.ndim > 1:
                yield from _row_by_row(slip, prediction, part, got - prediction, size)


def _row_by_row(slip: Slip, prediction: np.ndarray, part: np.ndarray, rest: np.ndarray, size: float) -> Iterator[Fit]:
    """Another factor for every example."""
    axes = tuple(range(1, part.ndim))
    power = np.sum(part * part, axis=axes, keepdims=True)
    factors = np.sum(rest * part, axis=axes, keepdims=True) / np.where(power > 0, power, 1)
    if np.max(np.abs(factors * part - rest)) <= 1e-4 * size:
        yield Fit(slip, prediction + factors * part, float(factors.flat[0]), 0, len(part))


def _rank(fit: Fit) -> tuple[int, int]:
    """First what explains most arguments; among these what needs no fitted number."""
    return -fit.score, fit.freedom


def _model(view: View, fit: Fit) -> Model:
    slip, noise = fit.slip, fit.slip.noise * max(1.0, view.scale)
    if fit.factor is None:
        holes = (fit.predicted == 0) & view.wrong
        if slip.scalable and slip.cause != "time_not_carried" and np.array_equal(holes, view.wrong):
            return Model("entries_not_written", f"{slip.words}: {where_in_words(holes)} it is zero", fit.predicted, exact=True)
        return Model(slip.cause, slip.words, fit.predicted, exact=True, noise=noise)
    if slip.fitted:
        words = f"{slip.words} (by {1 - fit.factor:.4g} times its gradient)"
        return Model(slip.cause, words, fit.predicted, freedom=1, exact=True)
    if fit.freedom > 1:
        words = f"{slip.words}: it counts another number of times for each example"
        return Model(slip.cause, words, fit.predicted, freedom=fit.freedom, exact=True)
    cause = slip.cause
    words = f"{slip.words}: it counts {fit.factor:.6g} times"
    names = list(name_ratio(view, fit.factor)) if cause == "sum_term_missing" else []
    return Model(names[0][0] if names else cause, words, fit.predicted, freedom=1, exact=True)


def traced(evidence: Evidence) -> Traced | None:
    """The recorded forward, or that of a known one with its values, whose backward gives the measured gradients."""
    if sum(np.size(primal) for primal in evidence.primals) > ENTRIES:
        return None
    cotangent = flat(evidence.cotangent)
    for forward in chain([evidence.subject.forward], alike(evidence)):
        graph = trace(forward, evidence.primals)
        if graph and _usable(graph, cotangent, evidence):
            return Traced(evidence, sites_of(graph, cotangent, evidence.names))
    return None


def _usable(graph: Graph, cotangent: np.ndarray, evidence: Evidence) -> bool:
    """Whether the graph is whole and its own backward right."""
    if graph.out is None or graph.out.value.size != cotangent.size or len(graph.leaves) != len(evidence.primals):
        return False
    if len(graph.nodes) > STEPS:
        return False
    pairs = zip(graph.backward(cotangent), evidence.expected, evidence.noise, strict=True)
    return all(own is None or true is None or _agree(own, true, noise) for own, true, noise in pairs)


def _agree(own: np.ndarray, true: np.ndarray, noise: float) -> bool:
    return bool(np.max(np.abs(own - true), initial=0.0) <= 8 * noise + 1e-6 * np.max(np.abs(true), initial=1e-300))
