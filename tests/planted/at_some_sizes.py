"""Backwards as kernel authors write them, each with the mistake of a released one that shows on some inputs only."""

import numpy as np

from planted.ctc import ctc, ctc_backward
from reference import oracle

BLOCK, ROWS, LABELS, GROUPS = 16, 32, 2, 2


def _groups(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    flat = x.reshape(len(x), GROUPS, -1)
    inverse = 1 / np.sqrt(flat.var(-1, keepdims=True) + 1e-5)
    return flat, (flat - flat.mean(-1, keepdims=True)) * inverse, inverse


def _of_channels(scale, x):
    return scale.reshape(1, -1, *[1] * (x.ndim - 2))


def group_norm(x, scale, bias):
    return _groups(x)[1].reshape(x.shape) * _of_channels(scale, x) + _of_channels(bias, x)


def _positions(shape):
    return int(np.prod(shape[2:]))


def group_norm_backward(positions):
    """positions(shape) is how many positions a channel has."""

    def backward(cotangent, x, scale, bias):
        flat, normal, inverse = _groups(x)
        count = x.shape[1] // GROUPS * positions(x.shape)
        inner = (cotangent * _of_channels(scale, x)).reshape(flat.shape)
        shared = inner.sum(-1, keepdims=True) + normal * (inner * normal).sum(-1, keepdims=True)
        x_ct = (inner - shared / count) * inverse
        axes = (0, *range(2, x.ndim))
        return x_ct.reshape(x.shape), (cotangent * normal.reshape(x.shape)).sum(axes), cotangent.sum(axes)

    return backward


def layer_norm(x, scale, bias):
    normal = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    return normal * scale + bias


def _all(x):
    return None


def layer_norm_backward(rows, summed):
    """rows(x) and summed(x): how many rows have a gradient, and add theirs to those of scale and bias; None is all."""

    def backward(cotangent, x, scale, bias):
        size = x.shape[-1]
        flat, upstream, x_ct = x.reshape(-1, size), cotangent.reshape(-1, size), np.zeros((x.size // size, size))
        scale_ct, bias_ct = np.zeros(size), np.zeros(size)
        for row in range(rows(x) or len(flat)):
            inverse = 1 / np.sqrt(flat[row].var() + 1e-5)
            normal, inner = (flat[row] - flat[row].mean()) * inverse, upstream[row] * scale
            x_ct[row] = (inner - inner.mean() - normal * (inner * normal).mean()) * inverse
            if row < (summed(x) or len(flat)):
                scale_ct += upstream[row] * normal
                bias_ct += upstream[row]
        return x_ct.reshape(x.shape), scale_ct, bias_ct

    return backward


def softmax(x):
    shifted = np.exp(x - x.max(-1, keepdims=True))
    return shifted / shifted.sum(-1, keepdims=True)


def softmax_backward(masked):
    """Block by block, in one buffer; masked says whether the lanes beyond the last column are cleared."""

    def backward(cotangent, x):
        out, dots = softmax(x), np.zeros((*x.shape[:-1], 1))
        lanes = np.zeros((*x.shape[:-1], BLOCK))
        for start in range(0, x.shape[-1], BLOCK):
            here = slice(start, min(start + BLOCK, x.shape[-1]))
            lanes = np.zeros_like(lanes) if masked else lanes
            lanes[..., : here.stop - start] = out[..., here] * cotangent[..., here]
            dots += lanes.sum(-1, keepdims=True)
        return out * (cotangent - dots)

    return backward


def scan(x, decay, initial):
    states, state = np.zeros(x.shape, x.dtype), initial
    for step in range(x.shape[1]):
        state = decay[:, step] * state + x[:, step]
        states[:, step] = state
    return states


def scan_backward(carried):
    """From the last block to the first; carried(step) is the step whose decay takes the carry into an earlier block."""

    def backward(cotangent, x, decay, initial):
        before = np.concatenate([initial[:, None], scan(x, decay, initial)[:, :-1]], axis=1)
        x_ct, decay_ct, carry = np.zeros_like(x), np.zeros_like(decay), np.zeros_like(initial)
        for step in reversed(range(x.shape[1])):
            x_ct[:, step] = cotangent[:, step] + carry
            decay_ct[:, step] = x_ct[:, step] * before[:, step]
            carry = decay[:, carried(step) if step % BLOCK == 0 and step else step] * x_ct[:, step]
        return x_ct, decay_ct, carry

    return backward


def _turned(x):
    left, right = np.split(x, 2, axis=-1)
    return np.concatenate([-right, left], axis=-1)


def _turned_back(x):
    left, right = np.split(x, 2, axis=-1)
    return np.concatenate([right, -left], axis=-1)


def rotary(x, cosine, sine):
    return x * cosine + _turned(x) * sine


def rotary_backward(turned):
    def backward(cotangent, x, cosine, sine):
        x_ct = cotangent * cosine + turned(cotangent, sine)
        return x_ct, (cotangent * x).sum(0), (cotangent * _turned(x)).sum(0)

    return backward


def soft_cross_entropy(logits, targets):
    shifted = logits - logits.max(-1, keepdims=True)
    return (targets * (np.log(np.exp(shifted).sum(-1, keepdims=True)) - shifted)).sum(-1)


def _total(targets):
    return targets.sum(-1, keepdims=True)


def soft_cross_entropy_backward(total):
    def backward(cotangent, logits, targets):
        shifted = logits - logits.max(-1, keepdims=True)
        surprise = np.log(np.exp(shifted).sum(-1, keepdims=True)) - shifted
        return cotangent[:, None] * (total(targets) * softmax(logits) - targets), cotangent[:, None] * surprise

    return backward


def _weights(query, key, head, of):
    scores = np.einsum("bqd,bkd->bqk", query[:, :, head], key[:, :, of]) / np.sqrt(query.shape[-1])
    return softmax(scores)


def attention(query, key, value):
    group = query.shape[2] // key.shape[2]
    heads = [_weights(query, key, head, head // group) @ value[:, :, head // group] for head in range(query.shape[2])]
    return np.stack(heads, axis=2)


def attention_backward(of):
    """of(head, heads, key_heads) is the key head whose gradients a query head adds to."""

    def backward(cotangent, query, key, value):
        query_ct, key_ct, value_ct = (np.zeros_like(array) for array in (query, key, value))
        heads, key_heads, root = query.shape[2], key.shape[2], np.sqrt(query.shape[-1])
        for head in range(heads):
            mine, to = head * key_heads // heads, of(head, heads, key_heads)
            weights = _weights(query, key, head, mine)
            weights_ct = cotangent[:, :, head] @ value[:, :, mine].swapaxes(1, 2)
            scores_ct = weights * (weights_ct - (weights_ct * weights).sum(-1, keepdims=True)) / root
            value_ct[:, :, to] += weights.swapaxes(1, 2) @ cotangent[:, :, head]
            query_ct[:, :, head] = scores_ct @ key[:, :, mine]
            key_ct[:, :, to] += scores_ct.swapaxes(1, 2) @ query[:, :, head]
        return query_ct, key_ct, value_ct

    return backward


def _subjects(forward, right, wrong):
    return tuple(oracle.from_forward_backward(forward, backward) for backward in (right, wrong))


# The right and the wrong subject of one forward; the comments name the thread where the mistake was reported.
PAIRS = {
    # Liger-Kernel#1375: W for H*W.
    "group norm": _subjects(group_norm, group_norm_backward(_positions), group_norm_backward(lambda shape: shape[-1])),
    # FlagGems#5392: rows = shape[0].
    "layer norm, first axis": _subjects(layer_norm, layer_norm_backward(_all, _all), layer_norm_backward(len, _all)),
    # mamba PR537: lanes beyond the block's end are read.
    "softmax, in blocks": _subjects(softmax, softmax_backward(True), softmax_backward(False)),
    # accelerated-scan PR15: the carry from one block to the one before.
    "scan, in blocks": _subjects(scan, scan_backward(lambda step: step), scan_backward(lambda step: step - 1)),
    # Paddle PR74716: the halves of the sine swapped.
    "rotary, two halves": _subjects(
        rotary,
        rotary_backward(lambda cotangent, sine: _turned_back(cotangent * sine)),
        rotary_backward(lambda cotangent, sine: _turned_back(cotangent) * sine),
    ),
    # NeMo Automodel PR2428: the sum of the targets is left out.
    "soft cross-entropy": _subjects(
        soft_cross_entropy, soft_cross_entropy_backward(_total), soft_cross_entropy_backward(lambda targets: 1.0)
    ),
    # native-sparse-attention-triton#27: the wrong key head.
    "attention, in groups": _subjects(
        attention,
        attention_backward(lambda head, heads, key_heads: head * key_heads // heads),
        attention_backward(lambda head, heads, key_heads: head % key_heads),
    ),
    # pytorch#27442: more labels than a block holds.
    "ctc, many labels": _subjects(ctc, ctc_backward(10**6), ctc_backward(LABELS)),
    # pytorch PR178872: only the first rows add to the gradients of scale and bias.
    "layer norm, many rows": _subjects(
        layer_norm, layer_norm_backward(_all, _all), layer_norm_backward(_all, lambda x: ROWS)
    ),
}
RIGHT, WRONG = ({name: pair[place] for name, pair in PAIRS.items()} for place in (0, 1))


def rotary_inputs(batch, length, half, rng):
    """Cosine and sine as frameworks make them: the same halves twice."""
    angles = np.tile(np.arange(length)[:, None] * 0.5 ** np.arange(half), 2)
    return rng.normal(size=(batch, length, 2 * half)), np.cos(angles), np.sin(angles)


def soft_inputs(batch, classes, rng):
    return rng.normal(size=(batch, classes)), rng.dirichlet(np.ones(classes), size=batch)


def softmax_inputs(rng, rows=3, columns=BLOCK):
    return (rng.normal(size=(rows, columns)),)


def ctc_inputs(rng, marks=2):
    """As many labels as asked for, and time enough for them."""
    sizes = np.full(1, 2 * marks), np.full(1, marks)
    return rng.normal(size=(1, 2 * marks, 3)), rng.integers(1, 3, (1, marks)), *sizes


def scan_inputs(rng, steps=5):
    return rng.normal(size=(1, steps, 2)), rng.uniform(0.5, 0.99, (1, steps, 2)), rng.normal(size=(1, 2))


# How each is swept: by the row of an op, or by what its author would write.
ASKED = {
    "group norm": {"op": "group_norm", "statics": {"groups": GROUPS, "layout": "channels_first"}},
    "layer norm, first axis": {"op": "layer_norm"},
    "softmax, in blocks": {"make_inputs": softmax_inputs},
    "scan, in blocks": {"make_inputs": scan_inputs},
    "rotary, two halves": {"make_inputs": rotary_inputs},
    "soft cross-entropy": {"make_inputs": soft_inputs},
    "attention, in groups": {"op": "attention"},
    "ctc, many labels": {"make_inputs": ctc_inputs},
    "layer norm, many rows": {"op": "layer_norm"},
}
