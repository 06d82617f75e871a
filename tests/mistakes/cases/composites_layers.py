"""Layers that occur once: pyramids, bilinear forms, distances, depthwise windows."""

import numpy as np

from ..case import Family, normal, sized

family = Family("composites")

# A pyramid: maxima of 2 x 2, then means over all positions.
PYRAMID = sized(((3, 4, 6, 2),), ((4, 12, 10, 6),))


def pyramid(x):
    n, h, w, c = x.shape
    return x.reshape(n, h // 2, 2, w // 2, 2, c).max(axis=(2, 4)).mean(axis=(1, 2))


@family.wrong(70, pyramid, PYRAMID, cause="wrong_winner", argument="x")
def the_smallest_pixel_wins(g, x):
    n, h, w, c = x.shape
    blocks = x.reshape(n, h // 2, 2, w // 2, 2, c)
    mask = blocks == blocks.min(axis=(2, 4), keepdims=True)
    return (mask * g[:, None, None, None, None, :] / ((h // 2) * (w // 2))).reshape(x.shape)


# A bilinear form x A y, example by example.
FORM = sized(((5, 3), (3, 4), (5, 4)), ((20, 12), (12, 10), (20, 10)))


def bilinear(x, A, y):
    return np.einsum("ni,ij,nj->n", x, A, y)


@family.wrong(4, bilinear, FORM, cause="scaled_by_count", argument="A")
def form_averaged(g, x, A, y):
    return g[:, None] * (y @ A.T), np.einsum("n,ni,nj->ij", g, x, y) / len(x), g[:, None] * (x @ A)


@family.wrong(9, bilinear, FORM, cause="ignores_cotangent", argument="A")
def form_without_its_upstream(g, x, A, y):
    return g[:, None] * (y @ A.T), x.T @ y, g[:, None] * (x @ A)


DISTANCE = sized(((5, 3), (4, 3)), ((20, 12), (7, 12)))


def distances(x, c):
    return ((x[:, None, :] - c[None, :, :]) ** 2).sum(axis=2)


@family.wrong(15, distances, DISTANCE, cause="scaled_by_constant", argument="x c")
def distances_without_the_two(g, x, c):
    d = x[:, None] - c
    return (g[..., None] * d).sum(1), -(g[..., None] * d).sum(0)


@family.wrong(18, distances, DISTANCE, cause="sign", argument="c")
def centers_pushed_the_wrong_way(g, x, c):
    d = 2 * g[..., None] * (x[:, None] - c)
    return d.sum(1), d.sum(0)


@family.wrong(65, distances, DISTANCE, cause="part_missing", argument="c")
def centers_from_the_last_point(g, x, c):
    d = 2 * g[..., None] * (x[:, None] - c)
    return d.sum(1), -d[-1]


DEPTHWISE = sized(((2, 5, 6, 3), (2, 3, 3)), ((4, 12, 14, 8), (2, 3, 8)))


def depthwise(x, K):
    """x (N, H, W, C), a window for each channel."""
    h, w = x.shape[1] - K.shape[0] + 1, x.shape[2] - K.shape[1] + 1
    return sum(x[:, i : i + h, j : j + w] * K[i, j] for i, j in np.ndindex(K.shape[:2]))


@family.wrong(58, depthwise, DEPTHWISE, cause="flipped", argument="x")
def channel_windows_rotated(g, x, K):
    dx, dK = np.zeros_like(x), np.zeros_like(K)
    h, w = g.shape[1:3]
    for i, j in np.ndindex(K.shape[:2]):
        dx[:, i : i + h, j : j + w] += g * K[-1 - i, -1 - j]
        dK[i, j] = (g * x[:, i : i + h, j : j + w]).sum(axis=(0, 1, 2))
    return dx, dK


TORCH = sized(((4, 5),), ((16, 20),))


@family.whole(77, "wrong backward", "torch", TORCH, names=("x",), cause="statistics_as_constants", argument="x")
def torch_centered_without_the_mean():
    import torch

    class Centered(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x - x.mean(1, keepdim=True)

        @staticmethod
        def backward(ctx, *grad_outputs):
            return grad_outputs[0].clone()

    return Centered


@family.whole(32, "wrong backward", "torch", TORCH, names=("x",), cause="diagonal_only", argument="x")
def torch_softmax_diagonal():
    import torch

    class Softmax(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = torch.softmax(x, -1)
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, *grad_outputs):
            (y,) = ctx.saved_tensors
            return grad_outputs[0] * y * (1 - y)

    return Softmax


# Channel-wise functions of images (N, C, H, W).
IMAGE = sized(((2, 3, 4, 5), (3,)), ((4, 8, 10, 12), (8,)))


def channel_softmax(x, s):
    e = np.exp(s[:, None, None] * x)
    return e / e.sum(1, keepdims=True)


@family.wrong(31, channel_softmax, IMAGE, cause="wrong_axis", argument="x s")
def softmax_over_the_rows(g, x, s):
    p = channel_softmax(x, s)
    d = p * (g - (p * g).sum(2, keepdims=True))
    return d * s[:, None, None], (d * x).sum((0, 2, 3))


@family.wrong(32, channel_softmax, IMAGE, cause="diagonal_only", argument="x s")
def softmax_channel_by_channel(g, x, s):
    p = channel_softmax(x, s)
    d = p * (1 - p) * g
    return d * s[:, None, None], (d * x).sum((0, 2, 3))


def positive_definite(size, seed):
    n = 5 if size == "small" else 16
    (A,) = normal(seed, (n, n))
    return (A + 2 * n * np.eye(n),)


@family.wrong(5, lambda A: np.linalg.slogdet(A)[1], positive_definite, argument="A", cause="transposed")
def log_determinant_by_the_inverse(g, A):
    return g * np.linalg.inv(A)
