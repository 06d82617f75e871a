"""Forward values that are not the named op's: the conventions searched before anybody is blamed."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any

import numpy as np

from reference.oracle.causes import REPAIRS, current
from reference.oracle.evidence.evidence import Evidence
from reference.oracle.opspec import Guess
from reference.oracle.recognition.recognize import candidates, triple
from reference.oracle.recognition.statics import default_statics, differs
from reference.oracle.report import Blame, Finding
from reference.oracle.specs import SPECS
from reference.oracle.subjects.trees import leaves


@dataclass(frozen=True)
class Forward:
    """The output beside that of the named op."""

    op: str
    statics: dict[str, Any]
    primals: tuple[np.ndarray, ...]
    out: np.ndarray
    expected: np.ndarray


def explain_forward(evidence: Evidence, forward_expected: Any) -> list[Finding]:
    """At most three conventions under which the forward is the named op after all; none where none fits."""
    if evidence.op is None:
        return []
    outs = [np.asarray(leaf, np.float64) for leaf in leaves(evidence.out)]
    primals = tuple(np.asarray(primal) for primal in evidence.primals)
    expected = np.asarray(leaves(forward_expected)[0], np.float64)
    forward = Forward(evidence.op, dict(evidence.statics), primals, outs[0], expected)
    if forward.out.shape == expected.shape and np.isfinite(expected).all() and not np.isfinite(forward.out).all():
        return [_not_finite(forward)]
    found: dict[str, Finding] = {}
    with np.errstate(all="ignore"):
        for search in SEARCHES:
            for cause, words, value in search(forward):
                if cause not in found and _same(value, forward.out):
                    found[cause] = _finding(forward, cause, words)
    return list(found.values())[:3]


def _same(value: Any, out: np.ndarray) -> bool:
    if value is None or np.shape(value) != out.shape or not out.size:
        return False
    value = np.asarray(value, np.float64)
    close = np.abs(value - out) <= 1e-9 * max(float(np.max(np.abs(out))), 1e-300)
    return bool(np.isfinite(value).all() and close.all())


def _finding(forward: Forward, cause: str, words: str) -> Finding:
    blame: Blame = "forward" if cause == "forward" else "convention"
    gap = "another shape"
    index = got = wanted = None
    if forward.out.shape == forward.expected.shape and forward.out.size:
        error = np.abs(forward.out - forward.expected)
        index = tuple(int(i) for i in np.unravel_index(np.argmax(error), error.shape))
        got, wanted, gap = float(forward.out[index]), float(forward.expected[index]), f"{error[index]:.2g}"
    evidence = f"with it every output value agrees to 9 digits; without it the largest difference is {gap}"
    message = f"the forward {words}; {forward.op} does not"
    name = current(cause)
    return Finding(name, None, message, evidence, REPAIRS[name], index, got, wanted, blame)


def _not_finite(forward: Forward) -> Finding:
    index = tuple(int(i) for i in np.argwhere(~np.isfinite(forward.out))[0])
    count = int((~np.isfinite(forward.out)).sum())
    words = f"the forward has {count} values that are not finite, where {forward.op} is"
    got, wanted = float(forward.out[index]), float(forward.expected[index])
    return Finding("not_finite", None, words, f"at {index}", REPAIRS["not_finite"], index, got, wanted, "forward")


def _reference(op: str, primals: tuple[np.ndarray, ...], statics: Mapping[str, Any]) -> np.ndarray | None:
    try:
        return np.asarray(leaves(triple(op)[0](*primals, **statics)[0])[0], np.float64)
    except Exception:  # the reference refuses what does not fit
        return None


def _factors(forward: Forward) -> Iterator[Guess]:
    """Sum, mean or half: a constant factor that a count on this input equals."""
    expected, shape = forward.expected, forward.primals[0].shape
    counts = {"2": 2, "the batch size": shape[0] if shape else 1, "the entries of an example": prod(shape[1:])}
    counts |= {"the number of entries": prod(shape)}
    window = forward.statics.get("window")
    if window is not None:
        rank = forward.primals[0].ndim - 2
        counts["the window"] = int(prod(window) if isinstance(window, tuple | list) else window**rank)
    for name, count in counts.items():
        for half in (1, 2):
            note = "" if half == 1 else " and by 2"
            yield "convention_reduction", f"is multiplied by {name}{note}", expected * count * half
            yield "convention_reduction", f"is divided by {name}{note}", expected / count / half
            yield "convention_reduction", f"is multiplied by {name} and halved", expected * count / 2


def _reductions(forward: Forward) -> Iterator[Guess]:
    """One number where the op gives one an example, or one an entry."""
    expected, out = forward.expected, forward.out
    for word, reduce in (("sums", np.sum), ("averages", np.mean)):
        for factor, note in ((1.0, ""), (0.5, " and halves"), (2.0, " and doubles")):
            value = np.asarray(reduce(expected)).reshape(out.shape) if out.size == 1 else None
            words = f"{word} the examples{note}"
            yield "convention_reduction", words, None if value is None else factor * value
            entries = prod(forward.primals[0].shape[1:])
            if value is not None:
                yield "convention_reduction", f"{words}, and sums their entries", factor * entries * value
                yield "convention_reduction", f"{words}, and averages their entries", factor / entries * value
    if out.ndim > expected.ndim and out.shape[: expected.ndim] == expected.shape:
        axes = tuple(range(expected.ndim, out.ndim))
        for reduce in (np.sum, np.mean):
            if _same(reduce(out, axis=axes), expected):
                yield "convention_reduction", "gives one value an entry, without the reduction", out


def _other_statics(forward: Forward) -> Iterator[Guess]:
    """The op at other statics: those left at their default, and all that the shapes allow."""
    for name, value in default_statics(forward.op).items():
        if name in forward.statics and differs(forward.statics[name], value):
            changed = {**forward.statics, name: value}
            words = f"ignores {name}={forward.statics[name]!r}"
            yield _CAUSE_OF.get(name, "convention_static"), words, _reference(forward.op, forward.primals, changed)
    for name, values in _OTHERS.items():
        if name in default_statics(forward.op):
            for value in values:
                changed = {**forward.statics, name: value}
                words = f"has {name}={value!r}"
                yield _CAUSE_OF.get(name, "convention_static"), words, _reference(forward.op, forward.primals, changed)
    for statics in candidates(forward.op, forward.primals, forward.out):
        cause = "convention_axis" if set(statics) == {"axis"} else "convention_static"
        words = "has " + ", ".join(f"{name}={value!r}" for name, value in statics.items())
        yield cause, words, _reference(forward.op, forward.primals, dict(statics))


_CAUSE_OF = {
    "axis": "convention_axis",
    "ceil_mode": "convention_padding",
    "approximate": "convention_approximation",
    "count_include_pad": "convention_padding",
    "epsilon": "convention_epsilon",
    "layout": "convention_layout",
}

_OTHERS: dict[str, tuple[Any, ...]] = {
    "axis": (0, 1, 2, -1),
    "approximate": (True, False),
    "count_include_pad": (True, False),
    "epsilon": (1e-8, 1e-7, 1e-6, 1e-3, 1e-10, 1e-12),
    "layout": ("channels_first", "channels_last"),
    "strides": (1, 2, 3),
    "dilation": (1, 2),
    "padding": ("VALID", "SAME", "SAME_LOWER", 1, 2),
    "ceil_mode": (True, False),
}


def _particular(forward: Forward) -> Iterator[Guess]:
    """What others define by the op's name."""
    yield from SPECS[forward.op].conventions(partial(_reference, forward.op), forward.primals, forward.statics)


def _ties(forward: Forward) -> Iterator[Guess]:
    """Equal but at single points, where the op bends or jumps."""
    for kink in SPECS[forward.op].kinks if forward.out.shape == forward.primals[0].shape else ():
        elsewhere = np.where(forward.primals[0] == kink, forward.out, forward.expected)
        yield "convention_tie", f"follows another rule at {kink:g}", elsewhere


def _other_ops(forward: Forward) -> Iterator[Guess]:
    """Another op altogether."""
    for op in SPECS:
        for statics in candidates(op, forward.primals, forward.out) if op != forward.op else ():
            value = _reference(op, forward.primals, dict(statics))
            yield "forward", f"computes {op}", value
            yield "forward", f"computes {op} with the opposite sign", None if value is None else -value


SEARCHES: tuple[Callable[[Forward], Iterator[Guess]], ...] = (
    _ties,
    _particular,
    _factors,
    _reductions,
    _other_statics,
    _other_ops,
)
