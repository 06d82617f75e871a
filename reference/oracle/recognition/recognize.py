"""Which op of the reference a forward computes: named by the caller, or recognized by its values."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np

from reference.oracle.evidence.evidence import Evidence
from reference.oracle.opspec import as_it_is
from reference.oracle.specs import SPECS
from reference.oracle.subjects.trees import leaves


@dataclass(frozen=True)
class Known:
    """An op whose forward is the subject's, at statics, and its cotangent here.

    reduction: "" where the outputs are equal, "mean" or "sum" where the subject reduces the op's output to one number.
    times: what the subject multiplies that by (an op's mean over the features is another one's sum).
    order: which of the subject's primals is the op's first argument, and so on.
    """

    op: str
    family: str
    statics: Mapping[str, Any]
    primals: tuple[np.ndarray, ...]
    out: np.ndarray
    cotangent: np.ndarray
    reduction: str = ""
    times: float = 1.0
    order: tuple[int, ...] = ()

    @cached_property
    def pair(self) -> tuple[Callable[..., Any], Callable[..., Any]]:
        """The op's forward with residuals, and its backward, of arguments in the subject's order."""
        return in_order(self.op, self.order)

    def forward(self, *primals: np.ndarray, **statics: Any) -> tuple[np.ndarray, Any]:
        """The op's first output, and its residuals."""
        out, residuals = self.pair[0](*(primals or self.primals), **{**self.statics, **statics})
        return np.asarray(leaves(out)[0]), residuals

    def gradients(self, *primals: np.ndarray, cotangent: np.ndarray | None = None, **statics: Any) -> tuple:
        """The op's own cotangents, at these primals and statics."""
        out, residuals = self.pair[0](*(primals or self.primals), **{**self.statics, **statics})
        cotangent = self.cotangent if cotangent is None else cotangent
        rest = [np.zeros_like(leaf) for leaf in leaves(out)[1:]]
        return tuple(self.pair[1](residuals, (cotangent, *rest) if rest else cotangent))

    def pull(self, unit: np.ndarray) -> tuple | None:
        """The op's gradients for a cotangent of the subject's output given as a vector; None where that has more."""
        if self.reduction:
            share = self.times / (self.cotangent.size if self.reduction == "mean" else 1)
            return self.gradients(cotangent=np.full(self.out.shape, float(unit[0]) * share)) if unit.size == 1 else None
        if unit.size != self.out.size:
            return None
        _, residuals = self.saved
        rest = [np.zeros_like(leaf) for leaf in leaves(self.saved[0])[1:]]
        cotangent = self.times * unit.reshape(self.out.shape)
        return tuple(self.pair[1](residuals, (cotangent, *rest) if rest else cotangent))

    @cached_property
    def saved(self) -> tuple[Any, Any]:
        """The op's output and residuals at these primals."""
        return self.pair[0](*self.primals, **self.statics)


@cache
def triple(op: str) -> tuple[Callable[..., Any], Callable[..., Any], str]:
    """The forward with residuals, the backward, and the family of an op."""
    spec = SPECS[op]
    return spec.reference("_fwd"), spec.reference("_bwd"), spec.family


