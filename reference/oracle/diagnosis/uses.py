"""Arguments that the forward uses, once or more than once: which uses the backward left out, or has otherwise."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.structure import axes_in_words
from reference.oracle.diagnosis.view import View
from reference.oracle.tracing.graph import Node
from reference.oracle.tracing.trace import trace


def matrix_not_transposed(view: View) -> Iterator[Model]:
    """The Jacobian applied where its transpose belongs: visible only where input and output have equal sizes."""
    jacobian = view.jacobian
    if view.out.shape == view.x.shape and jacobian is not None and jacobian.shape[0] == view.x.size:
        predicted = (jacobian @ view.flat_cotangent).reshape(view.x.shape)
        near = np.max(np.abs(predicted - view.got), initial=0.0) <= 1e-4 * np.max(np.abs(view.got), initial=0.0)
        if near and _without_products(view):
            words = "multiplies by its factors in the order of the forward: one stands on the wrong side of a sum"
            yield Model("sum_term_missing", words, predicted, noise=view.jacobian_noise)
        else:
            words = "multiplies by a matrix where its transpose belongs"
            yield Model("not_transposed", words, predicted, noise=view.jacobian_noise)


def _without_products(view: View) -> bool:
    """Whether the forward can be followed, and neither multiplies matrices nor moves entries to others' places."""
    graph = trace(view.evidence.subject.forward, view.evidence.primals)
    return graph is not None and not any(node.kind == "product" or _moves(node) for node in graph.reaching())


def _moves(node: Node) -> bool:
    """Whether entries go elsewhere, or get lost, or add up on the way; a maximum is taken away for safety only."""
    source = node.source
    if node.name == "cumsum":
        return True
    if source is None or node.name in ("max", "amax"):
        return False
    return source.size != node.parents[0].value.size or bool(np.any(np.diff(source.ravel()) < 0))


@dataclass(frozen=True)
class Span:
    """The matrices whose columns (or rows) are combinations of the rows of some array."""

    words: str
    basis: np.ndarray
    turned: bool

    def within(self, matrix: np.ndarray) -> np.ndarray:
        """The part of a matrix that lies in the span."""
        matrix = matrix.T if self.turned else matrix
        part = self.basis @ (self.basis.T @ matrix)
        return part.T if self.turned else part

    def holds(self, matrix: np.ndarray, noise: float) -> bool:
        """Whether all of the matrix lies in the span."""
        return bool(np.max(np.abs(matrix - self.within(matrix)), initial=0.0) <= 64 * noise)


def use_dropped(view: View) -> Iterator[Model]:
    """A matrix used twice: what came back lies in the span of one use, what is missing in that of another, and the
    true gradient, their sum, in neither."""
    if view.expected.ndim != 2 or not view.same_shape or not np.any(view.got):
        return
    spans = [span for span in _spans(view) if not span.holds(view.expected, view.noise)]
    kept = next((span for span in spans if span.holds(view.got, view.noise)), None)
    lost = next((span for span in spans if span.holds(view.error, view.noise)), None)
    if kept and lost:
        words = f"holds only the use of {view.name} that multiplies {kept.words}: assigned, not added"
        freedom = kept.basis.shape[1] * (view.got.shape[0] if kept.turned else view.got.shape[1])
        yield Model("use_dropped", words, kept.within(view.got), freedom=freedom)


def _spans(view: View) -> Iterator[Span]:
    for words, rows in _row_sources(view):
        for turned in (False, True):
            size = view.expected.shape[1 if turned else 0]
            if rows.shape[1] == size and len(rows) + 1 < size:
                yield Span(words, np.linalg.qr(rows.T)[0], turned)


def _row_sources(view: View) -> Iterator[tuple[str, np.ndarray]]:
    """Arrays whose rows a matrix may have been multiplied with."""
    named = {**view.others(), "the cotangent": view.cotangent, "the output": view.out}
    for name, array in named.items():
        if array.ndim == 2:
            yield name, array
        elif array.ndim == 3:
            for step in range(array.shape[1]):
                yield f"{name} at step {step}", array[:, step]


def argument_turned(view: View) -> Iterator[Model]:
    """The true gradient for another argument that is reversed along some axes, or transposed."""
    for position, (name, array) in enumerate(view.arrays.items()):
        if position == view.position or array.dtype.kind != "f" or not array.ndim or not view.ask.affords(200):
            continue
        for cause, words, turned in _turned(array, view.out.shape):
            primals = list(view.evidence.primals)
            primals[position] = turned
            predicted = view.ask.truth_at(view.position, tuple(primals))
            if predicted is not None:
                yield Model(cause, f"is the gradient for {name} {words}", predicted, noise=1e-9 * max(view.scale, 1.0))


def argument_left_out(view: View) -> Iterator[Model]:
    """The true gradient of the forward without another argument: zeros, or ones, in its place."""
    for position, (name, array) in enumerate(view.arrays.items()):
        if position == view.position or array.dtype.kind not in "fb" or not array.ndim or not view.ask.affords(200):
            continue
        for cause, number in (("sum_term_missing", 0), ("argument_factor_missing", 1)):
            primals = list(view.evidence.primals)
            primals[position] = np.full_like(array, number)
            predicted = view.ask.truth_at(view.position, tuple(primals))
            if predicted is not None:
                words = f"is the gradient of a forward with {number} in the place of {name}: it does not depend on it"
                cause = "mask_missing" if array.dtype.kind == "b" else cause
                yield Model(cause, words, predicted, noise=1e-9 * max(view.scale, 1.0))


def _turned(array: np.ndarray, shape: tuple[int, ...]) -> Iterator[tuple[str, str, np.ndarray]]:
    """The array turned in every way; one number a channel of an output of this shape is no window."""
    long = [axis for axis, size in enumerate(array.shape) if size > 1]
    for count in (1, 2):
        for axes in combinations(long, count):
            cause = "wrong_operand" if array.shape == shape[-1:] else "flipped"
            yield cause, f"reversed along {axes_in_words(axes)}", np.flip(array, axes)
    for a, b in combinations(long, 2):
        if array.shape[a] == array.shape[b]:
            yield "not_transposed", f"with axes {a} and {b} exchanged", np.swapaxes(array, a, b)


def scattered_elsewhere(view: View) -> Iterator[Model]:
    """The right total, in the wrong rows."""
    indexed = any(array.dtype.kind in "iu" and array.ndim for array in view.arrays.values())
    if not indexed or not view.same_shape or view.expected.ndim < 2:
        return
    total = view.expected.sum(axis=0)
    if np.max(np.abs(total)) > 1e-3 * view.scale and int(view.wrong.sum()) >= 2:
        words = "has the right sum over its rows, in the wrong rows: it is scattered with another index"
        yield Model("row_permuted", words, total, observed=view.got.sum(axis=0))


def averaged_repeats(view: View) -> Iterator[Model]:
    """Rows that an index meets several times, divided by how often: a mean where a sum belongs."""
    for name, index in view.arrays.items():
        if index.dtype.kind not in "iu" or not index.size or not view.same_shape or not view.expected.ndim:
            continue
        for axis, size in enumerate(view.expected.shape):
            if index.min() >= -size and index.max() < size:
                counts = np.bincount(index.ravel() % size, minlength=size)
                share = np.maximum(counts, 1).reshape(
                    tuple(size if a == axis else 1 for a in range(view.expected.ndim))
                )
                words = f"is a mean, not a sum, where {name} repeats"
                yield Model("mean_instead_of_sum", words, view.expected / share)
