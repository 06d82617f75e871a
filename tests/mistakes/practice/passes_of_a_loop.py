"""Loops over layers and units of which one pass, or one variable, goes astray on the way back (catalogue 43)."""

import numpy as np

from ..case import Family, sized

family = Family("composed")
STACK = sized(((5, 4), (4, 4), (4, 4), (4, 4)), ((32, 16), (16, 16), (16, 16), (16, 16)))


def stack(x, A, B, C):
    saved = []
    for W in (A, B, C):
        z = x @ W
        saved.append((x, W, z))
        x = z / (1 + np.exp(-z))
    return x, saved


def slope(z):
    s = 1 / (1 + np.exp(-z))
    return s * (1 + z * (1 - s))


@family.wrong(43, stack, STACK, style="rule", argument="x A", cause="derivative_missing")
def swish_of_the_first_layer_not_differentiated(saved, g):
    grads = []
    for number, (x, W, z) in reversed(list(enumerate(saved))):
        dz = g * slope(z) if number else g
        grads.append(x.T @ dz)
        g = dz @ W.T
    return g, *reversed(grads)


@family.wrong(43, stack, STACK, style="rule", argument="x A B C", cause="derivative_missing")
def swish_of_the_last_layer_not_differentiated(saved, g):
    grads = []
    for number, (x, W, z) in reversed(list(enumerate(saved))):
        dz = g if number == len(saved) - 1 else g * slope(z)
        grads.append(x.T @ dz)
        g = dz @ W.T
    return g, *reversed(grads)


@family.wrong(107, stack, STACK, style="rule", argument="x A B", cause="wrong_operand")
def slopes_all_at_the_last_layers_value(saved, g):
    grads, last = [], saved[-1][2]
    for x, W, _ in reversed(saved):
        dz = g * slope(last)
        grads.append(x.T @ dz)
        g = dz @ W.T
    return g, *reversed(grads)


@family.whole(107, "wrong backward", "vjp", sized(((5, 3), (4,), (4,)), ((32, 6), (7,), (7,))), argument="x a b",
              cause="wrong_operand")  # fmt: skip
def waves_whose_pullbacks_share_their_phase(x, a, b):
    out, back = 0.0, []
    for k in range(len(a)):
        phase = a[k] * x + b[k]
        out = out + np.sin(phase)
        back.append(lambda g: g * np.cos(phase))  # noqa: B023

    def pull(g):
        d = [pulled(g) for pulled in back]
        return (
            sum(p * w for p, w in zip(d, a, strict=True)),
            np.array([(p * x).sum() for p in d]),
            np.array([p.sum() for p in d]),
        )

    return out, pull


@family.wrong(8, lambda x, A, B: (np.tanh(x @ A) @ B), sized(((5, 3), (3, 4), (4, 2)), ((32, 8), (8, 16), (16, 4))),
              argument="x A", cause="updated_weight")  # fmt: skip
def upper_weight_decayed_and_moved_first(g, x, A, B):
    h = np.tanh(x @ A)
    dB = h.T @ g
    dz = (g @ (B - 0.05 * dB).T) * (1 - h * h)
    return dz @ A.T, x.T @ dz, dB
