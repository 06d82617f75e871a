"""The training steps in JAX: ours from the ops, Flax NNX and Equinox as their documentation writes them."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

import functional_nn as fnn
from benchmarks.networks import Network
from functional_nn import _libraries
from functional_nn.cpu import onednn

RATE = 0.01
# Ours as those have it who do not install oneDNN, and where JAX does not let attention go to cuDNN.
WITHOUT_ONEDNN, WITHOUT_CUDNN = "ours without oneDNN", "ours without cuDNN"


# A step to call again and again, and the bytes that XLA reserves for it.
Step = tuple[Callable[[], Any], Callable[[], float]]


def ours(network: Network) -> Step:
    """A step of plain gradient descent on pure functions."""
    params = [_our_params(layer) for layer in network.layers]
    x, labels = map(jnp.asarray, network.data())

    def loss(params: Any, x: jax.Array, labels: jax.Array) -> jax.Array:
        for layer, own in zip(network.layers, params, strict=True):
            x = _our_layer(layer, own, x)
        return jnp.mean(fnn.softmax_cross_entropy(x, labels))

    @jax.jit
    def step(params: Any, x: jax.Array, labels: jax.Array):
        value, gradients = jax.value_and_grad(loss)(params, x, labels)
        return jax.tree.map(lambda p, g: p - RATE * g, params, gradients), value

    arrays = params, x, labels
    return lambda: jax.block_until_ready(step(*arrays)), lambda: reserved(step.lower(*arrays).compile())


def uses_onednn(network: Network) -> bool:
    """Whether oneDNN is here and wanted, the CPU computes, and among the layers is one that oneDNN takes."""
    convolves = any(layer[0] in ("conv", "block") for layer in network.layers)
    here = jax.default_backend() == "cpu" and _libraries.WANTED
    return convolves and here and onednn.unusable() is None


def without_libraries(run: Callable[[], Any]) -> Callable[[], Any]:
    """The same, compiled at its first call as where no library beside XLA is."""

    def call() -> Any:
        before, _libraries.WANTED = _libraries.WANTED, False
        try:
            return run()
        finally:
            _libraries.WANTED = before

    return call


def reserved(program: Any) -> float:
    """Bytes of what is given to a program, what it returns, and what it needs on the way."""
    memory = program.memory_analysis()
    return memory.temp_size_in_bytes + memory.output_size_in_bytes + memory.argument_size_in_bytes


def _normal(*shape: int) -> jax.Array:
    scale = np.sqrt(2 / np.prod(shape[:-1]))
    return jnp.asarray(np.random.default_rng(1).normal(size=shape) * scale, jnp.float32)


def _our_params(layer: tuple[Any, ...]) -> Any:
    match layer:
        case ("dense", inputs, outputs):
            return _normal(inputs, outputs), jnp.zeros(outputs)
        case ("conv", inputs, outputs, window, _):
            return _normal(window, window, inputs, outputs), jnp.zeros(outputs)
        case ("block", width):
            return [(_normal(3, 3, width, width), jnp.ones(width), jnp.zeros(width)) for _ in range(2)]
    return ()


def _our_layer(layer: tuple[Any, ...], own: Any, x: jax.Array) -> jax.Array:
    match layer:
        case ("dense", *_):
            return fnn.dense(x, *own)
        case ("conv", _, _, _, padding):
            return fnn.conv(x, *own, padding=padding)
        case ("relu",):
            return fnn.relu(x)
        case ("pool",):
            return fnn.max_pool(x, window=2)
        case ("flatten",):
            return x.reshape(len(x), -1)
        case ("mean",):
            return jnp.mean(x, (1, 2))
    (first, scale, shift), (second, *affine) = own
    inner = fnn.relu(fnn.batch_norm(fnn.conv(x, first, padding=1), scale, shift)[0])
    return fnn.relu(x + fnn.batch_norm(fnn.conv(inner, second, padding=1), *affine)[0])


class FlaxBlock(nnx.Module):
    """Two convolutions with batch normalization beside an identity."""

    def __init__(self, width: int, rngs: nnx.Rngs):
        self.convs = nnx.List([nnx.Conv(width, width, (3, 3), use_bias=False, rngs=rngs) for _ in range(2)])
        self.norms = nnx.List([nnx.BatchNorm(width, rngs=rngs) for _ in range(2)])

    def __call__(self, x: jax.Array) -> jax.Array:
        """The block's output."""
        inner = nnx.relu(self.norms[0](self.convs[0](x)))
        return nnx.relu(x + self.norms[1](self.convs[1](inner)))


