"""In which dtype, and on which device, a subject gets its arguments."""

import importlib
from dataclasses import replace
from typing import Any

import numpy as np

from reference._checks import is_floating
from reference.oracle.accuracy.formats import FORMATS
from reference.oracle.numerics import precision
from reference.oracle.subjects.placed import missing
from reference.oracle.subjects.placed import placed as on_device
from reference.oracle.subjects.subject import Subject
from reference.oracle.subjects.vjp import Trial


def validated(dtype: Any, primals: tuple[Any, ...]) -> str:
    """The name of the dtype, by default that of the coarsest primal; a ValueError for one that is not known."""
    if dtype is None:
        coarsest = precision.coarsest([primal for primal in primals if isinstance(primal, np.ndarray)])
        return next(name for name, epsilon in precision.EPSILON.items() if epsilon == coarsest)
    name = dtype if isinstance(dtype, str) else getattr(dtype, "__name__", str(dtype)).removeprefix("torch.")
    if name not in FORMATS:
        raise ValueError(f"oracle.check: dtype must be one of {', '.join(FORMATS)}; got {dtype!r}")
    return name


def narrowed(trial: Trial, dtype: str, device: str | None) -> Trial:
    """The trial on primals that are rounded to the dtype, on the device; a ValueError where one does not fit."""
    own = "float32" if dtype == "tf32" else dtype
    storage = _storage(own, trial.subject)
    for name, primal in zip(trial.names, trial.primals, strict=True):
        if _floats(primal) and np.any(np.isfinite(primal) & ~np.isfinite(FORMATS[own].rounded(primal))):
            raise ValueError(
                f"oracle.check: every primal must fit {own}; got {float(np.abs(primal).max()):g} in {name}"
            )
    primals = tuple(FORMATS[own].rounded(p).astype(storage) if _floats(p) else p for p in trial.primals)
    cast = own if storage.name != own else None
    return replace(trial, subject=placed(trial.subject, cast, device), primals=primals)


def _floats(primal: Any) -> bool:
    return isinstance(primal, np.ndarray) and is_floating(primal.dtype)


def _storage(dtype: str, subject: Subject) -> np.dtype:
    """The dtype of the arrays; PyTorch has a bfloat16 of its own, which then stands in arrays of float32."""
    if dtype != "bfloat16":
        return np.dtype(dtype)
    try:
        return np.dtype(importlib.import_module("ml_dtypes").bfloat16)
    except ImportError:
        if subject.style == "torch":
            return np.dtype(np.float32)
        raise ValueError("oracle.check: dtype bfloat16 needs the package ml_dtypes; got an import error") from None


def placed(subject: Subject, cast: str | None, device: str | None) -> Subject:
    """The subject with arguments that are cast to a dtype of its own framework, and put on a device."""
    if device is None and cast is None:
        return subject
    if subject.style not in ("torch", "jax"):
        if device != "cpu":
            raise ValueError(f"oracle.check: device must be cpu for code in NumPy; got {device!r}")
        return subject
    if device is not None and (why := missing(subject.style, device)):
        raise ValueError(f"oracle.check: device must be there; got {device!r}: {why}")
    return replace(on_device(subject, device or "cpu", cast), bind=None, shared=None)
