"""From an input that fails to a small one: every dimension made smaller as long as it still fails."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from reference.oracle.report import Report
from reference.oracle.sweep.cases import Case
from reference.oracle.sweep.report import Visit

Judged = tuple[Visit, Report]
# So many smaller inputs are tried.
TRIED = 60


def shrunk(case: Case, found: Judged, visit: Callable[[Case], Judged | None]) -> tuple[Case, Judged]:
    """The smallest failing case, with its visit and report; the case itself where no smaller one fails."""
    left = TRIED
    moved = True
    while moved:
        moved = False
        for name in sorted(case.sizes, key=lambda name: -case.sizes[name]):
            for size in _smaller(case.sizes[name]):
                if not left:
                    return case, found
                left -= 1
                other = replace(case, sizes={**case.sizes, name: size})
                if (again := visit(other)) and again[0].seen == "WRONG":
                    case, found, moved = other, again, True
                    break
    return case, found


def _smaller(size: int) -> Iterator[int]:
    """1, 2, 3, then halves: 9, 17, 33, 65 of 129; and the next smaller one."""
    halves = [half for half in (size // 16, size // 8, size // 4, size // 2) if half > 3]
    yield from dict.fromkeys(other for other in (1, 2, 3, *halves, size - 1) if 0 < other < size)
