"""In which dtype, and on which device, a subject gets its arguments."""

import importlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from reference._checks import is_floating
from reference.oracle.accuracy.formats import FORMATS
from reference.oracle.numerics import precision
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
    if subject.style == "jax":
        return _in_jax(subject, str(device))
    if subject.style == "torch":
        return _around(subject, _tensors(cast, device))
    if device != "cpu":
        raise ValueError(f"oracle.check: device must be cpu for code in NumPy; got {device!r}")
    return subject


def _around(subject: Subject, make: Callable[[Any], Any]) -> Subject:
    return replace(
        subject,
        forward=lambda *primals: subject.forward(*map(make, primals)),
        vjp=lambda *primals: subject.vjp(*map(make, primals)),
        bind=None,
        shared=None,
    )


def _tensors(cast: str | None, device: str | None) -> Callable[[Any], Any]:
    torch = importlib.import_module("torch")
    try:
        torch.zeros(1, device=device or "cpu")
    except Exception as error:
        raise ValueError(f"oracle.check: device must be there; got {device!r}: {_first_line(error)}") from None

    def made(value: Any) -> Any:
        if not isinstance(value, np.ndarray):
            return value
        if value.dtype.name == "bfloat16":
            tensor = torch.from_numpy(value.view(np.int16).copy()).view(torch.bfloat16)
        else:
            tensor = torch.from_numpy(value.copy())
        return tensor.to(device or "cpu", getattr(torch, cast) if cast and _floats(value) else tensor.dtype)

    return made


def _in_jax(subject: Subject, device: str) -> Subject:
    jax = importlib.import_module("jax")
    try:
        place = jax.devices(device)[0]
    except RuntimeError as error:
        raise ValueError(f"oracle.check: device must be there; got {device!r}: {_first_line(error)}") from None

    def there(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            with jax.default_device(place):
                return function(*given)

        return call

    def vjp(*primals: Any) -> Any:
        out, pullback = there(subject.vjp)(*primals)
        return out, there(pullback)

    return replace(subject, forward=there(subject.forward), vjp=vjp, bind=None, shared=None)


def _first_line(error: Exception) -> str:
    return str(error).split("\n")[0]
