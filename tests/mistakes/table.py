"""The table that the runs make: caught, named right, wrongly accused; and whether what was promised holds."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from .case import Kind, Mistake
from .judges import Run, is_named, is_named_at_all

WRONG: tuple[Kind, ...] = ("wrong backward", "wrong forward", "impure")
PROMISED_BACKWARDS, PROMISED_NAMED = 130, 0.9
# The first cause, where the oracle withholds its verdict because equal calls differ.
CALLS_DIFFER = (("not_deterministic",), ("accumulates",), ("stale_state",))


@dataclass(frozen=True)
class Results:
    """Cases of one set, and all their runs."""

    which: str
    cases: tuple[Mistake, ...]
    runs: tuple[Run, ...]

    def of(self, judge: str, kind: Kind | None = None, family: str | None = None) -> list[tuple[Mistake, list[Run]]]:
        """Each case with its runs by a judge, where it has any."""
        by_case: dict[str, list[Run]] = {}
        for run in self.runs:
            if run.judge == judge:
                by_case.setdefault(run.case, []).append(run)
        return [
            (case, by_case[case.id])
            for case in self.cases
            if case.id in by_case and kind in (None, case.kind) and family in (None, case.family)
        ]

    def judges(self) -> list[str]:
        return list(dict.fromkeys(run.judge for run in self.runs))

    def families(self) -> list[str]:
        return list(dict.fromkeys(case.family for case in self.cases))


def is_caught(case: Mistake, run: Run) -> bool:
    """Rejected; or, where equal calls of impure code differ, the verdict withheld for exactly that reason."""
    withheld = case.kind == "impure" and run.outcome == "cannot tell" and run.causes[:1] in CALLS_DIFFER
    return run.outcome == "fail" or withheld


def is_judged_right(case: Mistake, run: Run) -> bool:
    """Caught if it is wrong, acquitted if it is not."""
    return run.outcome == "pass" if case.kind == "control" else is_caught(case, run)


def caught(pairs: Iterable[tuple[Mistake, list[Run]]]) -> tuple[int, int]:
    """How many cases are caught in every run, and how many there are."""
    outcomes = [all(is_caught(case, run) for run in runs) for case, runs in pairs]
    return sum(outcomes), len(outcomes)


def accused(pairs: Iterable[tuple[Mistake, list[Run]]]) -> tuple[int, int]:
    """How many cases fail (or make the judge raise) in some run, and how many there are."""
    outcomes = [any(run.outcome in ("fail", "raised") for run in runs) for _, runs in pairs]
    return sum(outcomes), len(outcomes)


def undecided(pairs: Iterable[tuple[Mistake, list[Run]]]) -> int:
    return sum(any(run.outcome == "cannot tell" for run in runs) for _, runs in pairs)


def named(results: Results, right: Callable[[Mistake, Run], bool], **which: str | None) -> tuple[int, int]:
    """In how many runs of wrong cases the cause is named right, and how many such runs there are."""
    size = which.pop("size", None)
    marks = [
        right(case, run)
        for kind in WRONG
        for case, runs in results.of("oracle", kind, which.get("family"))
        for run in runs
        if size in (None, run.size)
    ]
    return sum(marks), len(marks)


def promises(results: Results) -> list[tuple[str, bool]]:
    """Each promise in words with the figures, and whether it holds."""
    backwards, forwards, impure, controls = (
        results.of("oracle", kind) for kind in ("wrong backward", "wrong forward", "impure", "control")
    )
    found, said = named(results, is_named)
    share = found / max(said, 1)
    lines = [
        (f"wrong backwards caught: {_of(caught(backwards))}", _all(caught(backwards))),
        (f"wrong forwards caught when the op is named: {_of(caught(forwards))}", _all(caught(forwards))),
        (f"impure code caught: {_of(caught(impure))}", _all(caught(impure))),
        (f"correct code accused: {_of(accused(controls))}", accused(controls)[0] == 0),
        (f"cause named right in first place: {_of((found, said))} runs, {share:.1%}", share >= PROMISED_NAMED),
    ]
    if results.which == "development":
        lines.insert(0, (f"wrong backwards in the set: {len(backwards)}", len(backwards) >= PROMISED_BACKWARDS))
    return lines


def _of(counts: tuple[int, int]) -> str:
    return f"{counts[0]} of {counts[1]}"


def _all(counts: tuple[int, int]) -> bool:
    return counts[0] == counts[1]


def misses(results: Results) -> list[str]:
    """Every run of the oracle that is not what it should be, one line each: verdicts first, then causes."""
    verdicts, causes = [], []
    for case, runs in results.of("oracle"):
        for run in runs:
            where = f"{case.id} ({case.kind}, {run.manner}, {run.size}, seed {run.seed})"
            should = "pass" if case.kind == "control" else "fail"
            if not is_judged_right(case, run):
                verdicts.append(f"{where}: {run.outcome} instead of {should}. {run.said}")
            elif case.kind != "control" and not is_named(case, run):
                causes.append(f"{where}: {run.causes[:1]} instead of {case.cause}")
    return verdicts + causes


def table(results: Results) -> tuple[list[str], list[list[str]]]:
    """The checkers one below the other: what each catches of each kind, and what correct code it accuses."""
    head = ["checker", "sizes", *(f"{kind} caught" for kind in WRONG), "correct code accused"]
    rows = []
    for judge in results.judges():
        for size in ("small", "realistic"):
            part = Results(results.which, results.cases, tuple(r for r in results.runs if r.size == size))
            if part.of(judge):
                counts = [_of(caught(part.of(judge, kind))) for kind in WRONG]
                rows.append([judge, size, *counts, _of(accused(part.of(judge, "control")))])
    return head, rows


def family_table(results: Results) -> tuple[list[str], list[list[str]]]:
    """The oracle, family by family."""
    head = ["family", *(f"{kind} caught" for kind in WRONG), "named right first", "named right at all"]
    head += ["correct code accused", "cannot tell"]
    rows = []
    for family in results.families():
        counts = [_of(caught(results.of("oracle", kind, family))) for kind in WRONG]
        names = [_of(named(results, right, family=family)) for right in (is_named, is_named_at_all)]
        controls = results.of("oracle", "control", family)
        rows.append(
            [family, *counts, *names, _of(accused(controls)), str(undecided(results.of("oracle", None, family)))]
        )
    return head, rows


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
