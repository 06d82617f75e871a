"""From an input that fails to a small one: every dimension made smaller as long as it still fails."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice, takewhile

from reference.oracle.report import Report
from reference.oracle.sweep.cases import Case
from reference.oracle.sweep.report import Visit

Judged = tuple[Visit, Report]
# So many smaller inputs are tried.
TRIED = 60


def shrunk(
    case: Case, found: Judged, visit: Callable[..., Judged | None], affords: Callable[[], bool]
) -> Judged | None:
    """The visit of the smallest input that fails, and the report of the smallest that says why.

    It is searched for as long as that can be afforded.

    None where the reasons are no mistakes: an epsilon on one side, and what else is a matter of strictness.
    """
    failing = [(case, found)]
    for smaller in takewhile(lambda _: affords(), islice(_offers(failing), TRIED)):
        if (again := visit(smaller, why=False)) and again[0].seen == "WRONG":
            failing += [(smaller, again)]  # which the next offer is made from
    smallest: Judged | None = None
    for other in dict.fromkeys([len(failing) - 1, len(failing) // 2, 0]):
        if (again := visit(failing[other][0])) and again[0].seen == "WRONG":
            smallest = smallest or again
            if _says_why(again[1]):
                return smallest[0], again[1]
    return smallest


def _offers(failing: list[tuple[Case, Judged]]) -> Iterator[Case]:
    """The smallest failing case with one dimension smaller, as long as there is one that fails: the largest first."""
    tried: set[tuple[int, ...]] = set()
    while True:
        case = failing[-1][0]
        offers = (
            replace(case, sizes={**case.sizes, name: size})
            for name in sorted(case.sizes, key=lambda name: -case.sizes[name])
            for size in _smaller(case.sizes[name])
        )
        offer = next((offer for offer in offers if tuple(offer.sizes.values()) not in tried), None)
        if offer is None:
            return
        tried.add(tuple(offer.sizes.values()))
        yield offer


def _says_why(report: Report) -> bool:
    """Whether some known mistake explains it."""
    return any(found.cause != "unexplained" for found in report.findings)


def _smaller(size: int) -> Iterator[int]:
    """1, 2, 3, then halves: 9, 17, 33, 65 of 129; and the next smaller one."""
    halves = [half for half in (size // 16, size // 8, size // 4, size // 2) if half > 3]
    yield from dict.fromkeys(other for other in (1, 2, 3, *halves, size - 1) if 0 < other < size)
