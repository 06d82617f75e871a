"""Layers that take the mean that the loss beside them leaves to them, and where no loss does."""

import pytest

from reference.oracle.reading.judge import CannotTell, judge
from reference.oracle.reading.request import Request

LINEAR = """
import numpy as np
class Linear:
    def __init__(self, W, b):
        self.W, self.b = W, b
    def forward(self, x):
        self.x = x
        return x @ self.W + self.b
    def backward(self, dout):
        self.dW = self.x.T @ dout / len(dout)
        self.db = dout.sum(axis=0) / len(dout)
        return dout @ self.W.T
"""
LOSS = """
import numpy as np
class Loss:
    def forward(self, y, t):
        self.y, self.t = y, t
        return np.sum((y - t) ** 2) / len(y)
    def backward(self):
        return 2 * (self.y - self.t)MEAN
"""


def test_layers_that_take_the_mean_that_the_loss_leaves_to_them_are_right_but(repository):
    (found,) = repository({"gate.py": LINEAR, "loss.py": LOSS.replace("MEAN", "")})
    report = judge(found, Request())
    assert (report.verdict, report.status) == ("pass", "right, but takes the mean over the batch in the layers")
    assert "which the loss on line 6 of loss.py takes and its" in " ".join(str(report).split())
    assert judge(found, Request(strict=True)).verdict == "fail"


NO_LOSS = {
    "no loss": "",
    "one that divides as well": LOSS.replace("MEAN", " / len(self.y)"),
    "an error rate": "import numpy as np\ndef error_rate(y, t):\n    return np.mean(y != t)\n",
}


@pytest.mark.parametrize("loss", NO_LOSS)
def test_where_no_loss_leaves_the_mean_to_them_nobody_can_tell(repository, loss):
    (found,) = repository({"gate.py": LINEAR, "loss.py": NO_LOSS[loss]})
    with pytest.raises(CannotTell, match="W and b are all 1/N of the true gradient"):
        judge(found, Request())
