"""The search: every row at every place of every program, ranked by how many bits the edit takes to say."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from math import log2
from typing import Any

import numpy as np

from reference.oracle.diagnosis.evidence import Evidence
from reference.oracle.diagnosis.known.recognize import Known, recognize
from reference.oracle.diagnosis.known.statics import other_statics
from reference.oracle.diagnosis.model import Model
from reference.oracle.diagnosis.source import source_of
from reference.oracle.diagnosis.view import View
from reference.oracle.edits.forms import forms
from reference.oracle.edits.grammar.factors import joint
from reference.oracle.edits.program import Program
from reference.oracle.edits.values import array_of, named
from reference.oracle.edits.edit import Edited
from reference.oracle.edits.grammar import further_edits, plain_edits, whole_edits

# Arguments with more entries together are not searched; runs of single steps for all edits together.
ENTRIES, RUNS = 60_000, 100_000


@dataclass(frozen=True)
class Found:
    """An edit that explains the gradient of an argument."""

    bits: float
    model: Model


@dataclass(frozen=True, eq=False)
class Search:
    """The programs of a wrong backward, and what their edits explain."""

    evidence: Evidence
    programs: list[Program]
    known: list[Known]

    @cached_property
    def found(self) -> dict[int, list[Found]]:
        """By argument, what explains it; rows that ask a lot where nothing else explains all."""
        found: dict[int, list[Found]] = {}
        wanted = [i for i, wrong in enumerate(self.evidence.wrong) if wrong and self.evidence.got[i] is not None]
        with np.errstate(all="ignore"):
            for stage in ((plain_edits, whole_edits), (further_edits,)):
                for edits in stage:
                    for program in self.programs:
                        for position, one in self._of(program, edits(program)):
                            found.setdefault(position, []).append(one)
                if all(position in found for position in wanted):
                    break
        return found

    @cached_property
    def sizes(self) -> set[int]:
        """The sizes of the arguments along their axes, and products of these."""
        shapes = [np.shape(primal) for primal in self.evidence.primals]
        return {int(np.prod(shape[i:j])) for shape in shapes for i in range(len(shape)) for j in range(i + 1, len(shape) + 1)}

    def of(self, view: View) -> list[Found]:
        """What explains one argument: edits of programs, and the op at other statics."""
        found = [replace(one, model=named_number(view, one.model)) for one in self.found.get(view.position, [])]
        if any(known.family == "activations" and "softmax" not in known.op for known in self.known):
            slips = {
                "wrong_factor": "wrong_derivative",
                "term_missing": "wrong_derivative",
                "wrong_operand": "derivative_at_wrong_value",
            }
            found = [
                replace(one, model=replace(one.model, cause=slips.get(one.model.cause, one.model.cause))) for one in found
            ]
        if not _loops(self.evidence):
            found = [_without_loops(one) for one in found]
        for known in self.known:
            for model in other_statics(view, known):
                cause = NEW_NAMES.get(model.cause, model.cause)
                cause = "scaled_by_constant" if "negative_slope" in model.message or "alpha" in model.message else cause
                said = model.message.split("; the forward")[0]
                moved = "padding" in said and "strides" not in said and "dilation" not in said and "window" not in said
                cause = "shifted" if moved and cause == "static_ignored" else cause
                found.append(Found(4.0, replace(model, cause=cause)))
        return found

    def models(self, view: View) -> Iterator[Model]:
        """What explains one argument."""
        for found in sorted(self.found.get(view.position, ()), key=lambda one: one.bits):
            yield named_number(view, found.model)

    def _of(self, program: Program, edits: Iterator[Edited]) -> Iterator[tuple[int, Found]]:
        place = log2(max(2, len(program.groups)))
        left = RUNS
        for edited in edits:
            behind = program.behind(list(edited.edits))
            left -= len(behind)
            if left < 0:
                return
            if not any(self.evidence.wrong[i] for i, step in program.gradients.items() if step in set(behind)):
                continue
            try:
                predictions = program.edited(edited.edits, behind)
            except Exception:  # the edit does not fit these shapes
                continue
            explained = {}
            broken = 0
            for position, predicted in predictions.items():
                got, expected = self.evidence.got[position], self.evidence.expected[position]
                if got is None:
                    continue
                if self.evidence.wrong[position] and expected is not None:
                    explained.update({position: fit for fit in fits(edited, predicted, expected, np.asarray(got, float), self.sizes)})
                elif np.shape(got) == np.shape(predicted):
                    broken += not np.allclose(predicted, got, rtol=1e-6, atol=1e-9)
            if edited.edits and program.penalty_steps and all(step.of in program.penalty_steps for step in edited.edits):
                explained = {i: replace(model, cause="regularization") for i, model in explained.items()}
            if explained and edited.exchange and (factor := factor_between(program, *edited.exchange)):
                explained = {i: replace(m, cause="wrong_factor", message=f"{m.message}: {factor}") for i, m in explained.items()}
            for position, model in explained.items():
                bits = place + edited.bits + program.bits + 3 * broken - 2 * (len(explained) - 1) + 4 * model.freedom
                yield position, Found(bits, model)


def _loops(evidence: Evidence) -> bool:
    """Whether the subject's code has loops, in which something may be overwritten."""
    text, _ = source_of(evidence.subject.source)
    return not text or re.search(r"^\s*for ", text, re.MULTILINE) is not None


