"""The order of judgment: the text, the numbers in every dtype and regime, then what the numbers cannot show."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from reference.oracle.judging import asked, source
from reference.oracle.judging.breaches import BREACHES, UNKNOWN, Breach, Ended
from reference.oracle.judging.child import Child
from reference.oracle.judging.inputs import Answered, answered, drawn, maker, must_exist, of_sizes, wanted
from reference.oracle.judging.proxy import Raised, subject_of
from reference.oracle.judging.task import BadTask, Task
from reference.oracle.report import Verdict
from reference.oracle.subjects import trees
from reference.oracle.subjects.subject import Subject
from reference.oracle.sweep.report import SweepReport, Visit
from reference.oracle.sweep.sweeping import sweep

# So many questions are put to a process that was asked much, and to a new one.
ASKED = 6
NO_SIZES: Mapping[str, int] = {}


@dataclass(frozen=True)
class InDtype:
    """The judgment in one dtype."""

    dtype: str
    verdict: Verdict
    cause: str | None
    message: str
    regime: str | None = None
    swept: SweepReport | None = None


@dataclass
class Judged:
    """All that is known of a submission."""

    task: Task
    submission: Path
    seed: int
    in_dtypes: list[InDtype] = field(default_factory=list)
    breaches: list[Breach] = field(default_factory=list)
    times: asked.Times | None = None
    seconds: float = 0.0
    calls: int = 0

    @property
    def verdict(self) -> Verdict:
        """Fail for any breach and any wrong number; pass where every dtype passes, and all was asked."""
        verdicts = [one.verdict for one in self.in_dtypes]
        if "fail" in verdicts or any(breach.name not in UNKNOWN for breach in self.breaches):
            return "fail"
        passed = len(verdicts) == len(self.task.dtypes) and set(verdicts) == {"pass"}
        return "pass" if passed and not self.breaches else "cannot tell"

    @property
    def foremost(self) -> Breach | InDtype | None:
        """What says most of why it does not pass."""
        order = list(BREACHES)
        wrong = next((one for one in self.in_dtypes if one.verdict == self.verdict != "pass"), None)
        said = [breach for breach in self.breaches if breach.name not in UNKNOWN or wrong is None]
        return min(said, key=lambda breach: order.index(breach.name)) if said else wrong


def judge(task: Task, submission: Path, seed: int) -> Judged:
    """Judge a submission; whatever it does stands in what comes back.

    Raises:
        BadTask: the task has no inputs, or a reference that cannot be asked.
        ValueError: there is no such file.
    """
    judged = Judged(task, submission, seed)
    for dtype in task.dtypes:
        must_exist(dtype)
    judged.breaches += source.breaches(source.readable(submission), task.forbid, task.by_hand)
    with _running(judged) as child:
        subject = subject_of(child, child.load())
        for dtype in task.dtypes:
            judged.in_dtypes.append(_in_dtype(task, subject, dtype, seed))
        _besides(judged, child, subject)
    judged.breaches = list(dict.fromkeys(_once(judged.breaches)))
    return judged


@contextmanager
def _running(judged: Judged) -> Iterator[Child]:
    """A process with the submission; its end is a breach, and what it did until then is kept."""
    child = Child(judged.task, judged.submission)
    try:
        yield child
    except Ended as ended:
        judged.breaches.append(ended.breach)
    finally:
        child.stop()
        judged.breaches += [breach for breach in child.breaches if breach.name in BREACHES]
        judged.seconds += child.spent
        judged.calls += child.asked


def _once(breaches: list[Breach]) -> Iterator[Breach]:
    """Each thing that was said, once: a text names a function in several nodes of one line."""
    said = set()
    for breach in breaches:
        if (breach.name, breach.line or breach.said) not in said:
            said.add((breach.name, breach.line or breach.said))
            yield breach


def _in_dtype(task: Task, subject: Subject, dtype: str, seed: int) -> InDtype:
    if wrong := _another_form(task, subject, dtype, seed):
        return InDtype(dtype, "fail", "wrong_shape", wrong, "ordinary")
    named: dict[str, Any] = {"op": task.op, "statics": task.statics} if task.op else {}
    extent = {"largest": task.largest, "checks": task.checks, "without": task.without}
    held = {"reference": task.op or task.reference, "dtype": dtype, "strict": task.strict, "seed": seed}
    try:
        swept = sweep(subject, of_sizes(maker(task, subject.names)), **named, **extent, **held)
    except (ValueError, TypeError) as error:
        raise BadTask(f"the task must make an input that its reference takes; got {error}") from error
    return _told(task, dtype, swept)


def _another_form(task: Task, subject: Subject, dtype: str, seed: int) -> str:
    """In words, where the output has not the numbers that the reference's has; other than of a loss over the batch."""
    primals = drawn(maker(task, subject.names), {}, dtype, seed)
    expected = wanted(task, primals)
    if expected is None:
        return ""
    try:
        out = subject.forward(*primals)
        got = trees.vector(out).size
    except Exception:  # which the oracle names
        return ""
    if got > expected or (0 < got < expected and got > 1 and len(trees.leaves(out)) == 1):
        return f"the output has {got} numbers where {task.op} has {expected}"
    return ""


