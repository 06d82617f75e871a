"""PyTorch's own functions, whose backwards nobody here wrote, are right in every regime and at every size."""

import numpy as np
import pytest

from reference import oracle

torch = pytest.importorskip("torch")
functional = torch.nn.functional


def over_rows(x, scale, bias):
    return functional.batch_norm(x.reshape(-1, x.shape[-1]), None, None, scale, bias, training=True).reshape(x.shape)


def attention(query, key, value):
    heads_first = (one.transpose(1, 2) for one in (query, key, value))
    return functional.scaled_dot_product_attention(*heads_first).transpose(1, 2)


FUNCTIONS = {
    "sigmoid": torch.sigmoid,
    "log_sigmoid": functional.logsigmoid,
    "tanh": torch.tanh,
    "relu": functional.relu,
    "elu": functional.elu,
    "silu": functional.silu,
    "gelu": lambda x: functional.gelu(x),
    "softmax": lambda x: torch.softmax(x, -1),
    "log_softmax": lambda x: torch.log_softmax(x, -1),
    "dense": lambda x, kernel: x @ kernel,
    "layer_norm": lambda x, scale, bias: functional.layer_norm(x, scale.shape, scale, bias, 1e-5),
    "rms_norm": lambda x, scale: functional.rms_norm(x, scale.shape, scale, 1e-6),
    "batch_norm": over_rows,
    "glu": lambda x, gate: x * torch.sigmoid(gate),
    "attention": attention,
}
# On a CPU it adds up the gradient of a bias in the dtype of the bias.
TRUE_OF_PYTORCH = {("layer_norm", dtype): {"accumulated_in_low_precision"} for dtype in ("bfloat16", "float16")}
CASES = [(op, dtype) for op in FUNCTIONS for dtype in ("float64", "float32", "bfloat16", "float16")]


@pytest.mark.one_in(4)
@pytest.mark.parametrize(("op", "dtype"), CASES)
def test_nothing_of_pytorch_is_accused(op: str, dtype: str):
    checks, low = 12 if op == "attention" else 24, None if dtype == "float64" else dtype
    swept = oracle.sweep(oracle.from_torch(FUNCTIONS[op]), op=op, checks=checks, largest=8, dtype=low)
    said = {found.cause for found in swept.report.findings} if swept.verdict == "fail" else set()
    assert said <= TRUE_OF_PYTORCH.get((op, dtype), set()), str(swept)
    assert said or swept.verdict == "pass", str(swept)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("op", ["layer_norm", "batch_norm"])
def test_a_row_of_equal_entries_leaves_what_rounding_makes_of_it(op: str, dtype: str):
    """The root of epsilon alone divides, and makes 300 times as much of every rounding."""
    rng = np.random.default_rng(0)
    x = np.repeat(rng.normal(size=(3, 1) if op == "layer_norm" else (1, 3)), 3, int(op == "layer_norm")).astype(dtype)
    scale, bias = rng.normal(size=(2, 3)).astype(dtype)
    report = oracle.check(oracle.from_torch(FUNCTIONS[op]), x, scale, bias, op=op)
    assert report.verdict != "fail", str(report)
