"""Parts of a forward that are one function of one value, however they are written: a sigmoid, a softmax, any curve."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from reference.oracle.diagnosis.values import same
from reference.oracle.recording.adjoint import adjoint
from reference.oracle.recording.program import Program
from reference.oracle.recording.recorded import record, remembering
from reference.oracle.recording.rules import SLOPES
from reference.oracle.recording.tape import Step, Tape
from reference.oracle.specs.curves import CURVES, KINKED, LOGARITHMS, SHARES, shares

LONGEST = 40
POINTWISE = (
    *SLOPES, "add", "subtract", "multiply", "divide", "negative", "positive", "where", "setitem", "blanked", "greater",
    "greater_equal", "less", "less_equal", "astype", "copysign",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Region:
    """All steps from one step to a later one that depends on nothing else."""

    entrance: Step
    exit: Step
    # In the order they are taken; the entrance is not among them.
    steps: tuple[Step, ...]
    name: str = ""

    def at(self, x: Any) -> Any:
        """The value at the exit for another value at the entrance."""
        values = {self.entrance: x}
        with np.errstate(all="ignore"):
            for step in self.steps:
                values[step] = step.run(values)
        return values[self.exit]

    @property
    def pointwise(self) -> bool:
        """Whether every entry of the exit comes from the same entry of the entrance."""
        shape = self.entrance.value.shape
        return self.exit.value.shape == shape and all(
            step.name in POINTWISE and step.value.shape == shape for step in self.steps
        )


class Slope:
    """The derivative of a pointwise region, as a function of its output and input."""

    def __init__(self, region: Region):
        self.region = region
        # The adjoint of the region's own steps at arrays of each shape: it is run again at others.
        self.programs: dict[tuple[int, ...], Program] = {}

    def __call__(self, y: Any, x: Any) -> np.ndarray:
        """The derivative at x."""
        x = np.array(x, np.float64)
        if x.shape not in self.programs:
            self.programs[x.shape] = self._recorded(x)
        program = self.programs[x.shape]
        if 0 not in program.gradients:
            return np.zeros(x.shape)
        leaf = program.tape.leaves[0]
        with np.errstate(all="ignore"):
            moved = program.edited({leaf: lambda _: x}, [leaf, *program.behind([leaf])])
        return moved.get(0, program.gradients[0].value)

    def _recorded(self, x: np.ndarray) -> Program:
        tape = Tape()
        leaf = tape.leaf(x, "x")
        values: dict[Step, Any] = {self.region.entrance: remembering(tape, leaf)}
        with np.errstate(all="ignore"):
            for step in self.region.steps:
                args = recalled(step.args, values)
                how = {key: recalled(item, values) for key, item in step.how.items()}
                values[step] = record(step.function, step.name, args, how)  # pyright: ignore[reportArgumentType]
            out = values[self.region.exit].step
            program = adjoint(tape, out, (leaf,), np.ones(x.shape))
        tape.recording = False
        return program

    def forward(self, x: Any) -> Any:
        """The region itself."""
        return self.region.at(x)


def recalled(tree: Any, values: Mapping[Step, Any]) -> Any:
    """Arguments of a step with other values where steps stand."""
    if isinstance(tree, Step):
        return values.get(tree, tree.value)
    if isinstance(tree, tuple | list):
        return type(tree)(recalled(item, values) for item in tree)
    return tree


def regions_to(last: Step, order: Mapping[Step, int]) -> Iterator[Region]:
    """Every region that ends at a step, the shortest first."""
    frontier, inside = {last}, []
    while frontier and len(inside) < LONGEST:
        latest = max(frontier, key=lambda step: order.get(step, -1))
        if inside and len(frontier) == 1:
            yield Region(latest, last, tuple(reversed(inside)))
        if latest not in order or latest.part != "forward":
            return
        frontier.remove(latest)
        inside.append(latest)
        frontier.update(latest.parents)


def curves(steps: list[Step], only_named: bool) -> dict[Step, Region]:
    """By their exits, the longest regions that are curves: those with a name, or any of several steps."""
    order = {step: number for number, step in enumerate(steps)}
    found: dict[Step, Region] = {}
    users = Counter(parent for step in steps for parent in step.parents)
    for step in reversed(steps):
        for region in regions_to(step, order):
            if len(region.steps) < 2 and step.name in SLOPES and users[step] < 2:
                continue
            if not region.pointwise or np.array_equal(region.entrance.value, region.exit.value):
                continue
            if only_named and _used_elsewhere(region, users):
                continue
            name = _name_of(region) or (step.name if len(region.steps) == 1 and step.name in SLOPES else "")
            if not name and _straight(region):
                continue
            if name or not only_named:
                found[step] = Region(region.entrance, region.exit, region.steps, name)
    inside = {step for region in found.values() for step in region.steps if step is not region.exit}
    return found if only_named else {step: region for step, region in found.items() if step not in inside}


def _used_elsewhere(region: Region, users: Mapping[Step, int]) -> bool:
    """Whether a value inside of a region is also used outside of it: then it is gone back through by itself."""
    within = Counter(parent for step in region.steps for parent in step.parents)
    return any(users[step] > within[step] for step in region.steps if step is not region.exit)


def _straight(region: Region) -> bool:
    """Whether a region is linear: then its factors say more than its slope."""
    x = region.entrance.value
    with np.errstate(all="ignore"):
        a, b, c = (np.asarray(region.at(x + k * (1 + np.abs(x)))) for k in (0.0, 0.3, 0.6))
    return bool(np.allclose(a + c, 2 * b, rtol=1e-9, atol=1e-12))


def _name_of(region: Region) -> str:
    x, y = region.entrance.value.astype(float), region.exit.value
    one_sided = x.min(initial=0.0) >= 0 or x.max(initial=0.0) <= 0
    named = {name: curve for name, curve in CURVES.items() if not (one_sided and name in KINKED)}
    with np.errstate(all="ignore"):
        return next((name for name, curve in named.items() if same(curve(x), y, 1e-9, 1e-12)), "")


@dataclass(frozen=True, eq=False)
class Normalized:
    """A region that is softmax over an axis."""

    region: Region
    op: str
    axis: int | tuple[int, ...]


def softmaxes(steps: list[Step]) -> dict[Step, Normalized]:
    """By their exits, the regions that are softmax or its logarithm over an axis."""
    order = {step: number for number, step in enumerate(steps)}
    found = {}
    for step in steps:
        if step.part != "forward" or step.value.ndim == 0 or step.value.shape[-1:] == (1,):
            continue
        for region in regions_to(step, order):
            if region.entrance.value.shape == step.value.shape and (axis := _softmax_axis(region)) is not None:
                found[step] = Normalized(region, *axis)
    return found


def picked(steps: list[Step], normalized: Mapping[Step, Normalized]) -> dict[Step, tuple[list[Step], Normalized]]:
    """The logarithms of entries of a softmax: by what the entries are picked, the last first, and from what."""
    found = {}
    for step in steps:
        picks, source = [], step.args[0] if step.name == "log" else None
        while isinstance(source, Step) and source.name in ("getitem", "reshape") and len(source.parents) == 1:
            picks.append(source)
            source = source.args[0]
        softmax = normalized.get(source) if picks and isinstance(source, Step) else None
        if softmax is not None and softmax.op == SHARES:
            found[step] = (picks, softmax)
    return found


def _softmax_axis(region: Region) -> tuple[str, int | tuple[int, ...]] | None:
    x, y = region.entrance.value, region.exit.value
    for axes in _axes(x.shape):
        with np.errstate(all="ignore"):
            p = shares(x, axes)
            if same(p, y, 1e-9, 1e-12):
                return SHARES, axes
            if same(np.log(p), y, 1e-9, 1e-12):
                return LOGARITHMS, axes
    return None


def variances(steps: list[Step]) -> Iterator[tuple[Region, tuple[int, ...], int]]:
    """The regions that are a variance: over which axes, and the number that the squares are divided by."""
    order = {step: number for number, step in enumerate(steps)}
    for step in steps:
        for region in regions_to(step, order) if step.name in ("mean", "divide", "sum") else ():
            x, y = region.entrance.value, region.exit.value
            if x.size <= y.size or x.ndim == 0 or y.min(initial=0.0) < 0:
                continue
            for axis in _axes(x.shape):
                axes = (axis,) if isinstance(axis, int) else axis
                squares, count = np.square(x - x.mean(axis=axis, keepdims=True)).sum(axis=axis), x.size // y.size
                divisors = [n for n in (count, count - 1) if n and squares.size == y.size]
                yield from (
                    (region, axes, n) for n in divisors if np.allclose(squares.ravel() / n, y.ravel(), 1e-9, 1e-12)
                )


def _axes(shape: tuple[int, ...]) -> Iterator[int | tuple[int, ...]]:
    """Every axis that is longer than one, and every set of such axes, the last first."""
    longer = [axis for axis, size in enumerate(shape) if size > 1]
    yield from reversed(longer)
    for count in range(2, len(longer) + 1):
        yield from reversed(list(combinations(longer, count)))
