"""Optimizers in a file, which it declares: OPTIMIZERS = {"my_adam": ("adam", {"learning_rate": 0.1})}."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from reference.oracle.command.grade import Part
from reference.oracle.optimizers.check import check_optimizer
from reference.oracle.reading.discover import Found, NotFound, find
from reference.oracle.report import Report

DECLARES = "OPTIMIZERS"
RULE = f'{DECLARES} must be a dict such as {{"my_adam": ("adam", {{"learning_rate": 0.1}})}}'


@dataclass(frozen=True)
class Declared:
    """An optimizer of the file, the one that it means to be, and the numbers that it was made with."""

    name: str
    optimizer: Any
    op: str
    hyperparameters: Mapping[str, float]

    def report(self, seed: int) -> Report:
        """Its steps, judged."""
        return check_optimizer(self.optimizer, self.op, seed=seed, **self.hyperparameters)


def found_in(module: ModuleType, wanted: str | None) -> Sequence[Found | Declared]:
    """Everything that has a backward, and every optimizer that is declared; or the one of a name.

    Raises:
        NotFound: neither, or a declaration of another form; the message is for the user.
    """
    declared = _declared(module, wanted)
    try:
        return [*find(module, wanted), *declared]
    except NotFound:
        if declared:
            return declared
        raise


def _declared(module: ModuleType, wanted: str | None) -> list[Declared]:
    listed = getattr(module, DECLARES, {})
    if not isinstance(listed, Mapping):
        raise NotFound(f"{RULE}; got a {type(listed).__name__}")
    return [_one(module, name, meant) for name, meant in listed.items() if wanted in (None, name)]


def _one(module: ModuleType, name: Any, meant: Any) -> Declared:
    match meant:
        case (str(op), Mapping() as hyperparameters):
            optimizer: Callable[..., Any] | None = getattr(module, str(name), None)
            if optimizer is None:
                raise NotFound(f"{DECLARES} names {name}, which the file does not define")
            return Declared(str(name), optimizer, op, hyperparameters)
    raise NotFound(f"{RULE}; got {name!r}: {meant!r}")


def grade_steps(reports: Sequence[Report]) -> list[Part]:
    """One point: for steps that are right on every input."""
    wrong = next((report for report in reports if report.verdict != "pass"), None)
    why = wrong.findings[0].message if wrong and wrong.findings else ""
    return [Part("steps", int(wrong is None), 1, why)]
