"""Every case as a vjp, whatever its style, without the oracle."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from .case import Mistake

Vjp = Callable[..., tuple[Any, Callable[[Any], tuple[Any, ...]]]]


def vjp_of(case: Mistake) -> Vjp:
    """The case as vjp(*primals) -> (out, pullback); state stays in the code between the calls."""
    return _STYLES[case.style](case, case.build())


def _forward_backward(case: Mistake, pair: Any) -> Vjp:
    forward, backward = pair
    return lambda *primals: (forward(*primals), lambda ct: _tuple(backward(ct, *primals)))


def _rule(case: Mistake, pair: Any) -> Vjp:
    forward, backward = pair

    def vjp(*primals):
        out, residuals = forward(*primals)
        return out, lambda ct: _tuple(backward(residuals, ct))

    return vjp


def _cache(case: Mistake, pair: Any) -> Vjp:
    return _rule(case, (pair[0], lambda cache, dout: pair[1](dout, cache)))


def _vjp(case: Mistake, code: Any) -> Vjp:
    def vjp(*primals):
        out, pullback = code(*primals)
        return out, lambda ct: _tuple(pullback(ct))

    return vjp


def _layer(case: Mistake, make: Any) -> Vjp:
    count, made = case.inputs_of_layer, []

    def vjp(*primals):
        if not made:
            made.append(make(*primals[count:]))
        (layer,) = made
        for name, value in zip(case.gradients, primals[count:], strict=True):
            setattr(layer, name, value)
        out = layer.forward(*primals[:count])

        def pullback(ct):
            first = _tuple(layer.backward() if case.ends_in_loss else layer.backward(ct))
            first += (None,) * (count - len(first))
            # Copies: a gradient in an attribute is meant to be overwritten by the next backward.
            return first + tuple(_kept(getattr(layer, slot)) for slot in case.gradients.values())

        return out, pullback

    return vjp


def _kept(gradient: Any) -> Any:
    return None if gradient is None else np.array(gradient)


def _network(case: Mistake, make: Any) -> Vjp:
    count = case.inputs_of_layer

    def vjp(*primals):
        network = make(*primals[count:])
        data = primals[:count]

        def pullback(ct):
            grads = network.gradient(*data)
            return (None,) * count + tuple(grads[key] for key in case.gradients)

        return network.loss(*data), pullback

    return vjp


def _torch(case: Mistake, function: Any) -> Vjp:
    import torch

    def vjp(*primals):
        leaves = [torch.tensor(p, requires_grad=p.dtype.kind == "f") for p in primals]
        out = function.apply(*leaves)
        wanted = [leaf for leaf in leaves if leaf.requires_grad]

        def pullback(ct):
            found = iter(torch.autograd.grad(out, wanted, torch.tensor(np.array(ct)), retain_graph=True))
            return tuple(next(found).numpy() if leaf.requires_grad else None for leaf in leaves)

        return out.detach().numpy(), pullback

    return vjp


def _jax(case: Mistake, function: Any) -> Vjp:
    import jax

    forward = jax.jit(function)  # compiled, since it is differenced many times

    def vjp(*primals):
        def pullback(ct):
            return tuple(np.asarray(grad) for grad in jax.vjp(function, *primals)[1](ct))

        return np.asarray(forward(*primals)), pullback

    return vjp


_STYLES: Mapping[str, Callable[[Mistake, Any], Vjp]] = {
    "forward_backward": _forward_backward,
    "rule": _rule,
    "cache": _cache,
    "layer": _layer,
    "vjp": _vjp,
    "network": _network,
    "torch": _torch,
    "jax": _jax,
}


def _tuple(gradients: Any) -> tuple[Any, ...]:
    return (
        gradients if isinstance(gradients, tuple) else tuple(gradients) if isinstance(gradients, list) else (gradients,)
    )


def copies(primals: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(np.array(p) for p in primals)


def parts(out: Any) -> list[np.ndarray]:
    """The arrays of an output, whether it is one array, a tuple or a dict."""
    if isinstance(out, Mapping):
        return [array for key in sorted(out) for array in parts(out[key])]
    if isinstance(out, tuple | list):
        return [array for item in out for array in parts(item)]
    return [np.asarray(out)]


def like(out: Any, arrays: Iterator[np.ndarray]) -> Any:
    """The arrays, in the structure of an output."""
    if isinstance(out, Mapping):
        return {key: like(out[key], arrays) for key in sorted(out)}
    if isinstance(out, tuple | list):
        return tuple(like(item, arrays) for item in out)
    return next(arrays)


def cotangent_for(case: Mistake, out: Any, seed: int = 0) -> Any:
    """A signed random cotangent in the output's structure and dtype; 1 where the case ends in a loss."""
    rng = np.random.default_rng([seed, 9973])
    if case.ends_in_loss or case.style == "network":
        return np.ones_like(out)
    return like(out, iter([np.asarray(rng.normal(size=a.shape), a.dtype) for a in parts(out)]))


def is_differentiable(case: Mistake, index: int, primal: np.ndarray) -> bool:
    """Whether a gradient is wanted: floating, and no target or input of a layer that ends in a loss."""
    data = case.inputs_of_layer if case.style == "network" else 0
    targets = case.style == "layer" and 0 < index < case.inputs_of_layer
    return primal.dtype.kind == "f" and not targets and index >= data and case.names[index] not in case.constants
