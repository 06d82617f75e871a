"""PyTorch as third witness of the losses: value and gradient, each of its reductions from our values per example."""

from typing import Any

import numpy as np
import pytest
from test_losses import every_twin, gradients

TORCH: dict[str, tuple[str, str, dict[str, Any]]] = {
    "sum_of_squares_error": ("mse_loss", "predictions", {}),
    "mean_squared_error": ("mse_loss", "predictions", {}),
    "huber_loss": ("huber_loss", "predictions", {"delta": 0.7}),
    "cross_entropy_error": ("nll_loss", "probabilities", {}),
    "softmax_cross_entropy, labels": ("cross_entropy", "labels", {"label_smoothing": 0.1}),
    "softmax_cross_entropy, soft": ("cross_entropy", "soft", {"label_smoothing": 0.3}),
    "sigmoid_binary_cross_entropy": ("binary_cross_entropy_with_logits", "soft", {}),
    "binary_cross_entropy": ("binary_cross_entropy", "probabilities, soft", {}),
    "kl_divergence": ("kl_div", "log, soft", {}),
}


def _drawn(kind: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(6)
    first, soft = rng.normal(size=(3, 5)) * 3, rng.dirichlet(np.ones(5), 3)
    if "prob" in kind:
        first = rng.dirichlet(np.ones(5), 3)
    if "log" in kind:
        first = np.log(rng.dirichlet(np.ones(5), 3))
    if kind == "predictions":
        return first, rng.normal(size=(3, 5))
    return first, soft if "soft" in kind else np.array([1, 4, 0])


@pytest.mark.slow
@every_twin
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("name", TORCH)
def test_pytorch_says_the_same(twin: Any, name: str, reduction: str):
    """Every reduction of PyTorch's is one of our values per example, times a count where it is over more."""
    torch = pytest.importorskip("torch")
    theirs, kind, statics = TORCH[name]
    ours = name.partition(",")[0]
    first, targets = _drawn(kind)
    tensors = [torch.tensor(array, requires_grad=array.dtype.kind == "f") for array in (first, targets)]
    given = (tensors[0].log(), tensors[1]) if theirs == "nll_loss" else tuple(tensors)
    # The "mean" of kl_div is over elements and deprecated; "batchmean" is over examples, as ours.
    named = "batchmean" if (theirs, reduction) == ("kl_div", "mean") else reduction
    out = getattr(torch.nn.functional, theirs)(*given, reduction=named, **statics)
    # PyTorch's "none" and "sum" are over elements, where ours is a mean over the 5 of an example, or half their sum.
    by_element = theirs not in ("nll_loss", "cross_entropy")
    by_example = out.sum(-1) if by_element and reduction == "none" else out
    factor = 1 / 5 if by_element and reduction != "mean" else 1.0
    factor *= {"sum_of_squares_error": 5 / 2, "kl_divergence": 5.0 if reduction != "mean" else 1.0}.get(ours, 1.0)
    reduced = factor * by_example
    reduced.sum().backward()
    reduce = {"none": lambda v: v, "mean": np.mean, "sum": np.sum}[reduction]
    np.testing.assert_allclose(
        reduce(np.asarray(getattr(twin, ours)(first, targets, **statics))), reduced.detach().numpy(), rtol=1e-12
    )
    share = 1 / 3 if reduction == "mean" else 1.0
    for got, tensor in zip(gradients(twin, ours, first, targets, **statics), tensors, strict=True):
        if tensor.grad is not None:
            np.testing.assert_allclose(share * got, tensor.grad.numpy(), rtol=1e-11, atol=1e-15)
