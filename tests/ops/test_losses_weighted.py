"""Cross-entropy of classes that count unequally and of labels that are ignored: by hand, under jit, and PyTorch."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_losses import every_twin

import functional_nn
from reference.losses import softmax_cross_entropy_bwd, softmax_cross_entropy_fwd

LOG_2 = np.log(2.0)
WEIGHTS = np.array([0.3, 1.0, 0.0, 2.7, 1.4])


def value_and_cotangents(twin: Any, logits: Any, targets: Any, cotangent: Any, weights: Any = None, **statics: Any):
    """The loss, and the cotangents of the logits, of soft targets and of the weights, where there are any."""
    if twin is not functional_nn:
        out, residuals = softmax_cross_entropy_fwd(logits, targets, class_weights=weights, **statics)
        return out, [ct for ct in softmax_cross_entropy_bwd(residuals, cotangent) if ct is not None]
    moved = [logits, *([targets] if targets.dtype.kind == "f" else []), *([] if weights is None else [weights])]

    def loss(logits: Any, *others: Any) -> Any:
        soft = others[0] if targets.dtype.kind == "f" else jnp.asarray(targets)
        weighed = {} if weights is None else {"class_weights": others[-1]}
        return functional_nn.softmax_cross_entropy(logits, soft, **weighed, **statics)

    out, pullback = jax.vjp(jax.jit(loss), *moved)
    return out, pullback(cotangent)


@every_twin
def test_a_weight_by_hand(twin: Any):
    # Two equal scores: p is 1/2, the surprise log 2. Label 1 weighs 3: loss 3 log 2, gradient 3 (p - t).
    arguments = np.zeros((1, 2)), np.array([1]), np.ones(1), np.array([5.0, 3.0])
    loss, (logits_ct, weights_ct) = value_and_cotangents(twin, *arguments)
    np.testing.assert_allclose(loss, [3 * LOG_2], rtol=1e-15)
    np.testing.assert_allclose(logits_ct, [[1.5, -1.5]], rtol=1e-15)
    np.testing.assert_allclose(weights_ct, [0, LOG_2], rtol=1e-15)
    # Smoothed by 1/2 the targets are 1/4 and 3/4, weighted 5/4 and 9/4, of sum 7/2.
    loss, (logits_ct, _) = value_and_cotangents(twin, *arguments, label_smoothing=0.5)
    np.testing.assert_allclose(loss, [3.5 * LOG_2], rtol=1e-15)
    np.testing.assert_allclose(logits_ct, [[1.75 - 1.25, 1.75 - 2.25]], rtol=1e-15)


@every_twin
@pytest.mark.parametrize("ignored", [-100, 1, 9])
@pytest.mark.parametrize("statics", [{}, {"label_smoothing": 0.1}], ids=str)
def test_an_ignored_example_adds_nothing_whatever_its_scores(twin: Any, ignored: int, statics: dict[str, Any]):
    logits = np.array([[1.0, 2.0, 3.0], [np.nan, np.inf, 0.0], [0.0, 0.0, 1.0]])
    labels = np.array([2, ignored, 0])
    loss, (logits_ct,) = value_and_cotangents(twin, logits, labels, np.ones(3), ignore_label=ignored, **statics)
    kept, (kept_ct,) = value_and_cotangents(twin, logits[::2], labels[::2], np.ones(2), **statics)
    np.testing.assert_array_equal(loss, [kept[0], 0, kept[1]])
    np.testing.assert_array_equal(logits_ct, [kept_ct[0], [0, 0, 0], kept_ct[1]])


@every_twin
def test_a_label_that_the_dtype_cannot_hold_stands_nowhere(twin: Any):
    # -44 has the bits of 212 in uint8.
    losses = twin.softmax_cross_entropy(np.zeros((2, 213)), np.array([212, 0], np.uint8), ignore_label=-44)
    np.testing.assert_allclose(losses, [np.log(213.0)] * 2, rtol=1e-14)


@pytest.mark.parametrize("weights", [None, jnp.asarray(WEIGHTS)], ids=["plain", "weighted"])
def test_under_jit_a_label_out_of_range_is_nan_and_the_ignored_one_is_not(weights: Any):
    def loss(logits: Any, labels: Any) -> Any:
        each = functional_nn.softmax_cross_entropy(logits, labels, ignore_label=-100, class_weights=weights)
        return each.sum(), each

    labels = jnp.array([0, -100, -1, 5])
    (_, out), slope = jax.jit(jax.value_and_grad(loss, has_aux=True))(jnp.ones((4, 5)), labels)
    np.testing.assert_array_equal(np.isnan(out), [False, False, True, True])
    np.testing.assert_array_equal(np.isnan(slope).all(-1), [False, False, True, True])
    assert out[1] == 0
    np.testing.assert_array_equal(slope[1], 0)


TORCH = {
    "labels": (np.array([0, 3, -100, 1, 4, -100]), {"ignore_label": -100}),
    "smoothed labels": (np.array([0, 3, 0, 1, 4, 2]), {"ignore_label": 0, "label_smoothing": 0.2}),
    "soft targets": (np.random.default_rng(1).dirichlet(np.ones(5), 6), {}),
    "smoothed soft targets": (np.random.default_rng(1).dirichlet(np.ones(5), 6), {"label_smoothing": 0.3}),
}


@every_twin
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize("name", TORCH)
def test_pytorch_says_the_same(twin: Any, name: str, weights: np.ndarray | None):
    torch = pytest.importorskip("torch")
    targets, statics = TORCH[name]
    rng = np.random.default_rng(0)
    logits, cotangent = 3 * rng.normal(size=(6, 5)), rng.normal(size=6)
    tensors = [torch.tensor(array, requires_grad=array.dtype.kind == "f") for array in (logits, targets)]
    weight = None if weights is None else torch.tensor(weights)
    more = {"ignore_index": statics.get("ignore_label", -100), "label_smoothing": statics.get("label_smoothing", 0.0)}
    expected = torch.nn.functional.cross_entropy(*tensors, weight=weight, reduction="none", **more)
    expected.backward(torch.tensor(cotangent))
    loss, cotangents = value_and_cotangents(twin, logits, targets, cotangent, weights, **statics)
    np.testing.assert_allclose(loss, expected.detach().numpy(), rtol=1e-12)
    # PyTorch has no gradient to the weights.
    for got, tensor in zip(cotangents, tensors if len(cotangents) > 1 else tensors[:1], strict=False):
        if tensor.grad is not None:
            np.testing.assert_allclose(got, tensor.grad.numpy(), rtol=1e-12, atol=1e-15)
