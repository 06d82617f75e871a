"""Layers by hand whose parameters and gradients are tensors, drawn by PyTorch."""

import torch
from torch import nn


class Linear:
    def __init__(self, in_features, out_features):
        self.weight = torch.randn(in_features, out_features) * 0.1
        self.bias = torch.zeros(out_features)

    def forward(self, x):
        self.x = x
        return torch.matmul(x, self.weight) + self.bias

    def backward(self, dout):
        self.grad_weight = torch.einsum("ni,no->io", self.x, dout)
        # wrong Linear bias [scaled_by_batch mean_instead_of_sum]: self.grad_bias = dout.mean(dim=0)
        self.grad_bias = dout.sum(dim=0)
        return dout @ self.weight.t()


class Scale(nn.Module):
    """A module whose backward is written by hand."""

    def __init__(self, num_features):
        super().__init__()
        self.gamma = nn.Parameter(torch.rand(num_features) + 0.5)

    def forward(self, x):
        self.x = x.clone()
        return torch.mul(x, self.gamma)

    def backward(self, grad_output):
        # wrong Scale gamma [samples_missing last_sample_only]: self.grad_gamma = (grad_output * self.x)[1:].sum(dim=0)
        self.grad_gamma = (grad_output * self.x).sum(dim=0)
        return grad_output * self.gamma


class Dropout:
    """What PyTorch draws is held fixed."""

    def __init__(self, p=0.4):
        self.p = p

    def forward(self, x):
        self.mask = (torch.rand_like(x) > self.p).to(x.dtype) / (1 - self.p)
        return x * self.mask

    def backward(self, dout):
        # wrong Dropout x [scaled_by_keep_rate scaled scaled_by_static]: return dout * (self.mask > 0)
        return dout * self.mask


class MSELoss:
    def forward(self, pred, target):
        self.diff = torch.sub(pred, target)
        return self.diff.pow(2).mean()

    def backward(self):
        # wrong MSELoss pred [scaled_by_batch scaled_by_size]: return 2 * self.diff / self.diff.shape[0]
        return 2 * self.diff / self.diff.numel()


class Stack:
    """Layers in a list, each with parameters of its own."""

    def __init__(self, in_features, out_features):
        self.layers = [Linear(in_features, 6), Linear(6, out_features)]

    def forward(self, x):
        for layer in self.layers:
            x = torch.tanh(layer.forward(x))
            layer.out = x
        return x

    def backward(self, dout):
        for layer in reversed(self.layers):
            # wrong Stack x [derivative_missing wrong_derivative local_factor derivative_at_output unexplained]: dout = layer.backward(dout * (1 - layer.out))
            dout = layer.backward(dout * (1 - layer.out**2))
        return dout


class SigmoidInSingle:
    # right SigmoidInSingle, but computes in float32
    def forward(self, x):
        self.out = torch.sigmoid(x.float())
        return self.out

    def backward(self, dout):
        # wrong SigmoidInSingle x [sum_term_missing wrong_derivative local_factor derivative_missing]: return dout * self.out
        return dout * self.out * (1 - self.out)
