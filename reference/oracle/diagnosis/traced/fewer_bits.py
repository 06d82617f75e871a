"""Operands of products that were saved with fewer bits than the forward computed them with."""

from collections.abc import Callable, Iterator

import numpy as np

from reference.oracle.diagnosis.evidence import Evidence
from reference.oracle.diagnosis.rounding import near
from reference.oracle.diagnosis.traced.sites import Sites, Slip, replaced, where_in_words


def fewer_bits(sites: Sites, evidence: Evidence) -> Iterator[Slip]:
    """Every product with one operand rounded, where some wrong gradient is near the true one."""
    if not any(map(_may_be_rounded, evidence.got, evidence.expected, evidence.wrong)):
        return
    for group in sites.groups:
        for position in group[0].positions if group[0].operands else ():
            others = [other for other in range(len(group[0].operands)) if other != position]
            for other in others if all(node.slot(position) is not None for node in group) else ():
                for words, rounded in ROUNDED.items():
                    detours = {n: replaced(n, position, other, rounded(n.operands[other])) for n in group}
                    words = f"has an operand rounded to {words} in {where_in_words(group[0])}"
                    yield Slip("downcast", words, detours)


def _may_be_rounded(got: np.ndarray | None, expected: np.ndarray | None, wrong: bool) -> bool:
    return wrong and got is not None and expected is not None and near(np.asarray(got, np.float64), expected)


def _bfloat16(a: np.ndarray) -> np.ndarray:
    """The nearest number with 8 bits."""
    bits = a.astype(np.float32).view(np.uint32).astype(np.uint64)
    bits = bits + 0x7FFF + ((bits >> np.uint64(16)) & np.uint64(1))
    return (bits & np.uint64(0xFFFF0000)).astype(np.uint32).view(np.float32).astype(np.float64)


def _by_the_largest(levels: int) -> Callable[[np.ndarray], np.ndarray]:
    def rounded(a: np.ndarray) -> np.ndarray:
        scale = np.max(np.abs(a)) / levels
        return np.round(a / scale) * scale

    return rounded


ROUNDED: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "half precision": lambda a: a.astype(np.float16).astype(np.float64),
    "bfloat16": _bfloat16,
    "whole numbers": np.round,
    "one decimal": lambda a: np.round(a, 1),
    "two decimals": lambda a: np.round(a, 2),
    "three decimals": lambda a: np.round(a, 3),
    **{f"{bits} bits": _by_the_largest(2 ** (bits - 1) - 1) for bits in (4, 5, 6, 7, 8)},
}
