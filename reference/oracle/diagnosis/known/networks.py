"""Small networks recognized by their values: attention, recurrent cells, residual blocks, two-layer classifiers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from reference.oracle.diagnosis.known.recognize import agrees
from reference.oracle.diagnosis.known.tape import VALUES, Node, Tape
from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.pullbacks import leaves
from reference.oracle.diagnosis.view import View
from reference.oracle.evidence import Evidence

Built = Iterator[tuple[Tape, Node, str]]


@dataclass(frozen=True)
class Network:
    """A tape that has the forward's values; leaf number i is argument number i."""

    tape: Tape
    out: Node
    words: str
    cotangent: np.ndarray


def networks(evidence: Evidence) -> list[Network]:
    """The first template whose values are the forward's."""
    target = np.asarray(leaves(evidence.out)[0], np.float64)
    upstream = np.asarray(leaves(evidence.cotangent)[0], np.float64)
    primals = tuple(np.asarray(primal) for primal in evidence.primals)
    if evidence.op or len(leaves(evidence.out)) > 1 or sum(primal.size for primal in primals) > 50_000:
        return []
    with np.errstate(all="ignore"):
        for template, choices in TEMPLATES:
            for choice in product(*choices):
                for tape, out, words in _built(template, primals, choice):
                    if agrees(out.value, target):
                        return [Network(tape, out, words, upstream)]
    return []


def _built(template: Callable[..., Built], primals: tuple[np.ndarray, ...], choice: tuple) -> list:
    try:
        return list(template(primals, *choice))
    except Exception:  # the arguments are not this template's
        return []


def slips(view: View, network: Network) -> Iterator[Model]:
    """Every mistake in every step of the network's backward."""
    for site, kind, variant in network.tape.variants():
        try:
            with np.errstate(all="ignore"):
                predicted = network.tape.backward(network.out, network.cotangent, site, variant)[view.position]
        except Exception:  # the variant does not fit these shapes
            continue
        cause = next(name for name in _CAUSES if variant.startswith(name))
        words = f"is that of {network.words} with a mistake in {site} ({kind}): {_CAUSES[cause]}"
        yield Model(cause, words, predicted, exact=True)


_CAUSES = {
    "derivative_missing": "its derivative is missing",
    "derivative_twice": "its derivative is applied twice",
    "derivative_at_input": "the formula in the output is applied to the input",
    "derivative_at_output": "its derivative is taken at the output",
    "time_off_by_one": "its derivative is taken at the state before",
    "time_not_carried": "nothing is carried back to the step before",
    "not_transposed": "a matrix is not transposed",
    "scaled_by_root": "the scale is missing, or applied twice",
    "arguments_swapped": "the two factors are exchanged",
    "mask_missing": "the mask is missing",
    "diagonal_only": "only the diagonal of the Jacobian is used",
    "identity": "the cotangent passes unchanged",
    "coupled_over_wrong_axis": "the sum runs along the other axis",
    "sum_term_missing": "the sum is unweighted",
}


def _attention(primals: tuple[np.ndarray, ...], scaled: bool, causal: bool) -> Built:
    tape = Tape()
    query, key, value = (tape.leaf(primal) for primal in primals)
    scores = tape.matmul(query, tape.turned(key), "the scores")
    scores = tape.times(scores, query.value.shape[-1] ** -0.5, "the scale") if scaled else scores
    if causal:
        scores = tape.masked(scores, np.tri(*scores.value.shape[-2:], dtype=bool))
    weights = tape.act("softmax", scores, "the softmax")
    words = "causal attention" if causal else "attention"
    yield tape, tape.matmul(weights, value, "the weighted values"), words