def _flax_layer(layer: tuple[Any, ...], rngs: nnx.Rngs) -> Any:
    match layer:
        case ("dense", inputs, outputs):
            return nnx.Linear(inputs, outputs, rngs=rngs)
        case ("conv", inputs, outputs, window, padding):
            return nnx.Conv(inputs, outputs, (window, window), padding=padding, rngs=rngs)
        case ("block", width):
            return FlaxBlock(width, rngs)
        case ("relu",):
            return nnx.relu
        case ("pool",):
            return lambda x: nnx.max_pool(x, (2, 2), (2, 2))
        case ("flatten",):
            return lambda x: x.reshape(x.shape[0], -1)
    return lambda x: jnp.mean(x, (1, 2))


def flax(network: Network) -> Step:
    """The layers of a network in one nnx.Sequential."""
    model = nnx.Sequential(*(_flax_layer(layer, nnx.Rngs(0)) for layer in network.layers))
    return flax_step(model, optax.sgd(RATE), network.data())


def flax_step(model: nnx.Module, rule: optax.GradientTransformation, data: tuple[Any, Any]) -> Step:
    """nnx.jit over nnx.value_and_grad and nnx.Optimizer."""
    optimizer = nnx.Optimizer(model, rule, wrt=nnx.Param)
    x, labels = map(jnp.asarray, data)

    def loss(model: Any, x: jax.Array, labels: jax.Array) -> jax.Array:
        return optax.softmax_cross_entropy_with_integer_labels(model(x), labels).mean()

    @nnx.jit
    def step(model: Any, optimizer: Any, x: jax.Array, labels: jax.Array) -> jax.Array:
        value, gradients = nnx.value_and_grad(loss)(model, x, labels)
        optimizer.update(model, gradients)
        return value

    cached = nnx.cached_partial(step, model, optimizer)
    return (
        lambda: jax.block_until_ready(cached(x, labels)),
        lambda: reserved(step.lower(model, optimizer, x, labels).compile()),
    )


def equinox(network: Network) -> Callable[[], Any]:
    """eqx.filter_jit over a vmapped model, channels first; not of a block, whose BatchNorm needs a state."""
    model = eqx.nn.Sequential([_equinox_layer(layer) for layer in network.layers])
    optimizer = optax.sgd(RATE)
    state = [model, optimizer.init(eqx.filter(model, eqx.is_array))]
    images, labels = map(jnp.asarray, network.data())
    x = jnp.moveaxis(images, -1, 1) if images.ndim == 4 else images

    @eqx.filter_jit
    def step(model: Any, opt_state: Any, x: jax.Array, labels: jax.Array):
        @eqx.filter_value_and_grad
        def loss(model: Any) -> jax.Array:
            return optax.softmax_cross_entropy_with_integer_labels(jax.vmap(model)(x), labels).mean()

        value, gradients = loss(model)
        updates, opt_state = optimizer.update(gradients, opt_state)
        return eqx.apply_updates(model, updates), opt_state, value

    return lambda: jax.block_until_ready(step(state[0], state[1], x, labels)[2])


def _equinox_layer(layer: tuple[Any, ...]) -> Any:
    key = jax.random.key(0)
    match layer:
        case ("dense", inputs, outputs):
            return eqx.nn.Linear(inputs, outputs, key=key)
        case ("conv", inputs, outputs, window, padding):
            return eqx.nn.Conv2d(inputs, outputs, window, padding=padding, key=key)
        case ("relu",):
            return eqx.nn.Lambda(jax.nn.relu)
        case ("pool",):
            return eqx.nn.MaxPool2d(2, 2)
    return eqx.nn.Lambda(jnp.ravel)
