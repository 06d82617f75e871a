"""The order of judgment: form and state first, then values, then derivatives, and only then the cause."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from reference.oracle import explain
from reference.oracle.accuracy import judge as accuracy
from reference.oracle.accuracy.asked import Asked, asked, in_tf32, op_of, resolved
from reference.oracle.accuracy.reference import OfOp, Reference
from reference.oracle.explain import evidence_of
from reference.oracle.questions import forward, linearity, purity
from reference.oracle.questions.base import Base, behind_a_forward, with_ones
from reference.oracle.questions.forward import Agreement
from reference.oracle.questions.gradient import judge_gradient, nothing_known
from reference.oracle.questions.judged import Judged
from reference.oracle.questions.narrowed import begun
from reference.oracle.questions.power import power
from reference.oracle.questions.strictness import measured, of_argument, weighed
from reference.oracle.recognition.acquittals import acquit
from reference.oracle.recognition.conventions import explain_forward
from reference.oracle.rendering.numbers import apart
from reference.oracle.report import Accuracy, Finding, Report, Verdict
from reference.oracle.subjects import trees
from reference.oracle.subjects.arguments import trial_of
from reference.oracle.subjects.subject import Subject
from reference.oracle.subjects.vjp import Fault, Trial, finding, generators_restored, quiet

# Of a forward: it has no one output of which there could be a gradient.
UNSTEADY = ("not_deterministic", "stale_state")
MOST_FINDINGS = 3


@dataclass
class Judgment:
    """What has been found so far."""

    findings: list[Finding] = field(default_factory=list)
    acquittals: list[str] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)
    agreement: Agreement | None = None
    # Of a forward that computes in float32 whatever comes; said after what was done in place.
    narrowed: list[Finding] = field(default_factory=list)
    # What it is held against in float64, where that was asked; and how accurate it is.
    asked: Asked | None = None
    accuracy: list[Accuracy] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def check(
    subject: Subject,
    *primals: Any,
    names: Sequence[str] | None = None,
    op: str | None = None,
    statics: Mapping[str, Any] | None = None,
    seed: int = 0,
    mode: str = "auto",
    strict: bool = False,
    reference: Any = None,
    dtype: Any = None,
    device: Any = None,
) -> Report:
    """Judge a hand-written backward at these primals: whether it is right, and where it is wrong, why.

    Args:
        subject: what one of the `oracle.from_...` functions returned.
        primals: the arguments, arrays; a layer's parameters are added by themselves.
        names: names of the arguments; by default those of the forward's signature.
        op: an op whose values the forward should have; None judges the backward against the subject's own forward.
        statics: keyword arguments of that op.
        seed: of the random cotangent and directions.
        mode: "full" measures every entry, "directional" random directions, "auto" the first where it is cheap.
        strict: fail also what leaves the gradient right: writing into the cotangent, float32 inside a float64 run, a
            small epsilon on one side. Without it such code passes, with the status "right, but ...".
        reference: an op's name (with its statics), a function of arrays or tensors, or a subject. The primals are
            rounded to `dtype`, and the subject's answers are held against the reference's in float64 at these values:
            they pass where they are about as accurate as a plain computation in that dtype.
        dtype: "float32", "tf32" (float32 whose products may be rounded), "bfloat16" or "float16"; by default that of
            the primals. Without a reference it is the op that is recognized, or the forward itself in float64.
        device: where a subject in PyTorch or JAX runs, such as "cuda"; by default where it runs anyway.

    Returns:
        A Report; whatever the subject does is a finding in it.

    Raises:
        ValueError, TypeError: the call itself makes no sense (an unknown op, names that do not fit, a list as primal,
            a device that is not there, a reference that takes no float64).
    """
    op = op_of(reference, op)
    known = forward.validated(op, statics)
    with generators_restored(), quiet(None):
        trial = trial_of(subject, primals, names, seed, mode)
        trial, held_against = asked(trial, reference, op, known, dtype, device)
        judgment = Judgment(asked=held_against)
        base = None
        try:
            judgment.findings += forward.beyond_numbers(trial, op, known)
            base = _begin(trial, judgment)
            _judge(trial, base, judgment, op, known, mode, strict)
        except Fault as fault:
            judgment.findings.append(fault.finding)
        judgment.findings = weighed(judgment.findings, judgment.judged, strict)  # what is wrong before what is strict
        return _report(trial, base, judgment, op, known, strict)


def _begin(trial: Trial, judgment: Judgment) -> Base:
    """The first calls; a loss layer that by design ignores its upstream is judged with an upstream of one."""
    base, judgment.narrowed = begun(trial)
    deaf = trial.subject.upstream == "last" and base.flat.size == 1 and linearity.ignores(trial, base)
    if not deaf:
        return base
    judgment.acquittals.append(
        "The backward does not use its cotangent, which is 1 by default: right as the last layer, and only there."
    )
    trial.subject = replace(trial.subject, upstream="one")
    return with_ones(trial, base)


def _judge(
    trial: Trial, base: Base, judgment: Judgment, op: str | None, statics: dict[str, Any], mode: str, strict: bool
) -> None:
    if random := purity.random_forward(trial, base):
        judgment.findings.append(random)
        judgment.judged = nothing_known(trial, base)
        return
    judgment.acquittals += purity.held_fixed(trial, base)
    impure = purity.judge(trial, base)
    if any(found.key == "changed_in_place (saved)" for found in impure):
        base = behind_a_forward(trial, base)
    coarse = judgment.asked.epsilon if judgment.asked else 0.0
    bent = linearity.judge(trial, base, coarse) if trial.subject.upstream != "one" else []
    begin = len(judgment.findings)
    judgment.findings += judgment.narrowed
    asked = all(purity.harmless(found) or purity.overwrites(found) for found in impure)
    held = judgment.asked or in_tf32(trial, base, op, statics)
    if held and (against := resolved(held, trial, base)):
        causes = _in_low_precision(trial, base, judgment, held, against, (mode, strict, bent))
    else:
        judgment.agreement = _forward(trial, base, judgment, op, statics)
        judgment.judged = judge_gradient(trial, base, judgment.agreement, mode)
        causes = explain.causes(trial, base, judgment.judged, judgment.agreement, bent) if asked else []
    formal = [found for judged in judgment.judged for found in judged.findings]
    judgment.findings += measured(causes, judgment.judged)
    # What is wrong with a gradient says more than that an array was overwritten on the way to it.
    known = any(found.cause not in ("unexplained", "not_linear") for found in causes)
    begin = len(judgment.findings) if known else begin
    judgment.findings[begin:begin] = impure
    # A known mistake says more than that the backward is not linear, which is said where nothing more is known.
    judgment.findings += [*bent, *formal]


def _in_low_precision(
    trial: Trial,
    base: Base,
    judgment: Judgment,
    asked: Asked,
    reference: Reference,
    how: tuple[str, bool, list[Finding]],
) -> list[Finding]:
    """The causes of what is wrong, or inaccurate, where the answers are held against a reference in float64."""
    mode, strict, bent = how
    outcome = accuracy.judge(trial, base, reference, asked, mode, strict)
    judgment.judged, judgment.accuracy, judgment.notes = outcome.judged, outcome.accuracy, outcome.notes
    if isinstance(reference, OfOp):
        judgment.agreement = Agreement(reference.name, reference.statics, reference.factor)
    told = {found.argument for found in bent}
    return [found for found in outcome.findings if found.cause != "unexplained" or found.argument not in told]


def _forward(trial: Trial, base: Base, judgment: Judgment, op: str | None, statics: dict[str, Any]) -> Agreement | None:
    """The op that the forward computes: the named one, or one recognized by its values."""
    if op is None:
        return forward.recognized(trial, base)
    try:
        agreement, primals, expected = forward.agrees(trial, base, op, statics)
    except (TypeError, ValueError) as refusal:
        raise ValueError(f"oracle.check: the primals must be what {op} takes; got {refusal}") from refusal
    if agreement is None:
        judgment.findings += _other_forward(trial, base, op, statics, primals, expected)
    elif forward.one_an_example(trial, base, agreement):
        said = "the backward takes one cotangent an example, as the op does"
        message = f"the forward returns one number where {op} gives one loss an example"
        judgment.findings.append(finding("convention_reduction", message, said, blame="convention"))
    elif agreement.words:
        judgment.acquittals.append(f"{agreement.words[0].upper()}{agreement.words[1:]}.")
    return agreement


def _other_forward(
    trial: Trial, base: Base, op: str, statics: dict[str, Any], primals: tuple[Any, ...], expected: Any
) -> list[Finding]:
    moved = replace_out(trial, base, primals)
    evidence = evidence_of(trial, moved, (), op, statics, primals)
    if explained := explain_forward(evidence, expected):
        return [replace(found, off=0.0) for found in explained]  # the gradient is that of the subject's own forward
    found, wanted = trees.vector(moved.out), trees.vector(expected)
    if found.size != wanted.size:
        said = f"the output has {found.size} entries, that of {op} has {wanted.size}"
    else:
        at = int(np.nanargmax(np.abs(found - wanted))) if np.isfinite(found - wanted).any() else 0
        got, expected = apart(found[at], wanted[at])
        said = f"entry {at} of the output is {got}, that of {op} is {expected}"
    return [finding("forward", f"the forward does not compute {op}", said, blame="forward")]


def replace_out(trial: Trial, base: Base, primals: tuple[Any, ...]) -> Base:
    """The base with the output at other primals."""
    return base if primals is trial.primals else replace(base, out=trial.forward(primals))


def _report(
    trial: Trial, base: Base | None, judgment: Judgment, op: str | None, statics: dict[str, Any], strict: bool
) -> Report:
    arguments = tuple(of_argument(judged.report, judgment.findings, strict) for judged in judgment.judged)
    verdict = _verdict(judgment.findings, [argument.verdict for argument in arguments], strict)
    agreement = judgment.agreement
    shown = op if op or agreement is None else agreement.op
    used = statics if op or agreement is None else agreement.statics
    acquittals, blind = tuple(judgment.acquittals), ()
    if base is not None:
        blind = power(trial.answering(), trial.names, trial.primals, base.upstream(), shown, used)
        blind += (*(sentence for judged in judgment.judged for sentence in judged.sentences), *judgment.notes)
        if verdict == "pass":
            evidence = evidence_of(trial, base, judgment.judged, shown, used)
            acquittals += tuple(acquit(evidence))
    return Report(
        verdict,
        tuple(_foremost(judgment.findings)),
        arguments,
        trial.subject.name,
        shown,
        used,
        acquittals,
        blind,
        trial.forwards,
        trial.backwards,
        trial.aside,
        trial.seed,
        "directional" if any(judged.probed for judged in judgment.judged) else "full",
        accuracy=tuple(judgment.accuracy),
    )


def _foremost(findings: list[Finding]) -> list[Finding]:
    """Of each argument the first three findings, each cause once: a longer list helps nobody."""
    kept: list[Finding] = []
    for found in findings:
        keys = [other.key for other in kept if other.argument == found.argument]
        if found.argument is None or (len(keys) < MOST_FINDINGS and found.key not in keys):
            kept.append(found)
    return kept


def _verdict(findings: list[Finding], arguments: list[Verdict], strict: bool) -> Verdict:
    """Fail for anything wrong; "cannot tell" where only the check itself was at fault, or no gradient was asked for."""
    accused = [found for found in findings if found.blame != "check" and (strict or not found.strict)]
    if accused:
        unsteady = all(found.cause in UNSTEADY and found.blame == "forward" for found in accused)
        return "cannot tell" if unsteady else "fail"
    if "fail" in arguments:
        return "fail"
    doubted = not arguments or "cannot tell" in arguments or any(found.blame == "check" for found in findings)
    return "cannot tell" if doubted else "pass"
