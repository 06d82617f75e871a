"""Recurrent code: what is not carried from step to step, overwritten in each, or paired with the wrong step."""

from collections.abc import Iterator

import numpy as np

from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.pullbacks import differentiate
from reference.oracle.diagnosis.view import View


def time_not_carried(view: View) -> Iterator[Model]:
    """Each step of the input sees the cotangents of a few steps only: of its own where nothing is carried."""
    shared = min(view.x.ndim, view.out.ndim)
    for axis in (1, 0) if shared == 3 else ():
        steps = view.x.shape[axis]
        if view.out.shape[axis] != steps or not 2 <= steps <= 32:
            continue
        pieces = [_piece(view, axis, step) for step in range(steps)]
        for reach in range(1, steps) if all(piece is not None for piece in pieces) else ():
            rows = [sum(_at(piece, axis, step) for piece in pieces[step : step + reach]) for step in range(steps)]
            words = "shows that no gradient is carried from one time step to the one before"
            words = words if reach == 1 else f"shows that the gradient is carried back over {reach} time steps only"
            predicted = np.stack(rows, axis=axis)
            yield Model("time_not_carried", words, predicted, noise=view.jacobian_noise)


def _at(piece: np.ndarray | None, axis: int, step: int) -> np.ndarray:
    return np.take(np.zeros(0) if piece is None else piece, step, axis)


def _piece(view: View, axis: int, step: int) -> np.ndarray | None:
    """The true gradient of the input for the cotangent of one step."""
    only = np.zeros_like(view.cotangent)
    chosen = (slice(None),) * axis + (step,)
    only[chosen] = view.cotangent[chosen]
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
                timed = axis == 1 or _reaches(view, tuple(primals), index)
                kind, cause = ("time step", "time_overwritten") if timed else ("example", "last_sample_only")
                words = f"holds the contribution of one {kind} only ({kind} {index})"
                shown = f"it is exactly zero once {name} is zero at {kind} {index}, though the output still depends on "
                yield Model(cause, words, view.got, shown=shown + view.name)
                return


def _sequences(view: View) -> Iterator[tuple[str, int, int]]:
    """(name, position, axis): the time axis of every other argument, and its batch axis."""
    if not np.any(view.got) or view.x.ndim < 1 or not view.ask.affords(200):
        return
    for position, (name, array) in enumerate(zip(view.evidence.names, view.evidence.primals, strict=True)):
        array = np.asarray(array)
        if position != view.position and array.dtype.kind == "f" and array.ndim in (2, 3):
            whole = array.shape[0] == (view.out.shape or (0,))[0]
            for axis in (1, 0) if array.ndim == 3 else (0,) if whole else ():
                if 2 <= array.shape[axis] <= 64:
                    yield name, position, axis


def _zeroed(array: np.ndarray, axis: int, index: int) -> np.ndarray:
    copy = np.array(array)
    copy[(slice(None),) * axis + (index,)] = 0
    return copy


def _reaches(view: View, primals: tuple[np.ndarray, ...], index: int) -> bool:
    """Whether the zeroed position of axis 0 changes other positions of the output: then that axis is time."""
    change = np.abs(view.ask.forward(primals) - view.ask.forward(view.evidence.primals))
    if view.out.ndim < 2 or change.size != view.out.size:
        return False
    rows = change.reshape(len(view.out), -1).max(axis=1) > 1e-12
    return bool(rows[np.arange(len(rows)) != index].any())


def _depends(view: View, primals: tuple[np.ndarray, ...]) -> bool:
    """Whether <cotangent, forward> still depends on the argument at these primals."""
    moved = list(primals)
    direction = np.cos(np.arange(view.x.size) + 0.5).reshape(view.x.shape)
    moved[view.position] = (view.x + 1e-4 * direction).astype(view.x.dtype)
    change = view.flat_cotangent @ (view.ask.forward(tuple(moved)) - view.ask.forward(primals))
    return bool(abs(change) > 1e-4 * 1e-6 * max(view.scale, 1e-12))


def time_off_by_one(view: View) -> Iterator[Model]:
    """With an input that is zero but for the last step, no state ever enters a step: the gradient must vanish."""
    hidden = view.out.shape[-1] if view.out.ndim > 1 else 0
    if view.x.shape != (hidden, hidden) or not view.ask.affords(8 * view.x.size):
        return
    for axis in (1, 0):
        primals = tuple(_only_last(np.asarray(primal), axis) for primal in view.evidence.primals)
        answer = view.ask.subject(view.flat_cotangent, primals)
        if answer is None or answer[view.position] is None:
            continue
        got = np.asarray(answer[view.position], np.float64)
        try:
            jacobian = differentiate(view.ask.forward, primals, view.position)
        except Exception:  # the subject may refuse these inputs
            continue
        truth = float(np.max(np.abs(view.flat_cotangent @ jacobian), initial=0.0))
        if float(np.max(np.abs(got), initial=0.0)) > 1e-3 * view.scale and truth < 1e-8 * view.scale:
            words = "pairs each time step with its own new state where the state before belongs"
            shown = (
                f"with an input that is zero but at the last step it must vanish (true size {truth:.1e}) and does not"
            )
            yield Model("time_off_by_one", words, view.got, shown=shown)
            return


def _only_last(primal: np.ndarray, axis: int) -> np.ndarray:
    """A sequence without all but its last step; a vector (a bias) of zeros; anything else as it is."""
    if primal.ndim == 3:
        kept, last = np.zeros_like(primal), (slice(None),) * axis + (-1,)
        kept[last] = primal[last]
        return kept
    return np.zeros_like(primal) if primal.ndim == 1 and primal.dtype.kind == "f" else primal
