"""Convolutions in both layouts, by loops, by im2col and by einsum."""

import numpy as np

from ..case import Family, sized

family = Family("convolution")

FIRST = {"layout": "channels_first"}


def images(small, realistic):
    """x, kernel and bias of a channels-first convolution."""
    bias = ((small[1][0],), (realistic[1][0],))
    return sized((*small, bias[0]), (*realistic, bias[1]))


def windows(x, kh, kw, step=1, gap=1):
    """(kh, kw) pairs of offsets with the slice of x under each; x is (N, C, H, W)."""
    oh = (x.shape[2] - gap * (kh - 1) - 1) // step + 1
    ow = (x.shape[3] - gap * (kw - 1) - 1) // step + 1
    for i in range(kh):
        for j in range(kw):
            rows = slice(i * gap, i * gap + step * oh, step)
            cols = slice(j * gap, j * gap + step * ow, step)
            yield i, j, (slice(None), slice(None), rows, cols)


def conv2d(x, W, b, step=1, gap=1):
    out = b.reshape(1, -1, 1, 1)
    for i, j, at in windows(x, W.shape[2], W.shape[3], step, gap):
        out = out + np.einsum("nchw,fc->nfhw", x[at], W[:, :, i, j])
    return out


def conv2d_grads(dout, x, W, step=1, gap=1):
    dx, dW = np.zeros_like(x), np.zeros_like(W)
    for i, j, at in windows(x, W.shape[2], W.shape[3], step, gap):
        dW[:, :, i, j] = np.einsum("nchw,nfhw->fc", x[at], dout)
        dx[at] += np.einsum("nfhw,fc->nchw", dout, W[:, :, i, j])
    return dx, dW, dout.sum(axis=(0, 2, 3))


PLAIN = images(((2, 3, 6, 5), (5, 3, 3, 2)), ((4, 6, 14, 13), (8, 6, 3, 3)))


def unfold(x, kh, kw):
    n, c, h, w = x.shape
    oh, ow = h - kh + 1, w - kw + 1
    patches = [x[:, :, i : i + kh, j : j + kw].reshape(n, -1) for i in range(oh) for j in range(ow)]
    return np.stack(patches, axis=1)


@family.whole(
    55,
    "wrong backward",
    "layer",
    PLAIN,
    gradients={"W": "dW", "b": "db"},
    op="conv",
    statics=FIRST,
    cause="overlap_dropped",
    argument="x",
)
class Im2colConvolution:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        f, _, kh, kw = self.W.shape
        self.x, self.col = x, unfold(x, kh, kw)
        self.oh, self.ow = x.shape[2] - kh + 1, x.shape[3] - kw + 1
        out = self.col @ self.W.reshape(f, -1).T + self.b
        return out.reshape(len(x), self.oh, self.ow, f).transpose(0, 3, 1, 2)

    def backward(self, dout):
        f, c, kh, kw = self.W.shape
        flat = dout.transpose(0, 2, 3, 1).reshape(len(dout), -1, f)
        self.db = flat.sum((0, 1))
        self.dW = np.tensordot(flat, self.col, ((0, 1), (0, 1))).reshape(self.W.shape)
        dcol = flat @ self.W.reshape(f, -1)
        dx = np.zeros_like(self.x)
        for k in range(self.oh * self.ow):
            i, j = divmod(k, self.ow)
            dx[:, :, i : i + kh, j : j + kw] = dcol[:, k].reshape(-1, c, kh, kw)
        return dx


@family.wrong(
    57, conv2d, PLAIN, names=("x", "W", "b"), op="conv", statics=FIRST, argument="W", cause="scaled_by_spatial"
)
def kernel_averaged_over_positions(dout, x, W, b):
    dx, dW, db = conv2d_grads(dout, x, W)
    return dx, dW / (dout.shape[2] * dout.shape[3]), db


@family.wrong(
    57,
    conv2d,
    PLAIN,
    names=("x", "W", "b"),
    op="conv",
    statics=FIRST,
    argument="W b",
    cause=("mean_instead_of_sum", "scaled_by_spatial", "scaled_by_size"),
)
def kernel_averaged_over_steps(dout, x, W, b):
    dx, dW, _ = conv2d_grads(dout, x, W)
    steps = dout.size / dout.shape[1]
    return dx, dW / steps, dout.mean((0, 2, 3))


@family.wrong(58, conv2d, PLAIN, names=("x", "W", "b"), op="conv", statics=FIRST, cause="flipped", argument="x")
def full_correlation_unrotated(dout, x, W, b):
    _, dW, db = conv2d_grads(dout, x, W)
    kh, kw = W.shape[2:]
    wide = np.pad(dout, ((0, 0), (0, 0), (kh - 1, kh - 1), (kw - 1, kw - 1)))
    dx = np.zeros_like(x)
    for i, j, at in windows(wide, kh, kw):
        dx += np.einsum("nfhw,fc->nchw", wide[at], W[:, :, i, j])
    return dx, dW, db


