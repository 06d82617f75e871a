"""Arguments at the least that their row allows: a mask that lets nothing through, an example of length 0."""

from typing import Any

import numpy as np
import pytest

from reference import oracle
from reference.recurrent import rnn, rnn_bwd, rnn_fwd

FEW: dict[str, Any] = {"largest": 1, "checks": 3}


def drop(x, mask):
    return np.where(mask, x / 0.5, 0.0)


def drop_backward(cotangent, x, mask):
    return np.where(mask, cotangent / 0.5, 0.0), None


def drop_by_mean(cotangent, x, mask):
    return cotangent * mask / mask.mean() * mask.mean() / 0.5, None  # 0 / 0 where nothing is kept


def run(x, h, kernel, recurrent_kernel, bias, lengths):
    return rnn(x, h, kernel, recurrent_kernel, bias, lengths=lengths)


def run_backward(cotangent, x, h, kernel, recurrent_kernel, bias, lengths):
    _, residuals = rnn_fwd(x, h, kernel, recurrent_kernel, bias, lengths=lengths)
    return (*rnn_bwd(residuals, cotangent), None)


def forgets_the_first_state(cotangent, *primals):
    found = list(run_backward(cotangent, *primals))
    found[1] = found[1] * (primals[-1] > 0)[:, None]
    return tuple(found)


def inputs(batch, steps, features, hidden, rng):
    shapes = (batch, steps, features), (batch, hidden), (features, hidden), (hidden, hidden), (hidden,)
    return (*(rng.uniform(-0.5, 0.5, shape) for shape in shapes), rng.integers(1, steps + 1, batch))


@pytest.mark.parametrize(("backward", "wrong"), [(drop_backward, False), (drop_by_mean, True)], ids=["right", "wrong"])
def test_a_mask_that_drops_all(backward, wrong):
    subject = oracle.from_forward_backward(drop, backward)
    swept = oracle.sweep(subject, op="dropout", statics={"rate": 0.5}, **FEW)
    assert swept.visited[1].regime == "mask all False"
    assert (swept.verdict, swept.visited[1].seen) == (("fail", "WRONG") if wrong else ("pass", "cannot tell"))


@pytest.mark.parametrize("op", [None, "rnn"], ids=["recognized", "named"])
@pytest.mark.parametrize(("backward", "seen"), [(run_backward, "right"), (forgets_the_first_state, "WRONG")])
def test_an_example_of_length_0(backward, seen, op):
    swept = oracle.sweep(oracle.from_forward_backward(run, backward), inputs, op=op, **FEW)
    assert (swept.visited[1].regime, swept.visited[1].seen) == ("lengths of 0", seen)
    if seen == "WRONG":
        assert swept.smallest is not None
        assert swept.smallest.regime == "lengths of 0"
