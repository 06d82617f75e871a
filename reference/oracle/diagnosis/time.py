"""Recurrent code: what is not carried from step to step, overwritten in each, or paired with the wrong step."""

from collections.abc import Iterator

import numpy as np

from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.pullbacks import differentiate
from reference.oracle.diagnosis.view import View


def time_not_carried(view: View) -> Iterator[Model]:
    """Each step of the input sees the cotangents of a few steps only: of its own where nothing is carried."""
    if view.x.ndim != 3 or view.out.ndim != 3 or view.x.shape[:2] != view.out.shape[:2]:
        return
    steps = view.x.shape[1]
    if not 2 <= steps <= 32:
        return
    pieces = [_piece(view, step) for step in range(steps)]
    if any(piece is None for piece in pieces):
        return
    for reach in range(1, steps):
        predicted = np.zeros(view.x.shape)
        for step in range(steps):
            seen = pieces[step : step + reach]
            predicted[:, step] = sum(piece[:, step] for piece in seen if piece is not None)
        words = "no gradient is carried from one time step to the one before"
        words = words if reach == 1 else f"the gradient is carried back over {reach} time steps only"
        yield Model("time_not_carried", f"shows that {words}", predicted, noise=view.jacobian_noise)


def _piece(view: View, step: int) -> np.ndarray | None:
    """The true gradient of the input for the cotangent of one step."""
    only = np.zeros_like(view.cotangent)
    only[:, step] = view.cotangent[:, step]
    return view.truth(only)


def time_overwritten(view: View) -> Iterator[Model]:
    """A parameter's gradient that vanishes when one step of the sequence is zeroed holds that step alone."""
    for name, position, axis in _sequences(view):
        sequence = np.asarray(view.evidence.primals[position])
        for index in range(sequence.shape[axis]):
            primals = list(view.evidence.primals)
            primals[position] = _zeroed(sequence, axis, index)
            answer = view.ask.subject(view.flat_cotangent, tuple(primals))
            if answer is None or answer[view.position] is None or np.any(answer[view.position]):
                continue
            if _depends(view, tuple(primals)):
                kind = "time step" if axis else "example"
                cause = "time_overwritten" if axis else "last_sample_only"
                words = f"holds the contribution of one {kind} only ({kind} {index})"
                shown = f"it is exactly zero once {name} is zero at {kind} {index}, though the output still depends on "
                yield Model(cause, words, view.got, shown=shown + view.name)
                return


def _sequences(view: View) -> Iterator[tuple[str, int, int]]:
    """(name, position, axis): the time axis of every other argument, and its batch axis."""
    if not np.any(view.got) or view.x.ndim < 1:
        return
    for position, (name, array) in enumerate(zip(view.evidence.names, view.evidence.primals, strict=True)):
        array = np.asarray(array)
        if position != view.position and array.dtype.kind == "f" and array.shape[:1] == view.out.shape[:1]:
            for axis in (1, 0) if array.ndim == 3 else (0,) if array.ndim > 1 else ():
                if 2 <= array.shape[axis] <= 64:
                    yield name, position, axis


def _zeroed(array: np.ndarray, axis: int, index: int) -> np.ndarray:
    copy = np.array(array)
    copy[(slice(None),) * axis + (index,)] = 0
    return copy


def _depends(view: View, primals: tuple[np.ndarray, ...]) -> bool:
    """Whether <cotangent, forward> still depends on the argument at these primals."""
    moved = list(primals)
    direction = np.cos(np.arange(view.x.size) + 0.5).reshape(view.x.shape)
    moved[view.position] = (view.x + 1e-4 * direction).astype(view.x.dtype)
    change = view.flat_cotangent @ (view.ask.forward(tuple(moved)) - view.ask.forward(primals))
    return bool(abs(change) > 1e-4 * 1e-6 * max(view.scale, 1e-12))


def time_off_by_one(view: View) -> Iterator[Model]:
    """With an input that is zero but for the last step, no state ever enters a step: the gradient must vanish."""
    if view.out.ndim != 3 or view.x.shape != (view.out.shape[-1],) * 2 or view.ask.cost * 4 * view.x.size > 2:
        return
    primals = [_only_last(np.asarray(primal), view.out.shape) for primal in view.evidence.primals]
    answer = view.ask.subject(view.flat_cotangent, tuple(primals))
    if answer is None or answer[view.position] is None:
        return
    got = np.asarray(answer[view.position], np.float64)
    try:
        jacobian = differentiate(view.ask.forward, tuple(primals), view.position)
    except Exception:  # the subject may refuse these inputs
        return
    truth = float(np.max(np.abs(view.flat_cotangent @ jacobian), initial=0.0))
    if float(np.max(np.abs(got), initial=0.0)) > 1e-3 * view.scale and truth < 1e-8 * view.scale:
        words = "pairs each time step with its own new state where the state before belongs"
        shown = f"with an input that is zero but at the last step it must vanish (true size {truth:.1e}) and does not"
        yield Model("time_off_by_one", words, view.got, shown=shown)


def _only_last(primal: np.ndarray, out: tuple[int, ...]) -> np.ndarray:
    """A sequence without all but its last step; a vector (a bias) of zeros; anything else as it is."""
    if primal.ndim == 3 and primal.shape[:2] == out[:2]:
        kept = np.zeros_like(primal)
        kept[:, -1] = primal[:, -1]
        return kept
    return np.zeros_like(primal) if primal.ndim == 1 and primal.dtype.kind == "f" else primal
