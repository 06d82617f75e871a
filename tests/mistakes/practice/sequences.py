"""Encoders and decoders, stacked nets, filters, shared keys and padded sentences (catalogue 96 to 113)."""

import numpy as np

from ..case import Family, normal, sized

family = Family("recurrent_attention")


def softmax(s):
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


# Two layers of recurrent units: x (N, T, D), A (D, H), B (H, H), C (H, H), D (H, H)
STACKED = sized(((3, 4, 2), (2, 5), (5, 5), (5, 5), (5, 5)), ((8, 7, 6), (6, 10), (10, 10), (10, 10), (10, 10)))


def stacked(x, A, B, C, D):
    low = high = np.zeros((len(x), len(B)))
    lows, highs = [low], [high]
    for t in range(x.shape[1]):
        low = np.tanh(x[:, t] @ A + 0.5 * low @ B)
        high = np.tanh(low @ C + 0.5 * high @ D)
        lows.append(low)
        highs.append(high)
    return np.stack(highs[1:], axis=1), (x, A, B, C, D, lows, highs)


def stacked_back(g, cache, down=lambda t: 1, meets=None, carry=1.0):
    x, A, B, C, D, lows, highs = cache
    dx, dA, dB, dC, dD = (np.zeros_like(a) for a in (x, A, B, C, D))
    dl = dh = 0
    for t in reversed(range(x.shape[1])):
        dz = (g[:, t] + dh) * (1 - highs[t + 1] ** 2)
        da = (dz @ C.T * down(t) + dl) * (1 - lows[t + 1] ** 2)
        dC += lows[t + 1 if meets is None else t].T @ dz
        dD += 0.5 * highs[t].T @ dz
        dA += x[:, t].T @ da
        dB += 0.5 * (lows[t] if meets != "high" else highs[t]).T @ da
        dx[:, t] = da @ A.T
        dh, dl = 0.5 * dz @ D.T, 0.5 * carry * da @ B.T
    return dx, dA, dB, dC, dD


def stack(name, number, argument, cause, kind="wrong", **slips):
    more = {"id": name, "style": "cache", "names": ("x", "A", "B", "C", "D"), "argument": argument, "cause": cause}
    getattr(family, kind)(number, stacked, STACKED, **more)(lambda g, cache: stacked_back(g, cache, **slips))


stack("upper_layer_meets_the_lower_state_of_before", 104, "C", "time_off_by_one", meets="low")
stack("lower_layer_not_carried", 102, "x A B", "time_not_carried", carry=0.0)
stack("stacked_units", "", "", (), kind="control")


# A filter: x (N, T), a () between 0 and 1
def signals(size, seed):
    n, t = (3, 6) if size == "small" else (12, 15)
    return normal(seed, (n, t))[0], np.array(0.7)


def smoothed(x, a):
    y, ys = np.zeros(len(x)), []
    for t in range(x.shape[1]):
        y = a * y + (1 - a) * x[:, t]
        ys.append(y)
    return np.stack(ys, axis=1)


def smoothed_back(g, x, a, now=0, new=None, carry=True, minus=True):
    y, dx, da, dy = smoothed(x, a), np.zeros_like(x), 0.0, np.zeros(len(x))
    y = np.concatenate([np.zeros((len(x), 1)), y], axis=1)
    for t in reversed(range(x.shape[1])):
        dy = dy + g[:, t]
        da += (dy * (y[:, t + now] - x[:, t] * minus)).sum()
        dx[:, t] = dy * (1 - a if new is None else new)
        dy = dy * a * carry
    return dx, np.array(da)


def smooth(name, number, argument, cause, **slips):
    more = {"id": name, "argument": argument, "cause": cause}
    family.wrong(number, smoothed, signals, **more)(lambda g, x, a: smoothed_back(g, x, a, **slips))


smooth("filter_meets_the_new_value", 104, "a", "time_off_by_one", now=1)
smooth("filter_takes_all_of_the_new", 80, "x", ("argument_factor_missing", "scaled", "scaled_by_static"), new=1.0)
smooth("filter_without_the_new_value", 18, "a", ("sum_term_missing", "use_dropped"), minus=False)
smooth("filter_not_carried", 102, "x a", "time_not_carried", carry=False)


# Four heads that share keys and values: q (H, L, D), k and v (L, D); the last key is padding
SHARED = sized(((3, 4, 5), (4, 5), (4, 5)), ((4, 7, 8), (7, 8), (7, 8)))


