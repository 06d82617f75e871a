"""Forwards in PyTorch, which is handed to them, with arguments: together they use most operations that are known."""

from helpers.drawn import labels, normal, positive, share


def written(torch, x, y):
    out = torch.empty_like(x)
    out[:, 0] = x[:, 1]
    out[:, 1:] = y[:, None] * 2
    row = out[1]
    row.mul_(x[0]).add_(1)
    out.view(-1)[2] += y[0]
    out[out < 0] *= 0.1
    return torch.relu_(out.t().clone()), row


def recurrent(torch, x, w):
    h, states = torch.zeros(x.shape[0], w.shape[1]), []
    for t in range(x.shape[1]):
        h = torch.tanh(x[:, t] @ w + h)
        states.append(h)
    return torch.stack(states, 1), h


def convolved(torch, x, w, b):
    first = torch.nn.functional.conv2d(x, w, b, stride=(2, 1), padding=1, dilation=(1, 2), groups=2)
    return torch.nn.functional.conv_transpose2d(first, w, stride=2, padding=1, output_padding=1, groups=2)


def pooled_by_torch(torch, x):
    f = torch.nn.functional
    largest = f.max_pool2d(x, 2, stride=1, padding=1) + f.max_pool2d(x, 3, 1, 1).sum()
    return largest, f.avg_pool2d(x, 2, padding=1, count_include_pad=False), f.adaptive_avg_pool2d(x, 2)


def placed(torch, x, i):
    spread = torch.zeros(3, 4).scatter_add(1, i[:, None], x[:, :1]).index_add(0, i, x)
    return x.gather(1, i[:, None]) * spread + x[i, i].sum() + x[:, i].sum() + x.index_select(1, i).mean()


def normalized(torch, x, a, b):
    f = torch.nn.functional
    batch = f.batch_norm(x, None, None, a, b, True) + f.group_norm(x, 2, a, b)
    return batch + f.layer_norm(x, x.shape[1:]) + f.instance_norm(x) + f.rms_norm(x, (5,)), f.normalize(x)


def losses(torch, p, t, z):
    f = torch.nn.functional
    several = f.mse_loss(p, t) + f.smooth_l1_loss(p, t, beta=0.1) + f.huber_loss(p, t, delta=0.2) + f.l1_loss(p, t)
    return several, f.binary_cross_entropy(p, t), f.binary_cross_entropy_with_logits(z, t, reduction="none")


def of_labels(torch, z, i):
    f, w = torch.nn.functional, torch.arange(1.0, 5.0)
    return f.cross_entropy(z, i, w, ignore_index=1), f.nll_loss(f.log_softmax(z, 1), i, reduction="none")


def folded(torch, x):
    f = torch.nn.functional
    columns = f.unfold(x, (2, 3), padding=(1, 0), stride=(2, 1))
    return f.fold(columns * 2, (5, 4), (2, 3), padding=(1, 0), stride=(2, 1)), f.interpolate(x, scale_factor=2)


def shrunk(torch, x):
    return torch.nn.functional.softshrink(x) + torch.nn.functional.hardshrink(x, 0.2)


