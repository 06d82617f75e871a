"""Nothing is changed, nothing is remembered: what must hold before any gradient means something."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

import numpy as np

from reference.oracle.causes import BUTS
from reference.oracle.questions import repeated
from reference.oracle.questions.answers import alike, overwritten, saved_changed, still, two_answers
from reference.oracle.questions.base import Base
from reference.oracle.questions.memory import remembered
from reference.oracle.rendering.numbers import apart
from reference.oracle.report import Finding
from reference.oracle.subjects import trees
from reference.oracle.subjects.vjp import Trial, copies, finding

# From so many states of the generators a forward is run to see whether it matters what it draws.
DRAWS = 8

_asked = ContextVar("asked", default=True)


@contextmanager
def asked_before() -> Iterator[None]:
    """Whoever asked at another input whether a call depends on those before it need not ask at every size."""
    token = _asked.set(False)
    try:
        yield
    finally:
        _asked.reset(token)


def judge(trial: Trial, base: Base, repeats: int | None = None) -> tuple[list[Finding], list[str]]:
    """Findings of impurity, the clearest first, and what is to be said of equal calls; what is a matter of strictness
    hides no other."""
    changed, said = [*_changed(trial, base)], []
    if not _asked.get():
        return changed, said
    if all(map(harmless, changed)):
        known = {found.key for found in changed}
        changed += [found for found in _from_call_to_call(trial, base) if found.key not in known]
    if all(map(harmless, changed)):
        found, said = repeated.judge(trial, base, repeats)
        changed += found
    return changed, said


def _from_call_to_call(trial: Trial, base: Base) -> list[Finding]:
    """What differs between calls; where the first answer comes no more, that is a state."""

    def asked() -> list[Finding]:
        return [*_repeated(trial, base)] or [*remembered(trial, base)]

    found = asked()
    return repeated.lasting(found, asked) if found and repeated.comes_again(trial, base) else found


def harmless(found: Finding) -> bool:
    """Whether every number stays right all the same."""
    return found.cause in BUTS and found.off == 0


def overwrites(found: Finding) -> bool:
    """Whether it is that the backward writes into an array that others still use."""
    return found.cause == "changed_in_place" and found.blame == "backward"


def random_forward(trial: Trial, base: Base) -> Finding | None:
    """The forward twice; small differences are noise, which is measured later.

    A forward that draws from a global generator is judged with that held fixed, unless a backward of its own draws
    anew: it would be accused of a draw that it could not know, or pass by a seed that is the same by chance.
    """
    if trial.draws and trial.subject.style == "forward_backward" and _both_draw(trial, base):
        said = "it draws from a global random generator, and the backward draws anew: it cannot know what was drawn"
        return finding("not_deterministic", "the forward is random", said, blame="forward")
    again = trees.vector(trial.forward())
    if again.size == base.flat.size and np.array_equal(again, base.flat, equal_nan=True):
        return None
    scale = float(np.max(np.abs(base.flat), initial=0.0, where=np.isfinite(base.flat)))
    gap = float(np.max(np.abs(again - base.flat))) if again.size == base.flat.size else np.inf
    if gap <= 1e-3 * scale:
        return None
    message = "the forward is random, and has no derivative to compare with"
    said = "two equal calls differ by more than a thousandth"  # by how much is as random as the forward
    return finding("not_deterministic", message, said, blame="forward")


def held_fixed(trial: Trial, base: Base) -> list[str]:
    """What is to be said of a forward whose draws change its output."""
    if not trial.draws or not _draws_matter(trial, base):
        return []
    return ["The forward draws random numbers: it was judged with the generator held fixed between the calls."]


def _both_draw(trial: Trial, base: Base) -> bool:
    """Whether the output changes with what the forward draws, and the gradient with what the backward does."""
    if not _draws_matter(trial, base):
        return False
    answers = [copies(trial.pull(trial.vjp()[1], base.upstream())) for _ in range(DRAWS)]
    return not all(alike(answers[0], other) for other in answers[1:])


def _draws_matter(trial: Trial, base: Base) -> bool:
    """Whether other draws give another output: a layer may draw initial weights that it then overwrites."""
    for number in range(1, DRAWS + 1):
        other = replace(trial, seed=trial.seed + number)
        trial.forwards += 1
        if not np.array_equal(trees.vector(other.forward()), base.flat, equal_nan=True):
            return True
    return False


def _changed(trial: Trial, base: Base) -> Iterator[Finding]:
    """Watch the copies that are handed over, and what the forward saved."""
    handed = copies(trial.primals)
    _, pullback = trial.vjp(handed=handed)
    touched = _differing(trial, handed)
    for name in touched:
        yield finding("changed_in_place", f"the forward changes {name} in place", _first(trial, handed, name),
                      blame="forward", off=0.0, role="argument")  # fmt: skip
    residuals = getattr(pullback, "residuals", None)
    before = trees.snapshot(residuals)
    cotangent = base.upstream()
    kept = trees.snapshot(cotangent)
    trial.pull(pullback, cotangent)
    for name in _differing(trial, handed):
        if name not in touched:
            yield finding("changed_in_place", f"the backward changes {name} in place", _first(trial, handed, name),
                          argument=name, role="argument")  # fmt: skip
    if not trees.unchanged(kept, cotangent):
        evidence = "the array handed to the backward holds other values afterwards"
        message = "the backward changes the cotangent in place"
        yield finding("changed_in_place", message, evidence, off=0.0, role="cotangent")
    if not trees.unchanged(before, residuals) and not touched and not _differing(trial, handed):
        evidence = "an array among the residuals holds other values after the backward"
        yield saved_changed(evidence)


def _differing(trial: Trial, handed: tuple[Any, ...]) -> list[str]:
    triples = zip(trial.names, trial.primals, handed, strict=True)
    return [name for name, ours, theirs in triples if ours is not None and not trees.same(ours, theirs)]


def _first(trial: Trial, handed: tuple[Any, ...], name: str) -> str:
    position = trial.names.index(name)
    ours, theirs = trial.primals[position], handed[position]
    if ours.shape != theirs.shape:
        return f"its shape was {ours.shape} and is {theirs.shape}"
    at = tuple(int(i) for i in np.argwhere(ours != theirs)[0]) if np.any(ours != theirs) else ()
    return "{} was {} and is {}".format(f"{name}{list(at)}", *apart(ours[at], theirs[at]))


def _repeated(trial: Trial, base: Base) -> Iterator[Finding]:
    """The same pullback twice, and once more after another call; results must stay as they were returned."""
    second = trial.pull(base.pullback, base.upstream())
    if not alike(base.got, second):
        third = trial.pull(base.pullback, base.upstream())
        found = two_answers(trial, base.got, second, "a second call of the backward", third)
        said = f"{found.message}: {found.evidence}"
        yield saved_changed(said) if found.cause != "accumulates" and _goes_on(trial, base, second) else found
        return
    other = base.upstream(-3.0 * base.cotangent)
    trial.pull(base.pullback, other)
    if not all(map(still, base.got, base.returned)):
        yield overwritten()


def _goes_on(trial: Trial, base: Base, second: Any) -> bool:
    """Whether another forward and two backwards give the same two answers, and an array that the backward refers to
    changes between them: what changes is what the forward saved."""
    _, pullback = trial.vjp()
    kept = _referred_to(pullback)
    before = trees.snapshot(kept)
    answers = trial.pull(pullback, base.upstream()), trial.pull(pullback, base.upstream())
    return not trees.unchanged(before, kept) and alike(answers[0], base.got) and alike(answers[1], second)


def _referred_to(pullback: Any) -> list[np.ndarray]:
    """The arrays among the variables of the forward that its pullback uses."""
    function = getattr(pullback, "apply", pullback)
    found = [getattr(cell, "cell_contents", None) for cell in getattr(function, "__closure__", None) or ()]
    inner = [array for one in found if callable(one) and one is not function for array in _arrays(one)]
    return [one for one in found if isinstance(one, np.ndarray)] + inner


def _arrays(function: Any) -> list[np.ndarray]:
    cells = getattr(function, "__closure__", None) or ()
    return [cell.cell_contents for cell in cells if isinstance(getattr(cell, "cell_contents", None), np.ndarray)]
