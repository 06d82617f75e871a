"""Recurrent layers: PyTorch as a third witness, and 50 digits as a fourth."""

from typing import Any

import jax
import numpy as np
import pytest
from helpers.high_precision import slope
from helpers.high_precision_recurrent import unrolled
from helpers.recurrent import LAYERS, MODES, arguments_of, both, every_layer, every_mode, probes, program
from mpmath import mpf

import functional_nn
import reference
from reference.oracle.specs import SPECS
from reference.recurrent import linear_recurrence_bwd, linear_recurrence_fwd

every_side = pytest.mark.parametrize("side", [functional_nn, reference], ids=["functional_nn", "reference"])


# --- PyTorch ------------------------------------------------------------------------------------------------------


def by_torch(op: str, arguments: tuple[np.ndarray, ...], mode: dict[str, Any], cotangent: tuple) -> tuple[Any, Any]:
    """torch.nn's layer with the same weights: its bias is in two parts, backwards is a flip, lengths are packed."""
    torch = pytest.importorskip("torch")
    tensors = [torch.tensor(a, requires_grad=True) for a in arguments]
    x, *states, kernel, recurrent_kernel, bias = tensors
    third = len(bias) * 3 // 4
    layer = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[op](7, 11, batch_first=True).double()
    if op == "gru":
        zeros = torch.zeros(third - 11, dtype=bias.dtype)
        biases = bias[:third], torch.cat([zeros, bias[third:]])
    else:
        biases = bias, torch.zeros_like(bias)
    weights = dict(zip(layer.state_dict(), (kernel.T, recurrent_kernel.T, *biases), strict=True))
    ends = torch.tensor(mode.get("lengths", [5, 5, 5]))
    kept = ends > 0  # PyTorch packs no empty sequence
    turned = _turned(x, ends) if mode.get("reverse") else x
    packed = torch.nn.utils.rnn.pack_padded_sequence(turned[kept], ends[kept], batch_first=True, enforce_sorted=False)
    first = tuple(s[None, kept] for s in states)
    outputs, last = torch.func.functional_call(layer, weights, (packed, first if op == "lstm" else first[0]))
    outputs, _ = torch.nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True, total_length=5)
    outputs = torch.zeros(3, 5, 11, dtype=x.dtype).index_put((kept,), outputs)
    outputs = _turned(outputs, ends) if mode.get("reverse") else outputs
    lasts = last if op == "lstm" else (last,)
    results = (outputs, *(s.index_put((kept,), new[0]) for s, new in zip(states, lasts, strict=True)))
    loss = torch.stack([(out * torch.tensor(ct)).sum() for out, ct in zip(results, cotangent, strict=True)]).sum()
    return [out.detach().numpy() for out in results], [g.numpy() for g in torch.autograd.grad(loss, tensors)]


def _turned(x: Any, ends: Any) -> Any:
    """Each example's own steps from its last to its first, the rest where it is."""
    torch = pytest.importorskip("torch")
    rows = [torch.cat([row[:end].flip(0), row[end:]]) for row, end in zip(x, ends.tolist(), strict=True)]
    return torch.stack(rows)


@every_layer
@every_mode
def test_pytorch_agrees_in_values_and_gradients(op: str, mode: str):
    arguments = arguments_of(op)
    by_hand, by_jax = both(op, arguments, mode)
    wanted = by_torch(op, arguments, MODES[mode], probes(by_hand[0]))
    for got in (by_hand, by_jax):
        for leaf, want in zip(jax.tree.leaves(got), jax.tree.leaves(wanted), strict=True):
            np.testing.assert_allclose(leaf, want, rtol=1e-12, atol=1e-12 * np.abs(want).max())


@every_side
def test_pytorch_agrees_on_linear_recurrence(side):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(3)
    arrays = rng.normal(size=(3, 5, 7, 2)), rng.normal(size=(3, 5, 7, 2)), rng.normal(size=(3, 7, 2))
    x, decay, initial = tensors = [torch.tensor(a, requires_grad=True) for a in arrays]
    states = [initial]
    for t in range(5):
        states.append(decay[:, t] * states[-1] + x[:, t])
    cotangent = rng.normal(size=(3, 5, 7, 2))
    out = torch.stack(states[1:], dim=1)
    wanted = torch.autograd.grad((out * torch.tensor(cotangent)).sum(), tensors)
    if side is reference:
        value, residuals = linear_recurrence_fwd(*arrays)
        got = linear_recurrence_bwd(residuals, cotangent)
    else:
        value, vjp = jax.vjp(functional_nn.linear_recurrence, *arrays)
        got = vjp(cotangent)
    for leaf, want in zip((value, *got), (out.detach(), *wanted), strict=True):
        np.testing.assert_allclose(leaf, want, rtol=1e-12, atol=1e-12 * float(want.abs().max()))


