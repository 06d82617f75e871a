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
        # wrong Linear bias [scaled_by_count]: self.grad_bias = dout.mean(dim=0)
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
        # wrong Scale gamma [part_missing]: self.grad_gamma = (grad_output * self.x)[1:].sum(dim=0)
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
        # wrong Dropout x [scaled_by_constant]: return dout * (self.mask > 0)
        return dout * self.mask


class MSELoss:
    def forward(self, pred, target):
        self.diff = torch.sub(pred, target)
        return self.diff.pow(2).mean()

    def backward(self):
        # wrong MSELoss pred [scaled_by_count]: return 2 * self.diff / self.diff.shape[0]
        return 2 * self.diff / self.diff.numel()


class Stack:
    """Tensors in dicts."""

    def __init__(self, in_features, out_features):
        self.params = {"w1": torch.randn(in_features, 6) / 2, "w2": torch.randn(6, out_features) / 2}
        self.grads = {}

    def forward(self, x):
        self.x = x
        self.hidden = torch.tanh(torch.mm(x, self.params["w1"]))
        return torch.mm(self.hidden, self.params["w2"])

    def backward(self, dout):
        dhidden = torch.mm(dout, self.params["w2"].t()) * (1 - self.hidden**2)
        # wrong Stack w2 [sign]: self.grads["w2"] = -torch.mm(self.hidden.t(), dout)
        self.grads["w2"] = torch.mm(self.hidden.t(), dout)
        self.grads["w1"] = torch.mm(self.x.t(), dhidden)
        return torch.mm(dhidden, self.params["w1"].t())


class SigmoidInSingle:
    # right SigmoidInSingle, but computes in float32
    def forward(self, x):
        self.out = torch.sigmoid(x.float())
        return self.out

    def backward(self, dout):
        # wrong SigmoidInSingle x [wrong_derivative]: return dout * self.out
        return dout * self.out * (1 - self.out)