@family.wrong(58, conv2d, PLAIN, names=("x", "W", "b"), op="conv", statics=FIRST, cause="flipped", argument="W")
def kernel_gradient_turned_round(dout, x, W, b):
    dx, dW, db = conv2d_grads(dout, x, W)
    return dx, np.rot90(dW, 2, axes=(2, 3)).copy(), db


def rotated_gradients(dout, x, W, b):
    dx, dW, db = conv2d_grads(dout, x, W[:, :, ::-1, ::-1])
    return dx, dW[:, :, ::-1, ::-1], db


@family.wrong_forward(59, rotated_gradients, PLAIN, op="conv", statics=FIRST, cause="convention_kernel")
def convolution_of_the_textbook(x, W, b):
    return conv2d(x, np.flip(W, (2, 3)), b)


def atrous(x, W, b):
    return conv2d(x, W, b, gap=2)


@family.wrong(
    62,
    atrous,
    images(((2, 3, 7, 6), (4, 3, 3, 2)), ((4, 5, 16, 15), (6, 5, 3, 3))),
    op="conv",
    statics={**FIRST, "dilation": 2},
    cause="static_ignored",
    argument="x W",
)
def dense_taps_in_backward(dout, x, W, b):
    dx, dW = np.zeros_like(x), np.zeros_like(W)
    h, w = dout.shape[2:]
    for i in range(W.shape[2]):
        for j in range(W.shape[3]):
            dW[:, :, i, j] = np.einsum("nfhw,nchw->fc", dout, x[:, :, i : i + h, j : j + w])
            dx[:, :, i : i + h, j : j + w] += np.einsum("nfhw,fc->nchw", dout, W[:, :, i, j])
    return dx, dW, dout.sum((0, 2, 3))


def grouped(x, W):
    per, outs = W.shape[1], len(W) // (x.shape[1] // W.shape[1])
    parts = [
        conv2d(x[:, g * per : (g + 1) * per], W[g * outs : (g + 1) * outs], np.zeros(outs))
        for g in range(x.shape[1] // per)
    ]
    return np.concatenate(parts, axis=1)


GROUPED = sized(((2, 4, 4, 5), (6, 2, 2, 3)), ((4, 8, 12, 11), (12, 4, 3, 3)))


@family.wrong(63, grouped, GROUPED, op="conv", statics={**FIRST, "groups": 2}, cause="groups_mixed", argument="W")
def channels_from_the_group_number(dout, x, W):
    per = W.shape[1]
    groups = x.shape[1] // per
    outs = len(W) // groups
    dx, dW = np.zeros_like(x), np.zeros_like(W)
    for g in range(groups):
        mine = slice(g * outs, (g + 1) * outs)
        dx[:, g * per : (g + 1) * per] = conv2d_grads(dout[:, mine], x[:, g * per : (g + 1) * per], W[mine])[0]
        dW[mine] = conv2d_grads(dout[:, mine], x[:, g : g + per], W[mine])[1]
    return dx, dW


@family.wrong(63, grouped, GROUPED, op="conv", statics={**FIRST, "groups": 2}, cause="groups_mixed", argument="x")
def kernels_in_reverse_groups(dout, x, W):
    per = W.shape[1]
    groups = x.shape[1] // per
    dys, ws, xs = np.split(dout, groups, 1), np.split(W, groups), np.split(x, groups, 1)
    dW = np.concatenate([conv2d_grads(d, a, w)[1] for d, a, w in zip(dys, xs, ws, strict=True)])
    back = [conv2d_grads(d, a, w)[0] for d, a, w in zip(dys, xs, ws[::-1], strict=True)]
    return np.concatenate(back, axis=1), dW


@family.wrong(
    64, conv2d, PLAIN, names=("x", "W", "b"), op="conv", statics=FIRST, argument="b", cause="scaled_by_spatial"
)
def bias_averaged_over_the_image(dout, x, W, b):
    dx, dW, _ = conv2d_grads(dout, x, W)
    return dx, dW, dout.mean(axis=(2, 3)).sum(axis=0)


@family.wrong(
    65, conv2d, PLAIN, names=("x", "W", "b"), op="conv", statics=FIRST, argument="W", cause="last_sample_only"
)
def overwritten_in_the_batch_loop(dout, x, W, b):
    dx, dW = np.empty_like(x), np.zeros_like(W)
    for n in range(x.shape[0]):
        dx[n : n + 1], dW, _ = conv2d_grads(dout[n : n + 1], x[n : n + 1], W)
    return dx, dW, dout.sum((0, 2, 3))