def _recurrent(primals: tuple[np.ndarray, ...], kind: str, axis: int, with_state: bool) -> Built:
    """x (batch, time, features) or time first, perhaps a first state, kernels, perhaps a bias."""
    tape = Tape()
    x, *rest = (tape.leaf(primal) for primal in primals)
    state = rest.pop(0) if with_state else None
    kernel, recurrent, *bias = rest
    if x.value.ndim != 3 or len(bias) > 1:
        return
    batch = x.value.shape[1 - axis]
    state = state or tape.step("constant", np.zeros((batch, len(recurrent.value))))
    states = []
    for step in range(x.value.shape[axis]):
        inner = tape.part(x, (slice(None),) * axis + (step,))
        state = _cell_step(tape, kind, inner, tape.carried(state, "the carried state"), [kernel, recurrent, *bias])
        states.append(state)
    yield tape, tape.stacked(states, axis), f"a recurrent network ({kind})"
    yield tape, states[-1], f"a recurrent network ({kind})"


def _cell_step(tape: Tape, kind: str, x: Node, state: Node, parameters: list[Node]) -> Node:
    kernel, recurrent, *bias = parameters
    total = tape.add(
        tape.matmul(x, kernel, "the input's product"), tape.matmul(state, recurrent, "the state's product")
    )
    total = tape.add(total, bias[0]) if bias else total
    return tape.act(kind, total, "the recurrence", extra=state.value)


def _cell(primals: tuple[np.ndarray, ...], kind: str) -> Built:
    """One step of a recurrent network."""
    tape = Tape()
    x, state, *parameters = (tape.leaf(primal) for primal in primals)
    yield tape, _cell_step(tape, kind, x, state, parameters), f"a recurrent cell ({kind})"


def _affine(tape: Tape, x: Node, rest: list[Node], site: str) -> Node:
    """x times the next kernel, plus the next argument where that is a vector."""
    out = tape.matmul(x, rest.pop(0), site)
    return tape.add(out, rest.pop(0)) if rest and rest[0].value.ndim == 1 else out


def _feed_forward(primals: tuple[np.ndarray, ...], kind: str, targets: bool) -> Built:
    """Layers with an activation between them; alone, as a residual block, or under a loss."""
    tape = Tape()
    x, *rest = (tape.leaf(primal) for primal in primals)
    target = rest.pop(0).value if targets else None
    h, number = x, 0
    while rest:
        number += 1
        h = _affine(tape, h, rest, f"layer {number}")
        h = tape.act(kind, h, f"activation {number}") if rest else h
    words = f"a network of {number} layers ({kind})"
    if number < 2:
        return
    if target is not None:
        yield from _losses(tape, h, np.asarray(target), primals[1].dtype.kind in "iu", words)
        return
    yield tape, h, words
    yield tape, tape.act(kind, h, "the last activation"), words
    if x.value.shape == h.value.shape:
        yield tape, tape.add(x, h), f"a residual block ({kind})"


def _losses(tape: Tape, h: Node, target: np.ndarray, labels: bool, words: str) -> Built:
    """The usual scalar losses on top of scores."""
    one_hot = np.eye(h.value.shape[-1])[target.astype(int)] if labels else target
    p = VALUES["softmax"](h.value)
    log_p, n = np.log(p), len(h.value)
    for share in (1 / n, 1.0):
        value = np.asarray(-np.sum(one_hot * log_p) * share)
        yield tape, tape.step("cross_entropy", value, h, extra=(p - one_hot) * share), f"{words} under cross-entropy"
    if not labels:
        error = h.value - one_hot
        for share in (1 / error.size, 1 / n, 0.5 / n, 0.5, 1.0, 0.5 / error.size):
            value = np.asarray(np.sum(error**2) * share)
            yield tape, tape.step("squared_error", value, h, extra=2 * error * share), f"{words} under a squared error"


KINDS, EITHER = ("tanh", "relu", "sigmoid"), (False, True)
# Each template with the choices that it is tried with.
TEMPLATES: tuple[tuple[Callable[..., Built], tuple[tuple, ...]], ...] = (
    (_attention, ((True, False), EITHER)),
    (_recurrent, (KINDS, (1, 0), EITHER)),
    (_cell, (KINDS,)),
    (_feed_forward, (KINDS, EITHER)),
)
