"""The forms of one program: the steps as they stand, and with parts of it gone back through at once, as people do."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from reference.oracle.diagnosis.regions import Normalized, Region, Slope, curves, picked, softmaxes, variances
from reference.oracle.evidence.evidence import Evidence
from reference.oracle.evidence.pullbacks import flat
from reference.oracle.recognition.recognize import Known, triple
from reference.oracle.recognition.templates import alike
from reference.oracle.recording.adjoint import Jump, of_forward, of_pair, step_parts
from reference.oracle.recording.frameworks.as_numpy import as_numpy
from reference.oracle.recording.program import Program
from reference.oracle.recording.recorded import record, remembering
from reference.oracle.recording.tape import Step, Tape
from reference.oracle.specs.curves import LOGARITHMS, SHARES


def forms(evidence: Evidence, known: list[Known]) -> Iterator[Program]:
    """The adjoint of the subject's forward in its forms."""
    own = list(_of(evidence.subject.forward, evidence))
    if not own and (forward := as_numpy(evidence.subject, evidence.primals)) is not None:
        own = list(_of(forward, evidence))
    yield from own
    for op in known:
        if (program := of_op(op, evidence.names)) is not None:
            yield program
    for forward in alike(evidence) if not own else ():
        yield from _of(forward, evidence)


def _of(forward: Callable[..., Any], evidence: Evidence) -> Iterator[Program]:
    """A forward's adjoint in its forms; none where it cannot be followed."""
    cotangent = flat(evidence.cotangent)
    for jumps, early in ((None, False), (None, True), (_named, False), (_any, False)):
        program = of_forward(forward, evidence.primals, evidence.names, cotangent, jumps, early=early)
        if program is not None:
            yield program
        elif jumps is None and not early:
            return
    program = of_forward(forward, evidence.primals, evidence.names, cotangent, regroups=True)
    yield from () if program is None else (program,)


def of_op(known: Known, names: tuple[str, ...]) -> Program | None:
    """The reference's own backward of an op that the forward is, recorded with the forward that saved for it."""
    forward, backward = known.pair
    share = known.cotangent
    return of_pair(partial(forward, **known.statics), backward, known.primals, names, share)


def _named(tape: Tape, steps: list[Step]) -> Mapping[Step, Jump]:
    """Over every function that has a name."""
    over: dict[Step, Jump] = {step: _over_curve(tape, region) for step, region in curves(steps, True).items()}
    over |= {found[0].exit: _over_variance(tape, *found) for found in variances(steps)}
    normalized = softmaxes(steps)
    over |= {step: _over_op(tape, found) for step, found in normalized.items()}
    return over | {step: _over_picked(tape, *found) for step, found in picked(steps, normalized).items()}


def _any(tape: Tape, steps: list[Step]) -> Mapping[Step, Jump]:
    """Over the longest curves, with or without a name."""
    return {step: _over_curve(tape, region) for step, region in curves(steps, False).items()}


def _over_curve(tape: Tape, region: Region) -> Jump:
    def jump(ct: Any) -> tuple[Step, Any]:
        out, entrance = remembering(tape, region.exit), remembering(tape, region.entrance)
        name = f"slope of {region.name or 'the function'}"
        return region.entrance, ct * record(Slope(region), name, (out, entrance))

    return jump


def _over_variance(tape: Tape, region: Region, axes: tuple[int, ...], count: int) -> Jump:
    def jump(ct: Any) -> tuple[Step, Any]:
        x = remembering(tape, region.entrance)
        centered = x - np.mean(x, axis=axes, keepdims=True)
        kept = [1 if axis in axes else size for axis, size in enumerate(x.shape)]
        return region.entrance, np.reshape(ct, kept) * centered * 2 / count

    return jump


def _over_op(tape: Tape, found: Normalized) -> Jump:
    """By the reference's own backward, which is recorded while it runs."""
    _, backward, _ = triple(found.op)

    def jump(ct: Any) -> tuple[Step, Any]:
        out = remembering(tape, found.region.exit)
        probabilities = out if found.op == SHARES else np.exp(out)
        (part,) = backward((probabilities, found.axis), ct)
        return found.region.entrance, part

    return jump


def _over_picked(tape: Tape, picks: list[Step], found: Normalized) -> Jump:
    """Over the logarithm of entries of a softmax, as if it were taken before the picking."""
    _, backward, _ = triple(LOGARITHMS)

    def jump(ct: Any) -> tuple[Step, Any]:
        for tape.slot, pick in enumerate(picks):
            ((_, ct),) = step_parts(tape, pick, ct)
        tape.slot = None
        (part,) = backward((remembering(tape, found.region.exit), found.axis), ct)
        return found.region.entrance, part

    return jump
