"""PyTorch's activations say the same as both twins."""

from typing import Any

import numpy as np
import pytest
from test_activations import every_twin, gradient

TORCH: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "sigmoid": ("sigmoid", {}, {}),
    "log_sigmoid": ("logsigmoid", {}, {}),
    "tanh": ("tanh", {}, {}),
    "relu": ("relu", {}, {}),
    "leaky_relu": ("leaky_relu", {"negative_slope": 0.3}, {"negative_slope": 0.3}),
    "elu": ("elu", {"alpha": 2.0}, {"alpha": 2.0}),
    "softplus": ("softplus", {}, {"threshold": 1000}),
    "silu": ("silu", {}, {}),
    "gelu": ("gelu", {}, {}),
    "gelu, tanh form": ("gelu", {"approximate": True}, {"approximate": "tanh"}),
    "softmax": ("softmax", {"axis": 0}, {"dim": 0}),
    "log_softmax": ("log_softmax", {"axis": 1}, {"dim": 1}),
}


@pytest.mark.slow
@every_twin
@pytest.mark.parametrize("name", TORCH)
def test_pytorch_says_the_same(twin: Any, name: str):
    torch = pytest.importorskip("torch")
    theirs, ours, options = TORCH[name]
    rng = np.random.default_rng(4)
    # At 0 too: both take the left derivative there. Torch's own gelu cancels in its tail, hence atol.
    x, ct = np.append(rng.normal(size=(6, 5)) * 4, [[0.0, -0.0, 1.0, -20.0, 20.0]], axis=0), rng.normal(size=(7, 5))
    tensor = torch.tensor(x, requires_grad=True)
    out = getattr(torch.nn.functional, theirs)(tensor, **options)
    out.backward(torch.tensor(ct))
    name = name.partition(",")[0]
    np.testing.assert_allclose(getattr(twin, name)(x, **ours), out.detach().numpy(), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(gradient(twin, name, x, ct, **ours), tensor.grad.numpy(), rtol=1e-11, atol=1e-14)
