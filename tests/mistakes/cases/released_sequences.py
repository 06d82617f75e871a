"""Mistakes of released kernels, rewritten: losses of tokens, attention and scans over whole sequences."""

from functools import partial

import numpy as np

from reference import recurrent, sequence_losses

from ..case import Family, normal, sized
from .functions import softmax
from .recurrent_attention_heads import SHARED, grouped
from .sequences import tokens

family = Family("released")
LOSS = {"op": "linear_softmax_cross_entropy", "statics": {"chunk": 2}, "names": ("x", "kernel", "labels")}


def token_losses(x, kernel, labels):
    p = softmax(x @ kernel)
    return -np.log(p[np.arange(len(x)), labels]), (x, kernel, p - np.eye(kernel.shape[1])[labels])


@family.wrong(151, token_losses, tokens, style="rule", cause="ignores_cotangent", argument="x kernel", **LOSS)
def gradients_of_the_forward_handed_back_as_they_are(residuals, dloss):
    x, kernel, d = residuals
    return d @ kernel.T, x.T @ d, None


@family.wrong(152, token_losses, tokens, style="rule", cause="wrong_index", argument="x kernel", **LOSS)
def upstream_of_the_first_token_for_all(residuals, dloss):
    x, kernel, d = residuals
    return d @ kernel.T * dloss[0], x.T @ d * dloss[0], None


def spoken(size, seed):
    steps, classes = (4, 4) if size == "small" else (8, 6)
    (logits,) = normal(seed, (2, steps, classes))
    return logits, np.array([[1, 2, 3], [2, 1, 0]]), np.array([steps, steps - 1]), np.array([3, 2])


@family.wrong(
    153, sequence_losses.ctc_loss_fwd, spoken, style="rule", cause="part_missing", argument="logits", op="ctc_loss"
)
def labels_beyond_the_buffer_left_out(residuals, dloss):
    """Room for two labels: of the chances q those of a third one are never taken off."""
    logit_lengths, _, p, q = residuals
    steps = np.arange(p.shape[1]) < logit_lengths[:, None]
    logits_ct = p.copy()
    logits_ct[:, :, :3] -= q[:, :, :3]
    return dloss[:, None, None] * logits_ct * steps[:, :, None], None, None, None


HEADS = sized(((2, 3, 2, 5), (2, 4, 2, 5), (2, 4, 2, 3)), ((2, 9, 4, 8), (2, 11, 4, 8), (2, 11, 4, 6)))
attention = partial(family.wrong, inputs=SHARED, style="rule", names=("query", "key", "value"), op="attention")
CAP = 0.7


def capped(query, key, value):
    bent = np.tanh(np.einsum("bqhd,bkhd->bhqk", query, key) / np.sqrt(query.shape[-1]) / CAP)
    p = softmax(CAP * bent)
    return np.einsum("bhqk,bkhe->bqhe", p, value), (query, key, value, p, bent)


@attention(154, capped, inputs=HEADS, statics={"softcap": CAP}, cause="derivative_missing", argument="query")
def soft_cap_left_out_of_the_queries(residuals, dout):
    query, key, value, p, bent = residuals
    dp = np.einsum("bqhe,bkhe->bhqk", dout, value)
    ds = p * (dp - (p * dp).sum(axis=-1, keepdims=True)) / np.sqrt(query.shape[-1])
    dk = np.einsum("bhqk,bqhd->bkhd", ds * (1 - bent**2), query)
    return np.einsum("bhqk,bkhd->bqhd", ds, key), dk, np.einsum("bhqk,bqhe->bkhe", p, dout)


@attention(155, grouped, statics={"causal": True}, cause="wrong_index", argument="query key value")
def heads_of_keys_taken_in_turn(saved, dout):
    """Head h of the queries is given key head h modulo their number, where neighbours share one."""
    q, key, value, p = saved
    b, n, g, shared, d = q.shape
    in_turn = np.arange(g * shared) % g
    q, p, dout = q.reshape(b, n, -1, d), p.reshape(b, -1, n, key.shape[1]), dout.reshape(b, n, g * shared, -1)
    dp = np.einsum("bnhe,bmhe->bhnm", dout, value[:, :, in_turn])
    ds = p * (dp - (p * dp).sum(axis=-1, keepdims=True))
    dq = np.einsum("bhnm,bmhd->bnhd", ds, key[:, :, in_turn]) / np.sqrt(d)
    dk, dv = np.zeros_like(key), np.zeros_like(value)
    for head, place in enumerate(in_turn):
        dk[:, :, place] += np.einsum("bnm,bnd->bmd", ds[:, head], q[:, :, head])
        dv[:, :, place] += np.einsum("bnm,bne->bme", p[:, head], dout[:, :, head])
    return dq, dk, dv


BLOCK = 2
STEPS = sized(((3, 5, 4), (3, 5, 4), (3, 4)), ((4, 13, 6), (4, 13, 6), (4, 6)))
scans = partial(
    family.wrong, forward=recurrent.linear_recurrence_fwd, inputs=STEPS, style="rule", op="linear_recurrence",
    names=("x", "decay", "initial"),
)  # fmt: skip


@scans(156, cause="wrong_factor", argument="x decay initial")
def carry_between_blocks_without_its_decay(residuals, dout):
    out, decay, initial, _ = residuals
    dx, ddecay, carried = np.zeros_like(out), np.zeros_like(decay), np.zeros_like(initial)
    for step in reversed(range(out.shape[1])):
        dx[:, step] = carried + dout[:, step]
        ddecay[:, step] = dx[:, step] * (out[:, step - 1] if step else initial)
        carried = dx[:, step] if step and step % BLOCK == 0 else dx[:, step] * decay[:, step]
    return dx, ddecay, carried


@scans(157, cause="part_missing", argument="x decay initial")
def steps_behind_the_last_whole_block_left_out(residuals, dout):
    out, decay, initial, _ = residuals
    dx, ddecay, carried = np.zeros_like(out), np.zeros_like(decay), np.zeros_like(initial)
    for step in reversed(range(out.shape[1] // BLOCK * BLOCK)):
        dx[:, step] = carried + dout[:, step]
        ddecay[:, step] = dx[:, step] * (out[:, step - 1] if step else initial)
        carried = dx[:, step] * decay[:, step]
    return dx, ddecay, carried


@scans(158, cause="time_not_carried", argument="x decay initial")
def blocks_that_start_from_nothing(residuals, dout):
    out, decay, initial, _ = residuals
    dx, ddecay = np.zeros_like(out), np.zeros_like(decay)
    for block in range(0, out.shape[1], BLOCK):
        carried = np.zeros_like(initial)
        for step in reversed(range(block, min(block + BLOCK, out.shape[1]))):
            dx[:, step] = carried + dout[:, step]
            ddecay[:, step] = dx[:, step] * (out[:, step - 1] if step else initial)
            carried = dx[:, step] * decay[:, step]
    return dx, ddecay, dx[:, 0] * decay[:, 0]
