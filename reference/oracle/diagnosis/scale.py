"""The whole gradient is a constant times the true one: which constant, and what it counts."""

from collections.abc import Iterator

import numpy as np

from reference.oracle.diagnosis.counts import composed, factors, name_ratio
from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.resized import holds, with_one_example_more, with_one_more
from reference.oracle.diagnosis.view import View


def sign(view: View) -> Iterator[Model]:
    """The opposite sign."""
    yield Model("sign", "has the opposite sign of the true gradient", -view.expected)


def named_factor(view: View) -> Iterator[Model]:
    """A factor that some quantity of this input equals."""
    ratio = fitted_ratio(view.got, view.expected) if view.same_shape else None
    if ratio is None:
        return
    for cause, factor, words, why in _told_apart(view, list(name_ratio(view, ratio, factors(view)))):
        yield Model(cause, f"is {in_words(words)}: {why}", factor * view.expected, separates=SEPARATES)


# Entries of an argument up to which other sizes are tried.
SMALL = 2000
# What a ratio of two sizes often equals.
BY_CHANCE = ("scaled_by_two", "ignored_rows")


def _told_apart(view: View, names: list[tuple[str, float, str, str]]) -> list[tuple[str, float, str, str]]:
    """Of several names those that fit with one example more, too; all where none does. A name that fits by chance, or
    for a number of the forward, is not one."""
    causes = {cause for cause, *_ in names}
    held = any(holds(view, factor) for _, factor, *_ in names)
    longer = with_one_example_more(view) if held or len(causes) > 1 or causes & set(BY_CHANCE) else None
    ratio = fitted_ratio(longer.got, longer.expected) if longer and longer.same_shape else None
    if longer is None or ratio is None:
        return names
    again = {cause for cause, *_ in name_ratio(longer, ratio, factors(longer))}
    left = [name for name in names if name[0] in again]
    exact = np.max(np.abs(longer.got - ratio * longer.expected)) <= 1e-6 * np.max(np.abs(longer.got), initial=0.0)
    return _by_size(view, left) if left or (exact and (held or causes <= set(BY_CHANCE))) else names


def _by_size(view: View, names: list[tuple[str, float, str, str]]) -> list[tuple[str, float, str, str]]:
    """Of several names those that fit where another size is larger by one, too."""
    several = len({cause for cause, *_ in names}) > 1 and view.x.size <= SMALL
    for larger in with_one_more(view) if several else ():
        ratio = fitted_ratio(larger.got, larger.expected) if larger.same_shape else None
        again = {cause for cause, *_ in name_ratio(larger, ratio, factors(larger))} if ratio is not None else set()
        names = [name for name in names if name[0] in again] or names
    return names


def composed_factor(view: View) -> Iterator[Model]:
    """A size and a 2 together."""
    ratio = fitted_ratio(view.got, view.expected) if view.same_shape else None
    for cause, factor, words, why in name_ratio(view, ratio, composed(view)) if ratio else ():
        yield Model(cause, f"is {in_words(words)}: {why}", factor * view.expected, separates=SEPARATES)


def unnamed_factor(view: View) -> Iterator[Model]:
    """A factor that nothing on this input equals."""
    ratio = fitted_ratio(view.got, view.expected) if view.same_shape else None
    if ratio is not None and ratio != 0:
        yield Model("scaled", f"is {ratio:.6g} times the true gradient", ratio * view.expected, freedom=1)


def in_words(factor: str) -> str:
    """A factor as a part of a sentence: "1/N = 1/3" is "1/N of the true gradient (N = 3)"."""
    letters, _, value = factor.partition(" = ")
    whole = letters.lstrip("-").startswith("1/") and " * " not in letters and (value.startswith("1/") or not value)
    name = letters.split(" * ")[-1].lstrip("-")
    known = f" ({name[2:]} = {value[2:]})" if value.startswith("1/") else f" ({name} = {value})" if value else ""
    return f"{letters} {'of' if whole else 'times'} the true gradient{known}"


SEPARATES = "Sizes that are pairwise different primes (and none of them 2) tell them apart"


def fitted_ratio(got: np.ndarray, expected: np.ndarray) -> float | None:
    """The constant that takes expected closest to got."""
    power = float(np.sum(expected * expected))
    return float(np.sum(got * expected)) / power if power > 0 else None
