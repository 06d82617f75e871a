"""Unshared convolution, strided loops, pooled maps joined, and a net to the end (catalogue 55 to 75)."""

import numpy as np

from ..case import Family, sized

family = Family("convolution")

# x (N, T, C), w (P, K, C, F): every position has its own kernel
UNSHARED = sized(((3, 6, 2), (4, 3, 2, 5)), ((8, 9, 4), (7, 3, 4, 6)))


def unshared(x, w):
    return np.stack([np.einsum("nkc,kcf->nf", x[:, t : t + w.shape[1]], w[t]) for t in range(len(w))], axis=1)


def unshared_back(g, x, w, add=True, turn=1, shared=False):
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for t in range(len(w)):
        part = np.einsum("nf,kcf->nkc", g[:, t], w[::turn][t])
        dx[:, t : t + w.shape[1]] = part + (dx[:, t : t + w.shape[1]] if add else 0)
        dw[t] = np.einsum("nkc,nf->kcf", x[:, t : t + w.shape[1]], g[:, t])
    return dx, np.broadcast_to(dw.sum(axis=0), dw.shape).copy() if shared else dw


@family.wrong(55, unshared, UNSHARED, argument="x", cause="overlap_dropped")
def unshared_windows_assigned(g, x, w):
    return unshared_back(g, x, w, add=False)


@family.wrong(63, unshared, UNSHARED, argument="x", cause=("flipped", "wrong_operand", "groups_mixed"))
def unshared_kernels_from_the_end(g, x, w):
    return unshared_back(g, x, w, turn=-1)


@family.wrong(63, unshared, UNSHARED, argument="w", cause="reduced_too_far")
def unshared_kernels_learn_together(g, x, w):
    return unshared_back(g, x, w, shared=True)


# x (N, H, W), k (K, K), stride 2, by loops over positions
GRIDS = sized(((3, 7, 9), (3, 3)), ((8, 11, 13), (3, 3)))


def strided(x, k):
    stride = 2
    rows, cols = ((n - 3) // stride + 1 for n in x.shape[1:])
    y = np.zeros((len(x), rows, cols))
    for i in range(rows):
        for j in range(cols):
            y[:, i, j] = (x[:, i * stride : i * stride + 3, j * stride : j * stride + 3] * k).sum(axis=(1, 2))
    return y


def strided_back(g, x, k, stride=2, rows=None, kstride=2):
    dx, dk = np.zeros_like(x), np.zeros_like(k)
    for i in range(g.shape[1])[:rows]:
        for j in range(g.shape[2]):
            at = slice(i * stride, i * stride + 3), slice(j * stride, j * stride + 3)
            dx[:, at[0], at[1]] += g[:, i, j, None, None] * k
            seen = x[:, i * kstride : i * kstride + 3, j * kstride : j * kstride + 3]
            dk += np.tensordot(g[:, i, j], seen, 1)
    return dx, dk


@family.wrong(56, strided, GRIDS, argument="x", cause="static_ignored")
def grid_sent_back_side_by_side(g, x, k):
    return strided_back(g, x, k, stride=1)


@family.wrong(56, strided, GRIDS, argument="k", cause="static_ignored")
def grid_kernel_side_by_side(g, x, k):
    return strided_back(g, x, k, kstride=1)


@family.wrong(61, strided, GRIDS, argument="k", cause="samples_missing")
def grid_kernel_without_the_last_row(g, x, k):
    return strided_back(g, x, k)[0], strided_back(g, x, k, rows=-1)[1]


# x (N, C, H, W) to (N, 2C): the mean and the largest of each map
MAPS = sized(((3, 2, 4, 5),), ((8, 4, 7, 6),))


def both(x):
    return np.concatenate([x.mean(axis=(2, 3)), x.max(axis=(2, 3))], axis=1)


def both_back(g, x, share=None, order=(0, 1), winner=None):
    parts = np.split(g, 2, axis=1)
    mean, best = parts[order[0]], parts[order[1]]
    flat = x.reshape(*x.shape[:2], -1)
    on = np.eye(flat.shape[2])[(flat if winner is None else winner(flat)).argmax(axis=2)]
    count = x[0, 0].size if share is None else share
    return mean[:, :, None, None] / count + (on * best[:, :, None]).reshape(x.shape)


@family.wrong(74, both, MAPS, argument="x", family="pooling", cause=("scaled_by_spatial", "scaled_by_window"))
def mean_of_a_map_sent_whole(g, x):
    return both_back(g, x, share=1)


@family.wrong(
    13, both, MAPS, argument="x", family="pooling", cause=("row_permuted", "arguments_swapped", "wrong_operand")
)
def mean_and_largest_exchanged(g, x):
    return both_back(g, x, order=(1, 0))


@family.wrong(72, both, MAPS, argument="x", family="pooling", cause="wrong_winner")
def largest_in_size_wins(g, x):
    return both_back(g, x, winner=np.abs)


@family.control("", both, MAPS, family="pooling")
def mean_and_largest(g, x):
    return both_back(g, x)


# A net to the end: x (N, T, C), K (2, C, F), V (P * F, M): convolution, tanh, pairs averaged, dense
NETS = sized(((3, 7, 2), (2, 2, 4), (12, 5)), ((8, 9, 3), (2, 3, 6), (24, 7)))


def net(x, K, V):
    a = np.tanh(x[:, :-1] @ K[0] + x[:, 1:] @ K[1])
    p = (a[:, ::2] + a[:, 1::2]) / 2
    return p.reshape(len(x), -1) @ V, (x, K, V, a, p)


def net_back(g, cache, unfold=False, half=0.5, both=True, slope=True):
    x, K, V, a, p = cache
    dp = g @ V.T
    dp = dp.reshape(len(x), p.shape[2], -1).swapaxes(1, 2) if unfold else dp.reshape(p.shape)
    da = np.zeros_like(a)
    da[:, ::2] = half * dp
    da[:, 1::2] = half * dp * both
    dz = da * (1 - a * a) if slope else da
    dx = np.zeros_like(x)
    dx[:, :-1] += dz @ K[0].T
    dx[:, 1:] += dz @ K[1].T
    dK = np.stack([np.einsum("ntc,ntf->cf", part, dz) for part in (x[:, :-1], x[:, 1:])])
    return dx, dK, p.reshape(len(x), -1).T @ g


def whole(name, number, cause, **slips):
    more = {"id": name, "style": "cache", "names": ("x", "K", "V"), "argument": "x K", "cause": cause}
    family.wrong(number, net, NETS, **more)(lambda g, cache: net_back(g, cache, **slips))


whole("flattened_maps_unfolded_the_other_way", 66, "reordered", unfold=True)
whole("pairs_not_halved", 74, ("scaled_by_two", "scaled_by_window"), half=1.0)
whole("first_of_each_pair_only", 12, ("use_dropped", "sum_term_missing"), both=False)
whole("slope_between_the_layers_missing", 43, "derivative_missing", slope=False)
