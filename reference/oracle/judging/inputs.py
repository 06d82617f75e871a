"""The inputs of a task in a dtype, and what a subject answers to one of them."""

import importlib
import inspect
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.oracle.judging.task import BadTask, Task
from reference.oracle.questions.forward import reference_out
from reference.oracle.subjects import trees
from reference.oracle.subjects.subject import Subject
from reference.oracle.subjects.vjp import quiet
from reference.oracle.sweep.makers import Maker, NotMade, Sizes, by_function, by_row
from reference.oracle.sweep.narrow import in_dtype


def maker(task: Task, names: tuple[str, ...] | None) -> Maker:
    """What makes primals of the sizes asked for; names: those of the submission's arguments."""
    if task.inputs is not None:
        return by_function(task.inputs)
    assert task.op is not None
    return by_row(task.op, task.statics, len(names) if names else None)


def of_sizes(made: Maker) -> Callable[..., tuple[Any, ...]]:
    """A function of sizes by name, and of a generator: as a sweep takes it."""

    def make_inputs(rng: np.random.Generator, **sizes: int) -> tuple[Any, ...]:
        return made.make(sizes, int(rng.integers(2**31)))

    by_name = inspect.Parameter.KEYWORD_ONLY
    named = [inspect.Parameter(name, by_name, default=size) for name, size in made.ordinary.items()]
    make_inputs.__signature__ = inspect.Signature([inspect.Parameter("rng", by_name), *named])  # pyright: ignore
    return make_inputs


def drawn(made: Maker, sizes: Sizes, dtype: str, seed: int) -> tuple[Any, ...]:
    """Primals in a dtype; a BadTask where the task's own function makes none."""
    try:
        return in_dtype(made, dtype).make({**made.ordinary, **sizes}, seed)
    except NotMade as refusal:
        raise BadTask(f"there must be an input of sizes {dict(sizes)}; got {refusal}") from refusal
    except Exception as error:  # the task's own function
        raise BadTask(f"inputs must return the arrays; got {type(error).__name__}: {error}") from error


def must_exist(dtype: str) -> None:
    """A BadTask where NumPy has no dtype of that name, nor gets it from others."""
    with suppress(ImportError):
        importlib.import_module("ml_dtypes")
    try:
        np.dtype("float32" if dtype == "tf32" else dtype)
    except TypeError:
        raise BadTask(f"dtype {dtype} needs the package ml_dtypes; got an import error") from None


@dataclass(frozen=True)
class Answered:
    """What came back for primals, and the cotangent that was handed in."""

    primals: tuple[Any, ...]
    cotangent: Any
    out: Any
    gradients: Any

    @property
    def parts(self) -> list[np.ndarray]:
        """Output and gradients, an array each; numbers as arrays."""
        leaves = [*trees.leaves(self.out), *trees.leaves(self.gradients)]
        return [np.asarray(leaf, np.float64) for leaf in leaves if leaf is not None and trees.is_numeric(leaf)]


def answered(subject: Subject, primals: tuple[Any, ...], seed: int) -> Answered:
    """The output, and the gradients of a cotangent drawn with the seed."""
    with quiet(None):
        out, pullback = subject.vjp(*(np.array(one) if isinstance(one, np.ndarray) else one for one in primals))
        values = np.random.default_rng([seed, 104729]).normal(size=trees.vector(out).size)
        cotangent = trees.like(out, values)
        kept = trees.mapped(np.array, cotangent)
        return Answered(primals, kept, out, pullback(cotangent))


def wanted(task: Task, primals: tuple[Any, ...]) -> int | None:
    """How many numbers the reference returns for primals; None for a function, whose answer the oracle asks for."""
    if task.op is None:
        return None
    return trees.vector(reference_out(task.op, task.statics, primals)).size