def _told(task: Task, dtype: str, swept: SweepReport) -> InDtype:
    first = swept.visited[0]
    tell = partial(InDtype, dtype, swept=swept)
    cause = next((one for one in swept.report.findings if one.blame != "check"), None)
    if swept.smallest is not None:
        name, said = (cause.cause, cause.message) if cause else ("unexplained", swept.smallest.said)
        said += f" (line {cause.line})" if cause and name == "raises" and cause.line else ""
        return tell("fail", name, said, swept.smallest.regime)
    if first.seen == "raises":
        return tell("fail", "raises", first.said, first.regime)
    if refused := next((visit for visit in swept.visited if _refuses(visit)), None):
        return tell("fail", "refuses_sizes", refused.said, refused.regime)
    if swept.verdict == "cannot tell":
        return tell("cannot tell", cause.cause if cause else None, first.said, first.regime)
    return tell("pass", None, "")


def _refuses(visit: Visit) -> bool:
    """Whether an input is refused; other numbers of axes than the op's own may be."""
    return visit.seen == "raises" and " axes" not in visit.regime


def _besides(judged: Judged, child: Child, subject: Subject) -> None:
    """What the numbers do not show, and how long it takes."""
    task, dtype = judged.task, judged.task.dtypes[0]
    made = maker(task, subject.names)

    def draw(number: int, sizes: Mapping[str, int] = NO_SIZES) -> tuple[Any, ...]:
        return drawn(made, sizes, dtype, judged.seed + 7919 * (number + 1))

    if task.by_hand:
        said = child.ask(ask="by_hand", arrays=list(draw(0))).get("sentences", ())
        judged.breaches += [Breach("not_by_hand", str(sentence)) for sentence in said]
    try:
        answers = [answered(subject, draw(number), judged.seed + number) for number in range(ASKED)]
        judged.breaches += _remembered(judged, answers, draw)
        if judged.verdict == "fail":
            formed = any(one.cause != "wrong_shape" for one in judged.in_dtypes)
            judged.breaches += asked.disguised(*answers[:2]) if formed else []
        else:
            judged.times = asked.timed(child, subject, lambda number: draw(ASKED + number, task.timed))
    except Raised:  # which is said already
        return


def _remembered(judged: Judged, answers: Sequence[Answered], draw: Callable[[int], tuple[Any, ...]]) -> list[Breach]:
    """Whether a new process, asked in the other order, answers the same."""
    found = None
    with _running(judged) as other:
        subject = subject_of(other, other.load())
        fresh = [answered(subject, draw(number), judged.seed + number) for number in reversed(range(ASKED))]
        found = asked.remembers(answers, fresh[::-1])
    return [found] if found else []