def _without_loops(found: Found) -> Found:
    """Where nothing is overwritten, one of several contributions is all that was asked for."""
    alone = found.model.cause == "not_accumulated" and any(
        word in found.model.message for word in ("adds the ", "all but", "takes the last", "keeps the")
    )
    return replace(found, model=replace(found.model, cause="part_missing")) if alone else found


def whole(times: float) -> bool:
    """Whether a multiple is one that people write: a small whole number, or one over it, or its opposite."""
    size = abs(times)
    return size > 1e-9 and any(abs(one - round(one)) < 1e-7 and round(one) <= 12 for one in (size, 1 / size))


def multiple_cause(cause: str, times: float, sizes: set[int]) -> str:
    """What a contribution that counts so many times is called; left out it is called `cause`."""
    if cause in ("regularization", "updated_weight", "missing"):
        return cause
    if abs(times + 1) < 1e-7:
        return "sign"
    if abs(times - 2) < 1e-7:
        return "term_extra"
    counts = abs(times) > 1e-9 and any(abs(one - round(one)) < 1e-6 and round(one) in sizes for one in (times, 1 / times))
    less_one = any(abs(times - n / (n - 1)) < 1e-7 or abs(times - (n - 1) / n) < 1e-7 for n in sizes if n > 2)
    return "scaled_by_count" if counts or less_one else "scaled_by_constant" if abs(times) > 1e-9 else cause


def factor_between(program: Program, old: Any, new: Any) -> str:
    """The one value of the program by which two values differ, in words; nothing where there is none."""
    old, new = array_of(old), array_of(new)
    for value in program.values:
        one = value.value
        if one.size < 2 or joint(old.shape, one.shape) != old.shape or np.ptp(one) == 0:
            continue
        with np.errstate(all="ignore"):
            if np.allclose(new * one, old, rtol=1e-9, atol=1e-300):
                return f"the factor {named(program, value)} is missing"
            if np.allclose(old * one, new, rtol=1e-9, atol=1e-300):
                return f"the factor {named(program, value)} is there once too often"
    return ""


