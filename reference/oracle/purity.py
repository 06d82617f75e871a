"""Nothing is changed, nothing is remembered: what must hold before any gradient means something."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from reference.oracle import probes, trees
from reference.oracle.base import Base, output_of
from reference.oracle.report import Finding
from reference.oracle.vjp import Fault, Trial, copies, finding


def judge(trial: Trial, base: Base) -> list[Finding]:
    """Findings of impurity, the clearest first."""
    if unsteady := _random(trial, base):
        return [unsteady]
    return [*_changed(trial, base)] or [*_repeated(trial, base)] or [*_remembered(trial, base)]


def _random(trial: Trial, base: Base) -> Finding | None:
    """The forward twice; small differences are noise, which is measured later.

    A forward that draws from a global generator is judged with that held fixed, if the backward can know the draw.
    """
    if trial.draws and trial.subject.style == "forward_backward":
        said = "it draws from a global random generator, and the backward cannot know what was drawn"
        return finding("not_deterministic", "the forward is random", said, blame="forward")
    again = trees.vector(trial.forward())
    if again.size == base.flat.size and np.array_equal(again, base.flat, equal_nan=True):
        return None
    scale = float(np.max(np.abs(base.flat), initial=0.0, where=np.isfinite(base.flat)))
    gap = float(np.max(np.abs(again - base.flat))) if again.size == base.flat.size else np.inf
    if gap <= 1e-3 * scale:
        return None
    message = "the forward is random, and has no derivative to compare with"
    return finding("not_deterministic", message, f"two equal calls differ by up to {gap:.3g}", blame="forward")


def _changed(trial: Trial, base: Base) -> Iterator[Finding]:
    """Watch the copies that are handed over, and what the forward saved."""
    handed = copies(trial.primals)
    _, pullback = trial.vjp(handed=handed)
    touched = _differing(trial, handed)
    for name in touched:
        yield finding("input_changed", f"the forward changes {name} in place", _first(trial, handed, name),
                      argument=name, blame="forward")  # fmt: skip
    residuals = getattr(pullback, "residuals", None)
    before = trees.snapshot(residuals)
    cotangent = base.upstream()
    kept = trees.snapshot(cotangent)
    trial.pull(pullback, cotangent)
    for name in _differing(trial, handed):
        if name not in touched:
            yield finding("input_changed", f"the backward changes {name} in place", _first(trial, handed, name),
                          argument=name)  # fmt: skip
    if not trees.unchanged(kept, cotangent):
        evidence = "the array handed to the backward holds other values afterwards"
        yield finding("cotangent_changed", "the backward changes the cotangent in place", evidence)
    if not trees.unchanged(before, residuals) and not touched and not _differing(trial, handed):
        evidence = "an array among the residuals holds other values after the backward"
        yield finding("residuals_changed", "the backward changes what the forward saved", evidence)


def _differing(trial: Trial, handed: tuple[Any, ...]) -> list[str]:
    triples = zip(trial.names, trial.primals, handed, strict=True)
    return [name for name, ours, theirs in triples if ours is not None and not trees.same(ours, theirs)]


def _first(trial: Trial, handed: tuple[Any, ...], name: str) -> str:
    position = trial.names.index(name)
    ours, theirs = trial.primals[position], handed[position]
    if ours.shape != theirs.shape:
        return f"its shape was {ours.shape} and is {theirs.shape}"
    at = tuple(int(i) for i in np.argwhere(ours != theirs)[0]) if np.any(ours != theirs) else ()
    return f"{name}{list(at)} was {ours[at]:.6g} and is {theirs[at]:.6g}"


def _repeated(trial: Trial, base: Base) -> Iterator[Finding]:
    """The same pullback twice, and once more after another call; results must stay as they were returned."""
    second = trial.pull(base.pullback, base.upstream())
    if not _alike(base.got, second):
        yield _twice(trial, base.got, second, "a second call of the backward")
        return
    other = base.upstream(-3.0 * base.cotangent)
    trial.pull(base.pullback, other)
    if not all(map(_still, base.got, base.returned)):
        yield _overwritten()


def _overwritten() -> Finding:
    evidence = "the gradients of the first call changed during a later one"
    return finding("buffer_reused", "a later backward overwrites the gradients returned before", evidence)


def _twice(trial: Trial, first: Any, second: Any, what: str) -> Finding:
    """The cause of two different answers to one question."""
    pairs = [(name, a, b) for name, a, b in zip(trial.names, first, second, strict=True) if not _alike([a], [b])]
    name, before, after = pairs[0]
    doubled = all(_is_array(a) and _is_array(b) and _alike([2.0 * a], [b]) for _, a, b in pairs)
    if doubled:
        return finding("accumulates", f"{name}_ct is added to that of the call before",
                       f"{what} returns exactly twice the gradient", argument=name)  # fmt: skip
    gap = float(np.max(np.abs(np.asarray(before, float) - np.asarray(after, float)))) if _comparable(before, after) else np.nan
    cause = "not_deterministic" if trial.draws else "stale_state"
    return finding(cause, f"{what} gives another {name}_ct", f"the two differ by up to {gap:.3g}", argument=name)


def _remembered(trial: Trial, base: Base) -> Iterator[Finding]:
    """Calls in between, on other inputs: the answers must not depend on them."""
    subject = trial.subject.shared() if trial.subject.shared else trial.subject
    session = Trial(subject, trial.names, trial.primals, trial.seed, draws=trial.draws)
    try:
        yield from _session(trial, session, base)
    except Fault as fault:
        yield finding("stale_state", f"after other calls, {fault.finding.message}", fault.finding.evidence,
                      line=fault.finding.line)  # fmt: skip
    trial.forwards += session.forwards
    trial.backwards += session.backwards


def _session(trial: Trial, session: Trial, base: Base) -> Iterator[Finding]:
    first_out, first = session.vjp()
    saved = trees.snapshot(first_out)
    if not _same_output(first_out, base.out):
        return
    early = session.pull(first, base.upstream())
    kept = copies(early)
    again_out, again = session.vjp()
    if _same_output(again_out, base.out) and not _alike(answer := session.pull(again, base.upstream()), kept):
        yield _twice(session, kept, answer, "a second forward and backward")
        return
    other = other_primals(session)
    if stale := _elsewhere(trial, session, other):
        yield stale
        return
    if not trees.unchanged(saved, first_out):
        evidence = "the output of the first call changed during a call on another input"
        yield finding("buffer_reused", "a later forward overwrites the output returned before", evidence,
                      blame="forward")  # fmt: skip
        return
    if not all(map(_still, kept, early)):
        yield _overwritten()
        return
    if trial.subject.shared is None and not _alike(again := session.pull(first, base.upstream()), base.got):
        yield _twice(session, base.got, again, "the backward of the first call, after a forward on another input,")
        return
    if session.subject.evaluate:
        _attempt(lambda: (session.subject.evaluate(*copies(other)), None))
    last_out, last = session.vjp()
    if _same_output(output_of(session, last_out), base.out):
        answer = session.pull(last, base.upstream())
        if not _alike(answer, base.got):
            yield _twice(session, base.got, answer, "the same call again")


def _elsewhere(trial: Trial, session: Trial, other: tuple[Any, ...]) -> Finding | None:
    """The calls on other inputs: after those before they must give what they give without them."""
    out, pullback = _attempt(lambda: session.vjp(other))
    if out is None:
        return None
    cotangent = 0.5 + np.cos(trees.vector(out))
    answer, _ = _attempt(lambda: (session.pull(pullback, trees.like(out, cotangent)), None))
    fresh_out, fresh = _attempt(lambda: trial.vjp(other))
    if answer is None or trial.subject.shared is None or fresh_out is None or not _same_output(out, fresh_out):
        return None
    alone = trial.pull(fresh, trees.like(out, cotangent))
    return None if _alike(answer, alone) else _twice(session, alone, answer, "the backward after a call on other inputs")


def other_primals(trial: Trial) -> tuple[Any, ...]:
    """The same arguments with every floating entry moved a little."""
    rng = probes.generator(trial.subject.name, [np.shape(p) for p in trial.primals], trial.seed, "other")
    moved = list(trial.primals)
    for position in trial.differentiable:
        x = trial.primals[position]
        moved[position] = (x.astype(np.float64) * (1 + 0.1 * rng.uniform(-1, 1, x.shape))).astype(x.dtype)
    return tuple(moved)


def _attempt(call: Callable[[], tuple[Any, Any]]) -> tuple[Any, Any]:
    try:
        return call()
    except Fault:
        return None, None


def _same_output(left: Any, right: Any) -> bool:
    return np.array_equal(trees.vector(left), trees.vector(right))


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray)


def _comparable(left: Any, right: Any) -> bool:
    return _is_array(left) and _is_array(right) and left.shape == right.shape and left.size > 0


def _still(kept: Any, now: Any) -> bool:
    return not _is_array(now) or trees.same(kept, now)


def _alike(left: Any, right: Any) -> bool:
    """Equal up to the rounding of sums in another order."""
    return all(map(_close, left, right))


def _close(left: Any, right: Any) -> bool:
    if not (_is_array(left) and _is_array(right)):
        return _is_array(left) == _is_array(right)
    if left.shape != right.shape:
        return False
    if left.dtype == right.dtype and trees.same(left, right):
        return True
    a, b = np.asarray(left, np.float64), np.asarray(right, np.float64)
    return bool(np.allclose(a, b, rtol=1e-6, atol=1e-6 * float(np.max(np.abs(a), initial=0.0)), equal_nan=True))

