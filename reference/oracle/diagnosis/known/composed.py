"""A layer and the activation behind it, recognized together: what became of the activation's derivative."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from reference.oracle.diagnosis.elementwise import FORMULAS
from reference.oracle.diagnosis.known.candidates import candidates
from reference.oracle.diagnosis.known.recognize import Known, agrees, triple
from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.pullbacks import leaves
from reference.oracle.diagnosis.view import View
from reference.oracle.evidence import Evidence

LAYERS = ("dense", "conv")
ACTIVATIONS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], str]] = {
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), "u * (1 - u)"),
    "tanh": (np.tanh, "1 - u**2"),
    "relu": (lambda z: np.maximum(z, 0), "(u > 0)"),
}


@dataclass(frozen=True)
class Composed:
    """activation(layer(primals)): the layer with its cotangent, and the value between the two."""

    layer: Known
    activation: str
    between: np.ndarray
    out: np.ndarray
    cotangent: np.ndarray


def composed(evidence: Evidence) -> list[Composed]:
    """The first layer and activation whose composition is the forward."""
    target = np.asarray(leaves(evidence.out)[0], np.float64)
    upstream = np.asarray(leaves(evidence.cotangent)[0], np.float64)
    primals = tuple(np.asarray(primal) for primal in evidence.primals)
    if len(primals) not in (2, 3) or evidence.op or sum(primal.size for primal in primals) > 50_000:
        return []
    with np.errstate(all="ignore"):
        for op in LAYERS:
            for statics in candidates(op, primals, target):
                try:
                    between = np.asarray(triple(op)[0](*primals, **statics)[0], np.float64)
                except Exception:  # the reference refuses arguments that do not fit
                    break
                for name, (function, _) in ACTIVATIONS.items():
                    if agrees(function(between), target):
                        known = Known(op, triple(op)[2], dict(statics), primals, between, upstream)
                        return [Composed(known, name, between, target, upstream)]
    return []


def slopes(view: View, both: Composed) -> Iterator[Model]:
    """The layer's gradient with another factor in place of the activation's derivative."""
    right = ACTIVATIONS[both.activation][1]
    y, z = both.out, both.between
    slope = FORMULAS[right](y)
    name = both.activation
    missing = "mask_missing" if name == "relu" else "derivative_missing"
    yield from _with(view, both, missing, f"lacks the derivative of {name}", np.ones_like(y))
    yield from _with(view, both, "derivative_twice", f"has the derivative of {name} twice", slope * slope)
    if name != "relu":
        words = f"uses {right.replace('u', 'z')} with z the input of {name}: the formula wants its output"
        yield from _with(view, both, "derivative_at_input", words, FORMULAS[right](z))
        again = FORMULAS[right](ACTIVATIONS[name][0](y))
        words = f"takes the derivative of {name} at its output"
        yield from _with(view, both, "derivative_at_output", words, again)
    with np.errstate(all="ignore"):
        for formula, function in FORMULAS.items():
            for letter, tensor in (("y", y), ("z", z)):
                words = f"uses {formula.replace('u', letter)} as the derivative of {name} (z its input, y its output)"
                cause = "mask_wrong" if name == "relu" else "wrong_derivative"
                yield from _with(view, both, cause, words, function(tensor))


def _with(view: View, both: Composed, cause: str, words: str, slope: np.ndarray) -> Iterator[Model]:
    if np.isfinite(slope).all():
        predicted = both.layer.gradients(cotangent=both.cotangent * slope)[view.position]
        if predicted is not None:
            yield Model(cause, words, np.asarray(predicted), exact=True)
