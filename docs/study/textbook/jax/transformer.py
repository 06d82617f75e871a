"""A transformer of one layer, in JAX: tokens are one sentence, x is (length, width)."""

import jax
import jax.numpy as jnp


def softmax(s):
    e = jnp.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def rms_norm(x, gamma):
    return gamma * x / jnp.sqrt(jnp.mean(x**2, axis=-1, keepdims=True) + 1e-6)


def rotate(x):
    half = x.shape[-1] // 2
    position = jnp.arange(len(x))[:, None, None]
    angle = position * 10000.0 ** (-jnp.arange(half) / half)
    a, b = x[..., :half], x[..., half:]
    turned = [a * jnp.cos(angle) - b * jnp.sin(angle), a * jnp.sin(angle) + b * jnp.cos(angle)]
    return jnp.concatenate(turned, axis=-1)


def attention(Q, K, V):
    S = jnp.einsum("ihd,jhd->hij", Q, K) / jnp.sqrt(Q.shape[-1])
    seen = jnp.tril(jnp.ones((len(Q), len(Q)), bool))
    P = softmax(jnp.where(seen, S, -jnp.inf))
    return jnp.einsum("hij,jhd->ihd", P, V)


def attention_branch(x, p, heads):
    n = rms_norm(x, p["gamma"])
    Q, K, V = jnp.split((n @ p["W_qkv"]).reshape(len(x), 3 * heads, -1), 3, axis=1)
    y = attention(rotate(Q), rotate(K), V)
    return y.reshape(x.shape) @ p["W_o"]


def feed_forward_branch(x, p):
    n = rms_norm(x, p["gamma"])
    u, g = jnp.split(n @ p["W_in"], 2, axis=-1)
    return (u * g / (1 + jnp.exp(-g))) @ p["W_out"]


def transformer(params, tokens, heads):
    x = params["table"][tokens]
    x = x + attention_branch(x, params["attention"], heads)
    x = x + feed_forward_branch(x, params["feed_forward"])
    return rms_norm(x, params["gamma"]) @ params["W_head"]


def loss(params, tokens, following, heads):
    p = softmax(transformer(params, tokens, heads))
    return -jnp.mean(jnp.log(p[jnp.arange(len(p)), following]))


def gradient_of_W_o(params, tokens, following, heads):
    return jax.grad(loss)(params, tokens, following, heads)["attention"]["W_o"]
