"""mistakes in normalization by layer, group, instance and size (catalogue 76 to 95)."""

import numpy as np

from ..case import Family, normal, sized

family = Family("normalization")


def tokens(size, seed):
    shapes = ((2, 3, 5), (5,), (5,)) if size == "small" else ((8, 12, 32), (32,), (32,))
    x, weight, bias = normal(seed, *shapes)
    return 2 * x + 1, 1 + 0.5 * weight, bias


def layernorm_forward(inp, weight, bias, eps=1e-5):
    mean = inp.mean(-1, keepdims=True)
    rstd = (inp.var(-1, keepdims=True) + eps) ** -0.5
    return (inp - mean) * rstd * weight + bias, (inp, weight, mean, rstd)


of_tokens = ("inp", "weight", "bias")


@family.wrong(
    77,
    layernorm_forward,
    tokens,
    names=of_tokens,
    style="cache",
    argument="inp",
    cause=("mean_term_missing", "sum_term_missing"),
)
def layernorm_without_the_mean(dout, cache):
    inp, weight, mean, rstd = cache
    norm = (inp - mean) * rstd
    dnorm = weight * dout
    dinp = (dnorm - norm * (dnorm * norm).mean(-1, keepdims=True)) * rstd
    return dinp, (dout * norm).sum((0, 1)), dout.sum((0, 1))


@family.wrong(
    80, layernorm_forward, tokens, names=of_tokens, style="cache", argument="inp", cause="argument_factor_missing"
)
def layernorm_in_loops_without_the_weight(dout, cache):
    inp, weight, mean, rstd = cache
    B, T, C = inp.shape
    dinp, dweight, dbias = np.zeros_like(inp), np.zeros(C), np.zeros(C)
    for b in range(B):
        for t in range(T):
            norm = (inp[b, t] - mean[b, t]) * rstd[b, t]
            dnorm = dout[b, t]
            dnorm_mean, dnorm_norm_mean = dnorm.sum() / C, (dnorm * norm).sum() / C
            dweight += norm * dout[b, t]
            dbias += dout[b, t]
            dinp[b, t] += (dnorm - dnorm_mean - norm * dnorm_norm_mean) * rstd[b, t]
    return dinp, dweight, dbias


@family.wrong(
    88,
    layernorm_forward,
    tokens,
    names=of_tokens,
    style="cache",
    argument="inp",
    cause=("coupled_over_wrong_axis", "static_ignored"),
)
def layernorm_means_over_time(dout, cache):
    inp, weight, mean, rstd = cache
    norm, dnorm = (inp - mean) * rstd, weight * dout
    dinp = rstd * (dnorm - dnorm.mean(1, keepdims=True) - norm * (dnorm * norm).mean(1, keepdims=True))
    return dinp, (dout * norm).sum((0, 1)), dout.sum((0, 1))


@family.wrong(
    89,
    layernorm_forward,
    tokens,
    names=of_tokens,
    style="cache",
    argument="weight",
    cause=("not_reduced", "wrong_shape"),
)
def layernorm_weight_summed_over_the_first_axis(dout, cache):
    inp, weight, mean, rstd = cache
    norm, dnorm = (inp - mean) * rstd, weight * dout
    dinp = rstd * (dnorm - dnorm.mean(-1, keepdims=True) - norm * (dnorm * norm).mean(-1, keepdims=True))
    return dinp, (dout * norm).sum(axis=0), dout.sum(axis=(0, 1))


def nearly_constant(size, seed):
    x, weight, bias = tokens(size, seed)
    return x[0] * 3e-3, weight, bias


@family.wrong(
    93, layernorm_forward, nearly_constant, names=of_tokens, style="cache", argument="inp", cause="epsilon_one_side"
)
def layernorm_epsilon_added_to_the_deviation(dout, cache):
    inp, weight, mean, rstd = cache
    std = inp.std(-1, keepdims=True) + 1e-5
    norm, dnorm = (inp - mean) / std, dout * weight
    dinp = (dnorm - dnorm.mean(-1, keepdims=True) - norm * (dnorm * norm).mean(-1, keepdims=True)) / std
    return dinp, (dout * (inp - mean) * rstd).sum(0), dout.sum(0)


def rms_rows(size, seed):
    return normal(seed, *(((4, 6), (6,)) if size == "small" else ((48, 64), (64,))))