def sharing(q, k, v):
    s = np.where(np.arange(len(k)) < len(k) - 1, q @ k.T / np.sqrt(q.shape[-1]), -1e9)
    return softmax(s) @ v, (q, k, v, softmax(s))


def sharing_back(cache, g, heads=slice(None), mean=False, masked=True, scale=True):
    q, k, v, p = cache
    root = np.sqrt(q.shape[-1]) if scale else 1.0
    p = p if masked else softmax(q @ k.T / np.sqrt(q.shape[-1]))
    dp = g @ v.T
    ds = p * (dp - (p * dp).sum(axis=-1, keepdims=True)) / root
    dk, dv = ds.swapaxes(1, 2) @ q, p.swapaxes(1, 2) @ g
    join = np.mean if mean else np.sum
    return ds @ k, join(dk[heads], axis=0), join(dv, axis=0)


def share(name, number, argument, cause, kind="wrong", **slips):
    more = {"id": name, "style": "rule", "names": ("q", "k", "v"), "argument": argument, "cause": cause}
    getattr(family, kind)(number, sharing, SHARED, **more)(lambda cache, g: sharing_back(cache, g, **slips))


share("keys_of_the_last_head", 103, "k", ("last_sample_only", "use_dropped"), heads=slice(-1, None))
share("keys_and_values_averaged_over_heads", 1, "k v", ("mean_instead_of_sum", "scaled_by_batch"), mean=True)
share("padded_key_attended_on_the_way_back", 111, "q k v", ("mask_missing", "static_ignored"), masked=False)
share("shared_scores_not_divided", 110, "q k", "scaled_by_root", scale=False)
share("shared_keys", "", "", (), kind="control")


# A gated residual: x (N, D), W (D, D), a (D,)
GATED = sized(((3, 5), (5, 5), (5,)), ((12, 8), (8, 8), (8,)))


def gentle(x, W, a):
    return x + a * np.tanh(x @ W), (x, W, a)


def gentle_back(g, cache, gate=None, met=None, skip=1):
    x, W, a = cache
    h = np.tanh(x @ W)
    d = g * (a if gate is None else gate) * (1 - h * h)
    return skip * g + d @ W.T, x.T @ d, (g * (h if met is None else x)).sum(axis=0)


def gentled(name, number, argument, cause, **slips):
    more = {"id": name, "style": "cache", "names": ("x", "W", "a"), "argument": argument, "cause": cause}
    family.wrong(number, gentle, GATED, **more)(lambda g, cache: gentle_back(g, cache, **slips))


gentled("residual_gate_left_out", 80, "x W", "argument_factor_missing", gate=1.0)
gentled("residual_gate_meets_the_input", 104, "a", "wrong_operand", met=True)
gentled("residual_skip_lost", 112, "x", ("skip_dropped", "use_dropped"), skip=0)


# Words, places and segments: E (V, D), P (L, D), S (2, D), index (N, L), segment (N, L)
def sentences(size, seed):
    v, n, length, d = (6, 3, 4, 5) if size == "small" else (20, 8, 7, 12)
    E, P, S = normal(seed, (v, d), (length, d), (2, d))
    rng = np.random.default_rng(seed)
    return E, P, S, rng.integers(0, v, (n, length)), rng.integers(0, 2, (n, length))


def read(E, P, S, index, segment):
    return np.tanh(E[index] + P + S[segment])


def read_back(g, E, P, S, index, segment, put=np.add.at, places=np.sum, slope=True):
    d = g * (1 - read(E, P, S, index, segment) ** 2) if slope else g
    dE, dS = np.zeros_like(E), np.zeros_like(S)
    np.add.at(dE, index, d)
    put(dS, segment, d)
    return dE, places(d, axis=0), dS, None, None


def assigned(table, index, part):
    table[index] += part


def words(name, number, argument, cause, **slips):
    more = {"id": name, "family": "dropout_embedding", "argument": argument, "cause": cause}
    family.wrong(number, read, sentences, **more)(lambda g, *primals: read_back(g, *primals, **slips))


words("segments_assigned", 100, "S", "repeated_index_dropped", put=assigned)
words("places_averaged", 1, "P", ("scaled_by_batch", "mean_instead_of_sum"), places=np.mean)
words("places_of_every_sentence", 2, "P", ("wrong_shape", "not_reduced"), places=lambda d, axis: d)
words("sum_of_embeddings_without_its_slope", 43, "E P S", "derivative_missing", slope=False)
