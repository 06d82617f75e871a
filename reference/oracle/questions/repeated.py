"""Equal calls, many times over: races, and kernels that are tuned anew at the first call after one of another size."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from reference.oracle.questions.answers import alike, two_answers
from reference.oracle.questions.base import Base
from reference.oracle.report import Finding
from reference.oracle.subjects import trees
from reference.oracle.subjects.vjp import Fault, Trial, finding

# Equal calls where nobody asks for more.
CALLS = 3
# So often what differs from call to call must show again to be more than chance.
AGAIN = 3
# The share of wrong calls of which a report says how likely it would have been seen.
RARE = 0.05
# A forward that moves by no more than this between equal calls is not random, but noisy.
NOISY = 1e-3
UP_TO_ROUNDING = (
    "Equal calls give the same gradients up to rounding, not bit for bit: sums are taken in an order that changes from"
    " call to call."
)

# The output as a vector, and the gradients.
Answer = tuple[np.ndarray, tuple[Any, ...]]


def validated(repeats: int | None) -> int | None:
    """The number of equal calls that was asked for; None where none was."""
    if repeats is None or (isinstance(repeats, int) and not isinstance(repeats, bool) and repeats > 0):
        return repeats
    raise ValueError(f"oracle.check: repeats must be an integer of at least 1; got repeats={repeats!r}")


def judge(trial: Trial, base: Base, repeats: int | None) -> tuple[list[Finding], list[str]]:
    """What some of several equal calls answer otherwise than the first, and in words what is to be said besides."""
    count = repeats or CALLS
    other, firsts = _another_size(trial), {0, count // 2}
    answers = []
    for number in range(count):
        if other and number in firsts and number:  # it was called just before the first
            _answer(trial, other)
        answers.append(_answer(trial, trial.primals, base))
    others = [number for number, answer in enumerate(answers) if not _agrees(base, answer)]
    if others:
        return [_finding(trial, base, answers, others, firsts if other else set())], []
    sentences = [_seen_with(count)] if repeats else []
    return [], sentences if _same_bits(base, answers) else [*sentences, UP_TO_ROUNDING]


def lasting(found: list[Finding], asked: Callable[[], list[Finding]]) -> list[Finding]:
    """What was found, where it is found again whenever it is asked for; what is not is chance."""
    if not found or found[0].cause == "not_deterministic" or all(asked() for _ in range(AGAIN)):
        return found
    one = found[0]
    return [finding("not_deterministic", one.message, one.evidence, argument=one.argument, blame=one.blame)]


def comes_again(trial: Trial, base: Base) -> bool:
    """Whether an equal call gives what the first gave."""
    return _agrees(base, _answer(trial, trial.primals, base))


def _answer(trial: Trial, primals: tuple[Any, ...], base: Base | None = None) -> Answer | Fault:
    """What comes back for these primals, with the cotangent of the base where the sizes are its own."""
    try:
        out, pullback = trial.vjp(primals)
        values = trees.vector(out)
        return values, trial.pull(pullback, base.upstream() if base else trees.like(out, 0.5 + np.cos(values)))
    except Fault as fault:
        return fault


def _agrees(base: Base, answer: Answer | Fault) -> bool:
    """Whether an answer is that of the base; where the forward is noisy, nothing is said of its gradients."""
    if isinstance(answer, Fault) or answer[0].shape != base.flat.shape:
        return False
    if np.array_equal(answer[0], base.flat, equal_nan=True):
        return alike(base.got, answer[1])
    return not _moved(base, answer[0])


def _moved(base: Base, values: np.ndarray) -> bool:
    scale = float(np.max(np.abs(base.flat), initial=0.0, where=np.isfinite(base.flat)))
    return values.shape != base.flat.shape or not np.max(np.abs(values - base.flat), initial=0.0) <= NOISY * scale


def _same_bits(base: Base, answers: list[Any]) -> bool:
    """Whether all gradients are, bit for bit, those of the base, wherever the outputs are."""
    steady = [trees.arrays(got) for values, got in answers if np.array_equal(values, base.flat)]
    return all(trees.unchanged(trees.arrays(base.got), got) for got in steady)


def _finding(trial: Trial, base: Base, answers: list[Any], others: list[int], firsts: set[int]) -> Finding:
    """A state, where it is the first call after one of another size, or every one; chance otherwise."""
    answer, count = answers[others[0]], len(answers)
    every = len(others) == count
    state = every or set(others) == firsts
    calls = f"{len(others)} of {count} equal calls"
    when = "the first call after one of another size" if firsts and state else calls
    cause = "stale_state" if state else "not_deterministic"
    if isinstance(answer, Fault):
        fault = answer.finding
        return finding(cause, f"{when}: {fault.message}", fault.evidence, blame=fault.blame, line=fault.line)
    if _moved(base, answer[0]):
        said = f"{calls} do; all others give what the very first gave" if not every else "the first gave another one"
        return finding(cause, f"{when}: the forward gives another output", said, blame="forward")
    gap = two_answers(trial, base.got, answer[1], calls)
    said = f"{calls}: {gap.evidence}" if when != calls else gap.evidence
    return finding(cause, f"{when} give{'s' if when != calls else ''} another {gap.argument}_ct", said,
                   argument=gap.argument)  # fmt: skip


def _seen_with(count: int) -> str:
    return (
        f"{count} equal calls gave equal answers: code that is wrong in {RARE:.0%} of its calls would have been seen"
        f" with a probability of {1 - (1 - RARE) ** count:.0%}."
    )


def _another_size(trial: Trial) -> tuple[Any, ...] | None:
    """Primals of another size that the subject takes."""
    return next((primals for primals in _sizes(trial) if not isinstance(_answer(trial, primals), Fault)), None)


def _sizes(trial: Trial) -> Iterator[tuple[Any, ...]]:
    """Twice the batch, or all but its last: of every argument that is as long as the first, or of that alone."""
    size = next((len(primal) for primal in trial.primals if isinstance(primal, np.ndarray) and primal.ndim), 0)
    alike = [at for at, primal in enumerate(trial.primals) if np.ndim(primal) and len(primal) == size]
    for chosen in (alike, alike[:1]) if len(alike) > 1 else (alike,) if size else ():
        yield tuple(np.concatenate([p, p]) if at in chosen else p for at, p in enumerate(trial.primals))
        if size > 1:
            yield tuple(p[:-1] if at in chosen else p for at, p in enumerate(trial.primals))
