"""A sweep like an example with equal sizes tells them apart where the op and the forward do, and nowhere else."""

import numpy as np
import pytest
from planted.at_some_sizes import RIGHT, WRONG

from reference import dense, oracle
from reference.oracle.sweep.apart import apart


def square(*shapes: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    return tuple(rng.normal(size=shape) for shape in shapes)


@pytest.mark.parametrize("named", [{"op": "layer_norm"}, {}], ids=["named", "recognized"])
def test_rows_of_the_first_axis_are_found_from_a_square_example(named):
    example = square((5, 5), (5,), (5,))
    swept = oracle.sweep(WRONG["layer norm, first axis"], example, **named)
    assert (swept.verdict, swept.visited[-1].regime) == ("fail", "3 axes, axis 0 in 2")
    apart_from = next(visit for visit in swept.visited if visit.regime == "equal sizes apart")
    assert (apart_from.seen, apart_from.shapes["x"]) == ("right", (5, 6))


def test_its_right_twin_is_accused_nowhere():
    swept = oracle.sweep(RIGHT["layer norm, first axis"], square((5, 5), (5,), (5,)), largest=4)
    assert swept.verdict == "pass", str(swept)
    assert {visit.shapes["x"][0] for visit in swept.visited} >= {1, 2, 3, 5}


def agreeing(primals):
    """Whether the op takes them; a forward that is right at every size."""
    try:
        dense(*primals)
    except ValueError:
        return None
    return True


def test_every_dimension_of_a_product_gets_a_size_of_its_own():
    maker = apart(square((4, 4), (4, 4), (4,)), ("x", "kernel", "bias"), agreeing)
    assert maker is not None
    x, kernel, bias = maker.make(maker.ordinary, 0)
    assert len({x.shape[0], x.shape[1], kernel.shape[1]}) == 3
    assert (kernel.shape[0], bias.shape) == (x.shape[1], kernel.shape[1:])


@pytest.mark.parametrize("answer", [False, None], ids=["a forward with other values", "no op that takes them"])
def test_nothing_is_told_apart_without_a_right_forward(answer):
    example = square((4, 4), (4,))
    assert apart(example, ("x", "bias"), lambda primals: answer) is None


def fewer_rows_are_not_enough(x, kernel, bias):
    """As a kernel that is given one size for two, and reads beyond the smaller array: its values are others there."""
    rows = np.pad(x, ((0, max(0, len(kernel) - len(x))), (0, 0)))
    return (rows @ kernel + bias)[: len(x)] + (0.0 if len(x) >= len(kernel) else 1.0)


def test_code_that_takes_equal_sizes_alone_is_not_judged_at_others():
    def backward(cotangent, x, kernel, bias):
        if len(x) != len(kernel):
            return np.zeros_like(x), np.zeros_like(kernel), np.zeros_like(bias)
        return cotangent @ kernel.T, x.T @ cotangent, cotangent.sum(0)

    subject = oracle.from_forward_backward(fewer_rows_are_not_enough, backward)
    swept = oracle.sweep(subject, square((4, 4), (4, 3), (3,)), op="dense", largest=4)
    assert swept.verdict == "pass", str(swept)
    assert all(visit.shapes["x"][0] == visit.shapes["kernel"][0] for visit in swept.visited)