def in_order(op: str, order: tuple[int, ...]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The forward and the backward of an op that is given its arguments in another order; () is its own."""
    forward, backward, _ = triple(op)
    if not order:
        return forward, backward

    def forward_in_order(*primals: Any, **statics: Any) -> Any:
        return forward(*(primals[position] for position in order), **statics)

    def backward_in_order(residuals: Any, cotangent: Any) -> tuple[Any, ...]:
        cotangents = backward(residuals, cotangent)
        return tuple(cotangents[order.index(position)] for position in range(len(order)))

    return forward_in_order, backward_in_order


def candidates(op: str, primals: tuple[np.ndarray, ...], out: Any) -> Iterator[dict[str, Any]]:
    """The statics worth trying for these arguments and this output."""
    spec = SPECS[op]
    if primals and (spec.looks_up or (primals[0].ndim and primals[0].dtype.kind == "f")):
        yield from spec.statics_of(primals, np.asarray(leaves(out)[0]))
    elif spec.entry_by_entry and spec.statics_of is as_it_is:
        yield {}


def recognize(evidence: Evidence) -> list[Known]:
    """The named op where the forward agrees with it, else every op that agrees, the simplest first."""
    primals = tuple(np.asarray(primal) for primal in evidence.primals)
    if sum(primal.size for primal in primals) > 50_000 and evidence.op is None:
        return []
    if evidence.op is not None:
        found = list(_matches(evidence, evidence.op, primals, [evidence.statics]))
        return found or list(_matches(evidence, evidence.op, primals))
    return [known for op in SPECS for known in _matches(evidence, op, primals)]


def _candidates_of(op: str, primals: tuple[np.ndarray, ...], out: Any) -> Iterator[dict[str, Any]]:
    """The candidates at which these values say that it is this op."""
    yield from (chosen for chosen in candidates(op, primals, out) if not SPECS[op].plain_at(primals, chosen))


def _matches(
    evidence: Evidence, op: str, primals: tuple[np.ndarray, ...], statics: Sequence[Mapping[str, Any]] | None = None
) -> Iterator[Known]:
    """The op in the first of its orders in which it agrees, at these statics or at the first of its candidates."""
    target = np.asarray(leaves(evidence.out)[0], np.float64)
    upstream = np.asarray(leaves(evidence.cotangent)[0], np.float64)
    for order in SPECS[op].orders or ((),):
        if order and len(order) != len(primals):
            continue
        own = tuple(primals[position] for position in order) or primals
        for chosen in _candidates_of(op, own, evidence.out) if statics is None else statics:
            if known := alike_up_to_a_count(op, chosen, primals, target, upstream, order):
                yield known
                return


def alike_up_to_a_count(
    op: str,
    statics: Mapping[str, Any],
    primals: tuple[np.ndarray, ...],
    target: np.ndarray,
    upstream: np.ndarray,
    order: tuple[int, ...],
) -> Known | None:
    """The op where its values, their sum or mean, or a usual multiple of these, are the target."""
    try:
        with np.errstate(all="ignore"):
            out = np.asarray(leaves(in_order(op, order)[0](*primals, **statics)[0])[0], np.float64)
    except Exception:  # the reference refuses arguments that do not fit
        return None
    for times in _multiples(op, primals, out):
        for reduction, value, cotangent in reductions(out, upstream):
            if agrees(times * value, target):
                family = triple(op)[2]
                return Known(op, family, dict(statics), primals, out, times * cotangent, reduction, times, order)
    return None


def _multiples(op: str, primals: tuple[np.ndarray, ...], out: np.ndarray) -> tuple[float, ...]:
    """What a loss may be multiplied by without being another one: a half, and the entries of one example."""
    if not triple(op)[2].endswith("losses") or not out.size:
        return (1.0,)
    entries = primals[0].size / out.size
    return tuple(dict.fromkeys((1.0, 2.0, 0.5, entries, 1 / entries, 2 * entries, entries / 2)))


def reductions(out: np.ndarray, upstream: np.ndarray) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """(name, value, cotangent of the op's output) for an output as it stands, or its mean or sum."""
    if out.shape == upstream.shape:
        yield "", out, upstream
    elif upstream.size == 1 and out.size:
        one = np.full(out.shape, float(upstream.reshape(())))
        yield "mean", out.mean().reshape(upstream.shape), one / out.size
        yield "sum", out.sum().reshape(upstream.shape), one


def agrees(value: np.ndarray, target: np.ndarray) -> bool:
    """Equal to nine digits (five where the target was computed in single precision)."""
    if value.shape != target.shape or not np.isfinite(value).all():
        return False
    return bool(np.max(np.abs(value - target), initial=0.0) <= 1e-9 * (1e-6 + np.max(np.abs(target), initial=0.0)))
