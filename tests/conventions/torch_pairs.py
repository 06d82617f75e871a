"""Forward and backward by hand on tensors, without autograd: pairs of functions that arrays do not suit."""

import math

import torch
import torch.nn.functional as F


def gelu_forward(x):
    cdf = 0.5 * (1 + torch.erf(x / math.sqrt(2)))
    return x * cdf, (x, cdf)


def gelu_backward(dout, cache):
    x, cdf = cache
    density = torch.exp(-x.pow(2) / 2) / math.sqrt(2 * math.pi)
    # wrong gelu x [wrong_derivative]: return dout * (cdf + density)
    return dout * (cdf + x * density)


def linear_forward(x, w, b):
    return torch.addmm(b, x, w), {"x": x, "w": w}


def linear_backward(dout, cache):
    dx = dout.mm(cache["w"].t())
    dw = cache["x"].t().mm(dout)
    # wrong linear b [scaled_by_count]: db = dout.mean(dim=0)
    db = dout.sum(dim=0)
    return dx, dw, db


def softmax_loss(x, y):
    logits = F.log_softmax(x, dim=1)
    rows = torch.arange(x.shape[0])
    loss = -logits[rows, y].sum() / x.shape[0]
    dx = logits.exp()
    dx[rows, y] -= 1
    # wrong softmax_loss x [scaled_by_count]: dx *= 1
    dx /= x.shape[0]
    return loss, dx


def layernorm_forward(x, gamma, beta, eps=1e-5):
    mean = x.mean(dim=-1, keepdim=True)
    rstd = (x.var(dim=-1, unbiased=False, keepdim=True) + eps).rsqrt()
    normal = (x - mean) * rstd
    return normal * gamma + beta, (normal, rstd, gamma)


def layernorm_backward(dout, cache):
    normal, rstd, gamma = cache
    dnormal = dout * gamma
    inner = (dnormal * normal).mean(dim=-1, keepdim=True)
    # wrong layernorm x [statistics_as_constants]: dx = rstd * (dnormal - normal * inner)
    dx = rstd * (dnormal - dnormal.mean(dim=-1, keepdim=True) - normal * inner)
    return dx, (dout * normal).sum(dim=0), dout.sum(dim=0)


def half_tanh(x):
    return torch.tanh(x.float() / 2)


def half_tanh_grad(x):
    # right half_tanh, but computes in float32
    # wrong half_tanh x [scaled_by_constant]: return 1 - torch.tanh(x.float() / 2) ** 2
    return (1 - torch.tanh(x.float() / 2) ** 2) / 2
