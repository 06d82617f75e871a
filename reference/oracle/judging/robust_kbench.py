"""Tasks of robust-kbench: a folder with `func_backward.py` and `config_backward.json`.

The file has a `forward_fn`, a `Model` that calls it, `get_inputs`, and an `AutogradFunction` whose `backward_fn` is
left open. The submission is a Python file with a function `backward`, which is put there. The benchmark's own
submissions are CUDA files; such a function may compile and call one.
"""

import importlib
import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from reference.oracle.judging.task import BadTask, Task, loaded
from reference.oracle.sweep.makers import ORDINARY, NotMade

FILE, CONFIG, OPEN = "func_backward.py", "config_backward.json", "AutogradFunction"
PARTS = ("forward_fn", "Model", "get_inputs", OPEN)
# What the model and its inputs are made of, in its settings for one run.
INIT, INPUT, SHARED = "single_init_configs", "single_input_configs", "single_shared_configs"


def read_folder(folder: Path) -> Task:
    """The task in a folder.

    Raises:
        BadTask: a file is missing, or has not what the benchmark's have.
    """
    for name in (FILE, CONFIG):
        if not (folder / name).is_file():
            raise BadTask(f"a folder must be a task of robust-kbench with a backward; got {folder} without {name}")
    try:
        held = loaded(folder / FILE, "the task")
    except BadTask as bad:
        raise BadTask(f"{bad} (tasks of robust-kbench need PyTorch)") from bad
    if missing := [name for name in PARTS if name not in held]:
        raise BadTask(f"{FILE} must have {', '.join(PARTS)}; got no {missing[0]}")
    benchmark = _Benchmark(held, _settings(folder / CONFIG))
    return Task(
        folder.resolve().name,
        reference=benchmark.reference,
        inputs=benchmark.inputs(),
        entry=OPEN,
        framework="torch",
        around=folder.resolve() / FILE,
        settled=benchmark.settled,
    )


def _settings(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the model is made with, and what its inputs are."""
    try:
        said = json.loads(path.read_text("utf-8"))
        init, given, shared = (dict(said[key][0]) for key in (INIT, INPUT, SHARED))
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise BadTask(f"{path.name} must list {INIT}, {INPUT} and {SHARED}; got {error!r}") from error
    return {**init, **shared}, {**given, **shared}


class _Benchmark:
    """A task's own functions, and the arguments that its model hands to `forward_fn`."""

    def __init__(self, held: Mapping[str, Any], settings: tuple[dict[str, Any], dict[str, Any]]):
        self.torch = importlib.import_module("torch")
        self.held, (self.init, self.given) = held, settings
        self.sizes = self._small()
        self.names = list(inspect.signature(held["forward_fn"]).parameters)
        try:
            arguments = self._arguments(self.sizes, 0)
        except Exception as error:  # the benchmark's own code
            raise BadTask(f"the task's model must run at small sizes; got {type(error).__name__}: {error}") from error
        plain = {name: value for name, value in arguments.items() if not isinstance(value, self.torch.Tensor)}
        if odd := [name for name, value in plain.items() if not isinstance(value, int | float | str | None)]:
            raise BadTask(f"forward_fn must take tensors and numbers; got {type(plain[odd[0]]).__name__} as {odd[0]}")
        self.settled = plain

    def _small(self) -> dict[str, int]:
        """Every size of the settings, made small; those that are small stay, and no other is like one of them."""
        named = {**self.init, **self.given}
        sizes = {name: value for name, value in named.items() if isinstance(value, int) and not isinstance(value, bool)}
        stay = {size for size in sizes.values() if size <= ORDINARY[0]}
        free = (size for size in ORDINARY if size not in stay)
        return {name: size if size in stay else min(size, next(free, size)) for name, size in sizes.items()}

    def _arguments(self, sizes: Mapping[str, int], seed: int) -> dict[str, Any]:
        """What the model calls `forward_fn` with, by name."""
        caught: dict[str, Any] = {}

        def catch(*values: Any, **named: Any) -> Any:
            caught.update(zip(self.names, values, strict=False), **named)
            return self.held["forward_fn"](*values, **named)

        init, given = ({**of, **{key: sizes[key] for key in of if key in sizes}} for of in (self.init, self.given))
        kept = self.torch.get_rng_state()
        try:
            self.torch.manual_seed(seed)
            model = self.held["Model"](**init)
            with self.torch.no_grad():
                model(*self.held["get_inputs"](**given), fn=catch)
        finally:
            self.torch.set_rng_state(kept)
        return caught

    def inputs(self) -> Callable[..., tuple[np.ndarray, ...]]:
        """A function of the sizes that makes the tensors' values."""

        def make_inputs(rng: np.random.Generator, **sizes: int) -> tuple[np.ndarray, ...]:
            try:
                arguments = self._arguments(sizes, int(rng.integers(2**31)))
            except (RuntimeError, ValueError) as refusal:  # no window fits, and the like
                raise NotMade(str(refusal)) from refusal
            tensors = (value.detach() for name, value in arguments.items() if name not in self.settled)
            return tuple((one.double() if one.is_floating_point() else one).numpy() for one in tensors)

        by_name = inspect.Parameter.KEYWORD_ONLY
        sizes = [inspect.Parameter(name, by_name, default=size) for name, size in self.sizes.items()]
        make_inputs.__signature__ = inspect.Signature([inspect.Parameter("rng", by_name), *sizes])  # pyright: ignore
        return make_inputs

    def reference(self, *tensors: Any) -> Any:
        """The benchmark's forward of the tensors alone."""
        given = iter(tensors)
        values = [self.settled[name] if name in self.settled else next(given) for name in self.names]
        with _wide(self.torch):
            return self.held["forward_fn"](*values)


@contextmanager
def _wide(torch: Any) -> Iterator[None]:
    """A forward that makes float32 of everything makes float64 of it: it is the truth that others are held against."""
    narrow = torch.Tensor.float
    torch.Tensor.float = torch.Tensor.double
    try:
        yield
    finally:
        torch.Tensor.float = narrow
