"""Mistakes in blocks around attention and recurrence, as closures and in frameworks; correct nets."""

from functools import partial

import numpy as np

from ..case import Family, sized
from .attention_scores import T, softmax
from .recurrent_gates import Backward, gru, gru_backward, lstm, sequences, steps
from .recurrent_nets import NAMES, elman, runs, through_time

family = Family("recurrent_attention")
closure = partial(family.whole, kind="wrong backward", style="vjp")


def both_ways(size, seed):
    x, U, W, b, _ = runs(size, seed)
    return x, U, W, b


def two_nets(x, U, W, b):
    """One net forward and one backward in time, with the same weights; the states are added."""
    rest = np.zeros((len(x), len(W)))
    ahead, cache = elman(x, U, W, b, rest)
    back, turned = elman(x[:, ::-1], U, W, b, rest)
    return ahead + back[:, ::-1], cache, turned


@closure("", inputs=both_ways, cause=("flipped", "sum_term_missing"), argument="x")
def second_direction_not_turned_back(x, U, W, b):
    out, cache, turned = two_nets(x, U, W, b)

    def pullback(g):
        first, second = through_time(g, cache)[0], through_time(g[:, ::-1], turned)[0]
        return tuple(one + other for one, other in zip(first[:4], second[:4], strict=True))

    return out, pullback


@closure(12, inputs=both_ways, cause=("use_dropped", "sum_term_missing"), argument="U W b")
def weights_of_the_second_direction_only(x, U, W, b):
    out, cache, turned = two_nets(x, U, W, b)

    def pullback(g):
        dx, *_ = through_time(g, cache)[0]
        other, dU, dW, db, _ = through_time(g[:, ::-1], turned)[0]
        return dx + other[:, ::-1], dU, dW, db

    return out, pullback


tokens = sized(((2, 3, 4), (4, 5), (5, 4)), ((4, 10, 12), (12, 24), (24, 12)))


def gelu(z):
    return 0.5 * z * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)))


def gelu_slope(z):
    u = np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3))
    return 0.5 * (1 + u) + 0.5 * z * (1 - u * u) * np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * z * z)


def over_tokens(a, b):
    return np.tensordot(a, b, ((0, 1), (0, 1)))


def feed_forward(slope, skip=1.0, hidden=gelu):
    """A residual feed-forward block, and the places where its backward goes wrong."""

    def vjp(x, W1, W2):
        z = x @ W1 / 2
        a = gelu(z)

        def pullback(g):
            dz = (g @ W2.T) * slope(z, a)
            return skip * g + dz @ W1.T / 2, over_tokens(x, dz) / 2, over_tokens(hidden(z), g)

        return x + a @ W2, pullback

    return vjp


def as_case(number, id, made, **more):
    family.whole(number, "wrong backward", "vjp", tokens, id=id, **more)(made)


as_case(9, "block_without_the_slope_of_gelu", feed_forward(lambda z, a: 1), cause="derivative_missing", argument="x W1")
as_case(
    41,
    "block_with_the_slope_at_the_output",
    feed_forward(lambda z, a: gelu_slope(a)),
    cause="derivative_at_output",
    argument="x W1",
)
as_case(
    53,
    "block_with_only_the_gate_of_gelu",
    feed_forward(lambda z, a: 1 / (1 + np.exp(-1.702 * z))),
    cause=("wrong_derivative", "sum_term_missing"),
    argument="x W1",
)
as_case(
    112,
    "block_that_counts_its_skip_twice",
    feed_forward(lambda z, a: gelu_slope(z), skip=2.0),
    cause="sum_term_missing",
    argument="x",
)
as_case(
    46,
    "block_with_the_output_weight_by_the_input_of_gelu",
    feed_forward(lambda z, a: gelu_slope(z), hidden=lambda z: z),
    cause="wrong_operand",
    argument="W2",
)

memories = sized(((2, 3, 4), (2, 5, 4)), ((4, 9, 8), (4, 12, 8)))


@closure(12, inputs=memories, cause=("use_dropped", "sum_term_missing"), argument="memory")
def memory_trained_as_keys_only(x, memory):
    p = softmax(x @ T(memory) / 2)

    def pullback(g):
        dp = g @ T(memory)
        ds = p * (dp - (p * dp).sum(-1, keepdims=True)) / 2
        return ds @ memory, T(ds) @ x

    return p @ memory, pullback


@family.whole(
    46,
    "wrong backward",
    "torch",
    sized(((2, 3, 4), (4,)), ((4, 9, 12), (12,))),
    names=("s", "v"),
    cause=("derivative_at_input", "local_factor"),
    argument="s",
)
def torch_additive_scores():
    import torch

    class AdditiveScores(torch.autograd.Function):
        @staticmethod
        def forward(ctx, s, v):
            ctx.save_for_backward(s, v)
            return torch.tanh(s) @ v

        @staticmethod
        def backward(ctx, *grad_outputs):
            (g,) = grad_outputs
            s, v = ctx.saved_tensors
            through = g.unsqueeze(-1) * v
            return through * (1 - s * s), (g.unsqueeze(-1) * torch.tanh(s)).sum((0, 1))

    return AdditiveScores


@family.whole(
    110,
    "wrong backward",
    "jax",
    sized(((2, 3, 4), (2, 5, 4)), ((4, 9, 12), (4, 7, 12))),
    names=("q", "k"),
    cause="scaled_by_root",
    argument="q",
)
def jax_scores_scaled_twice():
    import jax

    def scores(q, k):
        return q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1])

    def pull(saved, g):
        q, k = saved
        g = g / np.sqrt(q.shape[-1])
        return g @ k / np.sqrt(q.shape[-1]), g.swapaxes(-1, -2) @ q

    rule = jax.custom_vjp(scores)
    rule.defvjp(lambda q, k: (scores(q, k), (q, k)), pull)
    return rule


@family.control(102, lstm, sequences, style="cache", names=("x", "W", "b", "h0", "c0"))
def lstm_back_through_its_steps(dout, cache):
    return Backward()(dout, cache)


@family.control(102, elman, runs, style="cache", names=NAMES)
def elman_net_by_stacked_steps(dout, cache):
    return through_time(dout, cache)[0]


@family.control(102, gru, steps, style="rule", names=("x", "h", "Wz", "Wr", "Wn"))
def one_step_of_a_gru(residuals, cotangent):
    return gru_backward(residuals, cotangent)
