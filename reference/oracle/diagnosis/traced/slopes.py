"""Activations inside the forward: a derivative missing, applied twice, of the wrong function or the wrong tensor."""

from collections.abc import Callable, Iterator

import numpy as np

from reference.oracle.diagnosis.elementwise import FORMULAS
from reference.oracle.diagnosis.traced.regions import Region, regions_to, with_slope
from reference.oracle.diagnosis.traced.sites import Sites, Slip, where_in_words
from reference.oracle.tracing.graph import Detour, Node

Factor = Callable[[Region], np.ndarray | None]

# Of a loop of so many passes each pass is tried alone, too: it may run over the layers of a network.
FEW = 4

# Activations whose derivative is a formula of the output, by their values.
BY_OUTPUT: dict[str, tuple[Callable[[np.ndarray], np.ndarray], str]] = {
    "sigmoid": (lambda u: 1 / (1 + np.exp(-u)), "u * (1 - u)"),
    "tanh": (np.tanh, "1 - u**2"),
    "exp": (np.exp, "u"),
    "relu": (lambda u: np.maximum(u, 0), "(u > 0)"),
}


def slopes(sites: Sites) -> Iterator[Slip]:
    """All slips in the derivatives of pointwise regions."""
    found = list(activations(sites))
    for regions in found:
        yield from _of(sites, regions, {r: [] for r in regions})
        yield from _of_parts(sites, regions)
        yield from _of_one_pass(regions)
    yield from _all_inverted([regions for regions in found if named(regions[0]) == "relu"])


def _all_inverted(rectifiers: list[list[Region]]) -> Iterator[Slip]:
    """The masks of several rectifiers inverted together: those of two halves exchanged."""
    if len(rectifiers) > 1:
        detours = {r.exit: _jump(r, _inverted) for regions in rectifiers for r in regions}
        yield Slip("mask_wrong", "has the masks of all rectifiers inverted", detours)


def _of_one_pass(regions: list[Region]) -> Iterator[Slip]:
    """The derivative missing, or twice, in one pass of a short loop: over the layers of a network."""
    for number, region in enumerate(regions) if 1 < len(regions) <= FEW else ():
        where = f"pass {number + 1} of {len(regions)} through {where_in_words(region.exit)}"
        missing = "mask_missing" if _masks(_slope(region)) else "derivative_missing"
        for factor in _ones(region):
            yield Slip(missing, f"lacks the derivative in {where}", {region.exit: _jump(region, factor)})
        yield Slip("derivative_twice", f"has the derivative twice in {where}", {region.exit: _jump(region, _squared)})


def _of_parts(sites: Sites, regions: list[Region]) -> Iterator[Slip]:
    """The same in one part of the output, where it is split (the gates of a cell)."""
    parts = [[user for user in sites.users[r.exit] if user.kind == "moved" and len(user.parents) == 1] for r in regions]
    if len({len(part) for part in parts}) == 1 and len(parts[0]) > 1:
        for users in zip(*parts, strict=True):
            yield from _of(sites, regions, {r: [user] for r, user in zip(regions, users, strict=True)})


def activations(sites: Sites) -> Iterator[list[Region]]:
    """The regions that one place in the code makes, pass by pass; those with a constant slope are none."""
    for group in sites.groups:
        found = [{len(r.nodes): r for r in regions_to(sites, node) if r.pointwise} for node in group]
        for length in sorted(set.intersection(*map(set, found)), reverse=True):
            regions = [by_length[length] for by_length in found]
            if any(np.ptp(r.pull(np.ones(r.y.shape))) > 1e-12 for r in regions):
                yield regions


def named(region: Region) -> str:
    """The name of an activation that a region is, or nothing."""
    with np.errstate(all="ignore"):
        for name, (function, _) in BY_OUTPUT.items():
            if np.allclose(function(region.x), region.y, rtol=1e-10, atol=1e-12):
                return name
    return ""


