"""A task: what a submission has to compute, in which dtypes and sizes, within which limits, and what it must not do."""

import difflib
import inspect
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from reference.oracle.accuracy.formats import FORMATS
from reference.oracle.specs import SPECS

FRAMEWORKS = ("numpy", "torch", "jax")
GIB = 2**30


class BadTask(Exception):
    """The task makes no sense; the message names the rule and what was found."""


@dataclass(frozen=True)
class Task:
    """What a task file says. The defaults are those of the keys that a file leaves out.

    op or reference: what is to be computed; a reference is a function of arrays in float64, inputs makes its arguments
    from sizes. device: where the submission runs, None for the CPU. memory: bytes. around: a benchmark's file whose
    Function the submission is the backward of, and settled those of its arguments that are no arrays.
    """

    name: str
    op: str | None = None
    statics: Mapping[str, Any] = field(default_factory=dict)
    reference: Callable[..., Any] | None = None
    inputs: Callable[..., Any] | None = None
    dtypes: tuple[str, ...] = ("float32",)
    entry: str | None = None
    framework: str = "numpy"
    device: str | None = None
    forbid: tuple[str, ...] = ()
    by_hand: bool = True
    strict: bool = False
    largest: int = 33
    checks: int = 80
    without: tuple[str, ...] = ()
    seconds: float = 600.0
    seconds_a_call: float = 10.0
    memory: int = 4 * GIB
    timed: Mapping[str, int] = field(default_factory=dict)
    around: Path | None = None
    settled: Mapping[str, Any] = field(default_factory=dict)

    def for_child(self, folder: str) -> dict[str, Any]:
        """What the submission's process is told: nothing of the reference, the sizes or the seed."""
        imports = {name.partition(".")[0] for name in self.forbid} | {self.framework}
        return {
            "name": self.entry,
            "framework": self.framework,
            "device": self.device,
            "forbid": list(self.forbid),
            "imports": sorted({*imports, *(name.rpartition(".")[0] for name in self.forbid)} - {""}),
            "memory": self.memory,
            "around": str(self.around) if self.around else None,
            "settled": dict(self.settled),
        }


KINDS: Mapping[str, type | tuple[type, ...]] = {
    "op": str, "statics": dict, "reference": str, "inputs": str, "dtypes": list, "entry": str, "framework": str,
    "device": str, "forbid": list, "by_hand": bool, "strict": bool, "largest": int, "checks": int, "without": list,
    "seconds": (int, float), "seconds_a_call": (int, float), "memory": (int, float),
    "timed": dict,
}  # fmt: skip
LISTS = ("dtypes", "forbid", "without")
POSITIVE = ("largest", "checks", "seconds", "seconds_a_call", "memory")


def read(path: Path) -> Task:
    """The task in a TOML file.

    Raises:
        BadTask: it is none, with the rule that it breaks.
    """
    try:
        said = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BadTask(f"the task must be a file that can be read; got {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadTask(f"the task must be a TOML file; got {path}: {error}") from error
    _known(said)
    _legal(said)
    functions = {key: _function(path, key, said.pop(key)) for key in ("reference", "inputs") if key in said}
    if "memory" in said:
        said["memory"] = int(said["memory"] * GIB)
    made = Task(path.stem, **{**said, **{key: tuple(said[key]) for key in LISTS if key in said}, **functions})
    if made.inputs is not None:
        _dimensions(made.inputs)
    return made


def _known(said: Mapping[str, Any]) -> None:
    for key, value in said.items():
        if key not in KINDS:
            raise BadTask(f"a task's keys must be among {', '.join(KINDS)}; got {key}{_did_you_mean(key, KINDS)}")
        kind = KINDS[key]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise BadTask(f"{key} must be a {_kind(kind)}; got {value!r}")
        if isinstance(value, list) and not all(isinstance(item, str) for item in value):
            raise BadTask(f"{key} must be a list of texts; got {value!r}")


def _kind(kind: type | tuple[type, ...]) -> str:
    names = {str: "text", dict: "table", list: "list of texts", bool: "true or false", int: "whole number"}
    return "number" if isinstance(kind, tuple) else names[kind].removeprefix("a ")


def _legal(said: Mapping[str, Any]) -> None:
    _computable(said)
    dtypes: list[str] = said.get("dtypes", ["float32"])
    if not dtypes:
        raise BadTask("dtypes must have at least one entry; got none")
    if stranger := next((dtype for dtype in dtypes if dtype not in FORMATS), None):
        raise BadTask(f"dtypes must be among {', '.join(FORMATS)}; got {stranger}{_did_you_mean(stranger, FORMATS)}")
    if said.get("framework", "numpy") not in FRAMEWORKS:
        raise BadTask(f"framework must be one of {', '.join(FRAMEWORKS)}; got {said['framework']}")
    if said.get("framework", "numpy") == "numpy" and said.get("device", "cpu") != "cpu":
        raise BadTask(f"device must be cpu where the framework is numpy; got {said['device']}")
    for key in POSITIVE:
        if not 0 < said.get(key, 1) < float("inf"):
            raise BadTask(f"{key} must be positive and finite; got {said[key]}")


def _computable(said: Mapping[str, Any]) -> None:
    """Whether there is something to compute: an op with statics that it has, or a reference with inputs."""
    if ("op" in said) == ("reference" in said):
        got = "both" if "op" in said else "neither"
        raise BadTask(f"a task must have an op or a reference; got {got}")
    if "reference" in said:
        if "inputs" not in said:
            raise BadTask("a task with a reference must have inputs, a function of sizes; got none")
        return
    op = said["op"]
    if op not in SPECS:
        raise BadTask(f"op must be one of {', '.join(SPECS)}; got {op}{_did_you_mean(op, SPECS)}")
    if strangers := set(said.get("statics", ())) - set(SPECS[op].keywords):
        known = ", ".join(SPECS[op].keywords) or "none"
        raise BadTask(f"statics of {op} must be among {known}; got {min(strangers)}")


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _function(path: Path, key: str, target: str) -> Callable[..., Any]:
    """The function FILE:NAME, the file looked for beside the task."""
    file, _, name = target.rpartition(":")
    place = path.parent / file
    if not file or not place.is_file():
        raise BadTask(f"{key} must be FILE.py:NAME with a file beside the task; got {target}")
    function = loaded(place, key).get(name)
    if not callable(function):
        raise BadTask(f"{key} must name a function; got {target}")
    return function


def loaded(place: Path, what: str) -> dict[str, Any]:
    """What stands in a file of the task's author, run; a BadTask where it does not run."""
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location(f"task_{place.stem}", place)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise BadTask(f"{what}: {place.name} must run; got {type(error).__name__}: {error}") from error
    return vars(module)


def _dimensions(inputs: Callable[..., Any]) -> None:
    kinds = [parameter.kind for parameter in inspect.signature(inputs).parameters.values()]
    if any(kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD) for kind in kinds):
        raise BadTask(f"inputs must be a function of sizes by name, and rng; got {inspect.signature(inputs)}")


assert set(KINDS) <= {one.name for one in fields(Task)}
