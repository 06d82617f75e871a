"""Small networks by their values, for code whose own steps cannot be followed: attention, recurrent cells, layers."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product

import numpy as np

from reference.oracle.evidence.evidence import Evidence
from reference.oracle.recognition.recognize import Known, agrees, candidates, recognize, triple
from reference.oracle.specs import SPECS
from reference.oracle.subjects.trees import leaves

Forward = Callable[..., np.ndarray]

ACTIVATIONS = {name: spec.formula for name, spec in SPECS.items() if spec.formula is not None}
LAYERS = tuple(name for name, spec in SPECS.items() if spec.takes("kernel"))


def alike(evidence: Evidence) -> Iterator[Forward]:
    """The NumPy forwards, known ops first, that have the subject's values."""
    target = np.asarray(leaves(evidence.out)[0], np.float64)
    primals = tuple(np.asarray(primal) for primal in evidence.primals)
    for known in recognize(evidence):
        yield partial(reduced, known)
    for forward in () if evidence.op else (*_layers(primals, target), *_networks()):
        with np.errstate(all="ignore"):
            try:
                value = np.asarray(forward(*primals), np.float64)
            except Exception:  # the arguments are not this template's
                continue
            if agrees(value, target):
                yield forward


def reduced(known: Known, *primals: np.ndarray) -> np.ndarray:
    """A multiple of an op's output, or of its mean or sum."""
    out = leaves(known.pair[0](*primals, **known.statics)[0])[0]
    out = out if known.times == 1 else known.times * out
    return out.mean() if known.reduction == "mean" else out.sum() if known.reduction == "sum" else out


def _layers(primals: tuple[np.ndarray, ...], target: np.ndarray) -> Iterator[Forward]:
    """A dense layer or a convolution, and an activation behind it."""
    for op in LAYERS if len(primals) in (2, 3) else ():
        for statics in candidates(op, primals, target):
            for kind in ACTIVATIONS:
                yield partial(activated, op, dict(statics), kind)


def activated(op: str, statics: dict, kind: str, *primals: np.ndarray) -> np.ndarray:
    """An activation of an op's output."""
    return ACTIVATIONS[kind](leaves(triple(op)[0](*primals, **statics)[0])[0])


def _networks() -> Iterator[Forward]:
    for network, choices in NETWORKS:
        yield from (partial(network, *choice) for choice in product(*choices))


def attention(scaled: bool, causal: bool, query: np.ndarray, key: np.ndarray, value: np.ndarray) -> np.ndarray:
    """One head over the last two axes."""
    scores = query @ key.swapaxes(-1, -2)
    if scaled:
        scores = scores / np.sqrt(query.shape[-1])
    if causal:
        scores = np.where(np.tri(*scores.shape[-2:], dtype=bool), scores, -np.inf)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True) @ value


def recurrent(kind: str, axis: int, with_state: bool, last: bool, x: np.ndarray, *rest: np.ndarray) -> np.ndarray:
    """A recurrent network over one axis of x, from zeros or from a given state: all states or the last."""
    first, parameters = (rest[0], rest[1:]) if with_state else (None, rest)
    if x.ndim != 3 or len(parameters) not in (2, 3):
        raise ValueError("a sequence, two kernels and perhaps a bias")
    state = np.zeros((x.shape[1 - axis], len(parameters[1]))) if first is None else first
    states = []
    for step in range(x.shape[axis]):
        state = cell(kind, x[(slice(None),) * axis + (step,)], state, *parameters)
        states.append(state)
    return state if last else np.stack(states, axis)


def cell(kind: str, x: np.ndarray, state: np.ndarray, kernel: np.ndarray, recurrent: np.ndarray, *bias: np.ndarray):
    """One step of a recurrent network."""
    return ACTIVATIONS[kind](sum(bias, x @ kernel + state @ recurrent))


def layered(kind: str, head: str, x: np.ndarray, *parameters: np.ndarray) -> np.ndarray:
    """Two layers or more with an activation between them: alone, activated once more, or around a skip connection."""
    h = _layers_of(kind, x, list(parameters))
    return x + h if head == "skip" else ACTIVATIONS[kind](h) if head == "activated" else h


def _layers_of(kind: str, x: np.ndarray, rest: list[np.ndarray]) -> np.ndarray:
    if sum(np.ndim(parameter) == 2 for parameter in rest) < 2:
        raise ValueError("two kernels at least")
    while rest:
        x = x @ rest.pop(0)
        x = x + rest.pop(0) if rest and rest[0].ndim == 1 else x
        x = ACTIVATIONS[kind](x) if rest else x
    return x


def judged(kind: str, loss: str, share: str, x: np.ndarray, target: np.ndarray, *parameters: np.ndarray) -> np.ndarray:
    """The same layers under a loss of scores and targets."""
    scores = _layers_of(kind, x, list(parameters))
    if target.dtype.kind in "iu":
        target = np.eye(scores.shape[-1])[target]
    if loss == "cross-entropy":
        shifted = scores - scores.max(axis=-1, keepdims=True)
        losses = target * (np.log(np.exp(shifted).sum(axis=-1, keepdims=True)) - shifted)
    else:
        losses = (scores - target) ** 2
    return losses.sum() * {"N": 1 / len(x), "all": 1 / losses.size, "1/2": 0.5, "1/2N": 0.5 / len(x), "": 1.0}[share]


KINDS, EITHER = tuple(ACTIVATIONS), (False, True)
# Each network with the choices that it is tried with.
NETWORKS: tuple[tuple[Forward, tuple[tuple, ...]], ...] = (
    (attention, ((True, False), EITHER)),
    (recurrent, (KINDS, (1, 0), EITHER, EITHER)),
    (cell, (KINDS,)),
    (layered, (KINDS, ("", "activated", "skip"))),
    (judged, (KINDS, ("cross-entropy", "squared error"), ("N", "all", "1/2", "1/2N", ""))),
)
