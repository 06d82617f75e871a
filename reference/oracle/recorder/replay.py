"""`oracle.replay`: the calls of a training, judged at what they were given and with what came back to them."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from reference.oracle.check import check
from reference.oracle.recorder.call import SUFFIX, Call, from_file
from reference.oracle.recorder.held import Held, bfloat16, entries
from reference.oracle.recorder.subjects import DoesNotFit, in_memory_of, subject_of
from reference.oracle.report import Report


def replay(target: Any, folder: str | os.PathLike[str], **options: Any) -> list[tuple[Path, Report]]:
    """Judge a target at every call that `oracle.record` kept in a folder, the first call first.

    Args:
        target: what was recorded, or what is to be judged in its place: a torch.autograd.Function, a torch.nn.Module,
            a function of JAX arrays or of tensors, or a Subject.
        folder: where the files are.
        options: those of `check`: op, statics, seed, mode, strict.

    Returns:
        The path and the Report of every call. Its `inputs` says what it was judged on: the arguments of the call, with
        the cotangent that came back to it, in memory like that of the call, and with a cotangent of our own.

    Raises:
        ValueError: there is no folder, or no recording in it; a file is damaged or of another version; the calls are
            those of another function.
    """
    calls = [(path, from_file(path)) for path in recordings(folder)]
    return [(path, judged(target, call, **options)) for path, call in calls]


def recordings(folder: str | os.PathLike[str]) -> list[Path]:
    """The files of a folder, in the order of the calls.

    Raises:
        ValueError: there is no such folder, or nothing in it.
    """
    path = Path(folder)
    if not path.is_dir():
        raise ValueError(f"oracle.replay: there is no folder {path}")
    found = sorted(path.glob(f"*{SUFFIX}"))
    if not found:
        raise ValueError(f"oracle.replay: the folder {path} holds no recording (*{SUFFIX})")
    return found


def judged(target: Any, call: Call, **options: Any) -> Report:
    """The report of one call: the first that is not right of its values, its memory, and a cotangent of ours."""
    subject, primals = subject_of(target, call)
    names, arrays = list(primals), list(primals.values())
    then = tuple(None if one is None else entries(one) for one in call.cotangents)
    given, asked = {"names": names, "cotangent": then or None, **options}, _when(call)
    try:
        report = check(subject, *arrays, **given)
    except ValueError as error:
        fits = "cotangent must have" not in str(error)
        raise error if fits else DoesNotFit(f"{call.file} is of another function: {error}") from error
    report = replace(report, inputs=f"{asked}, with the cotangent of then")
    if report.verdict == "fail":
        return report
    if odd := _odd_memory(call, primals):
        as_then = check(in_memory_of(call, subject, names), *arrays, **given)
        if as_then.verdict == "fail":
            return replace(as_then, inputs=f"{asked}, in memory as then; right in plain memory, unlike {odd}")
    ours = check(subject, *arrays, **{**given, "cotangent": None})
    if ours.verdict == "fail" or report.verdict != "pass":
        return replace(ours, inputs=f"{asked}, with a cotangent of ours: that of then shows nothing")
    return report


def _when(call: Call) -> str:
    """Which call of what it was, and where."""
    step = call.about.get("training step")
    at = f" at step {step}" if step is not None else ""
    widened = any(one.bits.dtype == "BF16" for one in call.arrays.values()) and bfloat16() is None
    narrow = ", bfloat16 in float32 as ml_dtypes is not installed" if widened else ""
    about = ", ".join(filter(None, (call.about.get("framework"), call.about.get("device"))))
    cast = f", without the autocast to {call.about['autocast']} of then" if call.about.get("autocast") else ""
    return f"call {call.number} of {call.target}{at} ({about}){narrow}{cast}"


def _odd_memory(call: Call, primals: Mapping[str, np.ndarray]) -> str:
    """The arrays whose entries did not lie one behind the other, each with its strides."""
    cotangents = {f"cotangent {place}": one for place, one in enumerate(call.cotangents) if one is not None}
    every: dict[str, Held] = {name: call.arrays[name] for name in primals} | cotangents
    return ", ".join(f"{name} of strides {one.strides}" for name, one in every.items() if not one.plain)
