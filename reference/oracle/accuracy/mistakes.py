"""Mistakes named by the answers in low precision alone: what persists of their error is an edit of the reference's."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from reference.oracle.accuracy.comparison import Comparison
from reference.oracle.accuracy.persistence import ENTRY_BEYOND_CHANCE, Persistent
from reference.oracle.accuracy.plain import Situation
from reference.oracle.accuracy.reference import OfOp
from reference.oracle.diagnosis.diagnose import diagnose
from reference.oracle.diagnosis.fit import EXCUSED
from reference.oracle.evidence.evidence import Evidence
from reference.oracle.questions.base import Base
from reference.oracle.report import Finding
from reference.oracle.subjects import trees
from reference.oracle.subjects.subject import Pullback, Subject

# What chance leaves is less than so many times its root mean square.
LEFT = 4.0


def explained(
    at: Situation,
    base: Base,
    compared: Mapping[int, Comparison],
    persisting: Mapping[int | None, Persistent],
    wrong: Sequence[int],
) -> list[Finding]:
    """The edits of the reference's backward that give what persists of these arguments' errors."""
    count = len(at.primals)
    truths = [compared[k].truth if k in compared else None for k in range(count)]
    told = {k: _told(compared[k], persisting[k]) for k in wrong}
    got = [told[k][0] if k in told else truths[k] for k in range(count)]
    noise = [told[k][1] if k in told else 0.0 for k in range(count)]
    uneven = [told[k][2] if k in told else 1.0 for k in range(count)]
    op, statics = (at.reference.name, at.reference.statics) if isinstance(at.reference, OfOp) else (None, {})
    evidence = Evidence(
        _standing_in(at, base),
        at.trial.names,
        tuple(np.zeros(0) if primal is None else primal for primal in at.primals),
        _shaped(at, base.out),
        _shaped(at, base.out, at.cotangent),
        tuple(got),
        tuple(truths),
        tuple(noise),
        tuple(k in wrong for k in range(count)),
        op,
        statics,
        rounding=tuple(noise),
        uneven=tuple(uneven),
    )
    return diagnose(evidence)


def _told(compared: Comparison, persisting: Persistent) -> tuple[np.ndarray, float, np.ndarray]:
    """What the kernel gave, and how far rounding may have put it off: what persists, or where that says less, as it is.

    A mistake moves with the arguments, so of a large one, beside little rounding, less is known by what persists.
    Large entries are rounded more coarsely than the others: how many times as much stands last.
    """
    persists = compared.truth + persisting.stays, LEFT * persisting.chance / EXCUSED
    as_it_is = compared.got, compared.typical
    if persists[1] < as_it_is[1]:
        return *persists, _uneven(ENTRY_BEYOND_CHANCE * persisting.left, persists[1])
    return *as_it_is, _uneven(compared.allowed, as_it_is[1])


def _uneven(allowed: np.ndarray, noise: float) -> np.ndarray:
    """How many times as far as this noise excuses every entry may be off, at least 1."""
    with np.errstate(all="ignore"):
        return np.fmax(1.0, np.where(np.isfinite(allowed), allowed, 0.0) / max(EXCUSED * noise, np.finfo(float).tiny))


def _shaped(at: Situation, out: Any, values: np.ndarray | None = None) -> Any:
    """The reference's output, or a cotangent, in float64 and in the structure of the kernel's output."""
    vector = at.reference.answer(at.primals, at.cotangent)[0] if values is None else values
    wide = trees.mapped(lambda leaf: np.zeros(np.shape(leaf)), out)
    return trees.like(wide, vector)


def _standing_in(at: Situation, base: Base) -> Subject:
    """The reference's forward in float64 with the kernel's own backward behind it."""

    def vjp(*primals: Any) -> tuple[Any, Pullback]:
        given = zip(at.trial.primals, primals, strict=True)
        narrow = tuple(np.asarray(new).astype(own.dtype) if isinstance(own, np.ndarray) else own for own, new in given)
        out, pullback = at.trial.vjp(narrow)

        def apply(cotangent: Any) -> tuple[Any, ...]:
            found = at.trial.pull(pullback, trees.like(out, trees.vector(cotangent)))
            return tuple(None if one is None else np.asarray(one, np.float64) for one in found)

        return at.reference.forward(*primals), Pullback(apply)

    subject = at.trial.subject
    return Subject(subject.name, at.reference.forward, vjp, at.trial.names, None, constants=subject.constants)
