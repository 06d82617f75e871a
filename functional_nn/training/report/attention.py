"""What each head of a transformer looks at: the weights that attention itself never holds."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from functional_nn.activations import softmax
from functional_nn.linear import dense
from functional_nn.normalization import rms_norm
from functional_nn.positional import rotary_embedding
from functional_nn.training.setup import Network


def attention_weights(network: Network, params: Any, x: jax.Array) -> list[jax.Array]:
    """Of each block (batch, heads, length, length): how much each token of a query takes from each token of a key."""
    reached = network.outputs(params, x)
    before = ["embedding", *(f"feedforward{i}" for i in range(1, network.config.layers))]
    return [_weights(network.config, params, i, reached[name]) for i, name in enumerate(before, 1)]


def _weights(config: Any, params: Any, number: int, x: jax.Array) -> jax.Array:
    inside = dense(rms_norm(x, **params[f"attention{number}_norm"]), **params[f"attention{number}_in"])
    heads = inside.reshape(*x.shape[:2], -1, config.head_dim)
    query, key, _ = jnp.split(heads, [config.heads, config.heads + config.heads_of_keys], 2)
    key = jnp.repeat(key, config.heads // config.heads_of_keys, 2)
    scores = jnp.einsum("bqhd,bkhd->bhqk", rotary_embedding(query), rotary_embedding(key)) / config.head_dim**0.5
    causal = jnp.tril(jnp.ones(scores.shape[-2:], bool))
    return softmax(jnp.where(causal, scores, -jnp.inf))


def sharpest_heads(weights: list[Any]) -> list[tuple[int, int, np.ndarray]]:
    """Of each block the head that spreads its weight least: (block from 1 on, head from 1 on, (length, length))."""
    chosen = []
    for block, each in enumerate(weights, 1):
        maps = np.asarray(each)[0]
        spread = -(maps * np.log(np.maximum(maps, 1e-30))).sum((-2, -1))
        head = int(spread.argmin())
        chosen.append((block, head + 1, maps[head]))
    return chosen