TORCH = {
    "folded": (folded, normal(2, 3, 5, 4)),
    "shrunk": (shrunk, normal(3, 4)),
    "curves": (lambda torch, x: x.exp() + x.sin() * torch.log1p(x * x) / (1 + x.tanh() ** 2) + x.erf(), normal(3, 4)),
    "roots": (lambda torch, x: x.rsqrt() + x.sqrt() + x**-3 + x**1.5 + x.log2() + x.reciprocal(), positive(4)),
    "angles": (lambda torch, x: x.asin() + x.acos() + x.atan() * x.tan() + torch.atan2(x, x - 2), share(4)),
    "activations": (
        lambda torch, x: sum(
            getattr(torch.nn.functional, name)(x)
            for name in (
                "gelu",
                "silu",
                "elu",
                "selu",
                "softplus",
                "mish",
                "hardswish",
                "hardsigmoid",
                "relu6",
                "leaky_relu",
                "relu",
                "logsigmoid",
                "softsign",
                "hardtanh",
                "sigmoid",
                "celu",
                "tanhshrink",
            )
        ),
        2 * normal(3, 4),
    ),
    "tanh gelu": (lambda torch, x: torch.nn.functional.gelu(x, approximate="tanh"), normal(3, 4)),
    "gated": (
        lambda torch, x: torch.nn.functional.glu(x, 1) + torch.nn.functional.prelu(x[:, :2], x[0, 0]),
        normal(3, 4),
    ),
    "softmax": (lambda torch, x: x.softmax(0) + x.log_softmax(1) + x.logsumexp((0, 1)), normal(3, 4)),
    "statistics": (
        lambda torch, x: (x - x.mean(0)) / x.std(0) + x.var() + torch.var_mean(x, 1, correction=0)[0].sum(),
        normal(4, 3),
    ),
    "reductions": (
        lambda torch, x: x.sum((0, 2)) * x.amax((0, 2)) + x.norm() + x.min(1)[0].sum() + x.max(),
        normal(2, 3, 2),
    ),
    "running": (lambda torch, x: x.cumsum(1) + x.cumprod(0) + x.logcumsumexp(1), normal(3, 4)),
    "between": (
        lambda torch, x, y: x.clamp(-0.5, 0.5) + torch.lerp(x, y, 0.3) + x.addcmul(x, y, value=2).maximum(y),
        normal(5),
        0.7 * normal(5),
    ),
    "masked": (lambda torch, x: x.masked_fill(x > 0.5, 2.0) * torch.where(x > 0, x, 0.1 * x).tril(), normal(4, 4)),
    "products": (
        lambda torch, a, b: torch.einsum("bij,bjk->bik", a, b) + a @ b[0] + torch.baddbmm(a @ b, a, b, alpha=0.5),
        normal(2, 3, 4),
        normal(2, 4, 5),
    ),
    "dense": (lambda torch, x, w, b: torch.nn.functional.linear(x, w, b), normal(2, 3, 4), normal(5, 4), normal(5)),
    "convolution": (convolved, normal(2, 4, 6, 5), normal(6, 2, 3, 2), normal(6)),
    "one dimension": (
        lambda torch, x, w: torch.nn.functional.conv1d(x, w, padding="same"),
        normal(2, 3, 6),
        normal(4, 3, 3),
    ),
    "pooled": (pooled_by_torch, normal(2, 3, 4, 4)),
    "columns": (
        lambda torch, x: (
            torch.nn.functional.unfold(x, (2, 3), padding=1, stride=2) * x.unfold(2, 3, 2)[0, 0, :, 0, 1].sum()
        ),
        normal(2, 3, 5, 5)[..., :4],
    ),
    "moves": (
        lambda torch, x: x.permute(2, 0, 1).flip(1).reshape(4, 6)[::2, 1:5].T.unsqueeze(0).repeat(2, 1, 1).roll(1, 1),
        normal(2, 3, 4),
    ),
    "joined": (
        lambda torch, x, y: torch.cat([x, y], 1).split([2, 3], 1)[1] * torch.stack(x.unbind(1), 1).chunk(3, 1)[1],
        normal(2, 3),
        normal(2, 2),
    ),
    "padded": (lambda torch, x: torch.nn.functional.pad(x, (1, -1, 2, 0), value=0.5), normal(3, 4)),
    "placed": (placed, normal(3, 4), labels(3, 3)),
    "table": (lambda torch, i, table: torch.nn.functional.embedding(i, table) * 2, labels(5, 4), normal(4, 3)),
    "sorted": (
        lambda torch, x: x.sort(1, descending=True)[0] * torch.arange(4.0) + x.topk(2, 0)[0].sum(),
        normal(3, 4),
    ),
    "one hot": (lambda torch, x, t: -(torch.nn.functional.one_hot(t, 4) * x.log()).sum(-1), share(3, 4), labels(3, 4)),
    "normalized": (normalized, normal(3, 4, 5), normal(4), positive(4)),
    "losses": (losses, share(3, 4), share(4, 3).T.copy(), normal(3, 4)),
    "labels": (of_labels, normal(5, 4), labels(5, 4)),
    "attention": (
        lambda torch, q, k, v: torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True),
        normal(2, 1, 4, 3),
        normal(2, 1, 4, 3),
        normal(2, 1, 4, 3),
    ),
    "recurrent": (recurrent, normal(3, 4, 2), normal(2, 5)),
    "written": (written, normal(3, 3), normal(3)),
}
