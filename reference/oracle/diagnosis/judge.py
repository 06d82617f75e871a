"""Which predictions are accepted: those that leave nothing but noise, and could not have done so by chance."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from reference.oracle.causes import REPAIRS, current
from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.view import View
from reference.oracle.report import Finding

# Decimal digits of agreement, over all independent wrong entries, that rule out a coincidence.
DIGITS = 5.0
# What these say, any other explanation of the same error says better.
VAGUE = ("scaled", "local_factor")
# What these say is where it shows, or a trace that many a mistake leaves.
TRACES = (
    *VAGUE, "isolated_entries", "partly_scaled", "overlap_dropped", "shifted", "coupled_over_wrong_axis",
    "reduced_too_far", "reduced_over_wrong_axis", "mask_missing", "mask_wrong", "wrong_operand", "flipped",
    "not_normalized",
)  # fmt: skip
# Of two explanations that fit equally the first says more.
RATHER = (
    ("wrong_winner", "zero"),
    ("scaled_by_window", "scaled_by_two"),
    ("time_not_carried", "ignores_cotangent"),
    ("time_not_carried", "diagonal_only"),
    ("coupled_over_wrong_axis", "overlap_dropped"),
    ("argument_factor_missing", "derivative_missing"),
    ("entries_not_written", "time_off_by_one"),
    ("reduced_over_wrong_axis", "wrong_operand"),
    ("near_ties", "mask_missing"),
    ("mask_missing", "reduced_over_wrong_axis"),
    ("time_not_carried", "derivative_missing"),
    ("row_permuted", "not_transposed"),
    ("updated_weight", "not_linear"),
    ("partly_scaled", "wrong_derivative"),
    ("shifted", "wrong_operand"),
    ("one_sample_repeated", "wrong_operand"),
    ("reduced_over_wrong_axis", "reordered"),
    ("mean_term_missing", "wrong_derivative"),
    ("mask_wrong", "wrong_operand"),
)
# The diagnosis uses the names of earlier versions. What a name that is part of another says beside it.
ROLES = {
    "approximation_one_side": "approximation",
    "clipped": "clipped",
    "identity": "identity",
    "local_factor": "factor",
    "mean_instead_of_sum": "mean",
    "not_normalized": "normalized",
    "other_loss": "loss",
    "padding_counted": "padding",
    "scaled_by_batch": "batch",
    "scaled_by_root": "root",
    "scaled_by_size": "size",
    "scaled_by_spatial": "spatial",
    "scaled_by_window": "window",
    "variance_correction": "variance",
    "zero": "zero",
}
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
    if model.proven:
        return Match(model, 0.0, 0.0)
    observed = view.got if model.observed is None else model.observed
    predicted = np.asarray(model.predicted, dtype=np.float64)
    if observed.shape != predicted.shape or not predicted.size or not np.isfinite(predicted).all():
        return None
    floor = tolerance(view, model, predicted)
    residual = float(np.max(np.abs(observed - predicted), initial=0.0))
    if not residual <= floor or not _convincing(view, model, observed, predicted, floor):
        return None
    return Match(model, residual, floor)


def tolerance(view: View, model: Model, predicted: np.ndarray) -> float:
    """The largest residual that noise excuses; a prediction scaled up from the truth scales its noise up too."""
    size = float(np.max(np.abs(predicted), initial=0.0))
    growth = max(1.0, size / view.scale) if view.scale > 0 else 1.0
    return 4 * view.noise * growth + 4 * model.noise + 64 * view.precision * size


def _convincing(view: View, model: Model, observed: np.ndarray, predicted: np.ndarray, floor: float) -> bool:
    """Whether the agreement carries enough digits, beyond the fitted numbers, to be more than a coincidence."""
    if model.observed is None and view.same_shape:
        explained = np.abs(view.error[view.wrong])
        pairs = np.stack([view.error[view.wrong], predicted[view.wrong]])
    else:
        explained = np.abs(predicted[np.abs(predicted) > floor])
        pairs = explained[None]
    distinct = _distinct(pairs)
    digits = np.log10(np.maximum(explained, floor) / max(floor, np.finfo(float).tiny))
    spent = model.freedom * float(np.max(digits, initial=0.0))
    enough = distinct >= model.freedom + BEYOND_FIT if model.freedom else distinct >= 1
    return bool(enough and digits.sum() - spent >= DIGITS)


def _distinct(pairs: np.ndarray) -> int:
    """The number of different columns, to eight digits; a few thousand are as telling as all."""
    pairs = pairs[:, :: max(1, pairs.shape[1] // 4096)]
    size = np.max(np.abs(pairs), initial=0.0)
    return len({tuple(column) for column in np.round(pairs / size, 8).T}) if size > 0 else 0


def rank(view: View, models: Iterable[Model], most: int, before: Iterable[Match] = ()) -> list[Match]:
    """The accepted predictions behind those accepted before, in the order they were made, one a cause."""
    accepted = {found.model.cause: found for found in before}
    for model in models if len(accepted) < most else ():
        known = model.cause in accepted or (accepted and model.cause in VAGUE)
        if not known and (found := match(view, model)):
            accepted[model.cause] = found
            if len(accepted) == most:
                break
    return _telling_first(accepted)


def _telling_first(accepted: dict[str, Match]) -> list[Match]:
    causes = list(accepted)
    for better, worse in RATHER:
        if better in causes and worse in causes and causes.index(better) > causes.index(worse):
            causes.remove(better)
            causes.insert(causes.index(worse), better)
    return [accepted[cause] for cause in causes]


def uncertain(matches: list[Match]) -> bool:
    """Whether nothing explains the gradient but a trace of what went wrong."""
    return not matches or (matches[0].model.cause in TRACES and not matches[0].model.exact)


def to_findings(view: View, matches: list[Match], line: int | None) -> list[Finding]:
    """The accepted predictions in words, by the names that their causes have now; each once."""
    named: dict[str, Match] = {}
    for found in map(_named, matches):
        named.setdefault(found.model.key, found)
    return [_finding(view, found, [*named.values()], line) for found in named.values()]


def _named(match: Match) -> Match:
    model = match.model
    role = ROLES.get(model.cause, model.role)
    return replace(match, model=replace(model, cause=current(model.cause), role=role))


def _finding(view: View, found: Match, matches: list[Match], line: int | None) -> Finding:
    model = found.model
    index, got, expected = _worst(view)
    return Finding(
        cause=model.cause,
        argument=view.name,
        message=f"{view.name}_ct {model.message}",
        evidence=_evidence(view, found, [other.model for other in matches if other is not found]),
        fix=model.fix or REPAIRS[model.cause],
        index=index,
        got=got,
        expected=expected,
        line=line,
        role=model.role,
    )


def _worst(view: View) -> tuple[tuple[int, ...] | None, float | None, float | None]:
    if not view.same_shape or not view.got.size:
        return None, None, None
    index = tuple(int(i) for i in np.unravel_index(np.argmax(np.abs(view.error)), view.error.shape))
    return index, float(view.got[index]), float(view.expected[index])


def _evidence(view: View, found: Match, others: list[Model]) -> str:
    before = float(np.max(np.abs(view.error), initial=0.0)) if view.same_shape else view.scale
    model_shown = found.model.shown
    kind = "exact match with this mistake in the reference's own backward: " if found.model.exact else ""
    text = (
        model_shown
        or f"{kind}undoing it leaves {found.residual:.1e} of an error of {before:.1e} (noise floor {found.floor:.1e})"
    )
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