def _of(sites: Sites, regions: list[Region], behind: dict[Region, list[Node]]) -> Iterator[Slip]:
    first = regions[0]
    slope = first.pull(np.ones(first.y.shape))
    masking = _masks(slope)
    what = named(first) or "the derivative"
    place = where_in_words(*behind[first] or [first.exit])
    missing = "mask_missing" if masking else "derivative_missing"

    def slip(cause: str, words: str, factor: Factor, noise: float = 0.0) -> Iterator[Slip]:
        detours = {node: _jump(r, factor, *behind[r]) for r in regions for node in behind[r] or [r.exit]}
        yield Slip(cause, f"{words} in {place}", detours, noise=noise)

    for factor in _ones(first):
        yield from slip(missing, f"lacks the derivative of {what}" if named(first) else "lacks the derivative", factor)
    if not masking:
        yield from slip("derivative_twice", "has the derivative twice", _squared)
        words = "takes the derivative at the output, f'(f(x)),"
        yield from slip("derivative_at_output", words, lambda r: r.slope_at(r.y), noise=1e-8)
    else:
        yield from slip("mask_wrong", "has the mask inverted", _inverted)
        if not behind[first]:
            yield from _of_the_cotangent(regions, place)
    if first.before is not None:
        words = "takes the derivative without the constant"
        yield from slip(
            "static_ignored", words, lambda r: None if r.before is None else r.slope_at(r.before), noise=1e-8
        )
    if not all(user.name == "add" and len(user.parents) == 1 for user in sites.users[first.exit] or [first.exit]):
        yield from _formulas(first, slip)  # the exponential inside a sigmoid is no activation
    yield from _distances(first, slip)
    yield from _powers(sites, first, slip)
    if not behind[first]:
        yield from _other_passes(regions, place)
    yield from _other_tensors(sites, regions, behind, place)


def _masks(slope: np.ndarray) -> bool:
    return bool(len(np.unique(slope)) <= 2 and np.any(slope == 0))


def _of_the_cotangent(regions: list[Region], place: str) -> Iterator[Slip]:
    """The mask of a rectifier taken from the gradient that arrives, alone or besides its own."""
    for words, own in (("from the gradient", False), ("from the gradient, too,", True)):
        detours = {r.exit: _where_positive(r, _slope(r) if own else _one(r)) for r in regions}
        yield Slip("mask_wrong", f"takes the mask {words} in {place}", detours)


def _where_positive(region: Region, slope: np.ndarray) -> Detour:
    return lambda ct: [(region.entrance, ct * (ct > 0) * slope)]


def _formulas(first: Region, slip: Callable[..., Iterator[Slip]]) -> Iterator[Slip]:
    """The formula of the output at the input, and the formulas of other functions."""
    name = named(first)
    own = BY_OUTPUT[name][1] if name else ""
    for formula, function in FORMULAS.items() if name else ():
        for letter in "xy":
            if formula == own and letter == "y":
                continue
            slope = function(first.x if letter == "x" else first.y)
            masks = name == "relu" and set(np.unique(slope)) <= {0.0, 1.0}
            if name == "relu" and formula == "1 / u":
                continue  # what is behind it lacks a factor
            cause = "mask_wrong" if masks else "derivative_at_input" if formula == own else "wrong_derivative"
            if np.allclose(slope, -_slope(first), rtol=1e-9, atol=1e-12):
                cause = "sign"
            words = f"uses {formula.replace('u', letter)} as the derivative of {name}"
            yield from slip(cause, words, lambda r, f=function, at=letter: f(r.x if at == "x" else r.y))


def _distances(first: Region, slip: Callable[..., Iterator[Slip]]) -> Iterator[Slip]:
    """The derivative of the squared error for the absolute one, and the other way round."""
    if np.allclose(np.abs(first.x), first.y, rtol=1e-10, atol=1e-12):
        yield from slip("other_loss", "has the derivative of the half square for that of the absolute value", _entrance)
        yield from slip("other_loss", "has the derivative of the square for the absolute value's", lambda r: 2 * r.x)
    elif np.allclose(first.x**2, first.y, rtol=1e-10) or np.allclose(first.x**2 / 2, first.y, rtol=1e-10):
        words = "has the derivative of the absolute value for that of the square"
        yield from slip("other_loss", words, lambda r: np.sign(r.x))


