"""The order of judgment: form and state first, then values, then derivatives, and only then the cause."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from reference.oracle import explain
from reference.oracle.accuracy import judge as accuracy
from reference.oracle.accuracy.asked import asked, op_of, resolved
from reference.oracle.accuracy.reference import OfOp, Reference
from reference.oracle.accuracy.single import in_single, like_plain
from reference.oracle.explain import evidence_of
from reference.oracle.judgment import Judgment, Request
from reference.oracle.questions import choices, extremes, forward, linearity, purity, repeated
from reference.oracle.questions.base import Base, behind_a_forward, with_ones
from reference.oracle.questions.forward import Agreement
from reference.oracle.questions.gradient import judge_gradient, nothing_known
from reference.oracle.questions.memory_battery import battery
from reference.oracle.questions.memory_battery.unwritten import unwritten
from reference.oracle.questions.narrowed import begun
from reference.oracle.questions.strictness import measured, weighed
from reference.oracle.recognition.conventions import explain_forward
from reference.oracle.rendering.numbers import apart
from reference.oracle.report import Finding, Report
from reference.oracle.subjects import trees
from reference.oracle.subjects.arguments import trial_of
from reference.oracle.subjects.subject import Subject
from reference.oracle.subjects.vjp import Fault, Trial, finding, generators_restored, quiet


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
    convention: str | None = None,
    cotangent: Any = None,
    repeats: int | None = None,
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
        convention: "torch" or "jax" asks for that framework's choice at kinks and ties; None takes any legal one.
        cotangent: the upstream gradient to judge with, in the structure of the output; None draws one.
        repeats: so many equal calls must give one answer; None makes a few, and does not say what that is worth.

    Returns:
        A Report; whatever the subject does is a finding in it.

    Raises:
        ValueError, TypeError: the call itself makes no sense (an unknown op, names that do not fit, a list as primal,
            a cotangent that is not one of the output, a device that is not there, a reference that takes no float64).
    """
    op = op_of(reference, op)
    known = forward.validated(op, statics)
    choices.validated(convention)
    request = Request(op, known, mode, strict, repeated.validated(repeats), convention)
    with generators_restored(), quiet(None):
        trial, held_against = asked(trial_of(subject, primals, names, seed, mode), reference, op, known, dtype, device)
        trial.cotangent = cotangent
        return _reported(trial, Judgment(held_against), request)


def _reported(trial: Trial, judgment: Judgment, request: Request) -> Report:
    """All questions in their order, until the subject's own fault ends them."""
    base = None
    try:
        judgment.findings += extremes.beyond_numbers(trial, request.op, request.statics)
        judgment.unseen += extremes.flushed(trial)
        base = _begin(trial, judgment)
        _judge(trial, base, judgment, request)
        if request.convention:
            _hold(trial, base, judgment, request.convention)
    except Fault as fault:
        judgment.findings.append(fault.finding)
    # What is wrong before what is strict.
    judgment.findings = weighed(judgment.findings, judgment.judged, request.strict)
    return judgment.report(trial, base, request)


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


def _judge(trial: Trial, base: Base, judgment: Judgment, request: Request) -> None:
    judgment.findings += unwritten(trial, base)
    if random := purity.random_forward(trial, base):
        judgment.findings.append(random)
        judgment.judged = nothing_known(trial, base)
        return
    judgment.acquittals += purity.held_fixed(trial, base)
    impure, said = purity.judge(trial, base, request.repeats)
    misread, refused = battery.judge(trial, base, impure)
    judgment.unseen += [*said, *refused]
    if any(found.key == "changed_in_place (saved)" for found in impure):
        base = behind_a_forward(trial, base)
    coarse = judgment.asked.epsilon if judgment.asked else 0.0
    bent = linearity.judge(trial, base, coarse) if trial.subject.upstream != "one" else []
    bent = repeated.lasting(bent, lambda: linearity.judge(trial, base, coarse))
    begin = len(judgment.findings)
    judgment.findings += judgment.narrowed
    causes, bent = _causes(trial, base, judgment, request, impure, bent)
    formal = [found for judged in judgment.judged for found in judged.findings]
    judgment.findings += measured(causes, judgment.judged)
    # What is wrong with a gradient says more than that an array was overwritten on the way to it.
    known = any(found.cause not in ("unexplained", "not_linear") for found in causes)
    begin = len(judgment.findings) if known else begin
    judgment.findings[begin:begin] = [*impure, *battery.above_noise(misread, judgment.judged)]
    # A known mistake says more than that the backward is not linear, which is said where nothing more is known.
    judgment.findings += [*bent, *formal]


def _causes(
    trial: Trial, base: Base, judgment: Judgment, request: Request, impure: list[Finding], bent: list[Finding]
) -> tuple[list[Finding], list[Finding]]:
    """The gradient judged, what is wrong with it, and in what it is not linear."""
    held = judgment.asked or in_single(trial, base, request.op, request.statics)
    if held and (against := resolved(held, trial, base)):
        outcome = accuracy.judge(trial, base, against, held, request.mode, request.strict)
        return _in_low_precision(judgment, outcome, against, bent)
    judgment.agreement = _forward(trial, base, judgment, request.op, request.statics)
    judgment.judged = judge_gradient(trial, base, judgment.agreement, request.mode)
    wrong = [trial.names.index(one.name) for one in judgment.judged if one.wrong]
    held = like_plain(trial, base, judgment.agreement, wrong) if wrong else None
    if held and (against := resolved(held, trial, base)):
        outcome = accuracy.judge(trial, base, against, held, request.mode, request.strict)
        if not any(one.wrong for one in outcome.judged):
            return _in_low_precision(judgment, outcome, against, bent)
    bent = linearity.above_noise(bent, judgment.judged)
    asked = all(purity.harmless(found) or purity.overwrites(found) for found in impure)
    return explain.causes(trial, base, judgment.judged, judgment.agreement, bent) if asked else [], bent


def _in_low_precision(
    judgment: Judgment, outcome: accuracy.Outcome, reference: Reference, bent: list[Finding]
) -> tuple[list[Finding], list[Finding]]:
    """The causes of what is wrong, or inaccurate, where the answers are held against a reference in float64."""
    judgment.judged, judgment.accuracy = outcome.judged, outcome.accuracy
    judgment.unseen += outcome.notes
    if isinstance(reference, OfOp):
        judgment.agreement = Agreement(reference.name, reference.statics, reference.factor)
    told = {found.argument for found in bent}
    causes = [found for found in outcome.findings if found.cause != "unexplained" or found.argument not in told]
    return causes, linearity.above_rounding(bent, judgment.accuracy)


def _hold(trial: Trial, base: Base, judgment: Judgment, convention: str) -> None:
    """To a framework's choice at kinks, where every gradient is legal."""
    op = judgment.agreement.op if judgment.agreement else None
    before = [found for judged in judgment.judged for found in judged.findings]
    judgment.judged, unheld = choices.held(trial, base, judgment.judged, convention, op)
    judgment.unseen += unheld
    judgment.findings += [one for judged in judgment.judged for one in judged.findings if one not in before]


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
