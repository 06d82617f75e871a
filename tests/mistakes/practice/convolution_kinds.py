"""Dilated, separable, transposed and grouped convolution, pixel shuffle and enlarging (catalogue 55 to 68, 112)."""

import numpy as np

from ..case import Family, sized

family = Family("convolution")

# x (N, T, C), K (S, C, 2C): a gated, dilated, causal convolution with a residual
WAVES = sized(((2, 11, 3), (2, 3, 6)), ((6, 24, 8), (3, 8, 16)))


def taps(x, count, apart):
    """x as each tap of the kernel sees it, later taps further back."""
    n, t, c = x.shape
    padded = np.concatenate([np.zeros((n, (count - 1) * apart, c)), x], axis=1)
    return [padded[:, (count - 1 - s) * apart : (count - 1 - s) * apart + t] for s in range(count)]


def wave(x, K, apart=3):
    a = sum(seen @ kernel for seen, kernel in zip(taps(x, len(K), apart), K, strict=True))
    u, v = np.split(a, 2, axis=-1)
    f, s = np.tanh(u), 1 / (1 + np.exp(-v))
    return x + f * s, (x, K, f, s)


def wave_back(cache, g, apart=3, dilation=3, swap=False, skip=1.0):
    x, K, f, s = cache
    du, dv = g * s * (1 - f**2), g * f * s * (1 - s)
    da = np.concatenate([dv, du] if swap else [du, dv], axis=-1)
    dK = np.stack([np.einsum("ntc,ntf->cf", seen, da) for seen in taps(x, len(K), apart)])
    dx = skip * g
    for tap, kernel in enumerate(K):
        back = da @ kernel.T
        dx[:, : x.shape[1] - tap * dilation] += back[:, tap * dilation :]
    return dx, dK


def waved(number, argument, cause, **slips):
    def add(name):
        more = {"style": "rule", "argument": argument, "cause": cause, "names": ("x", "K"), "id": name}
        family.wrong(number, wave, WAVES, **more)(lambda cache, g: wave_back(cache, g, **slips))

    return add


waved(62, "x", "static_ignored", dilation=1)("wave_sent_back_undilated")
waved(62, "K", "static_ignored", apart=1)("wave_kernel_undilated")
waved(13, "x K", ("row_permuted", "arguments_swapped", "wrong_operand", "reordered"), swap=True)(
    "wave_gate_and_filter_exchanged"
)
waved(112, "x", "skip_dropped", skip=0.0)("wave_without_its_skip")


# x (N, C, T), d (C, K), p (F, C): depthwise, then pointwise; the length stays.
SEPARABLE = sized(((3, 5, 6), (5, 3), (5, 5)), ((8, 12, 14), (12, 3), (12, 12)))


def depthwise(x, d):
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1)))
    return sum(padded[:, :, s : s + x.shape[2]] * d[:, s, None] for s in range(d.shape[1]))


def separable(x, d, p):
    return np.einsum("fc,nct->nft", p, depthwise(x, d))


def separable_back(g, x, d, p, middle=None, taps=None, turned=None):
    middle = depthwise(x, d) if middle is None else middle
    dm = np.einsum("fc,nft->nct", p if turned is None else turned, g)
    padded, dpadded = np.pad(x, ((0, 0), (0, 0), (1, 1))), np.zeros((*x.shape[:2], x.shape[2] + 2))
    taps = d if taps is None else taps
    dd = np.zeros_like(d)
    for s in range(d.shape[1]):
        dd[:, s] = (dm * padded[:, :, s : s + x.shape[2]]).sum(axis=(0, 2))
        dpadded[:, :, s : s + x.shape[2]] += dm * taps[:, s, None]
    return dpadded[:, :, 1:-1], dd, np.einsum("nft,nct->fc", g, middle)


def apart(number, argument, cause):
    return family.wrong(number, separable, SEPARABLE, argument=argument, cause=cause)


@apart(104, "p", "wrong_operand")
def pointwise_meets_the_input_of_the_depthwise(g, x, d, p):
    return separable_back(g, x, d, p, middle=x)


@apart(58, "x", "flipped")
def depthwise_taps_from_the_other_end(g, x, d, p):
    return separable_back(g, x, d, p, taps=d[:, ::-1])


@apart(6, "x d", "not_transposed")
def pointwise_back_untransposed(g, x, d, p):
    return separable_back(g, x, d, p, turned=p.T)


@apart(63, "d", ("reduced_too_far", "groups_mixed"))
def depthwise_taps_shared_by_all_channels(g, x, d, p):
    dx, dd, dp = separable_back(g, x, d, p)
    return dx, np.broadcast_to(dd.sum(axis=0), d.shape).copy(), dp


# x (N, T, C), k (K, C, F): every step paints K steps of the output, two steps apart
PAINTED = sized(((3, 4, 2), (3, 2, 5)), ((8, 9, 6), (3, 6, 8)))


def paint(x, k):
    out = np.zeros((len(x), 2 * x.shape[1] + len(k) - 2, k.shape[2]))
    for t in range(x.shape[1]):
        for s in range(len(k)):
            out[:, 2 * t + s] += x[:, t] @ k[s]
    return out


