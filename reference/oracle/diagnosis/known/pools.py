"""Max pooling: who wins a window; average pooling: over how many entries."""

from collections.abc import Iterator

import numpy as np

from reference._geometry import channels_last, from_channels_last, pad, under, unpad
from reference.oracle.diagnosis.known.recognize import Known
from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.view import View


def mistakes(view: View, known: Known) -> Iterator[Model]:
    """Every rule for the shares of a window's entries, scattered back."""
    layout = known.statics.get("layout", "channels_last")
    _, residuals = known.forward()
    geometry = next(item for item in residuals if hasattr(item, "window"))
    x = channels_last(np.asarray(view.x, np.float64), layout)
    rules = _max_rules if known.op == "max_pool" else _average_rules
    patches = _patches(x, geometry, -np.inf if known.op == "max_pool" else 0.0)
    for cause, words, shares in rules(patches, _patches(x, geometry, 0.0)):
        upstream = channels_last(known.cotangent, layout)
        predicted = _scattered(upstream * shares, x, geometry)
        yield Model(cause, words, from_channels_last(predicted, layout), exact=True)
    if known.op == "max_pool":
        yield from _elsewhere(x, channels_last(known.cotangent, layout), geometry, layout)


def _elsewhere(x: np.ndarray, upstream: np.ndarray, geometry, layout: str) -> Iterator[Model]:
    """The right winners sent to other windows' places, or the winners of windows that are not where they should be."""
    patches = _patches(x, geometry, -np.inf)
    shares = upstream * only(patches.argmax(axis=0), len(patches))
    for strides in {geometry.window, (1,) * len(geometry.window)} - {geometry.strides}:
        other = geometry._replace(strides=strides)
        room = [(low, high + (n - 1) * s + w) for (low, high), n, s, w in _room(other)]
        predicted = _scattered(shares, x, other._replace(padding=tuple(room)))
        words = f"sends the winners to windows with strides {strides}; the forward has {geometry.strides}"
        yield Model("static_ignored", words, from_channels_last(predicted, layout), exact=True)
    if any(map(any, geometry.padding)):
        unpadded = geometry._replace(padding=tuple((0, sum(pair)) for pair in geometry.padding))
        patches = _patches(x, unpadded, -np.inf)
        best = patches.max(axis=0)
        shares = np.where(np.isfinite(best), upstream, 0) * only(patches.argmax(axis=0), len(patches))
        words = "takes the winners from the input without its padding"
        predicted = from_channels_last(_scattered(shares, x, unpadded), layout)
        yield Model("wrong_winner", words, predicted, exact=True)


def _room(geometry):
    return zip(geometry.padding, geometry.counts, geometry.strides, geometry.window, strict=True)


def _patches(x: np.ndarray, geometry, value: float) -> np.ndarray:
    """All windows, one entry of them after the other along a new first axis."""
    padded = pad(x, geometry.padding, value)
    return np.stack([padded[under(geometry, offset)] for offset in np.ndindex(geometry.window)])


def _scattered(shares: np.ndarray, x: np.ndarray, geometry) -> np.ndarray:
    """The sum of all shares where they lie in x."""
    padded = pad(np.zeros_like(x), geometry.padding)
    for share, offset in zip(shares, np.ndindex(geometry.window), strict=True):
        padded[under(geometry, offset)] += share
    return unpad(padded, geometry.padding)


def only(winner: np.ndarray, count: int) -> np.ndarray:
    """One for the winner, zero for the others."""
    return (np.arange(count).reshape((count,) + (1,) * winner.ndim) == winner) * 1.0


def _max_rules(patches: np.ndarray, zeros: np.ndarray) -> Iterator[tuple[str, str, np.ndarray]]:
    count, best = len(patches), patches.max(axis=0)
    ties = (patches == best) * 1.0
    yield "all_ties", "gives the whole gradient to every entry that ties for the maximum", ties
    for tolerance in (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6):
        near = (np.abs(patches - best) <= tolerance) * 1.0
        yield "near_ties", f"gives the gradient to every entry within {tolerance:g} of the maximum", near
        close = np.isclose(patches, best, atol=tolerance) * 1.0
        yield "near_ties", f"gives the gradient to every entry close to the maximum (np.isclose, {tolerance:g})", close
    yield "near_ties", "gives the gradient to every entry close to the maximum (np.isclose)", np.isclose(patches, best)
    yield "wrong_winner", "goes to the winner among zero padding", only(zeros.argmax(axis=0), count)
    yield "wrong_winner", "goes to the minimum", only(zeros.argmin(axis=0), count)
    first = np.broadcast_to(patches[:, :1].argmax(axis=1 - 1), best.shape)
    yield "wrong_winner", "goes to the winners of the first example", only(first, count)
    one_channel = np.broadcast_to(patches[..., :1].argmax(axis=0), best.shape)
    yield "wrong_winner", "goes to the winners of the first channel", only(one_channel, count)
    yield "wrong_winner", "goes to the first entry of each window", only(np.zeros(best.shape), count)
    yield "wrong_winner", "goes to the last entry of each window", only(np.full(best.shape, count - 1), count)
    yield (
        "wrong_winner",
        "goes to the entry largest in size, whatever its sign",
        only(np.abs(zeros).argmax(axis=0), count),
    )
    for side in (side for side in range(2, count) if count % side == 0):
        row, column = np.divmod(patches.argmax(axis=0), side)
        swapped = column * (count // side) + row
        yield "wrong_winner", "has the winner's row and column swapped", only(swapped, count)
    yield "mask_missing", "goes to every entry of the window, not to the winner alone", np.ones_like(ties)
    yield "wrong_derivative", "is shared among all entries of the window, as for an average", np.ones_like(ties) / count


def _average_rules(patches: np.ndarray, zeros: np.ndarray) -> Iterator[tuple[str, str, np.ndarray]]:
    count, shape = len(zeros), zeros.shape[1:]
    yield "wrong_derivative", "goes to the largest entry, as for a maximum", only(zeros.argmax(axis=0), count)
    for entry in range(count):
        words = f"goes to entry {entry} of the window only"
        yield "wrong_derivative", words, only(np.full(shape, entry), count)
        yield "wrong_derivative", f"{words}, divided by the window", only(np.full(shape, entry), count) / count