# --- 50 digits ----------------------------------------------------------------------------------------------------


def one_unit(op: str, dtype: Any) -> tuple[np.ndarray, ...]:
    """7 examples of 3 steps of one input and one unit, from tiny to saturated; weights of both signs."""
    rng, gates, biases = np.random.default_rng(5), *{"rnn": (1, 1), "lstm": (4, 4), "gru": (3, 4)}[op]
    x = rng.normal(size=(7, 3, 1)) * np.logspace(-3, 1.3, 7)[:, None, None]
    states = [rng.normal(size=(7, 1)) for _ in range(2 if op == "lstm" else 1)]
    weights = [rng.normal(size=(1, gates)), rng.normal(size=(1, gates)), rng.normal(size=biases)]
    return tuple(a.astype(dtype) for a in (x, *states, *weights))


def truth(op: str, arguments: tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Of every example, all outputs and last states, and the derivative of their sum with respect to the first input.

    And then with respect to each of the states.
    """
    x, *states, kernel, recurrent_kernel, bias = arguments
    weights = [[mpf(float(value)) for value in np.ravel(w)] for w in (kernel, recurrent_kernel, bias)]
    values, slopes = [], []
    for example in range(len(x)):
        moved = [mpf(float(a.flat[0])) for a in (x[example], *(s[example] for s in states))]
        rest = [mpf(float(value)) for value in x[example, 1:, 0]]

        def total(at: Any, place: int, moved: list = moved, rest: list = rest) -> Any:
            first, *given = [*moved[:place], at, *moved[place + 1 :]]
            return sum(unrolled(op, [first, *rest], given, *weights))

        values.append([float(v) for v in unrolled(op, [moved[0], *rest], moved[1:], *weights)])
        slopes.append([float(slope(lambda at, i=i, of=total: of(at, i), moved[i])) for i in range(len(moved))])
    return np.array(values), np.array(slopes)


@every_layer
@every_side
@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=lambda dtype: dtype.__name__)
def test_values_and_gradients_to_so_many_units(side: Any, op: str, dtype: Any):
    """The unit is that of the example's largest value or slope, whose sums have terms of both signs.

    For slopes of the reference it is 1 at least, the largest term of 1 - h^2: saturated it has no digit of them.
    """
    arguments, bound = one_unit(op, dtype), SPECS[op].ulp
    assert bound is not None
    values, slopes = truth(op, arguments)
    out, residuals = LAYERS[op][0](*arguments)
    ones = tuple(np.ones_like(leaf) for leaf in out)
    if side is functional_nn:
        out, cotangents = program(op, "forward")(arguments, ones)
        least = 0.0
    else:
        cotangents, least = LAYERS[op][1](residuals, ones), 1.0
    got = np.concatenate([np.reshape(leaf, (7, -1)) for leaf in out], axis=1)
    states = cotangents[1 : len(out)]
    got_slopes = np.concatenate([np.asarray(cotangents[0])[:, 0], *map(np.asarray, states)], axis=1)
    for mine, true, units, smallest in ((got, values, bound.value, 0.0), (got_slopes, slopes, bound.gradient, least)):
        unit = np.spacing(np.abs(true).max(1, keepdims=True, initial=smallest).astype(dtype))
        error = float((np.abs(mine - true) / unit).max())
        assert error <= units, f"{error:.1f} units"


@every_side
@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=lambda dtype: dtype.__name__)
def test_linear_recurrence_to_so_many_units(side: Any, dtype: Any):
    """Of the largest state so far: every step rounds a product and a sum."""
    rng, bound = np.random.default_rng(7), SPECS["linear_recurrence"].ulp
    assert bound is not None
    arrays = (rng.normal(size=(3, 9)), rng.uniform(-1, 1, size=(3, 9)), rng.normal(size=3))
    x, decay, initial = (array.astype(dtype) for array in arrays)
    got = np.asarray(side.linear_recurrence(x, decay, initial))
    for example in range(3):
        h = mpf(float(initial[example]))
        for t in range(9):
            h = mpf(float(decay[example, t])) * h + mpf(float(x[example, t]))
            unit = np.spacing(np.abs(got[example, : t + 1]).max().astype(dtype))
            assert abs(float(got[example, t]) - float(h)) <= bound.value * unit