def _powers(sites: Sites, first: Region, slip: Callable[..., Iterator[Slip]]) -> Iterator[Slip]:
    """The exponent alone as the derivative of a power, whose base is left out."""
    out = sites.graph.out
    loss = out is not None and out.value.ndim < first.y.ndim
    for power in (2, 3, 4):
        if np.allclose(first.x**power, first.y, rtol=1e-10, atol=1e-12):
            words = f"has {power} as the derivative of u**{power}, without the factor u**{power - 1},"
            penalty = loss and first.entrance.kind == "leaf"
            cause = "regularization" if penalty else "other_loss" if loss else "local_factor"
            yield from slip(cause, words, lambda r, p=power: np.full(r.y.shape, float(p)))


def _entrance(region: Region) -> np.ndarray:
    return region.x


def _inverted(region: Region) -> np.ndarray:
    slope = _slope(region)
    return np.where(slope == 0, slope.flat[np.argmax(np.abs(slope))], 0.0)


def _other_passes(regions: list[Region], place: str) -> Iterator[Slip]:
    """The slope of the step before or after, in a loop, or of one step in all of them."""
    for number, words in ((-1, "last"), (0, "first")) if len({r.y.shape for r in regions}) == 1 < len(regions) else ():
        slope = _slope(regions[number])
        detours = {r.exit: _jump(r, lambda _, s=slope: s) for r in regions}
        words = f"takes the derivative of the {words} of {len(regions)} passes everywhere in {place}"
        yield Slip("wrong_operand", words, detours)
    for move, words in ((1, "the step before"), (-1, "the step after")) if len(regions) > 2 else ():
        paired = {r: regions[k - move] if 0 <= k - move < len(regions) else None for k, r in enumerate(regions)}
        detours = {
            r.exit: _jump(r, lambda _, o=other: None if o is None else _slope(o))
            for r, other in paired.items()
            if other and other.y.shape == r.y.shape
        }
        yield Slip("time_off_by_one", f"takes the derivative of {words} in {place}", detours)


def _other_tensors(sites: Sites, regions: list[Region], behind: dict[Region, list[Node]], place: str) -> Iterator[Slip]:
    """The formula of the derivative, at any other value of that shape."""
    name = named(regions[0])
    if name not in ("sigmoid", "tanh"):
        return
    formula = FORMULAS[BY_OUTPUT[name][1]]
    ends = [(behind[r] or [r.exit])[0] for r in regions]
    for group in sites.groups:
        if len(group) == len(regions) and group[0].value.shape == ends[0].value.shape and group[0] is not ends[0]:
            words = f"takes the derivative of {name} at the value of {where_in_words(group[0])} in {place}"
            detours = {
                end: with_slope(r, formula(n.value), *behind[r]) for r, end, n in zip(regions, ends, group, strict=True)
            }
            yield Slip("wrong_operand", words, detours)


def _ones(region: Region) -> tuple[Factor, ...]:
    """No derivative; where it is negative everywhere, the sign may be left: that of -z in the sigmoid of z."""
    return (_one, _minus_one) if np.all(_slope(region) < 0) else (_one,)


def _minus_one(region: Region) -> np.ndarray:
    return -np.ones(region.y.shape)


def _one(region: Region) -> np.ndarray:
    return np.ones(region.y.shape)


def _squared(region: Region) -> np.ndarray:
    return _slope(region) ** 2


def _slope(region: Region) -> np.ndarray:
    return region.pull(np.ones(region.y.shape))


def _jump(region: Region, factor: Factor, *behind: Node) -> Detour:
    """From the exit (or a part of it behind) straight to the entrance, with another factor."""

    def detour(ct: np.ndarray) -> list[tuple[Node, np.ndarray]]:
        slope = factor(region)
        if slope is None or not np.isfinite(slope).all():
            raise ValueError("there is no such derivative here")
        for node in behind:
            ((_, ct),) = node.sent(ct)
        return [(region.entrance, ct * slope)]

    return detour
