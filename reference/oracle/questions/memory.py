"""What code remembers from call to call: on one object, or in whatever a function keeps outside itself."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from reference.oracle.numerics import probes
from reference.oracle.questions.answers import alike, overwritten, saved_changed, still, two_answers
from reference.oracle.questions.base import Base
from reference.oracle.report import Finding
from reference.oracle.subjects import trees
from reference.oracle.subjects.vjp import Fault, Trial, copies, drawn_since, finding, generator_state


def remembered(trial: Trial, base: Base) -> Iterator[Finding]:
    """Findings from a sequence of calls whose answers must not depend on each other; it ends with the first one."""
    subject = trial.subject.shared() if trial.subject.shared else trial.subject
    session = Trial(subject, trial.names, trial.primals, trial.seed, draws=trial.draws)
    try:
        found = next(_session(trial, session, base), None)
    except Fault as fault:
        said, line = fault.finding.evidence, fault.finding.line
        found = finding("stale_state", f"after other calls, {fault.finding.message}", said, line=line)
    trial.forwards += session.forwards
    trial.backwards += session.backwards
    if found:
        yield found


def _session(trial: Trial, session: Trial, base: Base) -> Iterator[Finding]:
    out, pullback = session.vjp()
    values, saved = trees.vector(out), trees.snapshot(out)
    early = session.pull(pullback, base.upstream())
    kept = copies(early)
    if not trees.unchanged(saved, out):
        yield _output_changed("the backward overwrites the output that the forward returned", "backward")
    again, pullback_again = session.vjp()
    if not np.array_equal(trees.vector(again), values):
        # A network may draw anew for each batch; whoever judges a layer must be able to hold its mask fixed.
        if trial.subject.style != "network":
            yield _moved_on(trial.subject.draws)
        return
    state = generator_state()
    second = session.pull(pullback_again, base.upstream())
    if not alike(kept, second):
        known = replace(session, draws=session.draws or drawn_since(state))
        third, _ = _attempt(lambda: (session.pull(session.vjp()[1], base.upstream()), None))
        yield two_answers(known, kept, second, "a second forward and backward", third)
    other = other_primals(session)
    yield from _elsewhere(trial, session, other)
    if not trees.unchanged(saved, out):
        yield _output_changed("a later forward overwrites the output returned before", "forward")
    if not all(map(still, kept, early)):
        yield overwritten()
    if trial.subject.shared is None:
        yield from _compared(session, kept, pullback, base, "the first backward, after a forward on other inputs,")
    if session.subject.evaluate:
        evaluate = session.subject.evaluate
        _attempt(lambda: (evaluate(*copies(other)), None))
    last, pullback = session.vjp()
    if np.array_equal(trees.vector(last), values):
        yield from _compared(session, kept, pullback, base, "the same call again")
        if trial.subject.shared is not None and not (trial.subject.draws or trial.draws):
            yield from _once_more(session, kept, pullback, base)


def _once_more(session: Trial, first: Any, pullback: Any, base: Base) -> Iterator[Finding]:
    """A second backward behind one forward, where the object allows one; gradients of parameters may add up."""
    second, _ = _attempt(lambda: (session.pull(pullback, base.upstream()), None))
    pairs = zip(session.names, first, second, strict=True) if second is not None else ()
    for name, a, b in pairs:
        if isinstance(a, np.ndarray) and not alike((a,), (b,)) and not alike((2.0 * a,), (b,)):
            said = f"a second backward behind the same forward gives another {name}_ct"
            yield saved_changed(said)
            return


def _compared(session: Trial, first: Any, pullback: Any, base: Base, what: str) -> Iterator[Finding]:
    second = session.pull(pullback, base.upstream())
    if not alike(first, second):
        yield two_answers(session, first, second, what)


def _elsewhere(trial: Trial, session: Trial, other: tuple[Any, ...]) -> Iterator[Finding]:
    """Calls on other inputs: an object that has seen some before must answer like one that has not."""
    out, pullback = _attempt(lambda: session.vjp(other))
    if out is None:
        return
    upstream = 0.5 + np.cos(trees.vector(out))
    answer, _ = _attempt(lambda: (session.pull(pullback, trees.like(out, upstream)), None))
    fresh_out, fresh = _attempt(lambda: trial.vjp(other))
    if answer is None or trial.subject.shared is None or fresh_out is None:
        return
    if np.array_equal(trees.vector(out), trees.vector(fresh_out)):
        alone = trial.pull(fresh, trees.like(out, upstream))
        if not alike(alone, answer):
            yield two_answers(session, alone, answer, "the backward after calls on other inputs")


def other_primals(trial: Trial) -> tuple[Any, ...]:
    """The same arguments with their floating entries reversed and moved a little: signs and orders change places,
    while positive numbers stay positive and rows of probabilities rows."""
    rng = probes.generator(trial.subject.name, [np.shape(p) for p in trial.primals], trial.seed, "other")
    moved = list(trial.primals)
    for position in trial.differentiable:
        x = trial.primals[position]
        moved[position] = (np.flip(x).astype(np.float64) * (1 + 0.1 * rng.uniform(-1, 1, x.shape))).astype(x.dtype)
    return tuple(moved)


def _attempt(call: Callable[[], tuple[Any, Any]]) -> tuple[Any, Any]:
    try:
        return call()
    except Fault:
        return None, None


def _output_changed(message: str, blame: Any) -> Finding:
    said = "the array holds other values than when it was returned"
    return finding("changed_in_place", message, said, blame=blame, role="buffer")


def _moved_on(draws: bool) -> Finding:
    """An object whose forward gives something else each time: of a generator of its own, or of what it keeps."""
    kept = "the object carries something from call to call that its output depends on"
    drawn = "it draws from a random generator of its own, which nobody can hold fixed: hand it the mask"
    message = "the forward gives another output on its second call"
    cause, said = ("not_deterministic", drawn) if draws else ("stale_state", kept)
    return finding(cause, message, said, blame="forward")
