"""The gradient checkers of PyTorch, JAX and autograd, each given a case wrapped as its own kind of function.

Integer arguments and targets are closed over. A layer that ends in a loss gets its upstream multiplied on from
outside, so that none of the peers trips over a convention. An exception is a rejection: the user would see it too.
"""

import importlib
import importlib.util
import io
import itertools
import logging
import time
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import partial
from typing import Any
from unittest import mock

import numpy as np

from .case import Mistake, Size
from .judges import Run
from .run import copies, is_differentiable, like, parts, vjp_of

# Every case is a new function to JAX, which keeps what it compiled for each.
_CHECKS_BY_JAX = itertools.count()
Checker = Callable[[Callable[..., Any], Callable[..., Any], list[np.ndarray]], None]


def by_peer(case: Mistake, size: Size, seed: int, judge: str) -> Run:
    """Run one peer; "fail" where it rejects the case."""
    primals, started = case.inputs(size, seed), time.process_time()
    forward, backward, wanted = _flattened(case, primals)
    outcome, said = "pass", ""
    with warnings.catch_warnings(), np.errstate(all="ignore"), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)  # jax logs the traceback of what a callback raises
        try:
            PEERS[judge](forward, backward, wanted)
        except Exception as error:
            outcome, said = "fail", f"{type(error).__name__}: {error}"[:300]
        finally:
            logging.disable(logging.NOTSET)
    return Run(case.id, judge, "plain", size, seed, outcome, said=said, seconds=time.process_time() - started)


def _flattened(case: Mistake, primals: tuple[Any, ...]):
    """forward(*wanted) -> arrays, backward(wanted, cotangents) -> gradients, of the arguments that have gradients."""
    places = [i for i, primal in enumerate(primals) if is_differentiable(case, i, primal)]
    vjp, deaf = vjp_of(case), case.ends_in_loss or case.style == "network"

    def full(wanted):
        taken = list(copies(primals))
        for i, value in zip(places, wanted, strict=True):
            taken[i] = np.array(value)
        return taken

    def forward(*wanted):
        return [np.asarray(part) for part in parts(vjp(*full(wanted))[0])]

    def backward(wanted, cotangents):
        out, pullback = vjp(*full(wanted))
        shaped = like(out, iter([np.array(ct) for ct in cotangents]))
        gradients = pullback(shaped)
        factor = np.asarray(cotangents[0]) if deaf else 1
        return [_given(gradients[i], primals[i]) * factor for i in places]

    return forward, backward, [primals[i] for i in places]


def _given(gradient: Any, primal: np.ndarray) -> np.ndarray:
    if gradient is None:
        raise TypeError("the backward returns None for a floating argument")
    if np.shape(gradient) != primal.shape:
        raise ValueError(f"a gradient of shape {np.shape(gradient)} for an argument of shape {primal.shape}")
    return np.asarray(gradient)


def _torch(fast: bool) -> Checker:
    def check(forward, backward, wanted):
        import torch

        class Case(torch.autograd.Function):
            @staticmethod
            def forward(ctx, *leaves):
                ctx.save_for_backward(*leaves)
                return tuple(torch.from_numpy(np.array(part)) for part in forward(*(leaf.numpy() for leaf in leaves)))

            @staticmethod
            def backward(ctx, *cotangents):
                given = [leaf.detach().numpy() for leaf in ctx.saved_tensors]
                found = backward(given, [ct.detach().numpy() for ct in cotangents])
                return tuple(torch.from_numpy(np.array(gradient)) for gradient in found)

        leaves = tuple(torch.tensor(value, requires_grad=True) for value in wanted)
        module = importlib.import_module("torch.autograd.gradcheck")
        with mock.patch.object(module, "_run_slow_mode_and_get_error", _without_the_full_jacobian):
            torch.autograd.gradcheck(Case.apply, leaves, fast_mode=fast)

    return check


def _without_the_full_jacobian(*_: Any) -> str:
    """Fast mode, having rejected, computes all of both Jacobians for its message: gigabytes for a realistic size."""
    return "rejected in fast mode"


def _jax(dtype: Any) -> Checker:
    def check(forward, backward, wanted):
        import jax
        from jax.test_util import check_grads

        def shapes(arrays):
            return tuple(jax.ShapeDtypeStruct(np.shape(a), np.asarray(a).dtype) for a in arrays)

        if next(_CHECKS_BY_JAX) % 100 == 99:
            jax.clear_caches()
        values = tuple(value.astype(dtype) for value in wanted)
        outs = shapes([part.astype(dtype) for part in forward(*values)])

        def called_back(function, result):
            """One callback for all calls, so that JAX compiles it once."""

            def cast(*given):
                found = function(*(np.asarray(value) for value in given))
                return tuple(np.asarray(part, one.dtype) for part, one in zip(found, result, strict=True))

            return partial(jax.pure_callback, cast, result)

        count = len(values)
        out_of = called_back(forward, outs)
        gradients_of = called_back(lambda *all_: backward(all_[:count], all_[count:]), shapes(values))
        run = jax.custom_vjp(lambda *xs: out_of(*xs))
        run.defvjp(lambda *xs: (out_of(*xs), xs), lambda xs, cotangents: gradients_of(*xs, *cotangents))
        check_grads(run, values, order=1, modes=["rev"])

    return check


def _autograd(forward, backward, wanted):
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    outs = [part.shape for part in forward(*wanted)]

    def joined(*xs):
        return np.concatenate([part.ravel() for part in forward(*xs)])

    def split(flat):
        ends = np.cumsum([int(np.prod(shape)) for shape in outs])[:-1]
        return [piece.reshape(shape) for piece, shape in zip(np.split(np.asarray(flat), ends), outs, strict=True)]

    run: Any = primitive(joined)
    rules = [lambda ans, *xs, i=i: lambda g: backward(xs, split(g))[i] for i in range(len(wanted))]
    defvjp(run, *rules)
    check: Any = check_grads(run, tuple(range(len(wanted))), modes=["rev"], order=1)
    check(*wanted)


PEERS: dict[str, Checker] = {
    "torch gradcheck, slow": _torch(fast=False),
    "torch gradcheck, fast": _torch(fast=True),
    "jax check_grads, float64": _jax(np.float64),
    "jax check_grads, float32": _jax(np.float32),
    "autograd check_grads": _autograd,
}


def available() -> list[str]:
    """The peers whose package is installed; a package's name stands first in its judge's."""
    return [judge for judge in PEERS if importlib.util.find_spec(judge.split()[0])]
