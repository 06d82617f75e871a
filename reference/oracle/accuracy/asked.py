"""What a caller asks to be held against: a reference, in a dtype, on a device."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from reference.oracle.accuracy.formats import FORMATS
from reference.oracle.accuracy.handed import narrowed, placed, validated
from reference.oracle.accuracy.reference import OfOp, Reference, of_callable
from reference.oracle.questions import forward
from reference.oracle.questions.base import Base
from reference.oracle.questions.forward import widened
from reference.oracle.specs import SPECS
from reference.oracle.subjects import trees
from reference.oracle.subjects.subject import Subject
from reference.oracle.subjects.vjp import Fault, Trial, finding

# Of code in float64 the values are an op's where they differ by less: float32 inside is no other code.
INSIDE = 1e-5
# Of code that takes no float64 the values may differ from an op's by so much, however coarse they are.
LOOSEST = 2.0**-4
# What moves an argument by more than the digits of float32, and by less than those of a lower precision.
NUDGE = 1e-5


@dataclass(frozen=True)
class Asked:
    """The reference as it was given, and the dtype; subject: the code as it takes any dtype."""

    given: Any
    statics: dict[str, Any]
    dtype: str
    subject: Subject

    @property
    def epsilon(self) -> float:
        """The distance from 1 to the next number of the dtype."""
        return float(FORMATS[self.dtype].ulp(1.0))


def asked(
    trial: Trial, reference: Any, op: str | None, statics: Mapping[str, Any], dtype: Any, device: Any
) -> tuple[Trial, Asked | None]:
    """The trial as it is to be run, and what it is held against; None where a check of wide code asks for nothing.

    Raises:
        ValueError, TypeError: a dtype or device that is not there, a reference that is no op or function.
    """
    if device is not None:
        device = str(device)
    subject = placed(trial.subject, None, device)
    name = validated(dtype, trial.primals)
    if reference is None and dtype is None and name in ("float64", "float32"):
        trial.subject = subject
        return trial, None
    given = op if reference is None else reference
    return narrowed(trial, name, device), Asked(given, dict(statics), name, subject)


def op_of(reference: Any, op: str | None) -> str | None:
    """The op that is meant; a ValueError or TypeError for a reference that is neither an op, nor code, nor fits it."""
    if reference is not None and not isinstance(reference, str | Subject) and not callable(reference):
        kind = type(reference).__name__
        raise TypeError(f"oracle.check: reference must be an op's name or a function of the primals; got a {kind}")
    if isinstance(reference, str) and reference not in SPECS:
        raise ValueError(f"oracle.check: reference must be one of {', '.join(SPECS)}, or a function; got {reference!r}")
    if reference is not None and op is not None and reference != op:
        raise ValueError(f"oracle.check: reference and op must not differ; got {reference!r} and {op!r}")
    return reference if isinstance(reference, str) else op


def resolved(asked: Asked, trial: Trial, base: Base) -> Reference | None:
    """The reference for what the kernel returns; None where nothing was named and no op is recognized."""
    if isinstance(asked.given, str):
        return of_op(asked.given, asked.statics, trial, base)
    if asked.given is not None:
        return _fitting(of_callable(asked.given, tuple(map(widened, trial.primals)), trial.names), trial, base)
    return unnamed(trial, base, asked.subject)


def of_op(op: str, statics: Mapping[str, Any], trial: Trial, base: Base) -> OfOp:
    """An op's triple; of a loss, its sum or mean over the examples where the kernel returns one number."""
    try:
        values = trees.vector(forward.reference_out(op, statics, trial.primals))
    except (TypeError, ValueError) as refusal:
        raise ValueError(f"oracle.check: the primals must be what {op} takes; got {refusal}") from refusal
    if base.flat.size == 1 and values.size > 1 and SPECS[op].family.endswith("losses"):
        near = {1.0: abs(values.sum() - base.flat[0]), 1 / values.size: abs(values.mean() - base.flat[0])}
        return OfOp(op, dict(statics), min(near, key=near.__getitem__))
    if base.flat.size > values.size:
        raise _of_another_form(op, base.flat.size, values.size)
    return OfOp(op, dict(statics))


def _fitting(reference: Reference, trial: Trial, base: Base) -> Reference:
    out, _ = reference.answer(tuple(map(widened, trial.primals)), base.cotangent)
    if out.size != base.flat.size:
        raise _of_another_form("the reference", base.flat.size, out.size)
    return reference


def _of_another_form(expected: str, got: int, wanted: int) -> Fault:
    said = f"the output has {got} entries, that of {expected} has {wanted}"
    return Fault(finding("forward", f"the forward does not compute {expected}", said, blame="forward"))


def unnamed(trial: Trial, base: Base, subject: Subject) -> Reference | None:
    """Without a name: the op whose values the forward has, else the forward itself where it computes in float64.

    The few digits of a low precision fit many an op, so code that takes float64 is asked there which one it is.
    """
    wide, there = _in_float64(trial, base, subject)
    if there and (known := forward.recognized(wide, there, INSIDE)):
        return OfOp(known.op, known.statics, known.factor)
    itself = _itself(trial, base, subject)
    if there and itself and _smooth(wide, there.flat):
        return itself
    known = forward.recognized(trial, base, min(forward.tolerance(trial, base), LOOSEST))
    return OfOp(known.op, known.statics, known.factor) if known else itself


def _in_float64(trial: Trial, base: Base, subject: Subject) -> tuple[Trial, Base | None]:
    """The code on the same values in float64, and what its forward gives there; None where it gives nothing."""
    wide = Trial(replace(subject, bind=None, shared=None), trial.names, tuple(map(widened, trial.primals)), trial.seed)
    with suppress(Fault):
        out = wide.forward()
        return wide, replace(base, out=out, flat=trees.vector(out))
    return wide, None


def _smooth(wide: Trial, here: np.ndarray) -> bool:
    """Whether the forward goes on as it begins, while its arguments move by less than what rounding would see."""

    def moved(step: float) -> np.ndarray:
        primals = (p * (1 + step) if p is not None and p.dtype.kind == "f" else p for p in wide.primals)
        return wide.value(tuple(primals), here.size)

    once, twice = moved(NUDGE), moved(2 * NUDGE)
    with np.errstate(all="ignore"):
        first, second = once - here, twice - 2 * once + here
    return bool(np.nansum(np.abs(second)) <= np.nansum(np.abs(first)) / 2)


def _itself(trial: Trial, base: Base, subject: Subject) -> Reference | None:
    """The forward in float64, where it computes there, and the same as here."""
    wide = tuple(map(widened, trial.primals))
    try:
        reference = of_callable(subject, wide, trial.names)
        out, _ = reference.answer(wide, base.cotangent)
    except (ValueError, TypeError):
        return None
    coarse = forward.tolerance(trial, base)
    scale = float(np.max(np.abs(out), initial=0.0))
    same = out.shape == base.flat.shape and np.allclose(out, base.flat, rtol=0, atol=coarse * scale)
    return reference if same else None
