"""Rows of recurrent layers. What the columns mean stands in `reference/oracle/opspec.py`."""

from functools import partial

import numpy as np

from reference.oracle.drawn import Drawn, lengths, uniform
from reference.oracle.opspec import Case, OpSpec, Ulp, case, refuses
from reference.oracle.specs import candidates, regimes

IN_UNITS_OF_THE_LARGEST = Ulp(8, 8, "each step hands on its rounding; the unit is that of an example's largest entry")

UP_TO_ALL = lengths("batch", of="steps")


def _case(id: str, gates: int, biases: int, statics: dict | None = None, /, **more: str | Drawn) -> Case:
    """A layer whose kernels have so many blocks, and whose bias so many; a cell and lengths where they are given."""
    cells = {name: more.pop(name) for name in ("c",) if name in more}
    # Small enough that a finite step is not made large on its way through time.
    shapes = {"kernel": f"in_dim {gates}*hidden", "recurrent_kernel": f"hidden {gates}*hidden"}
    kernels = {name: uniform(shape, -0.5, 0.5) for name, shape in shapes.items()}
    arguments = {"x": "batch steps in_dim", "h": "batch hidden", **cells, **kernels, "bias": f"{biases}*hidden"}
    return case(id, statics, **arguments, **more)


def _arrays(gates: int, biases: int, cell: bool = False, **other) -> tuple:
    """A call with 2 examples of 3 steps of 4 inputs, and 5 hidden; other arrays where some are given."""
    states = {"h": np.ones((2, 5)), **({"c": np.ones((2, 5))} if cell else {})}
    kernels = {"kernel": np.ones((4, gates * 5)), "recurrent_kernel": np.ones((5, gates * 5))}
    arrays = {"x": np.ones((2, 3, 4)), **states, **kernels, "bias": np.ones(biases * 5)}
    return tuple({**arrays, **other}.values())


def _errors(gates: int, biases: int, cell: bool = False) -> tuple:
    arrays = partial(_arrays, gates, biases, cell)
    long, wide = np.array([3, 4]), (4, gates * 5)
    return (
        refuses("x without a length", ValueError, "x must have three axes", {}, *arrays(x=np.ones((2, 4)))),
        refuses("h of one example", ValueError, "h must have two axes", {}, *arrays(h=np.ones(5))),
        refuses("h of another batch", ValueError, "h must have the shape (batch", {}, *arrays(h=np.ones((3, 5)))),
        refuses("kernel transposed", ValueError, "kernel must have", {}, *arrays(kernel=np.ones(wide[::-1]))),
        refuses("a gate less", ValueError, "recurrent_kernel must", {}, *arrays(recurrent_kernel=np.ones((5, 4)))),
        refuses("a bias more", ValueError, "bias must have", {}, *arrays(bias=np.ones(biases * 5 + 5))),
        refuses("a length a step", ValueError, "lengths must have", {"lengths": np.ones(3, int)}, *arrays()),
        refuses("a length beyond x", ValueError, "at most x.shape[1]", {"lengths": long}, *arrays()),
        refuses("a negative length", ValueError, "at least 0", {"lengths": long - 4}, *arrays()),
        refuses("lengths of floats", TypeError, "lengths must be integers", {"lengths": np.ones(2)}, *arrays()),
        refuses("lengths a list", TypeError, "lengths must be an array", {"lengths": [3, 3]}, *arrays()),
        refuses("reverse a number", ValueError, "reverse must be a boolean", {"reverse": 1}, *arrays()),
        refuses("integers", TypeError, "x must have a floating", {}, *arrays(x=np.ones((2, 3, 4), int))),
        refuses("a bias of integers", TypeError, "bias must have", {}, *arrays(bias=np.ones(biases * 5, int))),
    )


def _extremes(gates: int, biases: int, cell: bool = False) -> tuple:
    """Every gate wide open or shut, every tanh at its end; and nothing but zeros."""
    states = {"h": [[1e4, -1e4]], **({"c": [[1e4, -1e4]]} if cell else {})}
    kernels = {"kernel": np.full((1, gates * 2), 100.0), "recurrent_kernel": np.eye(2, gates * 2)}
    open_or_shut = {"x": [[[100.0], [-100.0]]], **states, **kernels, "bias": np.zeros(biases * 2)}
    return (open_or_shut, {name: np.zeros_like(values) for name, values in open_or_shut.items()})


RECURRENT = (
    OpSpec(
        "rnn",
        "recurrent",
        cases=(
            _case("forward", 1, 1),
            _case("reverse and lengths", 1, 1, {"reverse": True}, lengths=UP_TO_ALL),
        ),
        extremes=_extremes(1, 1),
        errors=_errors(1, 1),
        ulp=IN_UNITS_OF_THE_LARGEST,
        resembles=("rnn", "rnnstep", "vanillarnn"),
        scene="recurrent",
        statics_of=candidates.unrolled,
        by_keyword=("lengths",),
    ),
    OpSpec(
        "lstm",
        "recurrent",
        cases=(
            _case("forward", 4, 4, c="batch hidden"),
            _case("reverse and lengths", 4, 4, {"reverse": True}, c="batch hidden", lengths=UP_TO_ALL),
        ),
        extremes=_extremes(4, 4, cell=True),
        errors=(
            *_errors(4, 4, cell=True),
            refuses("c of another size", ValueError, "c must have", {}, *_arrays(4, 4, True, c=np.ones((2, 4)))),
        ),
        ulp=IN_UNITS_OF_THE_LARGEST,
        resembles=("lstm", "lstmstep"),
        scene="four gates",
        statics_of=candidates.unrolled,
        by_keyword=("lengths",),
    ),
    OpSpec(
        "gru",
        "recurrent",
        cases=(
            _case("forward", 3, 4),
            _case("reverse and lengths", 3, 4, {"reverse": True}, lengths=UP_TO_ALL),
        ),
        extremes=_extremes(3, 4),
        errors=_errors(3, 4),
        ulp=IN_UNITS_OF_THE_LARGEST,
        resembles=("gru",),
        scene="recurrent",
        statics_of=candidates.unrolled,
        by_keyword=("lengths",),
    ),
    OpSpec(
        "linear_recurrence",
        "recurrent",
        cases=(case("channels", x="batch steps hidden", decay="batch steps hidden", initial="batch hidden"),),
        extremes=(
            {"x": [[1e4, -1e4, 0.0]], "decay": [[0.0, 1.0, -1.0]], "initial": [1e4]},
            {"x": [[0.0, 0.0]], "decay": [[1e4, 1e-4]], "initial": [1.0]},
        ),
        errors=(
            refuses("no length", ValueError, "x must have two axes", {}, np.ones(3), np.ones(3), np.ones(3)),
            refuses("one decay", ValueError, "decay must have", {}, np.ones((3, 4)), np.ones(4), np.ones(3)),
            refuses("initial a step", ValueError, "initial must", {}, np.ones((3, 4)), np.ones((3, 4)), np.ones(4)),
            refuses("integers", TypeError, "x must have", {}, np.ones((3, 4), int), np.ones((3, 4)), np.ones(3)),
            refuses("a list", TypeError, "decay must be an array", {}, np.ones((1, 1)), [[1.0]], np.ones(1)),
        ),
        called=("linearrecurrence", "linearscan"),
        ulp=Ulp(4, 4, "the unit is that of the largest state so far"),
        regimes=(regimes.DECAY_NEAR_ONE,),
    ),
)