@family.whole(
    84,
    "wrong backward",
    "torch",
    rms_rows,
    names=("x", "g"),
    argument="x",
    cause=("statistics_as_constants", "sum_term_missing", "centered_term_missing", "use_dropped"),
)
def rms_norm_with_constant_size():
    import torch

    class RMSNorm(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, g):
            rrms = torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)
            ctx.save_for_backward(x, g, rrms)
            return x * rrms * g

        @staticmethod
        def backward(ctx, *grad_outputs):
            (dy,) = grad_outputs
            x, g, rrms = ctx.saved_tensors
            return dy * g * rrms, (dy * x * rrms).sum(0)

    return RMSNorm


@family.whole(82, "wrong backward", "vjp", rms_rows, argument="gain", cause="missing")
def rms_norm_without_a_gradient_for_its_gain(x, gain):
    r = np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + 1e-6)

    def pullback(g):
        g = g * gain
        return g / r - x * np.mean(g * x, axis=-1, keepdims=True) / r**3, None

    return gain * x / r, pullback


@family.wrong(
    84,
    lambda v: v / np.linalg.norm(v, axis=1, keepdims=True),
    sized(((4, 6),), ((48, 64),)),
    argument="v",
    cause=("sum_term_missing", "statistics_as_constants", "use_dropped"),
)
def unit_vectors_by_a_constant_length(grad, v):
    return grad / np.sqrt((v**2).sum(axis=1, keepdims=True))


# Groups of channels, channels last: x (N, H, W, C).
def grouped_images(size, seed):
    shapes = ((2, 3, 2, 6), (6,), (6,)) if size == "small" else ((4, 7, 6, 12), (12,), (12,))
    x, scale, shift = normal(seed, *shapes)
    return x + 0.5, scale + 1, shift


def group_norm(x, scale, shift):
    n, h, w, c = x.shape
    groups = x.reshape(n, h * w, 2, c // 2)
    centered = groups - groups.mean(axis=(1, 3), keepdims=True)
    inverse = 1 / np.sqrt((centered**2).mean(axis=(1, 3), keepdims=True) + 1e-5)
    normed = (centered * inverse).reshape(x.shape)
    return normed * scale + shift, (normed, inverse, scale)


def through_groups(g, normed, inverse):
    n, h, w, c = g.shape
    g, y = (a.reshape(n, h * w, 2, c // 2) for a in (g, normed))
    slope = (g * y).mean(axis=(1, 3), keepdims=True)
    return (inverse * (g - g.mean(axis=(1, 3), keepdims=True) - y * slope)).reshape(n, h, w, c)


@family.wrong(95, group_norm, grouped_images, style="rule", argument="x", cause="argument_factor_missing")
def group_norm_scale_not_applied(saved, g):
    normed, inverse, scale = saved
    return through_groups(g, normed, inverse), (g * normed).sum(axis=(0, 1, 2)), g.sum(axis=(0, 1, 2))


@family.wrong(90, group_norm, grouped_images, style="rule", argument="scale", cause=("reordered", "row_permuted"))
def group_norm_scale_gradient_channel_before_group(saved, g):
    normed, inverse, scale = saved
    by_group = (g * normed).sum(axis=(0, 1, 2)).reshape(2, -1)
    return through_groups(g * scale, normed, inverse), by_group.T.reshape(-1), g.sum(axis=(0, 1, 2))


@family.whole(
    87,
    "wrong backward",
    "layer",
    sized(((3, 2, 4, 5),), ((4, 6, 9, 8),)),
    argument="x",
    cause=("coupled_over_wrong_axis", "static_ignored"),
)
class InstanceNorm:
    """One mean and one variance for each image and channel."""

    def forward(self, x):
        self.std = np.sqrt(x.var(axis=(2, 3), keepdims=True) + 1e-5)
        self.y = (x - x.mean(axis=(2, 3), keepdims=True)) / self.std
        return self.y

    def backward(self, dy):
        axes = (0, 2, 3)
        mean, slope = (a.mean(axis=axes, keepdims=True) for a in (dy, dy * self.y))
        return (dy - mean - self.y * slope) / self.std


def weight_norm(x, v, g):
    """y = x W with the columns of W in the direction of v and of length g."""
    length = np.sqrt((v**2).sum(axis=0))
    return x @ (g * v / length), (x, v, g, length)


@family.wrong(
    84,
    weight_norm,
    sized(((3, 4), (4, 5), (5,)), ((32, 40), (40, 24), (24,))),
    style="cache",
    argument="v",
    cause=("sum_term_missing", "statistics_as_constants", "use_dropped"),
)
def direction_by_a_constant_length(dout, cache):
    x, v, g, length = cache
    dW = x.T @ dout
    return dout @ (g * v / length).T, dW * g / length, (dW * v).sum(axis=0) / length
