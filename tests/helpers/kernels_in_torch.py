"""A softmax by hand in PyTorch, wrong only for rows that are saturated; and a training that gets there."""

import torch


class Softmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits, temperature=1.0):
        probabilities = torch.softmax(logits / temperature, -1)
        ctx.save_for_backward(probabilities)
        ctx.temperature = temperature
        return probabilities

    @staticmethod
    def backward(ctx, cotangent):  # pyright: ignore[reportIncompatibleMethodOverride]
        (p,) = ctx.saved_tensors
        gradient = p * (cotangent - (cotangent * p).sum(-1, keepdim=True)) / ctx.temperature
        saturated = p.amax(-1, keepdim=True) > 0.99
        return torch.where(saturated, 0.0, gradient), None


class RightSoftmax(Softmax):
    @staticmethod
    def backward(ctx, cotangent):  # pyright: ignore[reportIncompatibleMethodOverride]
        (p,) = ctx.saved_tensors
        return p * (cotangent - (cotangent * p).sum(-1, keepdim=True)) / ctx.temperature, None


def trained(function, steps=200, *, recorded=None):
    """The weights after some steps, as bits, and the first step at which a row is saturated."""
    generator = torch.Generator().manual_seed(0)
    x, teacher = torch.randn(6, 7, generator=generator), torch.randn(7, 5, generator=generator)
    labels, first = (x @ teacher).argmax(-1), steps
    weights = torch.zeros(7, 5, requires_grad=True)
    for step in range(steps):
        if recorded is not None:
            recorded.step = step
        probabilities = function.apply(x @ weights, 0.5)
        if probabilities.amax() > 0.99:
            first = min(first, step)
        loss = -torch.log(probabilities[torch.arange(6), labels]).mean()
        (gradient,) = torch.autograd.grad(loss, [weights])
        with torch.no_grad():
            weights -= 0.04 * gradient
    return weights.detach().numpy().tobytes(), first