def unpaint(g, x, k, stride=2, order=1):
    dx, dk = np.zeros_like(x), np.zeros_like(k)
    for t in range(x.shape[1]):
        under = g[:, stride * t : stride * t + len(k)]
        dx[:, t] = np.einsum("nsf,scf->nc", under[:, ::order], k)
        dk += np.einsum("nsf,nc->scf", g[:, 2 * t : 2 * t + len(k)], x[:, t])
    return dx, dk


@family.wrong(58, paint, PAINTED, argument="x", cause="flipped")
def painted_with_a_turned_brush(g, x, k):
    return unpaint(g, x, k, order=-1)


@family.wrong(56, paint, PAINTED, argument="x", cause="static_ignored")
def painted_side_by_side(g, x, k):
    return unpaint(g, x, k, stride=1)


@family.wrong(103, paint, PAINTED, argument="k", cause=("time_overwritten", "use_dropped"))
def brush_of_the_last_step(g, x, k):
    dk = np.zeros_like(k)
    for t in range(x.shape[1]):
        dk = np.einsum("nsf,nc->scf", g[:, 2 * t : 2 * t + len(k)], x[:, t])
    return unpaint(g, x, k)[0], dk


# x (N, H, W, C), k (G, C / G, F): a pointwise convolution in groups, whose channels are shuffled behind it
GROUPED = sized(((3, 4, 5, 6), (2, 3, 3)), ((8, 9, 7, 12), (3, 4, 4)))


def grouped(x, k):
    parts = x.reshape(*x.shape[:3], len(k), -1)
    y = np.einsum("nhwgc,gcf->nhwgf", parts, k)
    return y.swapaxes(3, 4).reshape(*x.shape[:3], -1)


def grouped_back(g, x, k, shuffled=True, turn=1, first=False):
    parts = x.reshape(*x.shape[:3], len(k), -1)
    (_, _, f) = k.shape
    dy = g.reshape(*g.shape[:3], f, len(k)).swapaxes(3, 4) if shuffled else g.reshape(*g.shape[:3], len(k), f)
    dx = np.einsum("nhwgf,gcf->nhwgc", dy, k[::turn]).reshape(x.shape)
    dk = np.einsum("nhwgc,nhwgf->gcf", parts, dy)
    return dx, np.einsum("nhwc,nhwgf->gcf", parts[..., 0, :], dy) if first else dk


@family.wrong(63, grouped, GROUPED, argument="x", cause=("groups_mixed", "flipped"))
def groups_in_reverse(g, x, k):
    return grouped_back(g, x, k, turn=-1)


@family.wrong(63, grouped, GROUPED, argument="k", cause="groups_mixed")
def every_group_meets_the_first_channels(g, x, k):
    return grouped_back(g, x, k, first=True)


@family.wrong(90, grouped, GROUPED, argument="x k", cause=("reordered", "row_permuted", "axes_permuted"))
def channels_not_shuffled_back(g, x, k):
    return grouped_back(g, x, k, shuffled=False)


# x (N, H, W, r * r * C) to (N, r H, r W, C)
SHUFFLED = sized(((2, 3, 5, 8),), ((6, 7, 9, 12),))


def pixel_shuffle(x):
    n, h, w, c = x.shape
    return x.reshape(n, h, w, 2, 2, c // 4).transpose(0, 1, 3, 2, 4, 5).reshape(n, 2 * h, 2 * w, c // 4)


@family.wrong(66, pixel_shuffle, SHUFFLED, argument="x", cause=("reordered", "axes_permuted", "row_permuted"))
def pixels_back_in_the_order_of_memory(g, x):
    n, h, w, c = x.shape
    return g.reshape(n, h, w, 2, 2, c // 4).reshape(x.shape)


@family.wrong(66, pixel_shuffle, SHUFFLED, argument="x", cause=("reordered", "axes_permuted", "row_permuted"))
def pixels_back_with_rows_and_columns_exchanged(g, x):
    n, h, w, c = x.shape
    return g.reshape(n, h, 2, w, 2, c // 4).transpose(0, 1, 3, 4, 2, 5).reshape(x.shape)


# Twice as long: every entry, and the middle between neighbours.
SIGNALS = sized(((3, 6, 2),), ((8, 15, 6),))


def between(x):
    y = np.zeros((len(x), 2 * x.shape[1] - 1, x.shape[2]))
    y[:, ::2] = x
    y[:, 1::2] = (x[:, :-1] + x[:, 1:]) / 2
    return y


@family.wrong(12, between, SIGNALS, argument="x", cause=("use_dropped", "overlap_dropped", "sum_term_missing"))
def middles_send_to_the_left_only(g, x):
    dx = g[:, ::2].copy()
    dx[:, :-1] += g[:, 1::2] / 2
    return dx


@family.wrong(74, between, SIGNALS, argument="x", cause=("scaled_by_two", "partly_scaled", "sum_term_missing"))
def middles_send_all_to_both(g, x):
    dx = g[:, ::2].copy()
    dx[:, :-1] += g[:, 1::2]
    dx[:, 1:] += g[:, 1::2]
    return dx


@family.wrong(12, between, SIGNALS, argument="x", cause=("use_dropped", "overlap_dropped", "sum_term_missing"))
def middles_forgotten(g, x):
    return g[:, ::2].copy()
