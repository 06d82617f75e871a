"""Inputs on which a mistake in an op's backward has nowhere to hide."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from reference.oracle.opspec import Case, OpSpec, draw
from reference.oracle.questions.power import power
from reference.oracle.specs import SPECS
from reference.oracle.subjects.subject import from_rule


class ExampleInputs(tuple[Any, ...]):
    """The primals, with their names and the statics they were made for."""

    names: tuple[str, ...]
    statics: Mapping[str, Any]


def example_inputs(op: str, case: str | None = None, *, seed: int = 0, dtype: Any = np.float64) -> ExampleInputs:
    """The arguments of an op: of the case named, or of the case with the fewest blind spots.

    Sizes are pairwise different primes, values have both signs, maxima tie somewhere, indices repeat. The result is a
    tuple; its `statics` are those to call and check the op with.
    """
    if op not in SPECS:
        raise ValueError(f"oracle.example_inputs: op must be one of {', '.join(SPECS)}; got {op!r}")
    spec = SPECS[op]
    cases = {known.id: known for known in spec.cases}
    if case is not None and case not in cases:
        raise ValueError(f"oracle.example_inputs: case of {op} must be one of {', '.join(cases)}; got {case!r}")
    chosen = cases[case] if case is not None else min(spec.cases, key=lambda c: _blindness(spec, c, seed))
    return _inputs(spec, chosen, seed, dtype)


def _inputs(spec: OpSpec, case: Case, seed: int, dtype: Any) -> ExampleInputs:
    drawn = draw(spec, case, seed=seed, dtype=dtype)
    if spec.chooses:
        drawn = (np.round(2 * drawn[0].astype(np.float64)).astype(dtype) / np.asarray(2, dtype), *drawn[1:])
    primals, statics = spec.passed(case, drawn)
    inputs = ExampleInputs(primals)
    inputs.names, inputs.statics = tuple(case.arguments)[: len(primals)], statics
    return inputs


def _blindness(spec: OpSpec, case: Case, seed: int) -> tuple[int, int]:
    """Fewer blind spots first, then more arguments."""
    inputs = _inputs(spec, case, seed, np.float64)

    def fwd(*primals: Any) -> Any:
        return spec.reference("_fwd")(*primals, **inputs.statics)

    subject = from_rule(fwd, spec.reference("_bwd"))
    return len(power(subject, inputs.names, inputs, None, spec.name, inputs.statics)), -len(inputs)
