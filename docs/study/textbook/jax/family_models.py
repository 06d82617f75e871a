"""A network as a list of layers, as a textbook prints it, in JAX."""

import jax
import jax.numpy as jnp


def he(key, m, n):
    return jax.random.normal(key, (m, n)) * jnp.sqrt(2 / m)


def affine(p, x):
    return x @ p["kernel"] + p["bias"]


def relu(p, x):
    return jnp.maximum(0, x)


def layers():
    return [
        ("dense1", affine),
        ("relu1", relu),
        ("dense2", affine),
    ]


def forward(params, x):
    for name, layer in layers():
        x = layer(params.get(name), x)
    return x


def softmax_loss(z, t):
    n = jnp.arange(len(t))
    log_p = z - jax.nn.logsumexp(z, axis=1, keepdims=True)
    return -jnp.mean(log_p[n, t])


def loss_and_gradients(params, x, t):
    def of(params):
        z = forward(params, x)
        return softmax_loss(z, t)

    loss, grads = jax.value_and_grad(of)(params)
    return loss, grads


def branch(p, h):
    size = jnp.sqrt(jnp.mean(h**2, axis=-1, keepdims=True) + 1e-6)
    inside = jnp.maximum(0, h / size * p["scale"] @ p["W_in"])
    return h + inside @ p["W_out"]


def look_back(q, h):
    a = jax.nn.softmax(q @ h.T, axis=1)
    return a, a @ h


def look_back_backward(q, h, dout):
    _, pull = jax.vjp(lambda q, h: look_back(q, h)[1], q, h)
    return pull(dout)