def fits(
    edited: Edited, predicted: np.ndarray, expected: np.ndarray, got: np.ndarray, sizes: set[int]
) -> Iterator[Model]:
    """The edit as a prediction, or the same with one fitted number, where it is near enough to be asked further."""
    if predicted.shape != got.shape or not np.isfinite(predicted).all():
        return
    size = max(np.max(np.abs(got), initial=0.0), np.max(np.abs(expected), initial=0.0), 1e-300)
    if np.max(np.abs(predicted - got), initial=0.0) <= 1e-4 * size:
        yield Model(edited.cause, edited.words, predicted, exact=True, number=edited.number)
    elif edited.free and (power := float(np.sum(predicted * predicted))):
        times = float(np.sum(predicted * got)) / power
        if times and np.max(np.abs(times * predicted - got)) <= 1e-4 * size:
            yield Model(edited.cause, f"{edited.words}, times {times:.6g}", times * predicted, freedom=1)
    elif edited.scalable and expected.shape == got.shape:
        change, error = predicted - expected, got - expected
        power = float(np.sum(change * change))
        times = float(np.sum(change * error)) / power if power else 0.0
        fitted = expected + times * change
        if times and np.max(np.abs(fitted - got)) <= 1e-4 * size:
            words = edited.words.replace("lacks ", f"has {1 - times:.6g} times ", 1)
            yield Model(multiple_cause(edited.cause, 1 - times, sizes), words, fitted, freedom=0 if whole(1 - times) else 1)


def named_number(view: View, model: Model) -> Model:
    """What a number that is missing, or there twice, counts."""
    if model.number is None or model.cause != "scaled_by_constant":
        return model
    sizes = {size for array in view.arrays.values() for size in (*array.shape, array.size)} | {view.out.size}
    for one in (abs(model.number), 1 / abs(model.number)):
        for counted in (one, one**2):
            if counted > 2.5 and abs(counted - round(counted)) < 1e-6 and round(counted) in sizes:
                return replace(model, cause="scaled_by_count")
    return model


def searched(evidence: Evidence, known: list[Known]) -> Search | None:
    """The search through the programs of an evidence whose own gradients are the measured ones."""
    if sum(np.size(primal) for primal in evidence.primals) > ENTRIES:
        return None
    usable = [program for program in forms(evidence, known) if _usable(program, evidence)]
    return Search(evidence, usable, known) if usable or known else None


def _usable(program: Program, evidence: Evidence) -> bool:
    for position, true in enumerate(evidence.expected):
        if true is None:
            continue
        own = program.gradients[position].value if position in program.gradients else np.zeros_like(true)
        got, noise = evidence.got[position], evidence.noise[position]
        sizes = [true, got - true] if got is not None and np.shape(got) == np.shape(true) else [true]
        size = max(float(np.max(np.abs(one), initial=0.0, where=np.isfinite(one))) for one in sizes)
        if own.shape != true.shape or not np.max(np.abs(own - true), initial=0.0) <= 8 * noise + 1e-6 * max(size, 1e-300):
            return False
    return True


def install(diagnose: Any, explain: Any, mode: str) -> None:
    """For measuring: the search in the place of known mistakes and traced slips."""

    class Traced:
        def __init__(self, search: Search):
            self.search = search

        def models(self, view: View) -> Iterator[Model]:
            yield from self.search.models(view)

        def nothing(self, view: View) -> Iterator[Model]:
            return iter(())

        logarithms = rarer = defaults = replaced = shares = nothing

    def traced(evidence: Evidence) -> Any:
        import traceback

        search = searched(evidence, recognize(evidence))
        if search:
            try:
                _ = search.found
            except Exception:
                print('TRACE', traceback.format_exc().splitlines()[-4:], flush=True)
        return Traced(search) if search else None

    from reference.oracle.diagnosis import judge

    judge.REPAIRS = dict(judge.REPAIRS) | dict.fromkeys(NEW, "")
    if mode == "alone":
        from reference.oracle.edits.diagnose import diagnose as alone

        explain.diagnose = alone
        return
    diagnose.known_mistakes = other_statics
    diagnose.traced = traced


NEW = """changed_in_place scaled_by_count scaled_by_constant derivative_at_wrong_value wrong_reduction wrong_axis not_accumulated
part_missing term_missing term_extra wrong_index wrong_factor""".split()

NEW_NAMES = {
    "coupled_over_wrong_axis": "wrong_axis",
    "reduced_over_wrong_axis": "wrong_axis",
    "padding_counted": "scaled_by_count",
    "groups_mixed": "wrong_index",
    "approximation_one_side": "wrong_derivative",
}
