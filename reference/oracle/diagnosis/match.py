"""Which predictions are accepted: those that leave nothing but noise, and could not have done so by chance."""

from dataclasses import dataclass

import numpy as np

from reference.oracle.causes import REPAIRS
from reference.oracle.diagnosis.values import whose_once
from reference.oracle.evidence.model import Model
from reference.oracle.evidence.view import View
from reference.oracle.report import Finding

# Decimal digits of agreement, over all independent wrong entries, that rule out a coincidence.
DIGITS = 5.0
# Independent wrong entries that a fit needs beyond its fitted numbers.
BEYOND_FIT = 3


@dataclass(frozen=True)
class Match:
    """An accepted prediction."""

    model: Model
    residual: float
    floor: float


def match(view: View, model: Model) -> Match | None:
    """The prediction with the error it leaves, or None where it leaves more than noise or proves too little."""
    view = view.turned if model.mends else view
    observed = view.got if model.observed is None else model.observed
    predicted = np.asarray(model.predicted, dtype=np.float64)
    if observed.shape != predicted.shape or not predicted.size or not np.isfinite(predicted).all():
        return None
    floor = tolerance(view, model, predicted)
    residual = np.abs(observed - predicted)
    if not np.all(residual <= floor) or not _convincing(view, model, predicted, floor):
        return None
    return Match(model, float(np.max(residual)), float(np.max(floor)))


def tolerance(view: View, model: Model, predicted: np.ndarray) -> np.ndarray:
    """How far noise excuses every entry to be off; a prediction scaled up from the truth scales that up too."""
    size = float(np.max(np.abs(predicted), initial=0.0))
    growth = max(1.0, size / view.scale) if view.scale > 0 else 1.0
    floor = 4 * view.noise * growth + 4 * model.noise + 64 * view.precision * size
    return np.broadcast_to(floor * (view.uneven if model.observed is None else 1.0), predicted.shape)


def _convincing(view: View, model: Model, predicted: np.ndarray, floor: np.ndarray) -> bool:
    """Whether the agreement carries enough digits, beyond the fitted numbers, to be more than a coincidence."""
    if model.observed is None and view.same_shape:
        explained, floor = np.abs(view.error[view.wrong]), floor[view.wrong]
        pairs = np.stack([view.error[view.wrong], predicted[view.wrong]])
    else:
        large = np.abs(predicted) > floor
        explained, floor = np.abs(predicted[large]), floor[large]
        pairs = explained[None]
    distinct = _distinct(pairs)
    digits = np.log10(np.maximum(explained, floor) / np.maximum(floor, np.finfo(float).tiny))
    spent = model.freedom * float(np.max(digits, initial=0.0))
    enough = distinct >= model.freedom + BEYOND_FIT if model.freedom else distinct >= 1
    return bool(enough and digits.sum() - spent >= DIGITS)


def _distinct(pairs: np.ndarray) -> int:
    """The number of different columns, to eight digits; a few thousand are as telling as all."""
    pairs = pairs[:, :: max(1, pairs.shape[1] // 4096)]
    size = np.max(np.abs(pairs), initial=0.0)
    return len({tuple(column) for column in np.round(pairs / size, 8).T}) if size > 0 else 0


def to_findings(view: View, matches: list[Match], line: int | None) -> list[Finding]:
    """The accepted predictions in words."""
    return [_finding(view, found, matches, line) for found in matches]


def _finding(view: View, found: Match, matches: list[Match], line: int | None) -> Finding:
    model = found.model
    index, got, expected = _worst(view)
    return Finding(
        cause=model.cause,
        argument=view.name,
        message=f"{view.name}_ct {whose_once(model.message)}",
        evidence=_evidence(view, found, [other.model for other in matches if other is not found]),
        fix=REPAIRS[model.cause],
        index=index,
        got=got,
        expected=expected,
        line=model.line or line,
        role=model.role,
    )


def _worst(view: View) -> tuple[tuple[int, ...] | None, float | None, float | None]:
    if not view.same_shape or not view.got.size:
        return None, None, None
    index = tuple(int(i) for i in np.unravel_index(np.argmax(np.abs(view.error)), view.error.shape))
    return index, float(view.got[index]), float(view.expected[index])


def _evidence(view: View, found: Match, others: list[Model]) -> str:
    before = float(np.max(np.abs(view.error), initial=0.0)) if view.same_shape else view.scale
    left = f"undoing it leaves {found.residual:.1e} of an error of {before:.1e} (noise floor {found.floor:.1e})"
    text = found.model.shown or left
    text = f"it {found.model.mend}; {text}" if found.model.mend else text
    if others:
        text += f"; fits equally on this input: {', '.join(other.key for other in others)}"
        text += f". {found.model.separates or SEPARATES}" if not _telling(view) else ""
    return text


def _telling(view: View) -> bool:
    """Whether the sizes are already those that tell causes apart."""
    shapes = [array.shape for array in view.arrays.values() if array.dtype.kind == "f"]
    sizes = {size for shape in shapes for size in shape}
    distinct = all(len(set(shape)) == len(shape) for shape in shapes)
    return distinct and all(size > 2 and all(size % d for d in range(2, int(size**0.5) + 1)) for size in sizes)


SEPARATES = "An input whose sizes are pairwise different primes, with a signed random cotangent, tells them apart"
